// SPDX-License-Identifier: MIT
internal import CLinux
internal import Handoff

/// SHA-256 by a processor's vector registers, a fifth faster than by plain arithmetic alone: those compute
/// the schedule, four words at a time, beside the rounds, which leave them idle.
struct VectorSHA256: PairedSHA256Engine {
    private typealias Words = SIMD4<UInt32>

    func absorb(_ blocks: RawSpan, into state: inout SHA256.State) {
        var offset = 0
        while offset &+ 64 <= blocks.byteCount {
            Self.compress(blocks, at: offset, into: &state)
            offset &+= 64
        }
    }

    /// A whole block lies at the offset.
    @inline(__always) private static func compress(_ blocks: RawSpan, at offset: Int, into state: inout SHA256.State) {
        var rounds = SHA256Rounds(state)
        var first = load(blocks, at: offset), second = load(blocks, at: offset &+ 16)
        var third = load(blocks, at: offset &+ 32), fourth = load(blocks, at: offset &+ 48)
        var round = 0
        while round < 64 {
            let next = round < 48 ? following(first, second, third, fourth) : first
            let words = first &+ constants(round)
            rounds.take(words[0], words[1], words[2], words[3])
            (first, second, third, fourth) = (second, third, fourth, next)
            round &+= 4
        }
        rounds.add(to: &state)
    }

    @inline(__always) private static func load(_ blocks: RawSpan, at offset: Int) -> Words {
        // Four of a block's words.
        let words = unsafe blocks.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: Words.self)
        return Words(
            UInt32(bigEndian: words[0]), UInt32(bigEndian: words[1]), UInt32(bigEndian: words[2]),
            UInt32(bigEndian: words[3]))
    }

    @inline(__always) private static func constants(_ round: Int) -> Words {
        // A multiple of 4 below 64, of as many constants.
        unsafe SHA256Rounds.constants.span.bytes.unsafeLoadUnaligned(
            fromUncheckedByteOffset: round &* 4, as: Words.self)
    }

    /// Section 6.2.2, the words that come 16 rounds later. The last two need the first two.
    @inline(__always) private static func following(
        _ first: Words, _ second: Words, _ third: Words, _ fourth: Words
    ) -> Words {
        var sum = first &+ joined(third, fourth) &+ sigma0(joined(first, second))
        let low = sigma1(fourth)
        sum &+= Words(low[2], low[3], 0, 0)
        let high = sigma1(sum)
        return sum &+ Words(0, 0, high[0], high[1])
    }

    /// Four words in a row, from the second one on.
    @inline(__always) private static func joined(_ first: Words, _ second: Words) -> Words {
        Words(first[1], first[2], first[3], second[0])
    }

    @inline(__always) private static func sigma0(_ words: Words) -> Words {
        kx_rotated_right(words, 7) ^ kx_rotated_right(words, 18) ^ kx_shifted_right(words, 3)
    }

    @inline(__always) private static func sigma1(_ words: Words) -> Words {
        kx_rotated_right(words, 17) ^ kx_rotated_right(words, 19) ^ kx_shifted_right(words, 10)
    }
}
