// SPDX-License-Identifier: MIT

/// The part of SHA-256 that takes the time, and of which a processor may have its own.
public protocol SHA256Engine {
    /// Takes `blocks`, whose size is a multiple of 64 bytes, into the eight words of `state`.
    func absorb(_ blocks: RawSpan, into state: inout SHA256.State)
}

/// SHA-256 over one run of memory, as in FIPS 180-4.
public enum SHA256 {
    /// H0 to H7, as numbers: a digest's bytes are these, the highest byte of each first.
    public typealias State = InlineArray<8, UInt32>

    /// The eight words of the digest, H0 first.
    public static func hash(_ bytes: RawSpan, engine: some SHA256Engine) -> State {
        var state = initialState
        absorb(bytes, from: 0, into: &state, engine)
        return state
    }

    /// Section 5.3.3: the first 32 bits of the fractional parts of the square roots of the first eight primes.
    @inline(__always) static var initialState: State {
        [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19]
    }

    /// Takes the bytes from offset `start` on, a multiple of 64, and what ends them.
    @inline(__always) static func absorb(
        _ bytes: RawSpan, from start: Int, into state: inout State, _ engine: some SHA256Engine
    ) {
        let whole = bytes.byteCount & ~63
        if whole > start { engine.absorb(bytes.extracting(start..<whole), into: &state) }
        absorbTail(of: bytes, from: whole, into: &state, engine)
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

/// SHA-256 by plain arithmetic, for every processor, in little code.
public struct PortableSHA256: SHA256Engine {
    public init() {}

    /// The words of one block's 64 rounds.
    private typealias Schedule = InlineArray<64, UInt32>

    public func absorb(_ blocks: RawSpan, into state: inout SHA256.State) {
        var schedule = Schedule(repeating: 0)
        var offset = 0
        while offset &+ 64 <= blocks.byteCount {
            Self.load(blocks, at: offset, into: &schedule)
            for index in 16..<64 { Self.extend(&schedule, at: index) }
            Self.compress(&schedule, into: &state)
            offset &+= 64
        }
    }

    private static func load(_ blocks: RawSpan, at offset: Int, into schedule: inout Schedule) {
        var index = 0
        while index < 16 {
            // A whole block lies at the offset.
            let word = unsafe blocks.unsafeLoadUnaligned(
                fromUncheckedByteOffset: offset &+ index &* 4, as: UInt32.self)
            schedule[index] = UInt32(bigEndian: word)
            index &+= 1
        }
    }

    // Below, each index is that of one of the 64 rounds.

    @inline(__always) private static func extend(_ schedule: inout Schedule, at index: Int) {
        let older = unsafe schedule[unchecked: index &- 15]
        let newer = unsafe schedule[unchecked: index &- 2]
        let sigma0 = rotate(older, 7) ^ rotate(older, 18) ^ (older &>> 3)
        let sigma1 = rotate(newer, 17) ^ rotate(newer, 19) ^ (newer &>> 10)
        let sum = unsafe schedule[unchecked: index &- 16] &+ sigma0 &+ schedule[unchecked: index &- 7] &+ sigma1
        unsafe schedule[unchecked: index] = sum
    }

    @inline(__always) private static func compress(_ schedule: inout Schedule, into state: inout SHA256.State) {
        var rounds = SHA256Rounds(state)
        var round = 0
        while round < 64 {
            rounds.take(
                keyed(&schedule, round), keyed(&schedule, round &+ 1), keyed(&schedule, round &+ 2),
                keyed(&schedule, round &+ 3))
            round &+= 4
        }
        rounds.add(to: &state)
    }

    @inline(__always) private static func keyed(_ schedule: inout Schedule, _ round: Int) -> UInt32 {
        unsafe schedule[unchecked: round] &+ SHA256Rounds.constants[unchecked: round]
    }
}

/// One block's 64 rounds, of section 6.2.2.
public struct SHA256Rounds {
    private var a, b, c, d, e, f, g, h: UInt32
    /// `b ^ c`, which the last round had as `a ^ b`.
    private var difference: UInt32

    /// Begins a block, with the working variables as `state` has them.
    @inline(__always) public init(_ state: SHA256.State) {
        (a, b, c, d) = (state[0], state[1], state[2], state[3])
        (e, f, g, h) = (state[4], state[5], state[6], state[7])
        difference = b ^ c
    }

    /// Four rounds at once, after which the two halves of the state have only changed sides.
    /// - Parameter words: of the schedule, the rounds' constants added.
    @inline(__always) public mutating func take(_ word0: UInt32, _ word1: UInt32, _ word2: UInt32, _ word3: UInt32) {
        Self.take(word0, a, b, &d, e, f, g, &h, &difference)
        Self.take(word1, h, a, &c, d, e, f, &g, &difference)
        Self.take(word2, g, h, &b, c, d, e, &f, &difference)
        Self.take(word3, f, g, &a, b, c, d, &e, &difference)
        (a, b, c, d, e, f, g, h) = (e, f, g, h, a, b, c, d)
    }

    /// One round; `h` becomes the next one's `a`, and `d` its `e`.
    @inline(__always) private static func take(
        _ word: UInt32, _ a: UInt32, _ b: UInt32, _ d: inout UInt32, _ e: UInt32, _ f: UInt32, _ g: UInt32,
        _ h: inout UInt32, _ difference: inout UInt32
    ) {
        h &+= word
        h &+= g ^ (e & (f ^ g))
        h &+= rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
        d &+= h
        // The majority of a, b and c: b, but for the bits in which both others differ from it.
        let next = a ^ b
        h &+= b ^ (difference & next)
        difference = next
        h &+= rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    }

    /// Ends a block, after all 64 rounds: the intermediate hash value is the old one plus the working variables.
    @inline(__always) public func add(to state: inout SHA256.State) {
        state[0] &+= a
        state[1] &+= b
        state[2] &+= c
        state[3] &+= d
        state[4] &+= e
        state[5] &+= f
        state[6] &+= g
        state[7] &+= h
    }
}

@inline(__always) private func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 {
    word &>> count | word &<< (32 &- count)
}

extension SHA256Rounds {
    /// Section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes.
    public static let constants: InlineArray<64, UInt32> = [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
        0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
        0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
        0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
        0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
        0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
        0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
    ]
}
