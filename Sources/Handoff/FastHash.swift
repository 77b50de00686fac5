// SPDX-License-Identifier: MIT

/// A digest near the speed of memory: against stray writes and bugs, not against attackers.
///
/// Eight lanes take 128 bytes at a time, each a word of the first 64 and one of the last:
///
///     lane = (rotate(lane + first) ^ last) * multiplier
///
/// Each step maps lanes to lanes one to one, and so does the end, which takes one lane after the other: a change of one word
/// is always seen. Other changes go unseen once in 2^64, for the product spreads what a lane has seen; the two words of a
/// step, where two flipped bits can meet, are 64 bytes from each other. The last block is padded with zeros and the length
/// goes into the result, so a prefix never has the digest of the whole. General registers only, so that purgatory can use
/// it without turning SSE on. Its value is defined by this file alone.
public enum FastHash {
    /// The first 64 bits of the fractional part of the square root of 61: odd, so that no bit gets lost.
    private static let multiplier: UInt64 = 0xcf6c_85d3_9d1a_1e15
    private static let blockSize = 128

    private struct Lanes {
        // The first 64 bits of the fractional parts of the square roots of 2, 3, 5, 7, 11, 13, 17 and 19.
        var a: UInt64 = 0x6a09_e667_f3bc_c908
        var b: UInt64 = 0xbb67_ae85_84ca_a73b
        var c: UInt64 = 0x3c6e_f372_fe94_f82b
        var d: UInt64 = 0xa54f_f53a_5f1d_36f1
        var e: UInt64 = 0x510e_527f_ade6_82d1
        var f: UInt64 = 0x9b05_688c_2b3e_6c1f
        var g: UInt64 = 0x1f83_d9ab_fb41_bd6b
        var h: UInt64 = 0x5be0_cd19_137e_2179

        /// Takes the first `size` bytes of `blocks`, a multiple of 128, into the lanes.
        @inline(never) mutating func absorb(_ blocks: RawSpan, size: Int) {
            var lanes = self  // in registers, not in memory
            var offset = 0
            while offset < size {
                lanes.a = step(lanes.a, word(blocks, offset), word(blocks, offset &+ 64))
                lanes.b = step(lanes.b, word(blocks, offset &+ 8), word(blocks, offset &+ 72))
                lanes.c = step(lanes.c, word(blocks, offset &+ 16), word(blocks, offset &+ 80))
                lanes.d = step(lanes.d, word(blocks, offset &+ 24), word(blocks, offset &+ 88))
                lanes.e = step(lanes.e, word(blocks, offset &+ 32), word(blocks, offset &+ 96))
                lanes.f = step(lanes.f, word(blocks, offset &+ 40), word(blocks, offset &+ 104))
                lanes.g = step(lanes.g, word(blocks, offset &+ 48), word(blocks, offset &+ 112))
                lanes.h = step(lanes.h, word(blocks, offset &+ 56), word(blocks, offset &+ 120))
                offset &+= blockSize
            }
            self = lanes
        }

        func combined(_ length: UInt64) -> UInt64 {
            var result = step(length, a, b)
            result = step(result, c, d)
            result = step(result, e, f)
            result = step(result, g, h)
            // The highest bits depend on all of the others, the lowest only on those below.
            return result ^ (result &>> 32)
        }
    }

    /// The hash of all `bytes`.
    public static func hash(_ bytes: RawSpan) -> UInt64 {
        var lanes = Lanes()
        let whole = bytes.byteCount & ~(blockSize &- 1)
        lanes.absorb(bytes, size: whole)
        if whole < bytes.byteCount {
            let tail = LastBlocks(of: bytes, from: whole)
            // A span of plain numbers has no bytes that could not be read.
            lanes.absorb(unsafe tail.words.span.bytes, size: blockSize)
        }
        return lanes.combined(UInt64(truncatingIfNeeded: bytes.byteCount))
    }

    @inline(__always) private static func step(_ lane: UInt64, _ first: UInt64, _ last: UInt64) -> UInt64 {
        let sum = lane &+ first
        return ((sum &<< 29 | sum &>> 35) ^ last) &* multiplier
    }

    @inline(__always) private static func word(_ bytes: RawSpan, _ offset: Int) -> UInt64 {
        // The callers only ask for offsets of whole blocks inside the span.
        UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
    }
}
