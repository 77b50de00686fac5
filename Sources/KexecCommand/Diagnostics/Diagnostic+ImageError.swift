// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Kexec

extension Diagnostic {
    /// Why the image at `path` cannot be loaded.
    init(_ error: ImageError, path: ByteString) {
        let reason = Self.reason(error)
        self.init("cannot load \(fileName(path)): \(reason.text)", hint: reason.hint)
    }

    static func reason(_ error: ImageError) -> (text: String, hint: String?) {
        switch error {
        case .empty: ("it is empty", nil)
        case .unrecognised(let content): (words(for: content), hint(for: content))
        case .otherKind(let wanted, let found):
            ("it is of type \(found.name), not \(wanted.name)", "leave out --type")
        case .endsInside(let field, let offset, let needed, let available):
            (
                "image ends inside '\(field.description)': need \(count(UInt64(needed), "byte")) at offset "
                    + "\(hexadecimal(UInt64(clamping: offset))), have \(available)", nil
            )
        case .partBeyondEnd(let part, let start, let size, let available):
            (
                "image is cut short: '\(part.description)' describes \(count(size, "byte")) at offset "
                    + "\(hexadecimal(start)), the image has \(count(UInt64(clamping: available), "byte"))", nil
            )
        case .badValue(let field, let offset, let found, let needed):
            (
                "'\(field.description)' is \(hexadecimal(found)) at offset \(hexadecimal(UInt64(clamping: offset))), "
                    + "need \(words(for: needed))", nil
            )
        case .badPayload(let offset):
            (
                "no compressed kernel begins at offset \(hexadecimal(UInt64(clamping: offset))), "
                    + "where 'setup_sects' and 'payload_offset' lead", nil
            )
        case .badPayloadSize(let offset, let found, let packed):
            (
                "the compressed kernel is damaged, or 'payload_length' is wrong: its last bytes, at offset "
                    + "\(hexadecimal(UInt64(clamping: offset))), say that \(count(packed, "byte")) unpack to \(found)",
                nil
            )
        case .protocolTooOld(let found, let needed, let offset):
            (
                "setup header says boot protocol \(protocolVersion(found)) at offset "
                    + "\(hexadecimal(UInt64(clamping: offset))), need \(protocolVersion(needed)) or later", nil
            )
        case .partsOverlap(let part, let first, let second, let address):
            ("\(part.description) \(first) and \(second) both want address \(hexadecimal(address))", nil)
        case .otherMachine(let machine): ("it is an ELF file for \(name(of: machine)), not for x86", nil)
        case .needsInterpreter:
            ("it is an ELF program for an operating system: it has a PT_INTERP, need a static executable", nil)
        case .unmetDemand(let demand, let offset): (sentence(demand, at: offset), nil)
        case .needsAddresses:
            ("its Multiboot header lacks the addresses where to load and enter it, and it is no ELF file", nil)
        case .partialSector(let size):
            ("it has \(count(UInt64(clamping: size), "byte")), need a multiple of 512 for a disk image", nil)
        case .tooLargeForBootSector(let size, let limit):
            (
                "it has \(count(UInt64(clamping: size), "byte")), need \(limit) or less for a boot sector",
                "a whole disk goes with --type=disk-image"
            )
        case .sectorSize(let size): ("its sectors have \(count(size, "byte")), a BIOS starts from 512", nil)
        case .nothingToLoad: ("it is an ELF file with nothing to load: no PT_LOAD has memory", nil)
        }
    }

    private static func sentence(_ demand: MultibootDemand, at offset: Int) -> String {
        var text = "its Multiboot2 header requires "
        switch demand {
        case .headerTag(let type): text += "tag " + String(type)
        case .information(let type): text += "information tag " + String(type) + name(ofInformation: type)
        }
        text += " at offset "
        text += hexadecimal(UInt64(clamping: offset))
        text += ", which kexec does not have"
        return text
    }

    /// As Multiboot2's specification has them.
    private static func name(ofInformation type: UInt32) -> String {
        switch type {
        case 5: " (BIOS boot device)"
        case 7: " (VBE)"
        case 10: " (APM)"
        case 13: " (SMBIOS)"
        case 16: " (network)"
        case 18: " (EFI boot services)"
        case 19, 20: " (EFI image handle)"
        default: " (unknown)"
        }
    }

    private static func words(for requirement: Requirement) -> String {
        switch requirement {
        case .exactly(let value): hexadecimal(value)
        case .atLeast(let value): "\(hexadecimal(value)) or more"
        case .atMost(let value): "\(hexadecimal(value)) or less"
        case .powerOfTwo: "a power of two"
        case .oneOf(let list): list.name.description
        case .sumBelow(let bits, let other): "a sum with '\(other.description)' that has \(bits) bits"
        case .insideLoadedPart: "an address that is filled from the file"
        case .insideInitSize: "the address of a page within 'init_size' from 'pref_address'"
        }
    }

    private static func words(for content: UnknownContent) -> String {
        let what: String =
            switch content {
            case .text: "text"
            case .script: "a script"
            case .portableExecutable: "a PE file (unified kernel image or EFI program)"
            case .dosExecutable: "a DOS or EFI program that is cut short or damaged"
            case .arm64Image: "an arm64 Image"
            case .armImage: "an arm zImage"
            case .riscvImage: "a riscv Image"
            case .uImage: "a U-Boot image"
            case .deviceTree: "a device tree"
            case .cpio: "a cpio archive"
            case .archive: "an archive"
            case .diskImage: "a disk or file system image"
            case .bootSector: "a boot sector, or a Linux kernel older than boot protocol 2.00"
            case .compressed(let compression): "\(compression.name)-compressed once more"
            case .zeros: "all zeros"
            case .unknown: "of no format that is known"
            }
        return "it is \(what), need a bzImage or an ELF executable for x86"
    }

    private static func hint(for content: UnknownContent) -> String? {
        switch content {
        case .cpio: "an initrd goes with --initrd="
        case .compressed: "unpack it once"
        default: nil
        }
    }

    private static func name(of machine: ELFMachine) -> String {
        switch machine.rawValue {
        case 8: "MIPS"
        case 20: "PowerPC"
        case 21: "64-bit PowerPC"
        case 22: "S/390"
        case 40: "arm"
        case 183: "arm64"
        case 243: "RISC-V"
        case 258: "LoongArch"
        default: "another machine (e_machine \(machine.rawValue))"
        }
    }
}

/// 0x020f: "2.15".
func protocolVersion(_ version: UInt16) -> String {
    "\(version >> 8).\(version & 0xff < 10 ? "0" : "")\(version & 0xff)"
}

/// "'/boot/vmlinuz'", "standard input".
func fileName(_ path: ByteString) -> String { path.namesStandardInput ? "standard input" : "'\(path)'" }

/// "1 byte", "17 bytes".
func count(_ number: UInt64, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
