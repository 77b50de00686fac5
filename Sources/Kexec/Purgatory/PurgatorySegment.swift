// SPDX-License-Identifier: MIT
public import Handoff
internal import PayloadImages

/// Why bytes are not a purgatory that this program can use. It comes from our own build, so none of these is the
/// user's doing.
public enum PurgatoryImageError: Error, Hashable, Sendable {
    case tooShort(found: Int, needed: Int)
    case wrongMagic(found: UInt64)
    /// The header says another size than the image has.
    case wrongFileSize(found: Int, stated: UInt32)
    case memorySmallerThanFile(memory: UInt32, file: UInt32)
    case parametersOutside(offset: UInt32, file: UInt32)
    /// Purgatory was built for other `PurgatoryParameters`.
    case wrongParameterVersion(found: UInt32, needed: UInt32)
}

/// The purgatory as it was built; see `FlatPayload`.
public struct PurgatoryImage: Hashable, Sendable {
    /// "SWKXPRG1" in memory.
    static let magic: UInt64 = 0x3147_5250_584b_5753

    private let payload: FlatPayload
    /// What the segment needs in bytes, code, stack and page tables together; more than the contents have.
    public var memorySize: UInt64 { payload.memorySize }
    /// Bytes from the start that purgatory never writes to: its code, its constants, the head of its parameters.
    public var constantSize: Int { payload.parametersOffset + PurgatoryParameters.headSize }
    /// Its place begins on a page, and below 4 GiB where the parameters ask for the 32-bit exit or for 4-level paging.
    public let alignment: UInt64 = 4096

    /// Reads the header of `file`.
    public init(_ file: [UInt8]) throws(PurgatoryImageError) {
        payload = try FlatPayload(
            file, magic: Self.magic, parametersSize: PurgatoryParameters.size,
            version: PurgatoryParameters.currentVersion)
    }

    /// The purgatory for x86_64 that is built into this program.
    public static func x86_64() throws(PurgatoryImageError) -> PurgatoryImage { try PurgatoryImage(purgatoryImage()) }

    /// The bytes of the segment, told `parameters`.
    public func contents(_ parameters: PurgatoryParameters) -> [UInt8] { payload.contents(parameters) }
}

extension CheckedSegment {
    /// A segment whose place begins at `start` and whose `bytes` are handed over; purgatory will compare all of them.
    public init(name: String, start: UInt64, bytes: RawSpan, kind: DigestKind) {
        let digest = SegmentDigest(kind, of: bytes, engine: HostSHA256())
        self.init(name: name, start: start, byteCount: UInt64(bytes.byteCount), digest: digest)
    }

    /// Bytes of a segment from which on it has a SHA-256 for each half: two are computed side by side in little more
    /// time than one, and purgatory, which compares both, vouches for the same bytes.
    static let worthHalving = 1 << 20

    /// Both halves of a segment, as `init` makes one of the whole.
    static func halves(name: String, start: UInt64, bytes: RawSpan) -> [CheckedSegment] {
        let middle = bytes.byteCount / 2 & ~63
        let (first, second) = (bytes.extracting(first: middle), bytes.extracting(droppingFirst: middle))
        let states = SHA256.hash(first, second, engine: HostSHA256())
        return [
            CheckedSegment(
                name: name, start: start, byteCount: UInt64(first.byteCount), digest: SegmentDigest(states.first)),
            CheckedSegment(
                name: name, start: start + UInt64(middle), byteCount: UInt64(second.byteCount),
                digest: SegmentDigest(states.second)),
        ]
    }
}
