// SPDX-License-Identifier: MIT

/// What a file is that is no kernel we know, as far as its bytes tell.
public enum UnknownContent: Hashable, Sendable {
    case text
    /// "#!" at its beginning.
    case script
    /// A PE file: an EFI program, a unified kernel image, or an EFI zboot image.
    case portableExecutable
    /// "MZ", and no PE header where one should be.
    case dosExecutable
    case arm64Image
    case armImage
    case riscvImage
    /// U-Boot's own format.
    case uImage
    case deviceTree
    /// cpio, as initrds are.
    case cpio
    case archive
    /// A file system or a disk image.
    case diskImage
    /// The boot signature in the first sector: a boot sector, or a Linux kernel before boot protocol 2.00.
    case bootSector
    case compressed(Compression)
    /// All zeros, as far as was looked.
    case zeros
    case unknown

    /// Tells by the first bytes, and never fails.
    public init(of bytes: borrowing RawSpan) {
        self = Self.kernelOfAnotherKind(bytes) ?? Self.container(bytes) ?? Self.plain(bytes) ?? .unknown
    }

    // arm64 and riscv images carry "MZ" for EFI: they come before PE.
    private static func kernelOfAnotherKind(_ bytes: borrowing RawSpan) -> UnknownContent? {
        if bytes.holds("ARM\u{64}", at: 0x38) { return .arm64Image }
        if bytes.holds("RSC\u{5}", at: 0x38) { return .riscvImage }
        if bytes.little(UInt32.self, at: 0x24) == 0x016f_2818 { return .armImage }
        if bytes.little(UInt32.self, at: 0) == 0x5619_0527 { return .uImage }
        if bytes.little(UInt32.self, at: 0) == 0xedfe_0dd0 { return .deviceTree }
        guard bytes.holds("MZ", at: 0) else { return nil }
        guard let header = bytes.little(UInt32.self, at: 0x3c), let header = Int(exactly: header),
            bytes.holds("PE\0\0", at: header)
        else { return .dosExecutable }
        return .portableExecutable
    }

    private static func container(_ bytes: borrowing RawSpan) -> UnknownContent? {
        if let compression = Compression(recognizing: bytes) { return .compressed(compression) }
        if bytes.holds("07070", at: 0) || bytes.little(UInt16.self, at: 0) == 0x71c7 { return .cpio }
        if bytes.holds("!<arch>\n", at: 0) || bytes.holds("ustar", at: 257) || bytes.holds("PK\u{3}\u{4}", at: 0)
            || bytes.little(UInt32.self, at: 0) == 0xafbc_7a37
        {
            return .archive
        }
        // Above: ar (as .deb), tar, zip, 7z. Below: ISO 9660, squashfs, qcow2, ext2 to ext4 (`s_magic`).
        if bytes.holds("CD001", at: 0x8001) || bytes.holds("hsqs", at: 0) || bytes.holds("QFI", at: 0)
            || bytes.little(UInt16.self, at: 0x438) == 0xef53
        {
            return .diskImage
        }
        return bytes.little(UInt16.self, at: 0x1fe) == 0xaa55 ? .bootSector : nil
    }

    private static func plain(_ bytes: borrowing RawSpan) -> UnknownContent? {
        if bytes.holds("#!", at: 0) { return .script }
        var zeros = 0
        var text = 0
        let looked = min(bytes.byteCount, 4096)
        for offset in 0..<looked {
            guard let byte = bytes.byte(at: offset) else { break }
            switch byte {
            case 0: zeros += 1
            case 9, 10, 12, 13, 0x1b, 0x20...0x7e, 0x80...0xfe: text += 1
            default: return nil
            }
        }
        if zeros == looked { return .zeros }
        return text == looked ? .text : nil
    }
}
