// SPDX-License-Identifier: MIT
internal import Handoff
internal import PhysicalMemory

extension BootPlan {
    /// The plan with purgatory told what to verify: reads every byte that is handed over once.
    ///
    /// - Parameters:
    ///   - kernel: the bytes that `.kernel` ranges refer to.
    ///   - initrd: the bytes that `.initrd` ranges refer to.
    func sealed(kernel: borrowing RawSpan, initrd: borrowing RawSpan) throws(PurgatoryImageError) -> BootPlan {
        guard let purgatory, let index = segments.firstIndex(where: { $0.isPurgatory }) else {
            return self
        }
        let image = try PurgatoryImage.x86_64()
        var parameters = purgatory.parameters(digest: digest)
        if digest != .none {
            // The plan's checks have seen to it that there are at most 16 segments.
            var spare = PurgatoryParameters.segmentLimit - segments.count
            for segment in segments where !segment.isPurgatory && !segment.mayChange {
                let parts = segment.checked(by: digest.kind, kernel: kernel, initrd: initrd, mayBeHalved: spare > 0)
                spare -= parts.count - 1
                for part in parts { _ = parameters.append(part) }
            }
            parameters.addOwnSegment(of: image, at: segments[index].place.start, kind: digest.kind)
        }
        var plan = self
        plan.segments[index].contents = .bytes(image.contents(parameters))
        return plan
    }
}

extension PurgatoryParameters {
    /// Lets purgatory verify itself, as far as it does not change while it runs. The digest covers the number of
    /// segments, so the segment is there before its digest is.
    fileprivate mutating func addOwnSegment(of image: PurgatoryImage, at start: PhysicalAddress, kind: DigestKind) {
        let own = CheckedSegment(
            name: PurgatoryPlan.segmentName, start: start.rawValue, byteCount: UInt64(image.constantSize),
            digest: SegmentDigest())
        guard append(own) else { return }
        let constant = Array(image.contents(self).prefix(image.constantSize))
        // A span of plain bytes has none that could not be read.
        setLastDigest(SegmentDigest(kind, of: unsafe constant.span.bytes, engine: HostSHA256()))
    }
}

extension PurgatoryPlan {
    fileprivate func parameters(digest: DigestChoice) -> PurgatoryParameters {
        var parameters = PurgatoryParameters()
        parameters.entry = entry.rawValue
        parameters.traceRecord = trace?.rawValue ?? 0
        parameters.preparation = preparation?.rawValue ?? 0
        parameters.registers.rax = rax
        parameters.registers.rbx = rbx
        parameters.registers.rsi = rsi
        parameters.registers.rdi = rdi
        parameters.registers.rsp = rsp
        parameters.setExitMode(mode == .protectedMode ? .protectedMode : .longMode)
        parameters.setDigestKind(digest.kind)
        parameters.writesSerial = console.serial
        parameters.serialPort = console.serialPort
        parameters.serialDivisor = console.serialBaud == 0 ? 0 : UInt16(clamping: 115_200 / console.serialBaud)
        parameters.writesVGA = console.vga
        parameters.resetsVGA = console.resetVGA
        parameters.turnsOff5LevelPaging = turnsOff5LevelPaging
        parameters.leavesX2APIC = leavesX2APIC
        parameters.avoidsSHAExtensions = avoidsSHAExtensions
        parameters.timeStampFrequency = timeStampFrequency
        return parameters
    }
}

extension DigestChoice {
    var kind: DigestKind {
        switch self {
        case .fast: .fast
        case .sha256: .sha256
        case .none: .none
        }
    }
}

extension Segment {
    /// One part, or two halves.
    fileprivate func checked(
        by kind: DigestKind, kernel: borrowing RawSpan, initrd: borrowing RawSpan, mayBeHalved: Bool
    ) -> [CheckedSegment] {
        switch contents {
        case .kernel(let range): return checked(kernel.extracting(range), kind, mayBeHalved)
        case .initrd(let range): return checked(initrd.extracting(range), kind, mayBeHalved)
        // A span of plain bytes has none that could not be read.
        case .bytes(let bytes): return checked(unsafe bytes.span.bytes, kind, mayBeHalved)
        }
    }

    private func checked(_ bytes: RawSpan, _ kind: DigestKind, _ mayBeHalved: Bool) -> [CheckedSegment] {
        let start = place.start.rawValue
        guard mayBeHalved, kind == .sha256, bytes.byteCount >= CheckedSegment.worthHalving else {
            return [CheckedSegment(name: name, start: start, bytes: bytes, kind: kind)]
        }
        return CheckedSegment.halves(name: name, start: start, bytes: bytes)
    }
}
