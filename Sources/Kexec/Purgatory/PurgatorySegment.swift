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

/// The purgatory as it was built: flat, position independent, entered at its first byte.
///
/// ```
///    0 jump to the code          20 size of the file, u32
///    8 magic "SWKXPRG1"          24 size in memory, u32
///   16 offset of parameters, u32 28 zero
/// ```
public struct PurgatoryImage: Hashable, Sendable {
    /// "SWKXPRG1" in memory.
    static let magic: UInt64 = 0x3147_5250_584b_5753

    private let file: [UInt8]
    private let parametersOffset: Int
    /// What the segment needs in bytes, code, stack and page tables together; more than the contents have.
    public let memorySize: UInt64
    /// Bytes from the start that purgatory never writes to: its code, its constants, the head of its parameters.
    public var constantSize: Int { parametersOffset + PurgatoryParameters.headSize }
    /// Its place begins on a page, and below 4 GiB where the parameters ask for the 32-bit exit or for 4-level paging.
    public let alignment: UInt64 = 4096

    /// Reads the header of `file`.
    public init(_ file: [UInt8]) throws(PurgatoryImageError) {
        guard file.count >= 32 else { throw .tooShort(found: file.count, needed: 32) }
        let magic = UInt64(Self.word(of: file, at: 8)) | UInt64(Self.word(of: file, at: 12)) << 32
        guard magic == Self.magic else { throw .wrongMagic(found: magic) }
        let offset = Self.word(of: file, at: 16)
        let (fileSize, memory) = (Self.word(of: file, at: 20), Self.word(of: file, at: 24))
        guard UInt64(fileSize) == UInt64(file.count) else { throw .wrongFileSize(found: file.count, stated: fileSize) }
        guard memory >= fileSize else { throw .memorySmallerThanFile(memory: memory, file: fileSize) }
        guard UInt64(offset) + UInt64(PurgatoryParameters.size) <= UInt64(fileSize) else {
            throw .parametersOutside(offset: offset, file: fileSize)
        }
        let version = Self.word(of: file, at: Int(offset))
        guard version == PurgatoryParameters.currentVersion else {
            throw .wrongParameterVersion(found: version, needed: PurgatoryParameters.currentVersion)
        }
        self.file = file
        parametersOffset = Int(offset)
        memorySize = UInt64(memory)
    }

    /// The purgatory for x86_64 that is built into this program.
    public static func x86_64() throws(PurgatoryImageError) -> PurgatoryImage { try PurgatoryImage(purgatoryImage()) }

    /// The bytes of the segment, told `parameters`.
    public func contents(_ parameters: PurgatoryParameters) -> [UInt8] {
        var contents = file
        unsafe Swift.withUnsafeBytes(of: parameters) { block in
            // The block's size is checked by a test, the offset by the initialiser.
            for index in 0..<PurgatoryParameters.size { contents[parametersOffset + index] = unsafe block[index] }
        }
        return contents
    }

    private static func word(of bytes: [UInt8], at offset: Int) -> UInt32 {
        UInt32(bytes[offset]) | UInt32(bytes[offset + 1]) << 8 | UInt32(bytes[offset + 2]) << 16
            | UInt32(bytes[offset + 3]) << 24
    }
}

extension CheckedSegment {
    /// A segment whose place begins at `start` and whose `bytes` are handed over; purgatory will compare all of them.
    public init(name: String, start: UInt64, bytes: RawSpan, kind: DigestKind) {
        let digest = SegmentDigest(kind, of: bytes, engine: HostSHA256())
        self.init(name: name, start: start, byteCount: UInt64(bytes.byteCount), digest: digest)
    }
}
