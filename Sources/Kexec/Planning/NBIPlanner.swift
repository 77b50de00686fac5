// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Handoff
internal import PhysicalMemory

/// Plans a network boot image: the header and its records where they say, and a page of ours that calls the entry as
/// Etherboot does.
///
/// A real-mode entry is called in real mode by that page, interrupts on, for Etherboot has them on there; a linear one by
/// purgatory, in flat protected mode. There is nothing to return to: an image that returns resets the machine.
///
///     page    +8        +0x20      +0x24                             -16
///     | call  | reset   | loader   | BOOTP reply …           stack | return address, arguments |
struct NBIPlanner {
    let image: NBIImage
    let parameters: BootParametersPlanner

    /// What one option of a BOOTP reply holds.
    static let longestLine = 255

    private static let resetOffset: UInt32 = 8
    private static let loaderOffset: UInt32 = 0x20
    private static let replyOffset: UInt32 = 0x24

    /// Adds all segments to `draft`.
    /// - Returns: what purgatory has to do; nil where the draft was refused.
    func plan(_ draft: inout PlanDraft, bytes: borrowing RawSpan) -> PurgatoryPlan? {
        guard image.isLinear || parameters.machine.efi == nil else {
            draft.refuse(.noBIOS)
            return nil
        }
        let program: ELFImage
        do throws(ImageError) { program = try image.program(in: bytes, endOfMemory: endOfMemory) } catch {
            draft.refuse(.badLayout(error))
            return nil
        }
        guard draft.claim(program, bytes: bytes), let home = callHome(&draft) else { return nil }
        draft.add(Segment(name: "nbi_call", place: home, contents: .bytes(page(at: home.start))))
        if image.isLinear {
            var purgatory = PurgatoryPlan(
                mode: .protectedMode, entry: PhysicalAddress(program.entry), console: parameters.request.console)
            purgatory.rsp = home.end.rawValue - 16
            return purgatory
        }
        var registers = RealModeParameters()
        let segment = UInt16(truncatingIfNeeded: home.start.rawValue >> 4)
        registers.codeSegment = segment
        registers.stackSegment = segment
        registers.dataSegment = segment
        registers.stackPointer = UInt16(pageSize) - 12
        guard let state = FirmwareStateSegment(inputs: parameters.inputs).plan(&draft) else { return nil }
        registers.firmwareState = state.rawValue
        guard let entry = RealModePlanner.addPayload(registers, &draft) else { return nil }
        return PurgatoryPlan(mode: .longMode, entry: entry, console: parameters.request.console)
    }

    /// The RAM that begins at 1 MiB ends here, as int 15h counts it.
    private var endOfMemory: PhysicalAddress {
        let start = PlacementPolicy.firstMebibyte.end
        let memory = parameters.machine.memoryMap.ram.ranges.first { $0.contains(start) }
        return min(memory?.end ?? start, .fourGiB)
    }

    /// For real mode at the top of the conventional memory, where a boot ROM has its own: images keep away from there.
    private func callHome(_ draft: inout PlanDraft) -> PhysicalRange? {
        guard image.isLinear else {
            return draft.lowHome(for: "nbi_call", size: pageSize, from: RealModePlanner.lowest, preference: .highest)
        }
        let bounds = PhysicalRange(from: .zero, to: .fourGiB)
        return draft.home(
            for: "nbi_call", PlacementRequest(size: pageSize, bounds: bounds, preference: .highest))
    }

    private func page(at start: PhysicalAddress) -> [UInt8] {
        var page: [UInt8] = [
            0xfb, 0xea, 0, 0, 0, 0, 0, 0,  // real mode: sti; ljmp to the entry
            // mov $0xfe, %al; out %al, $0x64 (the keyboard controller's reset); mov $1, %al; out %al, $0x92 (the
            // chipset's); hlt; jmp to the hlt. The same bytes in both modes.
            0xb0, 0xfe, 0xe6, 0x64, 0xb0, 0x01, 0xe6, 0x92, 0xf4, 0xeb, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            1, 0, 0, 0,  // the loader: major and minor version, flags
            2, 1, 6,  // a BOOTP reply; Ethernet, with addresses of 6 bytes
        ]
        page.store(image.entry, at: 2)
        addReply(to: &page)
        let base = UInt32(truncatingIfNeeded: start.rawValue)
        // A far pointer has the segment in the upper half.
        let pointer = image.isLinear ? base : base << 12
        let arguments: [UInt32] = [
            image.isLinear ? pointer + Self.resetOffset : 0,
            pointer + (image.isLinear ? Self.loaderOffset : Self.resetOffset),
            image.isLinear ? UInt32(truncatingIfNeeded: image.headerAddress.rawValue) : image.location,
            pointer + Self.replyOffset,
        ]
        page += [UInt8](repeating: 0, count: Int(pageSize) - 4 * arguments.count - page.count)
        for argument in arguments { page.appendLittle(argument) }
        return page
    }

    /// The rest of a BOOTP reply (RFC 951) of no server: it came over no network and holds the command line only, as
    /// Etherboot's option 129, which counts where option 128 says whose options these are.
    private func addReply(to page: inout [UInt8]) {
        page += [UInt8](repeating: 0, count: Int(Self.replyOffset) + 236 - page.count)
        page += [99, 130, 83, 99, 128, 6, 0xe4, 0x45, 0x74, 0x68, 0, 0, 129]
        // A longer line has been refused already, and must not come to the page's end.
        let line = parameters.commandLine.count <= Self.longestLine ? parameters.commandLine.bytes : []
        page += [UInt8(truncatingIfNeeded: line.count)] + line + [255]
    }
}
