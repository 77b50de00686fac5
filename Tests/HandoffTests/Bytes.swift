// SPDX-License-Identifier: MIT
import Handoff

/// The bytes of a value as they lie in memory.
func bytes<Value: BitwiseCopyable>(of value: Value) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

/// A little-endian number inside `bytes`.
func number(_ bytes: [UInt8], at offset: Int, size: Int) -> UInt64 {
    (0..<size).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
}

/// Bytes without a pattern that a digest could be blind to.
func sample(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) } }

/// Bytes without a pattern, the same every time.
func noise(_ count: Int) -> [UInt8] {
    var state: UInt64 = 88_172_645_463_325_252
    return (0..<count).map { _ in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: state >> 32)
    }
}

func digest(_ kind: DigestKind, _ bytes: [UInt8]) -> SegmentDigest {
    bytes.withUnsafeBytes { SegmentDigest(kind, of: $0.bytes) }
}

func hexadecimal(_ digest: SegmentDigest) -> String {
    (0..<32).map { (digest[$0] < 16 ? "0" : "") + String(digest[$0], radix: 16) }.joined()
}
