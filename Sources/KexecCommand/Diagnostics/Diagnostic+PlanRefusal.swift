// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Handoff
internal import Kexec
internal import PhysicalMemory

extension Diagnostic {
    /// Why a plan must not be loaded.
    init(_ refusal: PlanRefusal) {
        switch refusal {
        case .noRoom(let segment, let shortage):
            self.init("no room for segment '" + segment + "': need " + Self.words(for: shortage))
        case .placeTaken(let segment, let range, let obstacle):
            self.init("segment '" + segment + "' wants " + addresses(range) + ", " + Self.words(for: obstacle))
        case .commandLineTooLong(let length, let limit):
            self.init("command line has " + String(length) + " bytes, the kernel takes " + String(limit))
        case .entryMissing(let entry): self.init(Self.sentence(for: entry))
        case .optionNotSupported(let option):
            self.init("'" + OptionTable.name(of: option) + "' is not supported by this version")
        case .segmentRule(let rule, let names, let places):
            self = Self.forSegmentRule(rule, names, places)
        case .memoryShort(let needed, let available):
            self.init(
                "not enough memory: the kernel needs " + byteSize(needed) + " to keep the image, "
                    + availableSize(available) + " are available")
        case .noCrashKernelRegion:
            self.init(
                "no memory is reserved for a crash kernel: '/proc/iomem' has no line \"Crash kernel\"",
                hint: Self.crashKernelHint)
        case .crashSizeIsZero:
            self.init(
                "no memory is reserved for a crash kernel: '/sys/kernel/kexec_crash_size' is 0",
                hint: Self.crashKernelHint)
        case .commandLineNotShown:
            self.init(
                "'--reuse-cmdline' has nothing to take: '/proc/cmdline' cannot be read",
                hint: "mount /proc, or give the whole line by --command-line")
        case .noHotplug:
            self.init(
                "'--hotplug' needs a kernel that updates crash dump headers: "
                    + "'/sys/kernel/kexec/crash_elfcorehdr_size' does not exist (CONFIG_CRASH_HOTPLUG)")
        case .coreHeaderTooNarrow(let memory):
            self.init(
                "memory at " + addresses(memory) + " cannot be described by --elf32-core-headers",
                hint: "--elf64-core-headers")
        case .coreHeaderTooLong(let entries, let limit):
            self.init(
                "a core header of " + String(entries) + " processors and pieces of memory cannot be made: at most "
                    + String(limit))
        case .noSystemCall(let obstacles): self = Self.forSystemCalls(obstacles)
        case .notPermitted: self.init("CAP_SYS_BOOT is needed", hint: "run it as root")
        case .loadDisabled:
            self.init("loading is switched off until the next boot: kernel.kexec_load_disabled is 1")
        case .loadLimitReached(let target):
            let name = target == .crash ? "panic" : "reboot"
            self.init("no load is left: kernel.kexec_load_limit_\(name) is 0")
        case .noKexecInKernel:
            self.init(
                "the running kernel has no kexec: '/sys/kernel/kexec_loaded' does not exist (CONFIG_KEXEC)",
                hint: Self.moduleHint)
        case .needsXen:
            self.init("this is domain 0 or a PV guest of Xen, where kexec goes by hypercalls: not supported")
        case .purgatoryUnusable: self.init("the purgatory in this program is broken: this is a bug in its build")
        case .noBIOS:
            self.init(
                "the image is entered in real mode and calls the BIOS, and this machine was started by EFI: it has none",
                hint: "a Linux kernel can be entered without: --entry-32bit")
        case .biosBoot(let obstacle, let type):
            self.init("'--type=\(type.rawValue)' \(Self.words(for: obstacle))")
        case .firmwareStateUnusable(let error): self.init(error)
        case .firmwareStateElsewhere(let function, let difference): self = Self.sentence(function, difference)
        case .initrdWithoutLinux(let arguments):
            let with = arguments.map { "with --args-" + $0.name } ?? "to an ELF file that does not say that it is Linux"
            self.init("an initrd cannot be passed " + with, hint: Self.linuxHint)
        case .needsBootServices: self.init(Self.needsBootServices)
        case .initrdWithMultiboot:
            self.init("an initrd cannot be passed to a Multiboot kernel", hint: "pass it with --module")
        case .initrdWithNBI:
            self.init("an initrd cannot be passed to a network boot image: it holds all that it loads")
        case .badLayout(let error):
            self.init("the image does not fit into this machine's memory: " + Self.reason(error).text)
        case .modulesWithoutMultiboot(let kind):
            self.init("'--module' is for Multiboot kernels, this is \(kind)")
        }
    }

