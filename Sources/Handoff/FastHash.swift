// SPDX-License-Identifier: MIT

/// A digest near the speed of memory: against stray writes and bugs, not against attackers.
///
/// Four lanes each take 16 of every 64 bytes. A step multiplies two 64-bit numbers (the data, each mixed with a constant
/// or the lane's value) and adds the two halves of the product to each other; the factors themselves are added too,
/// since a factor of 0 would else wipe out all that the lane has seen. The last block is padded with zeros and the length
/// goes into the result, so a prefix never has the digest of the whole. General registers only, so that purgatory can
/// use it without turning SSE on. Its value is defined by this file alone.
public enum FastHash {
    // The first 64 bits of the fractional parts of the square roots of 59, 61, 67 and 71.
    private static let key0: UInt64 = 0xae5f_9156_e7b6_d99b
    private static let key1: UInt64 = 0xcf6c_85d3_9d1a_1e15
    private static let key2: UInt64 = 0x2f73_477d_6a45_63ca
    private static let key3: UInt64 = 0x6d18_26ca_fd82_e1ed

    private struct Lanes {
        var a = FastHash.key0
        var b = FastHash.key1
        var c = FastHash.key2
        var d = FastHash.key3

        @inline(__always) mutating func absorb(_ block: RawSpan, at offset: Int) {
            a = mix(word(block, offset) ^ key0, word(block, offset &+ 8) ^ a)
            b = mix(word(block, offset &+ 16) ^ key1, word(block, offset &+ 24) ^ b)
            c = mix(word(block, offset &+ 32) ^ key2, word(block, offset &+ 40) ^ c)
            d = mix(word(block, offset &+ 48) ^ key3, word(block, offset &+ 56) ^ d)
        }
    }

    /// The hash of all `bytes`.
    public static func hash(_ bytes: RawSpan) -> UInt64 {
        var lanes = Lanes()
        let whole = bytes.byteCount & ~63
        var offset = 0
        while offset < whole {
            lanes.absorb(bytes, at: offset)
            offset &+= 64
        }
        if whole < bytes.byteCount { absorbTail(of: bytes, from: whole, into: &lanes) }
        let length = UInt64(truncatingIfNeeded: bytes.byteCount)
        return mix(mix(lanes.a ^ length, lanes.b), mix(lanes.c, lanes.d ^ key0))
    }

    private static func absorbTail(of bytes: RawSpan, from whole: Int, into lanes: inout Lanes) {
        var tail = InlineArray<8, UInt64>(repeating: 0)
        var offset = whole
        while offset < bytes.byteCount {
            // The offset is below the span's size.
            let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
            let index = (offset &- whole) &>> 3
            tail[index] |= (UInt64(byte) &<< UInt64((offset & 7) &* 8)).littleEndian
            offset &+= 1
        }
        // A span of plain numbers has no bytes that could not be read.
        lanes.absorb(unsafe tail.span.bytes, at: 0)
    }

    @inline(__always) private static func mix(_ x: UInt64, _ y: UInt64) -> UInt64 {
        let product = x.multipliedFullWidth(by: y)
        return (product.high ^ product.low) &+ (x ^ y)
    }

    @inline(__always) private static func word(_ bytes: RawSpan, _ offset: Int) -> UInt64 {
        // The callers only ask for offsets of whole blocks inside the span.
        UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
    }
}
