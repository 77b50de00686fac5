// SPDX-License-Identifier: MIT
public import PhysicalMemory

/// What a bzImage's payload becomes: `vmlinux`, and behind it the table by which it is moved to another virtual address.
///
///     0            sections'  e_shoff + e_shnum * 64                                              end
///     +------------+----------+---+---------------+---+------------------+---+----------------+
///     | PT_LOADs   | headers  | 0 | 64-bit places | 0 | inverse 32-bit   | 0 | 32-bit places  |
///     +------------+----------+---+---------------+---+------------------+---+----------------+
///
/// Linux 7.2 has no inverse list, nor the 0 before it.
public struct UnpackedLinux: Hashable, Sendable {
    /// `e_entry`: physical, for the kernel as it was linked.
    public var entry: UInt64
    /// Page-aligned, at their physical addresses as linked; what lies behind the start of `.bss` is left out.
    public var segments: [ELFLoadSegment]
    /// Where its memory ends as linked, `.bss` and what lies behind it included.
    public var memoryEnd: PhysicalAddress
    /// nil: the kernel was built to run at one virtual address only.
    public var relocations: KernelRelocations?

    public init(entry: UInt64, segments: [ELFLoadSegment], relocations: KernelRelocations?) {
        self.entry = entry
        self.segments = segments
        // Of a file, `ELFImage` has checked that every end has an address.
        memoryEnd = PhysicalAddress(segments.reduce(0) { max($0, $1.physicalAddress.rawValue &+ $1.memorySize) })
        self.relocations = relocations
    }

    /// More than twice as many as any kernel has; a load takes 16 segments in all.
    private static let maximumSegments = 9

    /// Reads what came out of a payload.
    /// - Parameters:
    ///   - bytes: an ELF file.
    ///   - place: where the kernel is linked to lie, `pref_address` and `init_size` of the setup header.
    /// - Throws: what ELF files are refused for, and `.badValue` for one that is laid out as no kernel is.
    public init(parsing bytes: borrowing RawSpan, linkedAt place: PhysicalRange) throws(ImageError) {
        let image = try ELFImage(parsing: bytes)
        guard image.elfClass == .elf64 else { throw .otherKind(wanted: .elfX86_64, found: .elfX86) }
        let sections = try ELFSections(parsing: bytes)
        self.init(entry: image.entry, segments: image.segments, relocations: nil)
        let end = segments.reduce(sections.table.upperBound) { max($0, $1.file.upperBound) }
        if end < bytes.byteCount { relocations = try KernelRelocations(parsing: bytes, from: end) }
        if let start = sections.virtualAddress(of: ".bss\0", in: bytes) { cut(at: start, bytes) }
        try checkPlaces(within: place)
        guard holds(entry) else { throw .badValue("e_entry", at: 0x18, found: entry, needed: .insideLoadedPart) }
    }

    private func checkPlaces(within place: PhysicalRange) throws(ImageError) {
        guard segments.count <= Self.maximumSegments else {
            throw .badValue(
                "e_phnum", at: 0x38, found: UInt64(segments.count), needed: .atMost(UInt64(Self.maximumSegments)))
        }
        for segment in segments {
            let address = segment.physicalAddress.rawValue
            // `ELFImage` has checked that the end, rounded up to pages, has an address.
            guard address.isMultiple(of: pageSize),
                let extent = PhysicalRange(start: segment.physicalAddress, size: segment.memorySize),
                place.contains(extent)
            else {
                throw .badValue(
                    "p_paddr", at: segment.file.lowerBound, found: address, needed: .insideInitSize)
            }
        }
    }

    /// Linux clears `.bss` and `.brk` itself, and `.init.scratch` behind them is written before it is read: what is in
    /// the file for them is zeros. Where it is not, nothing is cut.
    private mutating func cut(at start: UInt64, _ bytes: borrowing RawSpan) {
        for index in segments.indices {
            let segment = segments[index]
            guard start >= segment.virtualAddress, start - segment.virtualAddress < UInt64(segment.file.count) else {
                continue
            }
            let kept = segment.file.lowerBound + Int(start - segment.virtualAddress)
            guard bytes.isZero(kept..<segment.file.upperBound) else { return }
            segments[index].file = segment.file.lowerBound..<kept
            segments[index].memorySize = UInt64(segments[index].file.count)
            return
        }
    }

    private func holds(_ address: UInt64) -> Bool {
        segments.contains {
            address >= $0.physicalAddress.rawValue
                && address - $0.physicalAddress.rawValue < UInt64($0.file.count)
        }
    }
}

/// The section header table of an ELF file of 64 bits: where it ends, and where a section lies.
private struct ELFSections {
    /// Empty where there is none.
    let table: Range<Int>
    /// Of the names.
    private let names: Int

    private static let entrySize = 64

    init(parsing bytes: borrowing RawSpan) throws(ImageError) {
        let start = try bytes.little(UInt64.self, at: 0x28, "e_shoff")
        let size = try bytes.little(UInt16.self, at: 0x3a, "e_shentsize")
        let count = try bytes.little(UInt16.self, at: 0x3c, "e_shnum")
        guard count == 0 || size == Self.entrySize else {
            throw .badValue("e_shentsize", at: 0x3a, found: UInt64(size), needed: .exactly(UInt64(Self.entrySize)))
        }
        table = try bytes.part("e_shoff", at: count == 0 ? 0 : start, size: UInt64(count) * UInt64(Self.entrySize))
        let index = try bytes.little(UInt16.self, at: 0x3e, "e_shstrndx")
        let header = table.lowerBound + Int(index) * Self.entrySize
        names = bytes.little(UInt64.self, at: header + 0x18).flatMap { Int(exactly: $0) } ?? bytes.byteCount
    }

    /// `sh_addr` of the first section with this name, which ends with its NUL; nil where there is none.
    func virtualAddress(of name: StaticString, in bytes: borrowing RawSpan) -> UInt64? {
        for header in stride(from: table.lowerBound, to: table.upperBound, by: Self.entrySize) {
            guard let offset = bytes.little(UInt32.self, at: header), names <= bytes.byteCount else { return nil }
            if bytes.holds(name, at: names + Int(offset)) { return bytes.little(UInt64.self, at: header + 0x10) }
        }
        return nil
    }
}

extension RawSpan {
    fileprivate func isZero(_ range: Range<Int>) -> Bool {
        guard range.lowerBound >= 0, range.upperBound <= byteCount else { return false }
        var offset = range.lowerBound
        while range.upperBound &- offset >= 64 {
            // The bounds were checked above, for these loads too.
            let low = word(offset) | word(offset &+ 8) | word(offset &+ 16) | word(offset &+ 24)
            let high = word(offset &+ 32) | word(offset &+ 40) | word(offset &+ 48) | word(offset &+ 56)
            guard low | high == 0 else { return false }
            offset &+= 64
        }
        return (offset..<range.upperBound).allSatisfy { byte(at: $0) == 0 }
    }

    /// The caller has checked the bounds.
    @inline(__always) private func word(_ offset: Int) -> UInt64 {
        unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
    }
}
