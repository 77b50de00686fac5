// SPDX-License-Identifier: MIT
public import PhysicalMemory

/// The section headers of an ELF file: what a kernel that reads its own symbols is told.
///
/// A section with an address (`sh_addr`) is in a `PT_LOAD`. The others (symbols, names, debug information) lie together
/// in most files, and are loaded as the one part of the file that has them all: each keeps its place in a page, and so its
/// alignment.
public struct ELFSectionTable: Hashable, Sendable {
    /// `e_shentsize`: bytes of one header.
    public let entrySize: UInt32
    /// `e_shstrndx`: the number of the section with the sections' names.
    public let nameIndex: UInt32
    /// From the page of the file in which the first section without an address begins to the end of the last; empty where
    /// there is none.
    public let others: Range<Int>
    /// `e_shoff`, `e_shnum`: all headers, in the file.
    public let table: Range<Int>
    private let isWide: Bool

    /// `e_shnum`: headers.
    public var count: UInt32 { UInt32(clamping: table.count) / entrySize }

    /// nil where there is no table, or one that is not all in the file: to load the program it is not needed.
    public init?(of bytes: borrowing RawSpan) {
        isWide = bytes.byte(at: 4) == 2
        let sizes = isWide ? 0x3a : 0x2e
        entrySize = isWide ? 64 : 40
        let start = Self.word(bytes, at: isWide ? 0x28 : 0x20, isWide)
        guard let size = bytes.little(UInt16.self, at: sizes), size == entrySize,
            let count = bytes.little(UInt16.self, at: sizes + 2), let names = bytes.little(UInt16.self, at: sizes + 4)
        else { return nil }
        table = Self.part(bytes, start, UInt64(count) * UInt64(size))
        guard !table.isEmpty else { return nil }
        nameIndex = UInt32(names)
        var (header, first, last) = (table.lowerBound, Int.max, 0)
        while header < table.upperBound {
            let part = Self.section(bytes, header, isWide)
            if !part.isEmpty {
                first = min(first, part.lowerBound)
                last = max(last, part.upperBound)
            }
            header += Int(entrySize)
        }
        others = last == 0 ? 0..<0 : first & ~(Int(pageSize) - 1)..<last
    }

    /// Puts the addresses of what is in `others` into a copy of the table.
    /// - Parameters:
    ///   - place: where `others` is loaded, below 4 GiB.
    ///   - headers: the bytes of `table`.
    ///   - bytes: the file's.
    public func store(_ place: PhysicalAddress, in headers: inout [UInt8], of bytes: borrowing RawSpan) {
        var header = 0
        while header < headers.count {
            let part = Self.section(bytes, table.lowerBound + header, isWide)
            if !part.isEmpty {
                let address = place.rawValue + UInt64(part.lowerBound - others.lowerBound)
                headers.store(UInt32(truncatingIfNeeded: address), at: header + (isWide ? 0x10 : 0x0c))
            }
            header += Int(entrySize)
        }
    }

    /// Where in the file a section is that no `PT_LOAD` has; empty for others, for those without bytes (SHT_NULL,
    /// SHT_NOBITS), and for what lies beyond the end.
    @inline(never)
    private static func section(_ bytes: borrowing RawSpan, _ header: Int, _ isWide: Bool) -> Range<Int> {
        let size = isWide ? 8 : 4
        // `sh_addr`, `sh_offset` and `sh_size` follow each other.
        let address = header + 8 + size
        guard let type = bytes.little(UInt32.self, at: header + 4), type != 0, type != 8,
            word(bytes, at: address, isWide) == 0
        else { return 0..<0 }
        return part(bytes, word(bytes, at: address + size, isWide), word(bytes, at: address + 2 * size, isWide))
    }

    /// Beyond the end of the file: all ones, which are no size of anything.
    @inline(never) private static func word(_ bytes: borrowing RawSpan, at offset: Int, _ isWide: Bool) -> UInt64 {
        if isWide { return bytes.little(UInt64.self, at: offset) ?? .max }
        return bytes.little(UInt32.self, at: offset).map { UInt64($0) } ?? .max
    }

    /// Empty where it is not all in the file.
    @inline(never)
    private static func part(_ bytes: borrowing RawSpan, _ start: UInt64, _ size: UInt64) -> Range<Int> {
        let all = UInt64(bytes.byteCount)
        guard start <= all, size <= all - start else { return 0..<0 }
        return Int(start)..<Int(start + size)
    }
}
