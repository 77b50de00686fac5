// SPDX-License-Identifier: MIT
import Hardware

/// SHA-256 with the processor's own instructions, where they may be used, or without.
private struct Engine: SHA256Engine {
    /// The caller has seen the extensions in CPUID.
    let usesExtensions: Bool

    @inline(never) func absorb(_ blocks: RawSpan, into state: inout SHA256.State) {
        guard usesExtensions else { return PortableSHA256().absorb(blocks, into: &state) }
        let (control0, control4) = (read_cr0(), read_cr4())
        write_cr0(control0 & ~0xc | 2)  // EM and TS off, MP on
        write_cr4(control4 | 0x600)  // OSFXSR, OSXMMEXCPT
        absorbWithExtensions(blocks, into: &state)
        // The old kernel left OSFXSR clear, and so shall the next one find it.
        write_cr4(control4)
        write_cr0(control0)
    }

    private func absorbWithExtensions(_ blocks: RawSpan, into state: inout SHA256.State) {
        var words = state.mutableSpan
        // Both pointers are used during the call only, for as many bytes as the spans have.
        unsafe words.withUnsafeMutableBufferPointer { words in
            unsafe blocks.withUnsafeBytes { blocks in
                guard let state = words.baseAddress, let start = blocks.baseAddress else { return }
                unsafe sha256_absorb_with_extensions(state, start, UInt(blocks.count / 64))
            }
        }
    }

    /// CPUID leaf 7: SHA; leaf 1: SSSE3 and SSE4.1, which the unit uses too.
    static var hasExtensions: Bool {
        guard processor_facts(0, 0).eax >= 7 else { return false }
        let first = processor_facts(1, 0).ecx
        return first & 1 << 9 != 0 && first & 1 << 19 != 0 && processor_facts(7, 0).ebx & 1 << 29 != 0
    }
}

/// Compares every segment with its digest and notes the verdicts in `trace`.
///
/// CPUID is asked only for SHA-256: in a confidential guest it would raise an exception.
/// - Returns: whether all are as the loader handed them over.
func verify(_ parameters: PurgatoryParameters, _ kind: DigestKind, _ trace: inout TraceRecord) -> Bool {
    let accelerated = kind == .sha256 && !parameters.avoidsSHAExtensions && Engine.hasExtensions
    trace.usedSHAExtensions = accelerated
    var index = 0
    while index < Int(parameters.segmentCount) {
        let segment = parameters[segment: index]
        if kind != .none {
            let found = SegmentDigest(kind, of: segment, engine: Engine(usesExtensions: accelerated))
            if found == segment.digest { trace.verdicts |= 1 << UInt16(index) }
            trace.digestedBytes &+= segment.byteCount
        }
        index &+= 1
    }
    return kind == .none || trace.verdicts == UInt16(truncatingIfNeeded: 1 << index &- 1)
}

extension SegmentDigest {
    /// The digest of the memory that `segment` names.
    fileprivate init(_ kind: DigestKind, of segment: CheckedSegment, engine: some SHA256Engine) {
        // The loader placed the segment there, and never at address 0.
        let start = unsafe UnsafeRawPointer(bitPattern: UInt(segment.start))
        let memory = unsafe UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(segment.byteCount))
        self.init(kind, of: unsafe memory.bytes, engine: engine)
    }
}
