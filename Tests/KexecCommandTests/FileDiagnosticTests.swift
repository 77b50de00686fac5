// SPDX-License-Identifier: MIT
import BootFormats
import Handoff
import Kexec
import Testing

@testable import KexecCommand

@Suite struct FileDiagnosticTests {
    @Test(
        arguments: [
            (.empty, "it is empty"),
            (.unrecognised(looksLike: .text), "it is text, need a bzImage or an ELF executable for x86"),
            (
                .unrecognised(looksLike: .portableExecutable),
                "it is a PE file (unified kernel image or EFI program), need a bzImage or an ELF executable for x86"
            ),
            (.otherKind(wanted: .elfX86, found: .bzImage64), "it is of type bzImage64, not elf-x86"),
            (
                .endsInside("pref_address", at: 0x258, needed: 8, available: 0),
                "image ends inside 'pref_address': need 8 bytes at offset 0x258, have 0"
            ),
            (
                .partBeyondEnd("syssize", at: 0x5000, size: 14_164_480, available: 3_000_000),
                "image is cut short: 'syssize' describes 14164480 bytes at offset 0x5000, the image has 3000000 bytes"
            ),
            (
                .badValue("kernel_alignment", at: 0x230, found: 3, needed: .powerOfTwo),
                "'kernel_alignment' is 0x3 at offset 0x230, need a power of two"
            ),
            (
                .badValue("init_size", at: 0x260, found: 0x10000, needed: .atLeast(0xd82200)),
                "'init_size' is 0x10000 at offset 0x260, need 0xd82200 or more"
            ),
            (
                .badValue("pref_address", at: 0x258, found: .max, needed: .sumBelow(bits: 64, with: "init_size")),
                "'pref_address' is 0xffffffffffffffff at offset 0x258, need a sum with 'init_size' that has 64 bits"
            ),
            (
                .badValue("e_type", at: 16, found: 1, needed: .oneOf("ET_EXEC (2), ET_DYN (3)")),
                "'e_type' is 0x1 at offset 0x10, need ET_EXEC (2), ET_DYN (3)"
            ),
            (
                .badValue("e_entry", at: 24, found: 0, needed: .insideLoadedPart),
                "'e_entry' is 0x0 at offset 0x18, need an address that is filled from the file"
            ),
            (
                .protocolTooOld(found: 0x10c, needed: 0x200, at: 0x206),
                "setup header says boot protocol 1.12 at offset 0x206, need 2.00 or later"
            ),
            (
                .partsOverlap("PT_LOAD", first: 0, second: 3, at: 0x100_0000),
                "PT_LOAD 0 and 3 both want address 0x1000000"
            ),
            (.otherMachine(ELFMachine(rawValue: 183)), "it is an ELF file for arm64, not for x86"),
            (
                .otherMachine(ELFMachine(rawValue: 999)),
                "it is an ELF file for another machine (e_machine 999), not for x86"
            ),
            (
                .needsInterpreter,
                "it is an ELF program for an operating system: it has a PT_INTERP, need a static executable"
            ),
            (
                .badPayload(at: 0x52cc),
                "no compressed kernel begins at offset 0x52cc, where 'setup_sects' and 'payload_offset' lead"
            ),
            (
                .badPayloadSize(at: 0x1234, found: 7, packed: 2048),
                "the compressed kernel is damaged, or 'payload_length' is wrong: its last bytes, at offset 0x1234, "
                    + "say that 2048 bytes unpack to 7"
            ),
            (
                .needsAddresses,
                "its Multiboot header lacks the addresses where to load and enter it, and it is no ELF file"
            ),
            (
                .unmetDemand(.information(18), at: 0x1014),
                "its Multiboot2 header requires information tag 18 (EFI boot services) at offset 0x1014, which kexec does "
                    + "not have"
            ),
            (
                .unmetDemand(.information(99), at: 0x1014),
                "its Multiboot2 header requires information tag 99 (unknown) at offset 0x1014, which kexec does not have"
            ),
            (
                .unmetDemand(.headerTag(11), at: 0x1008),
                "its Multiboot2 header requires tag 11 at offset 0x1008, which kexec does not have"
            ),
            (
                .badValue("size", at: 0x1014, found: 0, needed: .atLeast(8)),
                "'size' is 0x0 at offset 0x1014, need 0x8 or more"
            ),
            (
                .otherKind(wanted: .multiboot2X86, found: .multibootX86),
                "it is of type multiboot-x86, not multiboot2-x86"
            ),
            (.nothingToLoad, "it is an ELF file with nothing to load: no PT_LOAD has memory"),
        ] as [(ImageError, String)])
    func saysWhyAnImageCannotBeLoaded(error: ImageError, reason: String) {
        #expect(Diagnostic(error, path: "/boot/k").sentence == "cannot load '/boot/k': " + reason)
        #expect(Diagnostic(error, path: "-").sentence == "cannot load standard input: " + reason)
    }

