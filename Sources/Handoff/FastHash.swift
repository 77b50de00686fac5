// SPDX-License-Identifier: MIT

/// A digest near the speed of memory: against stray writes and bugs, not against attackers.
///
/// Eight lanes begin with the length and take 128 bytes in a step, each a word of the first 64 and one of the last:
///
///     lane = (rotate(lane + first) ^ last) * multiplier
///
/// Each step maps lanes to lanes one to one, and so does the end, which takes one lane after the other: a change of one word
/// is always seen. Other changes go unseen once in 2^64, for the product spreads what a lane has seen; but of two flipped bits
/// that meet in one step, bit b of a word and bit b + 29 of the word 64 bytes on, every second pair goes unseen. The last
/// block, two steps, is padded with zeros. General registers only, so that purgatory can use it without turning SSE on. Its
/// value is defined by this file alone.
public enum FastHash {
    /// The first 64 bits of the fractional part of the square root of 61: odd, so that no bit gets lost.
    private static let multiplier: UInt64 = 0xcf6c_85d3_9d1a_1e15
    private static let blockSize = 256

    private struct Lanes {
        var a, b, c, d, e, f, g, h: UInt64

        init(_ length: UInt64) {
            (a, b, c, d) = (length, length, length, length)
            (e, f, g, h) = (length, length, length, length)
        }

        /// Takes the first `size` bytes of `blocks`, whole ones, into the lanes.
        @inline(never) mutating func absorb(_ blocks: RawSpan, size: Int) {
            var lanes = self  // in registers, not in memory
            var offset = 0
            while offset < size {
                lanes.step(blocks, offset)
                lanes.step(blocks, offset &+ 128)
                offset &+= blockSize
            }
            self = lanes
        }

        @inline(__always) private mutating func step(_ blocks: RawSpan, _ offset: Int) {
            a = FastHash.step(a, word(blocks, offset), word(blocks, offset &+ 64))
            b = FastHash.step(b, word(blocks, offset &+ 8), word(blocks, offset &+ 72))
            c = FastHash.step(c, word(blocks, offset &+ 16), word(blocks, offset &+ 80))
            d = FastHash.step(d, word(blocks, offset &+ 24), word(blocks, offset &+ 88))
            e = FastHash.step(e, word(blocks, offset &+ 32), word(blocks, offset &+ 96))
            f = FastHash.step(f, word(blocks, offset &+ 40), word(blocks, offset &+ 104))
            g = FastHash.step(g, word(blocks, offset &+ 48), word(blocks, offset &+ 112))
            h = FastHash.step(h, word(blocks, offset &+ 56), word(blocks, offset &+ 120))
        }

        /// Of each lane another value for another one of that lane alone.
        var combined: UInt64 { FastHash.step(FastHash.step(FastHash.step(a, b, c), d, e), f, g) &+ h }
    }

    /// The hash of all `bytes`.
    public static func hash(_ bytes: RawSpan) -> UInt64 {
        var lanes = Lanes(UInt64(truncatingIfNeeded: bytes.byteCount))
        let whole = bytes.byteCount & ~(blockSize &- 1)
        lanes.absorb(bytes, size: whole)
        if whole < bytes.byteCount {
            let tail = LastBlocks(of: bytes, from: whole)
            // A span of plain numbers has no bytes that could not be read.
            lanes.absorb(unsafe tail.words.span.bytes, size: blockSize)
        }
        return lanes.combined
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
