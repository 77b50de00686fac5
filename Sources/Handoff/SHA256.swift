// SPDX-License-Identifier: MIT

/// The part of SHA-256 that takes the time, and of which a processor may have its own.
public protocol SHA256Engine {
    /// Takes `blocks`, whose size is a multiple of 64 bytes, into the eight words of `state`.
    func absorb(_ blocks: RawSpan, into state: inout SHA256.State)
}

/// SHA-256 over one run of memory, as in FIPS 180-4.
public enum SHA256 {
    public typealias State = InlineArray<8, UInt32>

    /// The eight words of the digest, H0 first.
    public static func hash(_ bytes: RawSpan, engine: some SHA256Engine) -> State {
        // Section 5.3.3: the first 32 bits of the fractional parts of the square roots of the first eight primes.
        var state: State = [
            0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
        ]
        let whole = bytes.byteCount & ~63
        if whole > 0 { engine.absorb(bytes.extracting(first: whole), into: &state) }
        absorbTail(of: bytes, from: whole, into: &state, engine)
        return state
    }

    /// Section 5.1.1: a one bit, zeros, and the length in bits fill up the last one or two blocks.
    private static func absorbTail(
        of bytes: RawSpan, from whole: Int, into state: inout State, _ engine: some SHA256Engine
    ) {
        var tail = LastBlocks(of: bytes, from: whole)
        let rest = bytes.byteCount &- whole
        tail.put(0x80, at: rest)
        let words = rest < 56 ? 8 : 16
        tail.putBigEndian(UInt64(truncatingIfNeeded: bytes.byteCount) &<< 3, word: words &- 1)
        // A span of plain numbers has no bytes that could not be read.
        engine.absorb(unsafe tail.words.span.bytes.extracting(first: words &* 8), into: &state)
    }
}

/// SHA-256 by plain arithmetic, for every processor: 16 words of schedule and a loop of 16 rounds, for small code.
public struct PortableSHA256: SHA256Engine {
    public init() {}

    public func absorb(_ blocks: RawSpan, into state: inout SHA256.State) {
        var schedule = InlineArray<16, UInt32>(repeating: 0)
        var offset = 0
        while offset &+ 64 <= blocks.byteCount {
            Self.load(blocks, at: offset, into: &schedule)
            Self.compress(&schedule, into: &state)
            offset &+= 64
        }
    }

    private static func load(_ blocks: RawSpan, at offset: Int, into schedule: inout InlineArray<16, UInt32>) {
        var index = 0
        while index < 16 {
            // A whole block lies at the offset.
            let word = unsafe blocks.unsafeLoadUnaligned(
                fromUncheckedByteOffset: offset &+ index &* 4, as: UInt32.self)
            schedule[index] = UInt32(bigEndian: word)
            index &+= 1
        }
    }

    /// Section 6.2.2, with the message schedule kept as a ring of 16 words.
    private static func compress(_ schedule: inout InlineArray<16, UInt32>, into state: inout SHA256.State) {
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
        var (e, f, g, h) = (state[4], state[5], state[6], state[7])
        var round = 0
        while round < 64 {
            let index = round & 15
            if round >= 16 { extend(&schedule, at: index) }
            let choice = g ^ (e & (f ^ g))
            let majority = (a & b) | (c & (a | b))
            let first = h &+ bigSigma1(e) &+ choice &+ roundConstants[round] &+ schedule[index]
            let second = bigSigma0(a) &+ majority
            (h, g, f, e) = (g, f, e, d &+ first)
            (d, c, b, a) = (c, b, a, first &+ second)
            round &+= 1
        }
        state[0] &+= a
        state[1] &+= b
        state[2] &+= c
        state[3] &+= d
        state[4] &+= e
        state[5] &+= f
        state[6] &+= g
        state[7] &+= h
    }

    @inline(__always) private static func extend(_ schedule: inout InlineArray<16, UInt32>, at index: Int) {
        let older = schedule[(index &+ 1) & 15]
        let newer = schedule[(index &+ 14) & 15]
        let sigma0 = rotate(older, 7) ^ rotate(older, 18) ^ (older &>> 3)
        let sigma1 = rotate(newer, 17) ^ rotate(newer, 19) ^ (newer &>> 10)
        schedule[index] = schedule[index] &+ sigma0 &+ schedule[(index &+ 9) & 15] &+ sigma1
    }

    @inline(__always) private static func bigSigma0(_ word: UInt32) -> UInt32 {
        rotate(word, 2) ^ rotate(word, 13) ^ rotate(word, 22)
    }

    @inline(__always) private static func bigSigma1(_ word: UInt32) -> UInt32 {
        rotate(word, 6) ^ rotate(word, 11) ^ rotate(word, 25)
    }

    @inline(__always) private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 {
        word &>> count | word &<< (32 &- count)
    }
}

/// Section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes.
private let roundConstants: InlineArray<64, UInt32> = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
]