    @Test(arguments: [
        ("/boot/vmlinuz-6.1 \u{e9}\u{20ac}", "/boot/vmlinuz-6.1 \u{e9}\u{20ac}"),
        ("a\nb\u{1b}[31m\u{7f}", "a\\x0ab\\x1b[31m\\x7f"),
        ("\u{9b}31m\u{a0}", "\\x9b31m\u{a0}"), ("", ""), ("\0\u{80}\u{9f}\u{85}", "\\x00\\x80\\x9f\\x85"),
        ("a\u{202e}b\u{202a}\u{2066}\u{2069}", "a\\u202eb\\u202a\\u2066\\u2069"),
        ("\u{2028}\u{2029}\u{200e}\u{200f}\u{61c}", "\\u2028\\u2029\\u200e\\u200f\\u061c"),
        ("\u{200d}\u{2010}\u{2027}\u{202f}\u{2065}\u{206a}", "\u{200d}\u{2010}\u{2027}\u{202f}\u{2065}\u{206a}"),
        ("\u{61b}\u{800e}\u{d0}", "\u{61b}\u{800e}\u{d0}"),
    ])
    func keepsControlCharactersFromTheTerminal(text: String, shown: String) {
        #expect(printable(text) == shown)
    }

    @Test func keepsThemFromReadersOfJSON() {
        let text = "\"\\\u{1b}\u{7f}\u{9b}\u{202e}\u{2028}é€"
        #expect(JSONValue.string(text).text == #""\"\\\u001b\u007f\u009b\u202e\u2028é€""#)
    }

    @Test func printsNoPathRaw() {
        let report = RecordingReport(record: FirmwareStateRecord(), path: "a\u{1b}[31m\u{202e}")
        #expect(report.text == "0 functions in 'a\\x1b[31m\\u202e'\n")
        #expect(silence(of: "p\u{1b}") == "waiting for 'p\\x1b': this pipe has given nothing for 5 seconds\n")
    }

    @Test(arguments: [
        (PlanRefusal.initrdWithNBI, "an initrd cannot be passed to a network boot image: it holds all that it loads"),
        (
            .badLayout(.badValue("load address", at: 20, found: 0x5000, needed: .atMost(0x4000))),
            "the image does not fit into this machine's memory: 'load address' is 0x5000 at offset 0x14, need 0x4000 or less"
        ),
        (
            PlanRefusal.needsBootServices,
            "the image is to be started by EFI's boot services, which have ended: on this machine it dies after the jump"
        ),
        (.initrdWithMultiboot, "an initrd cannot be passed to a Multiboot kernel"),
        (.modulesWithoutMultiboot(kind: "bzImage64"), "'--module' is for Multiboot kernels, this is bzImage64"),
    ])
    func saysWhichFilesAKernelDoesNotTake(refusal: PlanRefusal, sentence: String) {
        #expect(Diagnostic(refusal).sentence == sentence)
    }

    @Test func listsNoThousandSegments() {
        let names = (0..<1000).map { "kernel-\($0)" }
        let rule = PlanRefusal.segmentRule(.tooManySegments(count: 1000, limit: 16), names: names, places: [])
        #expect(
            Diagnostic(rule).sentence
                == "1000 segments (kernel-0, kernel-1, kernel-2, kernel-3, kernel-4, kernel-5, kernel-6, kernel-7 "
                + "and 992 more), the kernel takes 16: the kernel would refuse this plan")
    }

    @Test func endsWithTheStatusOfAFullMemoryWhereAFileIsTooLarge() {
        let failure = FileFailure(path: "k", problem: .memoryShort(needed: 4097, available: 4096))
        #expect(ExitCode(.file(failure), choice: .automatic) == .memory)
        #expect(
            Diagnostic(failure).sentence
                == "cannot read 'k': not enough memory for its contents: more than the 4096 bytes that may be used")
        #expect(ExitCode(.file(FileFailure(path: "k", problem: .empty)), choice: .automatic) == .file)
    }

    @Test func hintsWhereTheUserCanAct() {
        #expect(
            Diagnostic(.unrecognised(looksLike: .cpio), path: "i").hint == "an initrd goes with --initrd=")
        #expect(Diagnostic(.unrecognised(looksLike: .text), path: "i").hint == nil)
    }

    @Test(
        arguments: [
            (.missing, "no such file"), (.notPermitted, "not permitted"), (.directory, "it is a directory"),
            (.characterDevice, "it is a character device"), (.blockDevice, "it is a block device"),
            (.socket, "it is neither a file nor a pipe"), (.empty, "it is empty"),
            (
                .memoryShort(needed: 64 << 20, available: 17 << 20),
                "not enough memory for its contents: need at least 64 MiB, 17 MiB may be used"
            ),
            (
                .dictionaryTooLarge(.xz, limit: 130 << 20),
                "its xz dictionary is too large to unpack it: need one that takes 130 MiB or less"
            ),
            (.unknownFilter(.xz), "its xz data has a filter that this program does not know"),
            (.codecMissing(.zstd), "it is compressed with zstd, which this program was built without"),
            (.corrupt(.gzip, at: 0x1000), "its gzip data is corrupt, found at offset 0x1000"),
            (
                .truncated(.xz, size: 700),
                "its xz data is cut short: it goes on beyond byte 700, the last of the file"
            ),
            (
                .trailingBytes(.bzip2, at: 140, count: 1),
                "1 byte after the end of its bzip2 data, at offset 0x8c"
            ),
            (.unpacksToNothing(.lz4), "its lz4 data unpacks to nothing"),
            (.failed(CallFailure(call: .mmap, errno: 12)), "mmap: Cannot allocate memory"),
        ] as [(FileProblem, String)])
    func saysWhyAFileCannotBeRead(problem: FileProblem, reason: String) {
        #expect(
            Diagnostic(FileFailure(path: "/boot/k", problem: problem)).sentence == "cannot read '/boot/k': " + reason)
    }
}
