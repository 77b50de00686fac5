// SPDX-License-Identifier: MIT
//
// A unit of its own: compiled for processors with SHA, SSSE3 and SSE4.1, called only after CPUID has shown them, and, on
// bare metal, with CR4.OSFXSR set. The instructions come in through clang's intrinsic functions.
import _Builtin_intrinsics.intel

private typealias Words = SIMD4<UInt32>

// The same 16 bytes under the two types that intrinsics and arithmetic want.
@inline(__always) private func intrinsic(_ words: Words) -> SIMD2<Int64> {
    unsafe unsafeBitCast(words, to: SIMD2<Int64>.self)
}
@inline(__always) private func words(_ value: SIMD2<Int64>) -> Words { unsafe unsafeBitCast(value, to: Words.self) }

// A table of scalars lies in read-only data; one of vectors would be filled at the first use.
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

@inline(__always) private func constants(_ group: Int) -> Words {
    let first = group &* 4
    return Words(
        roundConstants[first], roundConstants[first &+ 1], roundConstants[first &+ 2], roundConstants[first &+ 3])
}

/// The eight words as the instructions want them, highest first: A B E F and C D G H.
private struct Halves {
    var abef: Words
    var cdgh: Words

    /// Four rounds with `keyed`, four words of the schedule plus their constants.
    @inline(__always) mutating func rounds(_ keyed: Words) {
        cdgh = words(_mm_sha256rnds2_epu32(intrinsic(cdgh), intrinsic(abef), intrinsic(keyed)))
        let upper = Words(keyed[2], keyed[3], 0, 0)
        abef = words(_mm_sha256rnds2_epu32(intrinsic(abef), intrinsic(cdgh), intrinsic(upper)))
    }
}

/// The four words of the schedule that follow `a`, `b`, `c` and `d`.
@inline(__always) private func next(_ a: Words, _ b: Words, _ c: Words, _ d: Words) -> Words {
    let sum = words(_mm_sha256msg1_epu32(intrinsic(a), intrinsic(b))) &+ Words(c[1], c[2], c[3], d[0])
    return words(_mm_sha256msg2_epu32(intrinsic(sum), intrinsic(d)))
}

/// One quarter of a block, its bytes turned into words.
@inline(__always) private func load(_ block: UnsafeRawPointer, _ quarter: Int) -> Words {
    let bigEndian = SIMD16<UInt8>(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12)
    // The caller's block has four quarters; the cast is as above.
    let bytes = unsafe block.loadUnaligned(fromByteOffset: quarter &* 16, as: SIMD2<Int64>.self)
    return unsafe words(_mm_shuffle_epi8(bytes, unsafeBitCast(bigEndian, to: SIMD2<Int64>.self)))
}

/// The state and the schedule of one stream of blocks.
private struct Stream {
    private var halves: Halves
    private var before: Halves
    private var schedule: (a: Words, b: Words, c: Words, d: Words)

    /// The caller vouches for eight words.
    @inline(__always) init(_ state: UnsafeMutablePointer<UInt32>) {
        unsafe halves = Halves(
            abef: Words(state[5], state[4], state[1], state[0]), cdgh: Words(state[7], state[6], state[3], state[2]))
        before = halves
        schedule = (.zero, .zero, .zero, .zero)
    }

    /// The caller vouches for 64 bytes.
    @inline(__always) mutating func begin(_ block: UnsafeRawPointer) {
        before = halves
        schedule = unsafe (load(block, 0), load(block, 1), load(block, 2), load(block, 3))
    }

    /// Four rounds. The last four schedules are computed in vain: cheaper than a second copy of the loop's code in
    /// purgatory.
    @inline(__always) mutating func rounds(_ constants: Words) {
        halves.rounds(schedule.a &+ constants)
        schedule = (schedule.b, schedule.c, schedule.d, next(schedule.a, schedule.b, schedule.c, schedule.d))
    }

    @inline(__always) mutating func end() {
        halves.abef = halves.abef &+ before.abef
        halves.cdgh = halves.cdgh &+ before.cdgh
    }

    /// The caller vouches for eight words.
    @inline(__always) func store(_ state: UnsafeMutablePointer<UInt32>) {
        let (abef, cdgh) = (halves.abef, halves.cdgh)
        unsafe (state[0], state[1], state[4], state[5]) = (abef[3], abef[2], abef[1], abef[0])
        unsafe (state[2], state[3], state[6], state[7]) = (cdgh[3], cdgh[2], cdgh[1], cdgh[0])
    }
}

/// Takes `count` blocks of 64 bytes into the eight words at `state`: the caller vouches for both.
@c(sha256_absorb_with_extensions)
public func absorb(_ state: UnsafeMutablePointer<UInt32>, _ blocks: UnsafeRawPointer, _ count: UInt) {
    var stream = unsafe Stream(state)
    var block = unsafe blocks
    var left = count
    while left > 0 {
        unsafe stream.begin(block)
        var group = 0
        while group < 16 {
            stream.rounds(constants(group))
            group &+= 1
        }
        stream.end()
        unsafe block += 64
        left &-= 1
    }
    unsafe stream.store(state)
}

/// The same for two runs of `count` blocks each, side by side: one alone waits for its own results half of the time.
/// Purgatory has no room for it.
@c(sha256_absorb_two_with_extensions)
public func absorbTwo(
    _ firstState: UnsafeMutablePointer<UInt32>, _ firstBlocks: UnsafeRawPointer,
    _ secondState: UnsafeMutablePointer<UInt32>, _ secondBlocks: UnsafeRawPointer, _ count: UInt
) {
    var first = unsafe Stream(firstState)
    var second = unsafe Stream(secondState)
    var firstBlock = unsafe firstBlocks
    var secondBlock = unsafe secondBlocks
    var left = count
    while left > 0 {
        unsafe first.begin(firstBlock)
        unsafe second.begin(secondBlock)
        var group = 0
        while group < 16 {
            let keys = constants(group)
            first.rounds(keys)
            second.rounds(keys)
            group &+= 1
        }
        first.end()
        second.end()
        unsafe firstBlock += 64
        unsafe secondBlock += 64
        left &-= 1
    }
    unsafe first.store(firstState)
    unsafe second.store(secondState)
}
