// SPDX-License-Identifier: MIT

/// How purgatory compares memory with what the loader handed over; the numbers are part of `PurgatoryParameters`.
public enum DigestKind: UInt8, Hashable, Sendable {
    /// No check.
    case none = 0
    /// `FastHash`, in the first 8 bytes of the digest.
    case fast = 1
    /// SHA-256, FIPS 180-4.
    case sha256 = 2
}

/// The digest of one segment, 32 bytes as they lie in memory: SHA-256 in its usual order of bytes.
public struct SegmentDigest: BitwiseCopyable, Hashable, Sendable {
    private var word0: UInt64 = 0
    private var word1: UInt64 = 0
    private var word2: UInt64 = 0
    private var word3: UInt64 = 0

    /// All zero.
    public init() {}

    /// The digest of `bytes`; all zero for `.none`.
    /// - Parameter engine: computes SHA-256; see `SHA256Engine`.
    public init(_ kind: DigestKind, of bytes: RawSpan, engine: some SHA256Engine) {
        self.init()
        switch kind {
        case .none: break
        case .fast: word0 = FastHash.hash(bytes)
        case .sha256: set(SHA256.hash(bytes, engine: engine))
        }
    }

    /// SHA-256 that was computed elsewhere.
    public init(_ state: SHA256.State) { set(state) }

    /// The digest of `bytes`, computed by portable code.
    public init(_ kind: DigestKind, of bytes: RawSpan) { self.init(kind, of: bytes, engine: PortableSHA256()) }

    private mutating func set(_ state: SHA256.State) {
        word0 = Self.word(state[0], state[1])
        word1 = Self.word(state[2], state[3])
        word2 = Self.word(state[4], state[5])
        word3 = Self.word(state[6], state[7])
    }

    /// Two big-endian words of SHA-256 as one little-endian one.
    private static func word(_ first: UInt32, _ second: UInt32) -> UInt64 {
        UInt64(first.byteSwapped) | UInt64(second.byteSwapped) << 32
    }

    /// The byte at `index`, 0..<32.
    public subscript(index: Int) -> UInt8 {
        let word = index < 16 ? (index < 8 ? word0 : word1) : (index < 24 ? word2 : word3)
        return UInt8(truncatingIfNeeded: word >> UInt64(index % 8 * 8))
    }
}
