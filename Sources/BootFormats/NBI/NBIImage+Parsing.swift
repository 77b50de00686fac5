// SPDX-License-Identifier: MIT
public import PhysicalMemory

extension NBIImage {
    static func isPresent(in bytes: borrowing RawSpan) -> Bool { bytes.little(UInt32.self, at: 0) == magic }

    /// Reads the header, and checks it and its records as far as that does not depend on the machine.
    /// - Throws: as `program(in:endOfMemory:)`.
    public init(parsing bytes: borrowing RawSpan) throws(ImageError) {
        _ = try bytes.part("header", at: 0, size: UInt64(Self.headerSize))
        location = try bytes.little(UInt32.self, at: 8, "location")
        entry = try bytes.little(UInt32.self, at: 12, "execute address")
        isLinear = try bytes.little(UInt32.self, at: 4, "flags") >> 31 != 0
        _ = try program(in: bytes, endOfMemory: nil)
    }

    /// What is loaded on a machine whose memory from 1 MiB on ends at `endOfMemory`: the header first, then the records.
    ///
    /// Bytes behind the last record's are nobody's: servers fill files up to whole blocks. Bytes of two records never share
    /// a place; where the zeros of one reach the bytes of another, the bytes win, as Etherboot has it.
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - endOfMemory: nil: not known; where a record counts from it, places are not compared.
    /// - Throws: `.partBeyondEnd` for a file that was cut short, `.badValue` for a header that cannot be true and for places
    ///   outside 4 GiB, `.partsOverlap` by the records' numbers (0 is the header).
    public func program(
        in bytes: borrowing RawSpan, endOfMemory: PhysicalAddress?
    ) throws(ImageError) -> ELFImage {
        var image = ELFImage(
            elfClass: .elf32, machine: ELFMachine.i386.rawValue,
            entry: isLinear ? UInt64(entry) : Self.linear(entry).rawValue, segments: [], notes: [])
        var previous = ELFLoadSegment(
            file: 0..<Self.headerSize, physicalAddress: headerAddress, memorySize: UInt64(Self.headerSize),
            virtualAddress: 0)
        image.segments.append(previous)
        var offset = try Self.size(bytes, at: 4)
        var isComparable = true
        while true {
            // Each record has 16 bytes at least: any chain of them comes to the header's end.
            guard offset <= Self.headerSize - 16 else {
                throw .badValue(
                    "end of the records", at: offset, found: UInt64(offset) + 16,
                    needed: .atMost(UInt64(Self.headerSize)))
            }
            let flags = try bytes.little(UInt32.self, at: offset, "flags")
            if flags >> 24 & 3 == 2, endOfMemory == nil { isComparable = false }
            previous = try Self.record(bytes, at: offset, flags, behind: previous, endOfMemory ?? .fourGiB)
            image.segments.append(previous)
            if flags & 1 << 26 != 0 { break }
            offset += try Self.size(bytes, at: offset)
        }
        if isComparable {
            try image.giveUpZeros()
            try image.checkEntry("execute address", at: 12)
        }
        return image
    }

    /// Bytes of the header's or a record's part of the header, by the flags at `offset`.
    private static func size(_ bytes: borrowing RawSpan, at offset: Int) throws(ImageError) -> Int {
        let flags = try bytes.little(UInt32.self, at: offset, "flags")
        let common = flags & 15
        guard common >= 4 else {
            throw .badValue("flags, bits 0 to 3", at: offset, found: UInt64(common), needed: .atLeast(4))
        }
        return Int((common + flags >> 4 & 15) * 4)
    }

    private static func record(
        _ bytes: borrowing RawSpan, at offset: Int, _ flags: UInt32, behind previous: ELFLoadSegment,
        _ endOfMemory: PhysicalAddress
    ) throws(ImageError) -> ELFLoadSegment {
        _ = try size(bytes, at: offset)
        var start = UInt64(try bytes.little(UInt32.self, at: offset + 4, "load address"))
        let length = UInt64(try bytes.little(UInt32.self, at: offset + 8, "image length"))
        let size = UInt64(try bytes.little(UInt32.self, at: offset + 12, "memory length"))
        guard size >= length else {
            throw .badValue("memory length", at: offset + 12, found: size, needed: .atLeast(length))
        }
        let before = previous.physicalAddress.rawValue
        switch flags >> 24 & 3 {
        case 0: break
        case 1: start += before + previous.memorySize
        case let kind:
            let upper = kind == 2 ? endOfMemory.rawValue : before
            guard start <= upper else {
                throw .badValue("load address", at: offset + 4, found: start, needed: .atMost(upper))
            }
            start = upper - start
        }
        guard start + size <= 1 << 32 else {
            throw .badValue(
                "memory length", at: offset + 12, found: size, needed: .sumBelow(bits: 32, with: "load address"))
        }
        return ELFLoadSegment(
            file: try bytes.part("image length", at: UInt64(previous.file.upperBound), size: length),
            physicalAddress: PhysicalAddress(start), memorySize: size, virtualAddress: 0)
    }
}

extension ELFImage {
    /// Where a segment's zeros meet the next segment, that one takes them over.
    fileprivate mutating func giveUpZeros() throws(ImageError) {
        let order = ascendingOrder(of: segments.map { $0.physicalAddress.rawValue })
        for (lower, upper) in zip(order, order.dropFirst()) {
            let start = segments[upper].physicalAddress.rawValue
            let distance = start - segments[lower].physicalAddress.rawValue
            guard distance >= UInt64(segments[lower].file.count) else {
                throw .partsOverlap("record", first: min(lower, upper), second: max(lower, upper), at: start)
            }
            let size = segments[lower].memorySize
            if size > distance {
                segments[lower].memorySize = distance
                segments[upper].memorySize = max(segments[upper].memorySize, size - distance)
            }
        }
    }
}
