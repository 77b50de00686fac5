// SPDX-License-Identifier: MIT
import BootFormats

/// Builds images with a Multiboot header of either version, alone or as the first bytes of an ELF file's segment.
struct MultibootBuilder {
    /// A tag of the second version, without its type, flags and size.
    struct Tag {
        var type: UInt16
        var isOptional = false
        /// nil: as the contents need.
        var size: UInt32?
        var contents: [UInt8] = []

        static let end = Tag(type: 0)
        static func words(_ type: UInt16, _ words: UInt32..., isOptional: Bool = false) -> Tag {
            var tag = Tag(type: type, isOptional: isOptional)
            for word in words { tag.contents.appendLittle(word) }
            return tag
        }
        static func relocatable(_ minimum: UInt32, _ maximum: UInt32, _ alignment: UInt32, _ preference: UInt32) -> Tag
        {
            words(10, minimum, maximum, alignment, preference)
        }
    }

    var version: MultibootImage.Version
    var flags: UInt32 = 3
    /// header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr; the first version has them where flag 16 is set.
    var addresses: [UInt32] = [0x10_0000, 0x10_0000, 0, 0, 0x10_0020]
    var architecture: UInt32 = 0
    var tags: [Tag] = [.end]
    /// Added to the right checksum.
    var checksumError: UInt32 = 0
    /// nil: as the tags need.
    var headerLength: UInt32?
    var isELF = true
    var isWide = false
    /// Bytes before the header.
    var distance = 0
    /// A second header, or whatever else follows the first.
    var behind: [UInt8] = []
    /// Of an ELF file: type, address and contents of each section behind the first, which is none.
    var sections: [(type: UInt32, address: UInt32, contents: [UInt8])] = []

    static func one(flags: UInt32 = 3, isELF: Bool = true, distance: Int = 0) -> MultibootBuilder {
        MultibootBuilder(version: .one, flags: flags, isELF: isELF, distance: distance)
    }

    static func two(_ tags: Tag..., isELF: Bool = true) -> MultibootBuilder {
        MultibootBuilder(version: .two, tags: tags + [.end], isELF: isELF)
    }

    func with(_ change: (inout MultibootBuilder) -> Void) -> MultibootBuilder {
        var copy = self
        change(&copy)
        return copy
    }

    var header: [UInt8] {
        var bytes: [UInt8] = []
        if version == .one {
            bytes.appendLittle(UInt32(0x1bad_b002))
            bytes.appendLittle(flags)
            bytes.appendLittle(0 &- 0x1bad_b002 &- flags &+ checksumError)
            for address in addresses { bytes.appendLittle(address) }
            return bytes
        }
        var encoded: [UInt8] = []
        for tag in tags {
            encoded.pad(to: 8)
            encoded.appendLittle(tag.type)
            encoded.appendLittle(UInt16(tag.isOptional ? 1 : 0))
            encoded.appendLittle(tag.size ?? UInt32(8 + tag.contents.count))
            encoded += tag.contents
        }
        let length = headerLength ?? UInt32(16 + encoded.count)
        bytes.appendLittle(UInt32(0xe852_50d6))
        bytes.appendLittle(architecture)
        bytes.appendLittle(length)
        bytes.appendLittle(0 &- 0xe852_50d6 &- architecture &- length &+ checksumError)
        return bytes + encoded
    }

    /// The header and code behind it.
    var contents: [UInt8] {
        let contents = [UInt8](repeating: 0x90, count: distance) + header + behind
        return contents + [UInt8](repeating: 0xf4, count: max(0, 0x100 - contents.count))
    }

    var bytes: [UInt8] {
        let contents = contents
        guard isELF else { return contents }
        let programs = [
            ELFBuilder.Header(
                physicalAddress: 0x10_0000, memorySize: max(0x2000, UInt64(contents.count) + 4), contents: contents)
        ]
        // Headers lie on multiples of 8 in ELF files of 32 bits, too, where there is padding in front of them.
        let padding = isWide ? 0 : 4
        var elf = ELFBuilder(
            isWide: isWide, machine: isWide ? 62 : 3, entry: 0x10_0040 + UInt64(padding), headers: programs)
        if padding > 0 { elf.headers[0].contents = [UInt8](repeating: 0, count: padding) + contents }
        return sections.isEmpty ? elf.bytes : withSections(elf.bytes)
    }

    /// Puts the sections' contents, then their headers, behind `elf`; the last section has the names.
    private func withSections(_ elf: [UInt8]) -> [UInt8] {
        var bytes = elf
        bytes.pad(to: 4096)
        var table = [UInt8](repeating: 0, count: isWide ? 64 : 40)
        for section in sections {
            var header: [UInt8] = []
            header.appendLittle(UInt32(1))
            header.appendLittle(section.type)
            for word in [0, section.address, UInt32(bytes.count), UInt32(section.contents.count)] {
                header.appendLittle(word)
                if isWide { header.appendLittle(UInt32(0)) }
            }
            header += [UInt8](repeating: 0, count: (isWide ? 64 : 40) - header.count)
            table += header
            bytes += section.contents
        }
        bytes.pad(to: 8)
        bytes.store(UInt32(bytes.count), at: isWide ? 0x28 : 0x20)
        let sizes = isWide ? 0x3a : 0x2e
        for (index, value) in [isWide ? 64 : 40, sections.count + 1, sections.count].enumerated() {
            bytes.store(UInt16(value), at: sizes + 2 * index)
        }
        return bytes + table
    }

    var result: Result<MultibootImage?, ImageError> {
        do throws(ImageError) { return .success(try MultibootImage(version, in: bytes.span.bytes)) } catch {
            return .failure(error)
        }
    }

    var image: MultibootImage? { if case .success(let image) = result { image } else { nil } }
    var refusal: ImageError? { if case .failure(let error) = result { error } else { nil } }
}