    private static func words(for obstacle: BIOSBootObstacle) -> String {
        switch obstacle {
        case .noBIOS: "needs a BIOS, and this machine was started by EFI: it has none"
        case .crashKernel: "is no crash kernel: it needs all of the machine"
        case .option(let option): "cannot be used with '\(OptionTable.name(of: option))'"
        }
    }

    private static func words(for obstacle: Obstacle) -> String {
        switch obstacle {
        case .notRAM: "which is not all free RAM"
        case .firstPage: "which holds the first page of memory: interrupt vectors and BIOS data"
        case .crashKernel: "which is reserved for the crash kernel"
        case .outsideCrashRegion(let region): "which lies outside the crash kernel region, " + addresses(region)
        case .outsideBounds(let limits): "which lies outside" + words(for: limits)
        case .otherSegment(let name): "where segment '\(name)' is"
        }
    }

    /// The bounds are those after the options, which are named.
    private static func words(for shortage: RoomShortage) -> String {
        let options = words(for: shortage.limits)
        let left = shortage.bounds.intersection(shortage.limits.range)
        let end =
            left == nil
            ? ", of which" + options + " leaves nothing"
            : (options.utf8.isEmpty ? "" : ", set by" + options) + ", the largest free piece has "
                + availableSize(shortage.largest)
        return byteSize(shortage.needed) + " in one piece, from a multiple of " + hexadecimal(shortage.alignment)
            + ", between " + addresses(left ?? shortage.bounds) + end
    }

    /// " --mem-min=0x1000 --mem-max=0x1ffffff"
    private static func words(for limits: MemoryLimits) -> String {
        (limits.minimum == .zero ? "" : " --mem-min=" + hexadecimal(limits.minimum.rawValue))
            + (limits.maximum == PhysicalAddress(.max) ? "" : " --mem-max=" + hexadecimal(limits.maximum.rawValue))
    }

    private static func sentence(for entry: EntryKind) -> String {
        switch entry {
        case .protectedMode(let version):
            "the image (boot protocol \(version >> 8).\(twoDigits(version & 0xff))) can be entered in real mode only, "
                + "need boot protocol 2.02 or later"
        case .realMode(let size, let limit):
            "the image's setup code, \(size) bytes by 'setup_sects', leaves no room for a stack: "
                + "need \(limit) bytes or less"
        case .loadedHigh:
            "the image is an old zImage, to be loaded below 1 MiB: loadflags at offset 0x211 lacks LOADED_HIGH"
        }
    }

    private static func twoDigits(_ number: UInt16) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// The first eight, and how many more: an image can ask for a thousand.
    private static func list(_ names: [String]) -> String {
        let others = names.count - 8
        return names.prefix(8).joined(separator: ", ") + (others > 0 ? " and \(others) more" : "")
    }

    private static func forSegmentRule(
        _ rule: BrokenSegmentRule, _ names: [String], _ places: [PhysicalRange]
    ) -> Diagnostic {
        func named(_ index: Int) -> String {
            names.indices.contains(index) && places.indices.contains(index)
                ? "segment '" + names[index] + "' (" + addresses(places[index]) + ")" : "a segment"
        }
        let broken: String =
            switch rule {
            case .tooManySegments(let count, let limit):
                String(count) + " segments (" + list(names) + "), the kernel takes " + String(limit)
            case .entryOutsideCrashRegion(let entry, let region):
                "entry point " + hexadecimal(entry) + " lies outside " + words(for: region)
            case .endBeforeStart(let index): named(index) + " ends before it begins"
            case .notPageAligned(let index): named(index) + " does not begin and end on a page"
            case .aboveAddressLimit(let index, let limit):
                named(index) + " has to end below " + hexadecimal(limit)
            case .overlap(let index, let other): named(index) + " overlaps " + named(other)
            case .contentsLargerThanPlace(let index): named(index) + " has more contents than room"
            case .segmentTooLarge(let index, let pages, let limit):
                named(index) + " takes " + tooMuch(pages, limit)
            case .allTooLarge(let pages, let limit):
                "all segments take " + tooMuch(pages, limit)
            case .outsideCrashRegion(let index, let region): named(index) + " lies outside " + words(for: region)
            }
        return Diagnostic(broken + ": the kernel would refuse this plan")
    }

