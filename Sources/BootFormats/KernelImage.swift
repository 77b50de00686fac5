// SPDX-License-Identifier: MIT

/// A kernel image, recognised by its contents alone.
public enum KernelImage: Hashable, Sendable {
    case bzImage(BzImage)
    case elf(ELFImage)

    /// Whether bytes that begin like these can be a kernel, however they go on; the first 0x206 decide.
    public static func isPossible(_ bytes: borrowing RawSpan) -> Bool {
        SetupHeader.isPresent(in: bytes) || ELFImage.isPresent(in: bytes)
    }

    /// Finds out what `bytes` are, and reads and checks the headers.
    ///
    /// The image's name plays no part, and nothing is executed, copied or kept: the value holds ranges of `bytes`.
    /// - Throws: `.empty`, `.unrecognised` for what is no kernel, otherwise what is wrong with the image found.
    public init(recognizing bytes: borrowing RawSpan) throws(ImageError) {
        guard bytes.byteCount > 0 else { throw .empty }
        if SetupHeader.isPresent(in: bytes) {
            self = .bzImage(try BzImage(parsing: bytes))
        } else if ELFImage.isPresent(in: bytes) {
            self = .elf(try ELFImage(parsing: bytes))
        } else {
            throw .unrecognised(looksLike: UnknownContent(of: bytes))
        }
    }

    /// Reads `bytes` as an image of the kind that the caller names.
    ///
    /// A 64-bit bzImage passes as `.bzImage` too: it has the older entry points as well.
    /// - Throws: as `init(recognizing:)`, and `.otherKind`.
    public init(_ bytes: borrowing RawSpan, as wanted: ImageKind) throws(ImageError) {
        try self.init(recognizing: bytes)
        let found = kind
        guard found == wanted || (found == .bzImage64 && wanted == .bzImage) else {
            throw .otherKind(wanted: wanted, found: found)
        }
    }

    /// The most capable kind that the image is.
    public var kind: ImageKind {
        switch self {
        case .bzImage(let image): image.header.has64BitEntry ? .bzImage64 : .bzImage
        case .elf(let image): image.elfClass == .elf64 ? .elfX86_64 : .elfX86
        }
    }
}
