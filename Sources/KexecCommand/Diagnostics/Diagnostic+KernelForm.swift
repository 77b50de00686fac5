// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Kexec

extension Diagnostic {
    /// Why a kernel or an initrd goes as it is, for a report and as the end of a sentence.
    static func words(for obstacle: UnpackingObstacle) -> String {
        switch obstacle {
        case .notWanted: "not asked for (--decompress)"
        case .notLinux: "the image is no bzImage of Linux, or of one that cannot be moved"
        case .otherEntry: "the kernel is not entered by its 64-bit entry"
        case .tooOld: "the kernel is older than Linux 6.1, or names no version"
        case .crashKernel: "the kernel is a crash kernel"
        case .kexecFileLoad: "kexec_file_load takes it so"
        case .confidentialGuest: "this is a confidential guest"
        case .commandLine(let name): "'" + name.description + "' in the command line speaks against it"
        case .pagingDepth: "only its own decompressor changes the number of page table levels"
        case .noRandomness: "there are no random numbers yet for its address"
        case .memoryShort(let needed, let available):
            "not enough memory to unpack it: need " + byteSize(needed) + ", " + availableSize(available)
                + " may be used"
        case .packing: "this program does not unpack what it is packed with"
        case .payload(let problem): "cannot unpack it: " + reason(problem).text
        case .image(let error): "what it unpacks to is laid out in no known way: " + reason(error).text
        case .notMovable: "it was built to run at one address only (no CONFIG_RANDOMIZE_BASE)"
        case .noRoom(let needed): "no free piece of memory has the " + byteSize(needed) + " that it needs"
        case .nothingPacked: "nothing in it is compressed"
        case .unknownPiece(let offset):
            "at offset " + hexadecimal(UInt64(offset)) + " is nothing that both Linux and this program unpack"
        case .notArchive(let compression): "its " + compression.name + " data is no complete cpio archive"
        case .splitArchive(let compression):
            "its archive goes on behind the " + compression.name + " data that it begins in"
        case .earlyFile: "its compressed part has microcode or ACPI tables, which Linux must not find there"
        }
    }

    /// For the report of a plan.
    static func words(for form: InitrdForm) -> String {
        switch form {
        case .unpacked(let compression, let packed, let size):
            "unpacked from " + compression.name + ", " + byteSize(UInt64(packed)) + " to " + byteSize(UInt64(size))
        case .asItIs(let obstacle): "as it is: " + words(for: obstacle)
        }
    }

    static func words(for form: KernelForm) -> String {
        switch form {
        case .unpacked(let compression, let isRandomised):
            "unpacked from " + compression.name
                + (isRandomised ? ", at random addresses" : ", at its usual virtual address (nokaslr)")
        case .asItIs(let obstacle): "as it is: " + words(for: obstacle)
        }
    }
}