    private static var crashKernelHint: String { "boot the running kernel with crashkernel=256M" }

    private static func tooMuch(_ pages: UInt64, _ limit: UInt64) -> String {
        byteSize(pages * pageSize) + ", more than half of RAM (" + availableSize(limit * pageSize) + ")"
    }

    private static func words(for region: SegmentRules.CrashRegion) -> String {
        "the crash kernel region, "
            + addresses(PhysicalRange(from: PhysicalAddress(region.start), to: PhysicalAddress(region.end)))
    }

    private static func forSystemCalls(_ obstacles: [SystemCallObstacle]) -> Diagnostic {
        // Who may see memory has a call that can.
        if let gap = obstacles.memoryGap { return Diagnostic(gap) }
        if let call = obstacles.first?.call, obstacles.allSatisfy({ $0.call == call }) {
            // The one that was asked for.
            let reasons = obstacles.map { words(for: $0.cause) }
            return Diagnostic(
                "\(call.name) cannot load this image: " + reasons.joined(separator: "; "),
                hint: hint(for: obstacles) ?? (call == .module ? nil : "-a takes the call that can"))
        }
        let reasons = obstacles.map { "\($0.call.name): \(words(for: $0.cause))" }
        return Diagnostic(
            "no system call can load this image: " + reasons.joined(separator: "; "), hint: hint(for: obstacles))
    }

    static var moduleHint: String { "a module of this program does it instead: modprobe kexec_mod" }

    private static func hint(for obstacles: [SystemCallObstacle]) -> String? {
        for obstacle in obstacles {
            switch obstacle.cause {
            case .moduleNotLoaded(let besideNative): return besideNative ? moduleHint + " beside_native=1" : moduleHint
            case .moduleInterface: return interfaceHint
            case .sleepingSiblings(let siblings): return hint(for: siblings)
            case .notInKernel, .lockdown, .signaturesEnforced, .imaAppraisal, .imageKind, .lowMemoryOnly, .pagingDepth,
                .option, .commandLineTooLong, .moduleDisabled, .moduleLimitUsedUp, .besideNative, .crashKernel,
                .forcedReboot, .memoryUnknown, .factsNotShown, .memoryMapTooLong, .firmware32Bit:
                break
            }
        }
        return nil
    }

    static var interfaceHint: String { "program and module must be of the same version" }

    /// 0: none that could tell.
    static func interface(_ found: UInt32) -> String {
        "/dev/kexec has " + (found == 0 ? "another interface" : "interface " + String(found)) + ", need "
            + String(ModuleInterface.version)
    }

    static var forcedReboot: String {
        "with reboot=force a reboot stops neither devices nor processors, and nor would it"
    }

    @inline(never) static func words(for siblings: SleepingSiblings) -> String {
        "sibling threads are offline (nosmt: /sys/devices/system/cpu/smt/control is "
            + (siblings == .forcedOff ? "forceoff" : "off") + ") and would wake in the next kernel's memory"
    }

    @inline(never) static func hint(for siblings: SleepingSiblings) -> String {
        siblings == .forcedOff
            ? "boot the running kernel without nosmt=force" : "echo on > /sys/devices/system/cpu/smt/control"
    }

