// SPDX-License-Identifier: MIT

/// What purgatory did, for `kexec --last` in the next kernel.
///
/// The loader puts a zero-filled record with `loadTime` behind a `setup_data` header; purgatory fills in the rest just
/// before the jump; Linux shows the node below `/sys/kernel/boot_params/setup_data/`.
/// ```
///   node: next u64, type u32 = TraceRecord.setupDataType, length u32 = TraceRecord.size, record
/// ```
public struct TraceRecord: BitwiseCopyable, Hashable, Sendable {
    /// `type` of the setup_data node: "KX". Linux passes types that it does not know on to sysfs.
    public static let setupDataType: UInt32 = 0x4b58
    /// "SWKXTRC1" in memory.
    public static let magic: UInt64 = 0x3143_5254_584b_5753
    /// A record of any other is refused.
    public static let currentVersion: UInt16 = 1
    /// In bytes, without the node's header.
    public static let size = 96

    public private(set) var magic = TraceRecord.magic
    public private(set) var version = TraceRecord.currentVersion
    private var flags: UInt16 = 0
    private var rawDigestKind: UInt8 = 0
    /// How many segments purgatory was told of.
    public var segmentCount: UInt8 = 0
    /// Bit i: segment i had the expected digest.
    public var verdicts: UInt16 = 0
    /// Physical address at which purgatory ran.
    public var purgatoryAddress: UInt64 = 0
    /// Time-stamp counter when the loader made the record; 0: not filled in.
    public var loadTime: UInt64 = 0
    /// Time-stamp counter at purgatory's entry.
    public var entryTime: UInt64 = 0
    /// Time-stamp counter after the last digest.
    public var digestTime: UInt64 = 0
    /// Time-stamp counter just before the jump.
    public var jumpTime: UInt64 = 0
    /// Bytes that the digests covered.
    public var digestedBytes: UInt64 = 0
    /// Frequency of the time-stamp counter in kHz, as the loader knew it; 0: unknown.
    public var timeStampFrequency: UInt64 = 0
    /// Seconds since 1970 when the loader made the record; 0: unknown.
    public var loadClock: UInt64 = 0
    private var zero0: UInt64 = 0
    private var zero1: UInt64 = 0

    public init() {}
}

extension TraceRecord {
    /// Purgatory ran: it has filled the record in.
    public var entered: Bool {
        get { flags & 1 != 0 }
        set { setFlag(1, newValue) }
    }

    /// SHA-256 was computed with the processor's SHA extensions.
    public var usedSHAExtensions: Bool {
        get { flags & 2 != 0 }
        set { setFlag(2, newValue) }
    }

    /// Purgatory went from 5-level to 4-level paging.
    public var turnedOff5LevelPaging: Bool {
        get { flags & 4 != 0 }
        set { setFlag(4, newValue) }
    }

    /// nil: a number that this version does not know.
    public var digestKind: DigestKind? { DigestKind(rawValue: rawDigestKind) }
    public mutating func setDigestKind(_ kind: DigestKind) { rawDigestKind = kind.rawValue }

    private mutating func setFlag(_ bit: UInt16, _ value: Bool) { flags = value ? flags | bit : flags & ~bit }
}

/// Why bytes are not a trace record.
public enum TraceRecordError: Error, Hashable, Sendable {
    case tooShort(found: Int, needed: Int)
    case wrongMagic(found: UInt64)
    case unknownVersion(found: UInt16)
}

extension TraceRecord {
    /// Reads the contents of a setup_data node of type `setupDataType`, without the node's header.
    public init(parsing bytes: RawSpan) throws(TraceRecordError) {
        guard bytes.byteCount >= Self.size else { throw .tooShort(found: bytes.byteCount, needed: Self.size) }
        // The size was checked, and every pattern of bits is a record.
        let record = unsafe bytes.unsafeLoadUnaligned(as: TraceRecord.self)
        guard record.magic == Self.magic else { throw .wrongMagic(found: record.magic) }
        guard record.version == Self.currentVersion else { throw .unknownVersion(found: record.version) }
        self = record
    }
}
