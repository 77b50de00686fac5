// SPDX-License-Identifier: MIT
import Handoff
import Testing

struct SegmentDigestTests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
        ),
    ])
    func computesSHA256OfTheVectorsOfNIST(text: String, expected: String) {
        #expect(hexadecimal(digest(.sha256, Array(text.utf8))) == expected)
    }

    @Test func computesSHA256OfAMillionTimesA() {
        let million = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
        #expect(
            hexadecimal(digest(.sha256, million))
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    /// Expected values by another program (Python's hashlib).
    @Test(arguments: [
        (1, "084fed08b978af4d7d196a7446a86b58009e636b611db16211b65a9aadff29c5"),
        (55, "e7313d333c272e639f790978283f9eb392e843d0f29b7016828bb1daa4aac70b"),
        (56, "4324d65f3c103567f5589c710bc08f8523f929a9272e3af36fc968e52abc6c27"),
        (57, "35df609437dcfea3279283ab79fd554e2bf78f8f7ae2de532d8ee300b09e8f73"),
        (63, "81c80242132f230c3bd41b3e63bbcff16107339549214a99614ff26664625055"),
        (64, "39e3d7b6b5d075d37d053ad89b24b41bef4f3c29760c84447cab3f3be1882241"),
        (65, "aacca6ff74fdbb296d165a45cecfa04e5127bc008770fbbdd48006f2d2fae95e"),
        (119, "9ce7368e4daf32341631b492e80359dc9f594b48453cd0dd5bf0b19279cc177e"),
        (120, "7836b787757e95e58b3ca5aec90b1b004e8deba1e50e9675af9cabf1a13a04b5"),
        (127, "a8d23e75d936f303d248888d9b165ee543f4cbafcad3c9dd2a79bd84faa11d07"),
        (128, "d2742f1f4ac6bb7ca2b239ee18402ba8b3f9f8e652d2a72973c2b9ba11c08cf6"),
        (1000, "1e9bc38cbf860b9ec31918b065f9b52476c549a782e0e7990bed8ce3868d2371"),
    ])
    func computesSHA256AroundTheEndsOfBlocks(length: Int, expected: String) {
        #expect(hexadecimal(digest(.sha256, sample(length))) == expected)
    }

    /// Digests of digests. Expected values by another program (Python's hashlib, and fast hash written anew in it).
    @Test(arguments: [
        (DigestKind.sha256, 32, "689fef0e2fcd867d5f828d8de8348bd0609053a624d64e7ce67893be9c7ed702"),
        (DigestKind.fast, 8, "95018dcefde0043eacc3aaa34b1c5847d2cc70e7e09d964fa3443d5d81c2d7ca"),
    ])
    func takesEverySizeFromEveryStart(kind: DigestKind, size: Int, expected: String) {
        let bytes = sample(400)
        let digests = (0..<193).flatMap { count in
            let start = count % 17
            let found = bytes[start..<start + count].withUnsafeBytes { SegmentDigest(kind, of: $0.bytes) }
            return (0..<size).map { found[$0] }
        }
        #expect(hexadecimal(digest(.sha256, digests)) == expected)
    }

    @Test(arguments: [DigestKind.fast, .sha256], [1, 7, 8, 9, 63, 64, 65, 127, 128, 130, 260])
    func seesEveryFlippedBit(kind: DigestKind, length: Int) {
        var bytes = sample(length)
        let whole = digest(kind, bytes)
        for bit in 0..<length * 8 {
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(digest(kind, bytes) != whole, "bit \(bit)")
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        }
        #expect(digest(kind, bytes) == whole)
    }

    @Test(arguments: [DigestKind.fast, .sha256])
    func tellsRunsOfZerosOfDifferentLengthsApart(kind: DigestKind) {
        let digests = Set((0..<300).map { digest(kind, [UInt8](repeating: 0, count: $0)) })
        #expect(digests.count == 300)
    }

    /// What broken memory does: one bit of all words at 0, or at 1.
    @Test func fastHashSeesABitThatIsStuck() {
        let bytes = noise(1024)
        let whole = digest(.fast, bytes)
        for bit in 0..<64 {
            let mask = UInt8(1) << UInt8(bit % 8)
            for value in [0, mask] {
                var stuck = bytes
                for offset in stride(from: bit / 8, to: 1024, by: 8) { stuck[offset] = stuck[offset] & ~mask | value }
                #expect(digest(.fast, stuck) != whole, "bit \(bit) at \(value)")
            }
        }
    }

    /// Rows of 64 bytes go into the same lanes.
    @Test(arguments: [8, 16, 64, 128, 256])
    func fastHashSeesPartsThatChangedPlaces(size: Int) {
        let bytes = noise(1024)
        let swapped = bytes[size..<2 * size] + bytes[..<size] + bytes[(2 * size)...]
        #expect(digest(.fast, Array(swapped)) != digest(.fast, bytes))
    }

    @Test func fastHashSeesEveryPairOfFlippedBitsOfAWord() {
        var bytes = noise(128)
        let whole = digest(.fast, bytes)
        var unseen: [(Int, Int)] = []
        for (first, second) in (0..<64).flatMap({ one in (one + 1..<64).map { (one, $0) } }) {
            for bit in [first, second] { bytes[8 + bit / 8] ^= 1 << UInt8(bit % 8) }
            if digest(.fast, bytes) == whole { unseen.append((first, second)) }
            for bit in [first, second] { bytes[8 + bit / 8] ^= 1 << UInt8(bit % 8) }
        }
        #expect(unseen.isEmpty)
    }

    /// Purgatory is another compilation of the same source: a change of these numbers is a change of the contract.
    @Test(arguments: [
        (0, 0x0000_0000_0000_0000), (1, 0x6270_f35e_382d_db9a), (64, 0x3fe1_dd5c_2993_6c9a),
        (255, 0x72b3_3188_f7d2_8385), (256, 0xe1a3_52ca_1b7e_9b20), (1003, 0x0de3_17e7_bccb_2eaa),
    ])
    func fastHashHasItsPinnedValues(length: Int, expected: UInt64) {
        let bytes = sample(length)
        #expect(bytes.withUnsafeBytes { FastHash.hash($0.bytes) } == expected)
    }

    @Test func fastDigestFillsOnlyItsFirstEightBytes() {
        let found = digest(.fast, sample(100))
        #expect((8..<32).allSatisfy { found[$0] == 0 })
        #expect((0..<8).contains { found[$0] != 0 })
    }

    @Test func noDigestIsAllZero() {
        #expect(digest(.none, sample(100)) == SegmentDigest())
    }
}