    static func words(for cause: SystemCallObstacle.Cause) -> String {
        switch cause {
        case .notInKernel: "not configured into the running kernel"
        case .lockdown(let level):
            "the kernel is locked down (\(level == .integrity ? "integrity" : "confidentiality"))"
        case .signaturesEnforced(.configuration): "the kernel takes signed images only (CONFIG_KEXEC_SIG_FORCE)"
        case .signaturesEnforced(.secureBoot): "Secure Boot is on: the kernel takes signed images only"
        case .imaAppraisal: "IMA appraises kernel images, and this way shows it no file"
        case .imageKind(let kind): "takes 64-bit bzImages only, this is \(kind)"
        case .lowMemoryOnly:
            "the image may not be loaded above 4 GiB: xloadflags at offset 0x236 lacks XLF_CAN_BE_LOADED_ABOVE_4G"
        case .pagingDepth: "the image cannot be entered with 5-level paging, which is on"
        case .option(let option): "cannot honour \(OptionTable.name(of: option))"
        case .commandLineTooLong(let length, let limit): "command line has \(length) bytes, it takes \(limit)"
        case .moduleNotLoaded: "/dev/kexec does not exist"
        case .moduleInterface(let found): interface(found)
        case .moduleDisabled: "switched off: its parameter 'disabled' is set"
        case .moduleLimitUsedUp: "no load is left: its parameter 'load_limit' is 0"
        case .besideNative: "is for kernels without kexec, or where it is asked for"
        case .crashKernel: "loads no crash kernels: a panic leaves the kernel by another way"
        case .forcedReboot: forcedReboot
        case .sleepingSiblings(let siblings): words(for: siblings)
        case .memoryUnknown(let gap): Diagnostic(gap).sentence
        case .factsNotShown:
            "what it hands on is not all shown: boot_params and EFI's tables by /sys, resources by /proc/iomem"
        case .memoryMapTooLong(let entries): "would drop memory map entries beyond 128 of \(entries)"
        case .firmware32Bit: "does not load with 32-bit EFI firmware"
        }
    }
}

extension SystemCall {
    /// As `--system-call` and `--plan=json` spell it.
    var name: String {
        switch self {
        case .kexecLoad: "kexec_load"
        case .kexecFileLoad: "kexec_file_load"
        case .module: "module"
        }
    }

    /// What does it, in a sentence.
    var subject: String { self == .module ? StaticCallName.module.rawValue : name }
}

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

    private static var linuxHint: String { "a Linux kernel as ELF file wants --args-linux" }

    private static func words(for obstacle: X2APICObstacle) -> String {
        switch obstacle {
        case .wideID(let number): "the highest APIC ID is " + String(number) + ", above 254"
        case .locked: "the processor is locked in it"
        }
    }

    private static func words(forScreen isText: Bool?) -> String {
        switch isText {
        case nil: "the image asks for a framebuffer, and nothing is known of one: its screen may stay dark"
        case true?: "the image needs a screen of pixels, and this one is in text mode: it may stay dark"
        case false?: "the image needs a screen in text mode, and this one is of pixels: it may stay dark"
        }
    }

    private static var needsBootServices: String {
        "the image is to be started by EFI's boot services, which have ended: on this machine it dies after the jump"
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

    /// The plan's choice of system call, for people.
    static func words(for reason: SystemCallReason) -> String {
        switch reason {
        case .requested: "asked for"
        case .noneIsLegal: "but none can load this image"
        case .nothingAgainstKexecLoad:
            "carries every image type and the whole memory map, and nothing speaks against it"
        case .nothingKnownAgainstKexecLoad:
            "not known whether the kernel has it: a filter of system calls (seccomp) keeps it from telling"
        case .only(let obstacles):
            obstacles.map { "\($0.call.name): \(words(for: $0.cause))" }.joined(separator: "; ")
        case .handoverActive: "keeps what kexec handover preserved"
        case .fileChecks(let sign): "the kernel sees the file: " + words(for: sign)
        }
    }

    /// Why it matters that the running kernel sees a kernel's file.
    static func words(for sign: FileCheckSign) -> String {
        switch sign {
        case .policyRule: "a rule of IMA's policy is for kernel files"
        case .ownPolicy: "IMA has the administrator's own policy"
        case .commandLine: "the command line gives IMA a policy"
        case .measurements: "IMA measures files"
        case .secureBoot: "Secure Boot is on"
        case .signaturesForced: "CONFIG_KEXEC_SIG_FORCE"
        }
    }
}

extension LoadGuarantees {
    /// By bit.
    private static let names: [String] = [
        "signature check", "measurement and appraisal by IMA", "IMA's list of measurements",
        "what kexec handover preserved", "check that names a segment", "unpacking before the jump",
        "memory map entries beyond 128", "start by a shutdown",
    ]

    /// "signature check, start by a shutdown", for the report of a plan; nil for nothing.
    var words: String? {
        var words = ""
        for (bit, name) in Self.names.enumerated() where rawValue >> UInt8(bit) & 1 != 0 {
            words += (words.utf8.isEmpty ? "" : ", ") + name
        }
        return words.utf8.isEmpty ? nil : words
    }
}
