// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Kexec

extension Diagnostic {
    /// What a plan does that its user may not expect.
    init(_ warning: PlanWarning) {
        switch warning {
        case .optionIgnored(let option, let party):
            self.init("'\(OptionTable.name(of: option))' has no effect with \(Self.words(for: party))")
        case .memoryMapCut(let entries, let kept):
            self.init(
                "kexec_file_load passes only \(kept) of \(entries) memory map entries on",
                hint: "-c passes all of them")
        case .emptyCommandLine:
            self.init("the next kernel gets an empty command line", hint: "--append or --reuse-cmdline")
        case .appendedNotRead(let part):
            self.init(
                (part == .dashes
                    ? "what --append gives is init's: the running kernel's line has '--' before it"
                    : "what --append gives becomes a part of a value: the running kernel's line ends inside quotes")
                    + "; give the whole line by --append, without --reuse-cmdline")
        case .handoverLost:
            self.init("kexec handover is on: only kexec_file_load keeps what it preserved", hint: "-s")
        case .fileNotChecked(let sign):
            self.init("no signature is checked, the kernel is not measured: " + Self.words(for: sign))
        case .coreHeaderLacks(let part):
            self.init("the dump will lack " + Self.words(for: part), hint: part == .firstMebibyte ? "-s" : nil)
        case .diskLost(let controller, let reason): self = Self.sentence(controller, reason)
        case .noFramebuffer(let isText): self.init(Self.words(forScreen: isText))
        case .needsBootServices: self.init(Self.needsBootServices)
        case .firstMultiboot(let error): self.init("Multiboot version 1 is used: " + Self.reason(error).text)
        case .initrdNotRead(let fault):
            self.init("the next kernel cannot unpack the initrd: " + Self.words(for: fault))
        case .asItIs(let part, let obstacle):
            let name = part == .kernel ? "the kernel" : "the initrd"
            self.init(name + " is not unpacked before the jump: " + Self.words(for: obstacle))
        case .notVerified: self.init("the image is entered without purgatory: nothing is verified")
        case .linuxEntered(let arguments):
            self.init(
                "the image is a Linux kernel, which does not start with --args-" + arguments.name,
                hint: Self.linuxHint)
        case .staysInX2APICMode(let obstacle):
            self.init(
                "the image may hang: it gets the processors in x2APIC mode, where they are in it, for "
                    + Self.words(for: obstacle))
        case .mayBeLinux:
            self.init(
                "the image is linked as a Linux kernel is, and gets boot notes: if it is one, it will hang",
                hint: Self.linuxHint)
        }
    }

    private static func words(for obstacle: X2APICObstacle) -> String {
        switch obstacle {
        case .wideID(let number): "the highest APIC ID is " + String(number) + ", above 254"
        case .locked: "the processor is locked in it"
        case .memoryMinimum: "--mem-min keeps what would leave it above 4 GiB"
        }
    }

    private static func words(forScreen isText: Bool?) -> String {
        switch isText {
        case nil: "the image asks for a framebuffer, and nothing is known of one: its screen may stay dark"
        case true?: "the image needs a screen of pixels, and this one is in text mode: it may stay dark"
        case false?: "the image needs a screen in text mode, and this one is of pixels: it may stay dark"
        }
    }

    /// With the remedy: a plan has no room for a hint.
    private static func words(for fault: InitrdFault) -> String {
        switch fault {
        case .xzCheck(let number):
            "its xz data has " + (number == 4 ? "the check CRC64" : "check " + String(number))
                + ", of which Linux knows CRC32 only; pack it with xz --check=crc32"
        case .xzFilter(let number):
            "its xz data has filter " + hexadecimal(UInt64(number))
                + ", of which Linux knows LZMA2 and x86 only; pack it with xz --check=crc32"
        case .gzipField(let flags):
            "its gzip header has fields that Linux does not skip (FLG is " + hexadecimal(UInt64(flags))
                + "); pack it with gzip -n"
        case .lz4Frame: "it is in lz4's frame format, and Linux knows the older one; pack it with lz4 -l"
        case .skippableFrame: "it begins with a frame to skip, which Linux does not; pack it with zstd or lz4 -l"
        case .zstdWindow:
            "its zstd data needs a dictionary, or a window of more than 128 MiB; pack it with zstd, without --long"
        case .oldArchive: "it is a cpio archive in an old format; make it with cpio -H newc"
        case .splitArchive(let compression):
            "its archive goes on behind the " + compression.name
                + " data that it begins in; pack the whole archive as one stream"
        }
    }

    private static func words(for part: CoreHeaderPart) -> String {
        switch part {
        case .processorNotes: "the processors' registers: the running kernel does not show crash_notes"
        case .vmcoreinfo:
            "what describes the kernel's structures: the running kernel does not show /sys/kernel/vmcoreinfo"
        case .virtualAddresses: "the kernel's virtual addresses: the running kernel does not show /proc/kcore"
        case .firstMebibyte: "the first MiB, which kernels before 5.5 use: the next one overwrites it"
        }
    }

    private static func words(for party: IgnoringParty) -> String {
        switch party {
        case .argsNone: "--args-none"
        case .elfProgram: "an ELF program that gets boot notes"
        case .kexecFileLoad: "kexec_file_load: the kernel places and verifies by itself"
        case .kexecLoad: "kexec_load"
        case .module: StaticCallName.module.rawValue
        case .bzImage: "a bzImage"
        case .elf: "an ELF executable"
        case .multiboot: "a Multiboot kernel"
        case .nbi: "a network boot image"
        case .noBIOSCalls: "an image that does not call the BIOS"
        case .crashKernel: "a crash kernel"
        case .notLinux: "what is not known to be Linux"
        case .noCrashKernel: "what is no crash kernel"
        }
    }
}
