// SPDX-License-Identifier: MIT

/// A kernel image, recognised by its contents alone.
public enum KernelImage: Hashable, Sendable {
    case bzImage(BzImage)
    case elf(ELFImage)
    case multiboot(MultibootImage)
    case nbi(NBIImage)

    /// Whether bytes that begin like these can be a kernel, however they go on; the first 32768 decide.
    public static func isPossible(_ bytes: borrowing RawSpan) -> Bool {
        SetupHeader.isPresent(in: bytes) || ELFImage.isPresent(in: bytes) || MultibootImage.isPresent(in: bytes)
            || NBIImage.isPresent(in: bytes)
    }

    /// Finds out what `bytes` are, and reads and checks the headers.
    ///
    /// The image's name plays no part, and nothing is executed, copied or kept: the value holds ranges of `bytes`.
    /// Of two headers in one file the one at a fixed place wins: a network boot image's at 0, then Linux' with its boot
    /// flag. A Multiboot header, which is searched for, comes behind them, and says how the ELF file that it may be in is
    /// entered, whatever that one's class is, as with GRUB.
    /// - Parameters:
    ///   - bytes: of the whole file.
    ///   - asELF: an ELF file is taken for no more than that, also where a Multiboot header is in it.
    /// - Throws: `.empty`, `.unrecognised` for what is no kernel, otherwise what is wrong with the image found.
    public init(recognizing bytes: borrowing RawSpan, asELF: Bool = false) throws(ImageError) {
        guard bytes.byteCount > 0 else { throw .empty }
        if NBIImage.isPresent(in: bytes) {
            self = .nbi(try NBIImage(parsing: bytes))
        } else if SetupHeader.isPresent(in: bytes), bytes.little(UInt16.self, at: 0x1fe) == 0xaa55 {
            self = .bzImage(try BzImage(parsing: bytes))
        } else if asELF, ELFImage.isPresent(in: bytes) {
            self = .elf(try ELFImage(parsing: bytes))
        } else if let image = try MultibootImage(recognizing: bytes) {
            self = .multiboot(image)
        } else if ELFImage.isPresent(in: bytes) {
            self = .elf(try ELFImage(parsing: bytes))
        } else if SetupHeader.isPresent(in: bytes) {
            self = .bzImage(try BzImage(parsing: bytes))
        } else {
            throw .unrecognised(looksLike: UnknownContent(of: bytes))
        }
    }

    /// Reads `bytes` as an image of the kind that the caller names.
    ///
    /// A 64-bit bzImage passes as `.bzImage` too: it has the older entry points as well.
    /// - Throws: as `init(recognizing:)`, and `.otherKind`.
    public init(_ bytes: borrowing RawSpan, as wanted: ImageKind) throws(ImageError) {
        if let image = try Self.image(bytes, as: wanted) {
            self = image
        } else {
            try self.init(recognizing: bytes)
        }
        let found = kind
        guard found == wanted || (found == .bzImage64 && wanted == .bzImage) else {
            throw .otherKind(wanted: wanted, found: found)
        }
    }

    /// For files of several kinds; nil where `bytes` do not look like an image of the family.
    private static func image(_ bytes: borrowing RawSpan, as wanted: ImageKind) throws(ImageError) -> KernelImage? {
        switch wanted {
        case .bzImage, .bzImage64:
            return SetupHeader.isPresent(in: bytes) ? .bzImage(try BzImage(parsing: bytes)) : nil
        case .elfX86, .elfX86_64:
            return ELFImage.isPresent(in: bytes) ? .elf(try ELFImage(parsing: bytes)) : nil
        case .multibootX86, .multiboot2X86:
            let version: MultibootImage.Version = wanted == .multibootX86 ? .one : .two
            if let image = try MultibootImage(version, in: bytes) { return .multiboot(image) }
            if let error = MultibootImage.wrongChecksum(version, in: bytes) { throw error }
            return nil
        case .nbiX86: return NBIImage.isPresent(in: bytes) ? .nbi(try NBIImage(parsing: bytes)) : nil
        }
    }

    /// The most capable kind that the image is.
    public var kind: ImageKind {
        switch self {
        case .bzImage(let image): image.header.has64BitEntry ? .bzImage64 : .bzImage
        case .elf(let image): image.elfClass == .elf64 ? .elfX86_64 : .elfX86
        case .multiboot(let image): image.kind
        case .nbi: .nbiX86
        }
    }
}
