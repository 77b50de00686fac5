// SPDX-License-Identifier: MIT
internal import PhysicalMemory

extension ImageLoader {
    /// kexec_load straight from the maps.
    mutating func kexecLoad(_ plan: BootPlan, _ kernelBytes: RawSpan, _ initrdBytes: RawSpan) -> LoadProblem? {
        let image: ImageHandover
        do throws(LoadProblem) {
            image = try ImageHandover(of: plan, kernelBytes, initrdBytes)
        } catch { return error }
        for segment in plan.segments {
            let place = segment.place
            guard UInt(exactly: place.start.rawValue) != nil, UInt(exactly: place.size) != nil else {
                return .addressTooLarge(segment: segment.name)
            }
        }
        guard let entry = UInt(exactly: plan.kernelEntry.rawValue) else { return .addressTooLarge(segment: "entry") }
        let flags = kexecLoadFlags(plan)
        var result: Int
        repeat {
            result = kernel.kexecLoad(
                entry: entry, segments: image.segments, kernel: kernelBytes, initrd: initrdBytes,
                // The array outlives the call.
                made: unsafe image.made.span.bytes, flags: flags)
        } while asksAgain(after: result, .kexecLoad, plan.target)
        return problem(.kexecLoad, result, plan, flags: flags.rawValue, segments: image.segments.count)
    }

    /// Our module takes the same segments, at addresses of 64 bits whatever this program is compiled for.
    mutating func moduleLoad(_ plan: BootPlan, _ kernelBytes: RawSpan, _ initrdBytes: RawSpan) -> LoadProblem? {
        let image: ImageHandover
        do throws(LoadProblem) {
            image = try ImageHandover(of: plan, kernelBytes, initrdBytes)
        } catch { return error }
        let flags = KexecLoadFlags.architecture(machine.architecture)
        var result: Int
        repeat {
            result = kernel.moduleLoad(
                entry: plan.kernelEntry.rawValue, segments: image.segments, kernel: kernelBytes, initrd: initrdBytes,
                // The array outlives the call.
                made: unsafe image.made.span.bytes, flags: flags)
        } while asksAgain(after: result, .module, plan.target)
        return problem(.module, result, plan, flags: flags.rawValue, segments: image.segments.count)
    }

    /// The flags of a load; `KEXEC_UPDATE_ELFCOREHDR` is known since Linux 6.6 and means all of hotplug on x86, the
    /// other architectures have `KEXEC_CRASH_HOTPLUG_SUPPORT` instead.
    private func kexecLoadFlags(_ plan: BootPlan) -> KexecLoadFlags {
        let architecture = KexecLoadFlags.architecture(machine.architecture)
        var flags = architecture
        if plan.target == .crash { flags.insert(.onCrash) }
        if request.preservesContext { flags.insert(.preserveContext) }
        if plan.target == .crash, plan.segments.contains(where: { $0.mayChange }) {
            let isX86 = architecture == .architecture("x86_64") || architecture == .architecture("i686")
            flags.insert(isX86 ? .updateCoreHeader : .crashHotplug)
        }
        return flags
    }

    /// Turns a call's result into what is wrong, nil for nothing.
    mutating func problem(
        _ call: StaticCallName, _ result: Int, _ plan: BootPlan, flags: UInt, segments: Int
    ) -> LoadProblem? {
        guard result < 0 else {
            count(nil)
            return nil
        }
        let errno = Int32(clamping: -result)
        let cause = facts(plan).cause(of: call, plan.target, errno: errno, flags: flags, segments: segments)
        count(cause)
        return .refused(SystemCallError(call: call, purpose: .load(plan.target), errno: errno, cause: cause))
    }
}

/// A plan's segments as a call takes them: kernel and initrd are not copied in user space, and what the planner made,
/// a few pages, is put into one buffer.
private struct ImageHandover {
    /// Ascending by address.
    var segments: [SegmentHandover] = []
    var made: [UInt8] = []

    init(of plan: BootPlan, _ kernelBytes: RawSpan, _ initrdBytes: RawSpan) throws(LoadProblem) {
        for segment in plan.segments.sorted(by: { $0.place.start.rawValue }) {
            let source: SegmentHandover.Source, range: Range<Int>, available: Int
            switch segment.contents {
            case .kernel(let bytes): (source, range, available) = (.kernel, bytes, kernelBytes.byteCount)
            case .initrd(let bytes): (source, range, available) = (.initrd, bytes, initrdBytes.byteCount)
            case .bytes(let bytes):
                let start = made.count
                made += bytes
                (source, range, available) = (.made, start..<made.count, made.count)
            }
            guard range.lowerBound >= 0, range.upperBound <= available else {
                throw .contentsOutside(segment: segment.name, end: range.upperBound, available: available)
            }
            segments.append(
                SegmentHandover(
                    source: source, range: range, address: segment.place.start.rawValue,
                    memorySize: segment.place.size))
        }
    }
}
