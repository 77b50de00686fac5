// SPDX-License-Identifier: MIT
internal import BootFormats

/// The first page of the file, which is not loaded: ELF header, program headers, notes, Multiboot header.
///
///     0            52                             512         576
///     +------------+---------------+--------------+-----------+------------+- - -
///     | Elf32_Ehdr | Elf32_Phdr... | ELFBoot, Xen | Multiboot | Elf32_Shdr | zeros
///     +------------+---------------+--------------+-----------+------------+- - -
///
/// The contracts, and what reads them:
/// * System V ABI, i386: ET_EXEC, EM_386, physical addresses that equal virtual ones. kexec's `--args-linux`.
/// * Multiboot 0.6.96, section 3.1: the header in the first 8 KiB, on 4 bytes; flags 0 (modules on pages) and 1 (memory
///   information). No address fields: the ELF headers tell more. GRUB, QEMU, kexec.
/// * Xen's "PVH direct boot": a note "Xen" of type 18, XEN_ELFNOTE_PHYS32_ENTRY (<xen/elfnote.h>), with the physical entry.
///   QEMU reads eight bytes of it whatever its size is, so zeros follow.
/// * The "ELF boot proposal": notes "ELFBoot" with the program's name (1) and version (2), for people.
struct BootableELFHead {
    struct Segment {
        /// All of them multiples of pages, but for `fileSize` and `memorySize`.
        var offset: Int
        var address: UInt64
        var fileSize: Int
        var memorySize: UInt64
        /// `p_flags`: 1 execute, 2 write, 4 read.
        var flags: UInt32
    }

    var segments: [Segment]
    var entry: UInt64
    /// The kernel's own words, cut where they would need too much room.
    var version: String

    static let size = 4096
    static let multibootOffset = 512
    /// One entry of zeros, SHT_NULL: GRUB 2.12 refuses a file without any (`e_shnum` 0).
    private static let sectionsOffset = 576
    private static let sectionSize = 40
    private static let headerSize = 52
    private static let entrySize = 32
    private static let longestVersion = 160

    func encoded() -> [UInt8] {
        let notes = encodedNotes
        let notesOffset = Self.headerSize + (segments.count + 1) * Self.entrySize
        var bytes = header
        for segment in segments {
            append([1, UInt32(segment.offset)], to: &bytes)
            let address = UInt32(truncatingIfNeeded: segment.address)
            append([address, address, UInt32(segment.fileSize)], to: &bytes)
            append([UInt32(truncatingIfNeeded: segment.memorySize), segment.flags, 4096], to: &bytes)
        }
        append([4, UInt32(notesOffset), 0, 0, UInt32(notes.count), UInt32(notes.count), 4, 4], to: &bytes)
        bytes += notes
        bytes += [UInt8](repeating: 0, count: Self.size - bytes.count)
        let flags: UInt32 = 3
        let magic: UInt32 = 0x1bad_b002
        bytes.store(magic, at: Self.multibootOffset)
        bytes.store(flags, at: Self.multibootOffset + 4)
        bytes.store(0 &- (magic &+ flags), at: Self.multibootOffset + 8)
        return bytes
    }

    private var header: [UInt8] {
        // EI_CLASS 32 bits, EI_DATA little-endian, EI_VERSION 1.
        var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        bytes.appendLittle(UInt16(2))  // ET_EXEC
        bytes.appendLittle(UInt16(3))  // EM_386
        append(
            [1, UInt32(truncatingIfNeeded: entry), UInt32(Self.headerSize), UInt32(Self.sectionsOffset), 0], to: &bytes)
        for field in [Self.headerSize, Self.entrySize, segments.count + 1, Self.sectionSize, 1, 0] {
            bytes.appendLittle(UInt16(truncatingIfNeeded: field))
        }
        return bytes
    }

    private var encodedNotes: [UInt8] {
        var bytes: [UInt8] = []
        appendNote("ELFBoot", 1, Array("Linux".utf8) + [0], to: &bytes)
        appendNote("ELFBoot", 2, version.utf8.prefix(Self.longestVersion) + [0], to: &bytes)
        var address: [UInt8] = []
        address.appendLittle(UInt32(truncatingIfNeeded: entry))
        appendNote("Xen", 18, address, to: &bytes)
        return bytes
    }

    private func appendNote(_ owner: String, _ type: UInt32, _ descriptor: [UInt8], to bytes: inout [UInt8]) {
        let name = Array(owner.utf8) + [0]
        append([UInt32(name.count), UInt32(descriptor.count), type], to: &bytes)
        bytes += name
        bytes.pad(to: 4)
        bytes += descriptor
        bytes.pad(to: 4)
    }

    private func append(_ words: [UInt32], to bytes: inout [UInt8]) {
        for word in words { bytes.appendLittle(word) }
    }
}
