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

    static var needsBootServices: String {
        "the image is to be started by EFI's boot services, which have ended: on this machine it dies after the jump"
    }

    static var linuxHint: String { "a Linux kernel as ELF file wants --args-linux" }
}
