// SPDX-License-Identifier: MIT
public import BootFormats
package import Handoff
public import PhysicalMemory

/// Which slot of the kernel an image goes to.
public enum LoadTarget: Hashable, Sendable {
    /// Started by `kexec -e` or a reboot.
    case reboot
    /// Started when the running kernel panics; lives in the crashkernel region.
    case crash
}

/// Which way the image is handed to the kernel.
public enum SystemCallChoice: Hashable, Sendable {
    /// Chosen from the facts of the machine, the image and the options; the reason is in the plan.
    case automatic
    case kexecLoad
    case kexecFileLoad
    /// Our own kernel module, `/dev/kexec`.
    case module
}

/// How purgatory proves that nothing changed between load and jump.
public enum DigestChoice: Hashable, Sendable {
    /// The multiply hash: against stray writes, not attackers; less than one instruction a byte.
    case fast
    case sha256
    case none
}

/// The image types that `--type` can force; kexec-tools' names plus ours.
public enum ForcedImageType: String, CaseIterable, Hashable, Sendable {
    case multiboot2X86 = "multiboot2-x86"
    case elfX86_64 = "elf-x86_64"
    case multibootX86 = "multiboot-x86"
    case elfX86 = "elf-x86"
    case bzImage64 = "bzImage64"
    case bzImage = "bzImage"
    case beobootX86 = "beoboot-x86"
    case nbiX86 = "nbi-x86"
    case uki = "uki"
    case bootSector = "boot-sector"
    case diskImage = "disk-image"
}

/// What an ELF executable expects in its registers.
public enum ELFArguments: Hashable, Sendable {
    /// `--args-elf`: a pointer to ELF boot notes.
    case elf
    /// `--args-linux`: a pointer to boot_params, as for a bzImage.
    case linux
    /// `--args-none`: nothing; entered directly, without purgatory.
    case nothing
}

/// The class of the ELF header that describes the crashed kernel's memory.
public enum CoreHeaderClass: Hashable, Sendable {
    /// `--elf32-core-headers`, `--elf64-core-headers`
    case elf32, elf64
}

/// What purgatory uses to speak and what it does to the screen.
public struct PurgatoryConsole: Hashable, Sendable {
    /// `--console-serial`
    public var serial = false
    /// I/O port of an 8250 UART; `--serial=ttyS0` is 0x3f8.
    public var serialPort: UInt16 = 0x3f8
    /// Bits a second, a divisor of 115200; 0 leaves the port's speed as it is.
    public var serialBaud: UInt32 = 0
    /// `--console-vga`
    public var vga = false
    /// `--reset-vga`
    public var resetVGA = false
    public init() {}
}

/// What the user asked for, as values: nothing has been opened or checked yet.
public struct KexecRequest: Hashable, Sendable {
    /// Path of the kernel image; `-` is standard input.
    public var kernel: ByteString
    /// Paths of the initrds, in order; concatenated, each padded to 4 bytes.
    public var initrds: [ByteString] = []
    /// What `--append` says; nil where it was not given.
    public var commandLine: ByteString?
    /// `--reuse-cmdline`: the running kernel's line goes first.
    public var reusesCommandLine = false
    /// `--load-panic` makes it `.crash`.
    public var target: LoadTarget = .reboot
    /// `--kexec-syscall`, `--kexec-file-syscall`, `--kexec-syscall-auto`, `--system-call`
    public var systemCall: SystemCallChoice = .automatic
    /// nil: `.fast` for a reboot, `.sha256` for a crash kernel.
    public var digest: DigestChoice?
    /// `--decompress`
    public var decompression: UnpackingChoice = .automatic
    /// `--fast`: words go in front of a Linux kernel's command line, see `FastWord`.
    public var startsFast = false
    /// `--type`; nil: the image's own bytes tell.
    public var forcedType: ForcedImageType?
    /// `--bios-drive`: of what a BIOS starts, the drive's number; nil: the payload finds out.
    public var biosDrive: UInt8?
    /// For ELF executables, other images take none of this; nil: `.linux` for a Linux kernel, else `.elf`.
    public var elfArguments: ELFArguments?
    /// `--mem-min`: the first address where segments may lie; nil: no bound.
    public var memoryMinimum: PhysicalAddress?
    /// `--mem-max`: the last one, which belongs to the bounds; nil: no bound.
    public var memoryMaximum: PhysicalAddress?
    /// `--entry`: where a kernel that was left with its context preserved is entered again; nil where 0 or not given.
    public var entry: PhysicalAddress?
    /// What purgatory says, and where.
    public var console = PurgatoryConsole()
    /// `--noefi`: the next kernel gets no EFI facts.
    public var hidesEFI = false
    /// `--pass-memmap-cmdline`
    public var passesMemoryMapInCommandLine = false
    /// `--reuse-video-type`
    public var reusesVideoType = false
    /// The kernel is our payload that has the BIOS start something: all that it gets lies below 4 GiB, where it need not be
    /// moved from. kexec_file_load has a will of its own.
    package var isForBIOS = false
    /// The PCI function of the disk that the payload drives itself.
    package var drivenController: PCIAddress?
    /// `--entry-32bit`: a bzImage is entered in 32-bit protected mode, also where it has a 64-bit entry.
    public var entry32Bit = false
    /// `--real-mode`: a bzImage is entered by its 16-bit setup code.
    public var realMode = false
    /// `--firmware-state`; nil: the one in `/run`, where there is one.
    public var firmwareState: ByteString?
    /// `--dtb`
    public var deviceTree: ByteString?
    /// `--module="file arguments"`, Multiboot only.
    public var modules: [ByteString] = []
    /// `--load-preserve-context`
    public var preservesContext = false
    /// `--load-jump-back-helper`
    public var jumpsBack = false
    /// `--load-live-update`: Xen keeps its guests over the jump.
    public var keepsGuests = false
    /// nil: as the machine's memory needs it.
    public var coreHeaderClass: CoreHeaderClass?
    /// `--hotplug`
    public var updatesCoreHeader = false
    /// `--no-cma`: `KEXEC_FILE_NO_CMA`.
    public var avoidsCMA = false
    /// `--force-dtb`: `KEXEC_FILE_FORCE_DTB`.
    public var forcesDeviceTree = false
    /// `-d`: the kernel may log as well; it changes nothing else.
    public var debug = false
    /// The options that were given, for the report of those that an image type cannot honour.
    public var givenOptions = KexecOptionSet()

    /// A request to load `kernel` for a reboot, everything else as the defaults are.
    public init(kernel: ByteString) { self.kernel = kernel }

    /// The user says how an ELF file is entered, so that a Multiboot header in it says nothing.
    var namesELFArguments: Bool { elfArguments != nil }

    /// The file that each of `modules` begins with, up to the first blank.
    package var moduleFiles: [ByteString] {
        modules.map { module in
            let blank = module.bytes.firstIndex(of: UInt8(ascii: " "))
            return ByteString(module.bytes[..<(blank ?? module.count)])
        }
    }

    /// The files besides the kernel that are handed over: no image takes both initrds and modules.
    package var otherFiles: [ByteString] { initrds.isEmpty ? moduleFiles : initrds }
}
