// SPDX-License-Identifier: MIT
import Handoff
import Testing

@testable import Kexec

@Suite struct VectorSHA256Tests {
    private func sample(_ size: Int) -> [UInt8] { (0..<size).map { UInt8(truncatingIfNeeded: $0 &* $0 &>> 3 ^ $0) } }

    @Test func computesWhatPlainArithmeticDoes() {
        for size in 0..<400 {
            let bytes = sample(size)
            let found = bytes.withUnsafeBytes { SHA256.hash($0.bytes, engine: VectorSHA256()) }
            #expect(SegmentDigest(found) == bytes.withUnsafeBytes { SegmentDigest(.sha256, of: $0.bytes) })
        }
    }

    @Test(arguments: [0, 1, 63, 64, 65, 128, 300])
    func computesTwoAtOnceAsEachAlone(size: Int) {
        for other in [0, 40, 64, 200, 300] {
            let (one, two) = (sample(size), Array(sample(other).reversed()))
            let states = one.withUnsafeBytes { one in
                two.withUnsafeBytes { SHA256.hash(one.bytes, $0.bytes, engine: VectorSHA256()) }
            }
            #expect(SegmentDigest(states.first) == one.withUnsafeBytes { SegmentDigest(.sha256, of: $0.bytes) })
            #expect(SegmentDigest(states.second) == two.withUnsafeBytes { SegmentDigest(.sha256, of: $0.bytes) })
        }
    }
}
