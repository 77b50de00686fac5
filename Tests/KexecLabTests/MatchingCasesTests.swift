// SPDX-License-Identifier: MIT
import Foundation
import Testing

@testable import kexec_lab

/// The twenty-five cases in which this program behaves as kexec-tools does, and what proves each of them.
///
/// A VM case whose name begins with `peer/` or `boot-params/peer/` runs Debian's kexec-tools and ours with the same
/// arguments on the same machine: in one guest, or where they end in a jump, in one boot each.
private let matchingCases: [MatchingCase] = [
    MatchingCase(1, "-l K --initrd --append, then -e, boots", [.vm("peer/systemd"), .vm("peer/same")]),
    MatchingCase(
        2, "-s, -c, -a choose the call; auto falls back on ENOSYS, EINVAL, ENOEXEC, ENOTSUP",
        [.vm("peer/same"), .vm("peer/effects"), .unit("UnloadTests", "fallsBackBothWays")]),
    MatchingCase(3, "kexec_loaded is 1 after -l, 0 after -u", [.vm("peer/same")]),
    MatchingCase(
        4, "-p; -p -u", [.vm("peer/crash"), .unit("OptionActionTests", "doesWhatTheLastActionSays")]),
    MatchingCase(
        5, "-S and -S -l answer 1 or 0",
        [.vm("peer/same"), .vm("peer/crash"), .unit("ExitCodeTests", "keepsWhatCallersOfKexecToolsRelyOn")]),
    MatchingCase(6, "-f is load, sync, links down, jump", [.vm("peer/effects"), .vm("peer/force")]),
    MatchingCase(7, "no action option: load, then shutdown -r now", [.vm("peer/effects")]),
    MatchingCase(
        8, "-e with nothing loaded: a message, 1, no side effect",
        [.vm("peer/effects"), .vm("peer/same"), .vm("jump/refused")]),
    MatchingCase(9, "-x and -y are honoured", [.vm("peer/effects")]),
    MatchingCase(
        10, "--reuse-cmdline leaves out BOOT_IMAGE (with -p crashkernel, too), then appends",
        [.vm("peer/reuse-cmdline"), .vm("peer/crash-line")]),
    MatchingCase(
        11, "--command-line is --append, --ramdisk is --initrd",
        [.vm("peer/systemd"), .vm("peer/force"), .vm("peer/same"), .unit("OptionGetoptTests", "keepsEveryMeaningOf")]),
    MatchingCase(12, "-t takes the same names; another type is refused", [.vm("peer/same"), .vm("image/type")]),
    MatchingCase(
        13, "boot_params: loader, E820 and its extension, RSDP, EDD, seed, screen_info",
        [.vm("boot-params/peer/bios"), .vm("boot-params/peer/efi"), .vm("peer/e820-300")]),
    MatchingCase(14, "EFI: runtime map and SETUP_EFI; --noefi", [.vm("boot-params/peer/efi"), .vm("peer/noefi")]),
    MatchingCase(15, "initrd and kernel above 4 GiB", [.vm("peer/above-4G")]),
    MatchingCase(
        16, "gzip, lzma and zstd kernels", [.vm("image/gzip/c"), .vm("image/lzma/c"), .vm("image/zstd/c")],
        alone: "Debian builds its kexec-tools without any decompressor"),
    MatchingCase(
        17, "ELF64 vmlinux with --args-linux; ELF32 with boot notes; --args-none",
        [.vm("peer/vmlinux"), .vm("peer/elf32"), .vm("peer/elf64-args-elf"), .vm("peer/elf64-args-none")]),
    MatchingCase(
        18, "multiboot 1, its modules, registers and line", [.vm("multiboot/1")],
        alone: "kexec-tools puts the information on top of the interrupt vectors"),
    MatchingCase(
        19, "multiboot 2 and its relocatable tag", [.vm("multiboot/2/bios"), .vm("multiboot/2/efi")],
        alone: "kexec-tools tells nothing of a text screen, and nothing of EFI"),
    MatchingCase(20, "--console-serial, --serial, --serial-baud: \"I'm in purgatory\"", [.vm("peer/console")]),
    MatchingCase(
        21, "-i skips the digest; without it a corrupted segment does not boot",
        [.vm("peer/no-checks"), .vm("peer/digest"), .vm("digest/off"), .vm("digest/initrd/fast")]),
    MatchingCase(
        22, "--mem-min and --mem-max are respected",
        [.vm("peer/mem-max"), .vm("peer/above-4G"), .vm("peer/same")]),
    MatchingCase(23, "a UKI's .linux and .initrd", later: "unified kernel images"),
    MatchingCase(24, "kexec_test runs to its end", later: "16-bit and 32-bit entry"),
    MatchingCase(
        25, "-v and -h give 0, an unknown option 1; --print-ckr-size, elfcorehdr=, --hotplug",
        [.vm("peer/same"), .vm("peer/crash"), .vm("crash/7.x/c"), .vm("crash/hotplug-7.x")],
        later: "--load-preserve-context"),
]

private struct MatchingCase {
    enum Proof: Hashable {
        /// The name of a case in `Catalogue`.
        case vm(String)
        /// A suite and a function of it.
        case unit(String, String)
    }

    let number: Int
    let title: String
    let proofs: [Proof]
    /// What of it is not in this release.
    let later: String?
    /// Why kexec-tools cannot run beside.
    let alone: String?

    init(_ number: Int, _ title: String, _ proofs: [Proof] = [], later: String? = nil, alone: String? = nil) {
        (self.number, self.title, self.proofs, self.later, self.alone) = (number, title, proofs, later, alone)
    }

    var isSideBySide: Bool {
        proofs.contains { proof in
            if case .vm(let name) = proof {
                name.hasPrefix("peer/") || name.hasPrefix("boot-params/peer/")
            } else {
                false
            }
        }
    }
}

struct MatchingCasesTests {
    @Test func listsEachOnce() {
        #expect(matchingCases.map(\.number) == Array(1...25))
        #expect(matchingCases.allSatisfy { !$0.proofs.isEmpty || $0.later != nil })
    }

    @Test func everyNamedVMCaseExists() {
        let names = Set(Catalogue.all.map(\.name))
        for matching in matchingCases {
            for case .vm(let name) in matching.proofs { #expect(names.contains(name), "\(matching.number): \(name)") }
        }
    }

    @Test func everyNamedUnitTestExists() throws {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let files = FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil)?.compactMap {
            $0 as? URL
        }
        let sources = try (files ?? []).filter { $0.pathExtension == "swift" }.map {
            try String(contentsOf: $0, encoding: .utf8)
        }
        for matching in matchingCases {
            for case .unit(let suite, let function) in matching.proofs {
                let found = sources.contains { $0.contains("struct \(suite) ") && $0.contains("func \(function)(") }
                #expect(found, "\(matching.number): \(suite).\(function)")
            }
        }
    }

    @Test func whatIsCoveredRunsBesideKexecTools() {
        for matching in matchingCases where !matching.proofs.isEmpty {
            #expect(matching.isSideBySide != (matching.alone != nil), "\(matching.number): \(matching.title)")
        }
    }

    /// The other way round: no case beside kexec-tools is left out of the list.
    @Test func everyCaseBesideKexecToolsIsListed() {
        let listed = Set(matchingCases.flatMap(\.proofs))
        for test in Catalogue.all where test.name.hasPrefix("peer/") || test.name.hasPrefix("boot-params/peer/") {
            #expect(listed.contains(.vm(test.name)), "\(test.name)")
        }
    }
}
