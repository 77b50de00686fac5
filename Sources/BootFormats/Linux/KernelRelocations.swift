// SPDX-License-Identifier: MIT
internal import PhysicalMemory

/// The places in an unpacked kernel that hold virtual addresses: what has to change when it is moved.
///
/// Each list holds words of 4 bytes, the low halves of link addresses (`arch/x86/tools/relocs.c`).
public struct KernelRelocations: Hashable, Sendable {
    /// The list of the places that hold 64 bits: like the other two, a range of the unpacked payload.
    public var wide: Range<Int>
    /// Of the places that hold 32 bits, which are sign-extended where they are used.
    public var narrow: Range<Int>
    /// Of the places that hold 32 bits to be moved the other way: per-CPU addresses relative to the kernel. Empty from
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
            // Between the start, which lies in the bytes, and their last four.
            if unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: place, as: UInt32.self) == 0 {
                zeros.append(place)
            }
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
        // From one place to the next the segment seldom changes.
        var window = Window()
        var entry = list.lowerBound
        let end = min(list.upperBound, bytes.byteCount - 3)
        while entry < end {
            let address = UInt64(bytes.word(UInt32.self, at: entry) &- Self.mapStart)
            if !window.contains(address) {
                guard let other = Window(around: address, of: size, segments, bytes.byteCount) else {
                    throw .badValue("relocation", at: entry, found: address, needed: .insideLoadedPart)
                }
                window = other
            }
            if size == 8 {
                bytes.add(distance, at: window.place(of: address))
            } else {
                bytes.add(UInt32(truncatingIfNeeded: distance), at: window.place(of: address))
            }
            entry &+= 4
        }
    }
}

/// The physical addresses at which a value can begin that lies whole in one segment, and where that is in the file.
private struct Window {
    private var start: UInt64 = 0
    private var count: UInt64 = 0
    private var file = 0

    /// No address.
    init() {}

    /// nil: no segment holds all of the `size` bytes at the address.
    init?(around address: UInt64, of size: Int, _ segments: [ELFLoadSegment], _ byteCount: Int) {
        for segment in segments where segment.file.count >= size && segment.file.upperBound <= byteCount {
            start = segment.physicalAddress.rawValue
            count = UInt64(segment.file.count - size + 1)
            file = segment.file.lowerBound
            if contains(address) { return }
        }
        return nil
    }

    func contains(_ address: UInt64) -> Bool { address &- start < count }

    /// In the file; the address is one of the window's.
    func place(of address: UInt64) -> Int { file &+ Int(truncatingIfNeeded: address &- start) }
}

extension MutableRawSpan {
    /// The little-endian integer at `offset`; the callers have compared it with the end.
    fileprivate func word<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type, at offset: Int) -> Value {
        // Integers have no invalid bit patterns.
        Value(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: Value.self))
    }

    fileprivate mutating func add<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) {
        let sum = (word(Value.self, at: offset) &+ value).littleEndian
        // The same bytes as were read.
        unsafe storeBytes(of: sum, toUncheckedByteOffset: offset, as: Value.self)
    }
}
