// SPDX-License-Identifier: MIT
public import BootFormats
internal import Handoff
public import PhysicalMemory

/// Everything a plan depends on, read once from one root directory; nothing in `Planning/` opens a file.
public struct MachineDescription: Hashable, Sendable {
    /// Read below "/" (the running machine), not from a capture.
    public var isRunning = false
    /// When a running machine was read; nil for a capture.
    public var readAt: ClockSample?
    /// `/proc/sys/kernel/osrelease`, "6.1.0-56-cloud-amd64"; nil where unreadable.
    public var release: String?
    /// `/proc/sys/kernel/version`, "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-1"; nil where unreadable.
    public var version: String?
    /// `uname -m`: "x86_64".
    public var architecture: String?
    /// The firmware's map; of `/proc/iomem` where that is not shown, or `add_efi_memmap` makes it incomplete. Ascending.
    public var memoryMap = MemoryMap()
    /// Why segments cannot be placed; nil where memory is known. kexec_file_load places its own, and needs none of this.
    public var memoryGap: MemoryGap?
    /// What the running kernel keeps for itself inside RAM is known, as `/proc/iomem` shows it; false where the firmware's map
    /// is all there is.
    public var showsResources = true
    /// First-level "System RAM" of `/proc/iomem`; RAM of the memory map where there is no such file.
    public var systemRAM = PhysicalRangeSet()
    /// What no segment may lie in, of `/proc/iomem`: first-level ranges that are no RAM, whatever lies inside RAM
    /// and is neither the kernel itself nor the crash kernel region ("Reserved"), and RAM that a driver lends and
    /// may take back ("System RAM (kmem)", "System RAM (virtio_mem)").
    public var reserved = PhysicalRangeSet()
    /// "Crash kernel" ranges of `/proc/iomem`, ascending.
    public var crashKernel: [PhysicalRange] = []
    /// Where a crash kernel may be loaded, `crashk_res`: the highest range. With `crashkernel=SIZE,high` there is a
    /// second one below 4 GiB (`crashk_low_res`), which is RAM for it but takes no segment.
    public var crashRegion: PhysicalRange? { crashKernel.last }
    /// Whether there is such a region: where memory is not shown, as the kernel tells its size; nil where it does not.
    public var hasCrashRegion: Bool? {
        if crashRegion != nil { return true }
        return memoryGap == nil ? false : kexec.crashSize.map { $0 > 0 }
    }
    /// "Kernel code", "Kernel rodata", "Kernel data", "Kernel bss" of `/proc/iomem`, ascending.
    public var runningKernelImage: [PhysicalRange] = []
    /// `/sys/kernel/vmcoreinfo`: where the note for crash dumps lies.
    public var vmcoreInfo: PhysicalRange?
    /// What the header of a core dump needs besides.
    public var crash = CrashFacts()
    /// `/proc/cmdline`, without its newline; empty where it is not shown.
    public var commandLine: ByteString = ""
    /// There is such a file.
    public var showsCommandLine = true
    /// `/sys/kernel/boot_params/data` (or below debugfs): 4096 bytes; nil where not shown.
    public var bootParameters: [UInt8]?
    /// The RSDP's address: `boot_params.acpi_rsdp_addr`, else `ACPI20=`, `ACPI=` of EFI's systab, else `acpi_rsdp=`.
    public var rsdp: UInt64?
    /// Nil where the machine was not booted by EFI.
    public var efi: EFIFacts?
    /// Ascending by address; none where EFI started the machine, for there is no BIOS that could use them.
    var pciFunctions: [PCIFunction] = []
    /// `/run/swift-kexec/firmware-state`, or what `--firmware-state` named: see `FirmwareStateRecord`.
    var firmwareState: [UInt8]?
    /// Of the running kernel.
    public var kexec = KexecState()
    /// `/proc/config.gz` or `/boot/config-RELEASE`
    public var configuration = KernelConfiguration()
    /// `MemTotal` of `/proc/meminfo`, in bytes; 0 where not shown.
    public var memoryTotal: UInt64 = 0
    /// `MemAvailable`, likewise: what programs can have without swapping.
    public var memoryAvailable: UInt64 = 0
    /// `SwapFree`, in bytes; 0 where there is no swap.
    public var swapFree: UInt64 = 0
    /// The flag `la57` of `/proc/cpuinfo`, without `no5lvl` in the command line or CONFIG_X86_5LEVEL being off.
    public var uses5LevelPaging = false
    /// CAP_SYS_BOOT is effective for this process; nil where a capture does not tell.
    public var hasSysBoot: Bool?
    /// Nil where nothing tells of one; the processors need not be in x2APIC mode.
    public var x2APICObstacle: X2APICObstacle?
    /// A confidential guest: flags `tdx_guest`, or `sev`, `sev_es`, `sev_snp` under a hypervisor.
    public var isConfidentialGuest = false
    /// `/proc/sys/crypto/fips_enabled`
    public var isInFIPSMode = false
    /// `/proc/interrupts` shows the timer's at the I/O APIC: the running kernel's check of it, or its
    /// hypervisor, found that way to work, and no other was needed.
    public var timerIsProved = false
    /// Xen's hypercalls are needed: `/sys/hypervisor/type` says "xen" and this is domain 0 or a PV guest.
    public var isXen = false

    public init() {}
}
