// SPDX-License-Identifier: MIT
internal import PhysicalMemory

/// The places in an unpacked kernel that hold virtual addresses: what has to change when it is moved.
///
/// Each list holds words of 4 bytes, the low halves of link addresses (`arch/x86/tools/relocs.c`).
public struct KernelRelocations: Hashable, Sendable {
    /// Ranges of the unpacked payload. Places that hold 64 bits, and 32 bits that are sign-extended.
    public var wide: Range<Int>
    public var narrow: Range<Int>
    /// Places that hold 32 bits to be moved the other way: per-CPU addresses relative to the kernel. Empty from
    /// Linux 7.2 on.
    public var inverse: Range<Int>

    public init(wide: Range<Int>, inverse: Range<Int>, narrow: Range<Int>) {
        self.wide = wide
        self.inverse = inverse
        self.narrow = narrow
    }

    /// Reads the table backwards, as Linux does, for its beginning has no other mark than its last 0.
    /// - Parameter start: where it must begin.
    /// - Throws: `.badValue` for any other layout than the two known ones.
    init(parsing bytes: borrowing RawSpan, from start: Int) throws(ImageError) {
        var zeros: [Int] = []
        var place = bytes.byteCount - 4
        // Another layout is known for what it is by its fourth 0.
        while place >= start, zeros.count < 4 {
            if bytes.little(UInt32.self, at: place) == 0 { zeros.append(place) }
            place -= 4
        }
        guard zeros.count == 2 || zeros.count == 3 else {
            throw .badValue(
                "relocation table", at: start, found: UInt64(zeros.count), needed: .oneOf("2 lists, 3 lists"))
        }
        let first = zeros[zeros.count - 1]
        guard first == start else {
            throw .badValue("relocation table", at: start, found: UInt64(first), needed: .exactly(UInt64(start)))
        }
        let second = zeros[zeros.count - 2]
        self.init(
            wide: first + 4..<second, inverse: zeros.count == 3 ? second + 4..<zeros[0] : second..<second,
            narrow: zeros[0] + 4..<bytes.byteCount)
    }

    /// `__START_KERNEL_map`, its low half: link addresses are physical ones from here on.
    private static let mapStart: UInt32 = 0x8000_0000

    /// Moves the kernel in `bytes`, of which both the table and `segments` tell, `distance` bytes up.
    ///
    /// Places are found by physical addresses: the per-CPU segment's virtual ones begin at 0. The values there are
    /// whatever they are; Linux adds to all of them, too.
    /// - Throws: `.badValue` for a place that is in no segment; `bytes` are of no use then.
    public func apply(
        _ distance: UInt64, to bytes: inout MutableRawSpan, _ segments: [ELFLoadSegment]
    ) throws(ImageError) {
        try move(wide, of: 8, by: distance, in: &bytes, segments)
        try move(inverse, of: 4, by: 0 &- distance, in: &bytes, segments)
        try move(narrow, of: 4, by: distance, in: &bytes, segments)
    }

    private func move(
        _ list: Range<Int>, of size: Int, by distance: UInt64, in bytes: inout MutableRawSpan,
        _ segments: [ELFLoadSegment]
    ) throws(ImageError) {
        for entry in stride(from: list.lowerBound, to: list.upperBound, by: 4) {
            let address = UInt64(bytes.word(UInt32.self, at: entry) &- Self.mapStart)
            guard let place = Self.place(of: address, size, in: segments) else {
                throw .badValue("relocation", at: entry, found: address, needed: .insideLoadedPart)
            }
            if size == 8 {
                bytes.add(distance, at: place)
            } else {
                bytes.add(UInt32(truncatingIfNeeded: distance), at: place)
            }
        }
    }

    /// Where in the file the `size` bytes at a physical address are; nil where not all of them are one segment's.
    private static func place(of address: UInt64, _ size: Int, in segments: [ELFLoadSegment]) -> Int? {
        for segment in segments {
            let start = segment.physicalAddress.rawValue
            if address >= start, address - start < UInt64(segment.file.count),
                UInt64(segment.file.count) - (address - start) >= UInt64(size)
            {
                return segment.file.lowerBound + Int(address - start)
            }
        }
        return nil
    }
}

extension MutableRawSpan {
    /// The little-endian integer at `offset`; traps beyond the end, as arrays do: the callers have checked.
    fileprivate func word<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type, at offset: Int) -> Value {
        // Integers have no invalid bit patterns.
        Value(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self))
    }

    fileprivate mutating func add<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) {
        storeBytes(of: (word(Value.self, at: offset) &+ value).littleEndian, toByteOffset: offset, as: Value.self)
    }
}
