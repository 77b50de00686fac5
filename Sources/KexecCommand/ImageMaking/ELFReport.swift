// SPDX-License-Identifier: MIT
internal import BootFormats
internal import BootableELF
internal import Kexec
internal import PhysicalMemory

/// `--show`: what is in an ELF file, a line for each thing, its kind first.
enum ELFReport {
    static func text(for path: ByteString) throws(MkelfimageFailure) -> String {
        let source: ImageSource
        do throws(FileFailure) { source = try ImageSource(kernel: path) } catch { throw .file(error) }
        guard source.bytes.holds("\u{7f}ELF", at: 0) else {
            throw .notELF(kind: (try? KernelImage(recognizing: source.bytes))?.kind, path: path)
        }
        do throws(ImageError) { return try text(of: source.bytes) } catch { throw .image(error, path: path) }
    }

    static func text(of bytes: borrowing RawSpan) throws(ImageError) -> String {
        let image = try ELFImage(parsing: bytes)
        var text = line("file", "\(image.elfClass == .elf64 ? "ELF64" : "ELF32"), entry \(hexadecimal(image.entry))")
        for segment in image.segments {
            let end = PhysicalAddress(segment.physicalAddress.rawValue + segment.memorySize)
            text += line(
                "segment",
                addresses(PhysicalRange(from: segment.physicalAddress, to: end))
                    + ", \(byteSize(UInt64(segment.file.count))) from offset "
                    + hexadecimal(UInt64(segment.file.lowerBound)))
        }
        var version: String?
        for segment in image.notes {
            var reader = ELFNoteReader(segment)
            while let note = try reader.next(in: bytes) { text += line("note", words(for: note, bytes, &version)) }
        }
        for multiboot in [MultibootImage.Version.one, .two] where try MultibootImage(multiboot, in: bytes) != nil {
            text += line("header", multiboot == .one ? "Multiboot" : "Multiboot2")
        }
        guard let contents = BootableELFContents(of: image, in: bytes) else { return text }
        text += line("kernel", "\(version ?? "Linux"), boot protocol \(protocolVersion(contents.bootProtocol))")
        text += line("line", contents.commandLine.description)
        if contents.initrdSize > 0 {
            text += line("initrd", "\(byteSize(contents.initrdSize)) at \(hexadecimal(contents.initrdAddress))")
        }
        return text
    }

    /// - Parameter version: what the ELF boot proposal's second note says.
    private static func words(for note: ELFNote, _ bytes: borrowing RawSpan, _ version: inout String?) -> String {
        let owner = plain(bytes, note.name)
        let type = "\(owner), type \(note.type)"
        if owner.utf8.elementsEqual("Xen".utf8), note.type == 18,
            let entry = bytes.little(UInt32.self, at: note.descriptor.lowerBound)
        {
            return type + ": PVH entry \(hexadecimal(UInt64(entry)))"
        }
        guard owner.utf8.elementsEqual("ELFBoot".utf8) else { return type + ", \(note.descriptor.count) bytes" }
        let text = plain(bytes, note.descriptor)
        if note.type == 2, !text.utf8.isEmpty { version = text }
        return type + ": " + text
    }

    private static func plain(_ bytes: borrowing RawSpan, _ range: Range<Int>) -> String {
        let text = range.prefix(256).map { bytes.byte(at: $0) ?? 0 }.prefix { $0 != 0 }
        return printable(ByteString(text).description)
    }

    /// "segment   0x100000-0x1021ff, …"
    private static func line(_ kind: String, _ text: String) -> String {
        kind + String(repeating: " ", count: max(1, 10 - kind.utf8.count)) + printable(text) + "\n"
    }
}
