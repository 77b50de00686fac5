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

        /// Takes the first `size` bytes of `blocks`, a multiple of 64, into the lanes.
        @inline(never) mutating func absorb(_ blocks: RawSpan, size: Int) {
            var lanes = self  // in registers, not in memory
            var offset = 0
            while offset < size {
                lanes.a = mix(word(blocks, offset) ^ key0, word(blocks, offset &+ 8) ^ lanes.a)
                lanes.b = mix(word(blocks, offset &+ 16) ^ key1, word(blocks, offset &+ 24) ^ lanes.b)
                lanes.c = mix(word(blocks, offset &+ 32) ^ key2, word(blocks, offset &+ 40) ^ lanes.c)
                lanes.d = mix(word(blocks, offset &+ 48) ^ key3, word(blocks, offset &+ 56) ^ lanes.d)
                offset &+= 64
            }
            self = lanes
        }
    }

    /// The hash of all `bytes`.
    public static func hash(_ bytes: RawSpan) -> UInt64 {
        var lanes = Lanes()
        let whole = bytes.byteCount & ~63
        lanes.absorb(bytes, size: whole)
        if whole < bytes.byteCount {
            let tail = LastBlocks(of: bytes, from: whole)
            // A span of plain numbers has no bytes that could not be read.
            lanes.absorb(unsafe tail.words.span.bytes, size: 64)
        }
        let length = UInt64(truncatingIfNeeded: bytes.byteCount)
        return mix(mix(lanes.a ^ length, lanes.b), mix(lanes.c, lanes.d ^ key0))
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
