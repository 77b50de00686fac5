// SPDX-License-Identifier: MIT
public import BootFormats

/// Why a file cannot be used.
public struct FileFailure: Error, Hashable, Sendable {
    /// As the user named it; "-" is standard input.
    public var path: ByteString
    public var problem: FileProblem

    public init(path: ByteString, problem: FileProblem) {
        self.path = path
        self.problem = problem
    }
}

/// What is wrong with a file. Facts only.
public enum FileProblem: Error, Hashable, Sendable {
    case missing
    /// The user may not read it.
    case notPermitted
    case directory
    case characterDevice
    case blockDevice
    case socket
    /// A pipe in the place of a file.
    case pipe
    case empty
    /// More bytes than this program can map.
    case tooLarge(size: UInt64, limit: UInt64)
    /// What must be kept in memory (unpacked or piped bytes) needs at least `needed` bytes.
    case memoryShort(needed: UInt64, available: UInt64)
    /// Decoding needs more memory than a decoder may have: an absurd dictionary.
    case dictionaryTooLarge(Compression, limit: UInt64)
    /// Something in front of the compressed data says how they were prepared, and no decoder here undoes that: one of xz's
    /// filters for other processors' code, or a later version's.
    case unknownFilter(Compression)
    /// This build has no decoder for the format.
    case codecMissing(Compression)
    /// Bytes that are not what the format says, found when the decoder was at `offset` of the file, or a wrong
    /// checksum of what came before.
    case corrupt(Compression, at: Int)
    /// The file ends before the compressed stream does.
    case truncated(Compression, size: Int)
    /// Bytes after the end of the compressed stream that are no padding.
    case trailingBytes(Compression, at: Int, count: Int)
    /// A valid compressed file with nothing in it.
    case unpacksToNothing(Compression)
    /// A call failed for a reason that none of the above names.
    case failed(CallFailure)

    init(openErrno errno: Int32) {
        switch errno {
        case 2 /* ENOENT */: self = .missing
        case 1, 13 /* EPERM, EACCES */: self = .notPermitted
        case 6 /* ENXIO: a socket's name cannot be opened */: self = .socket
        default: self = .failed(CallFailure(call: .open, errno: errno))
        }
    }
}

extension FileProblem {
    /// The file is there and readable, but what is in it is no good.
    public var isOfContents: Bool {
        switch self {
        case .dictionaryTooLarge, .unknownFilter, .codecMissing, .corrupt, .truncated, .trailingBytes,
            .unpacksToNothing:
            true
        case .missing, .notPermitted, .directory, .characterDevice, .blockDevice, .socket, .pipe, .empty, .tooLarge,
            .memoryShort, .failed:
            false
        }
    }
}
