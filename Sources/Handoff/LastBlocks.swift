// SPDX-License-Identifier: MIT

/// What is left of a run of bytes after its last whole block, with zeros behind it: 256 bytes of room.
struct LastBlocks {
    private(set) var words = InlineArray<32, UInt64>(repeating: 0)

    /// Copies fewer than 256 bytes, those from offset `start` on.
    @inline(never) init(of bytes: RawSpan, from start: Int) {
        var offset = start
        while offset < bytes.byteCount {
            // The offset is below the span's size.
            put(unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self), at: offset &- start)
            offset &+= 1
        }
    }

    /// Puts a byte where there is a zero.
    mutating func put(_ byte: UInt8, at offset: Int) {
        words[offset &>> 3] |= (UInt64(byte) &<< UInt64((offset & 7) &* 8)).littleEndian
    }

    /// Puts a number in big-endian order into 8 bytes that are zero.
    mutating func putBigEndian(_ value: UInt64, word: Int) { words[word] = value.bigEndian }
}
