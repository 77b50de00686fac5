// SPDX-License-Identifier: MIT
public import PhysicalMemory

/// One entry of `/sys/firmware/efi/runtime-map`: memory that EFI runtime services need; `efi_memory_desc_t`.
public struct EFIRuntimeRange: Hashable, Sendable {
    public var type: UInt32
    public var physicalAddress: UInt64
    public var virtualAddress: UInt64
    public var pageCount: UInt64
    public var attribute: UInt64
    public init(type: UInt32, physicalAddress: UInt64, virtualAddress: UInt64, pageCount: UInt64, attribute: UInt64) {
        self.type = type
        self.physicalAddress = physicalAddress
        self.virtualAddress = virtualAddress
        self.pageCount = pageCount
        self.attribute = attribute
    }
}

/// What the running kernel knows of EFI; nil fields were not to be had.
public struct EFIFacts: Hashable, Sendable {
    /// `/sys/firmware/efi/{fw_vendor,runtime,config_table}`: physical addresses.
    public var firmwareVendor: UInt64?
    public var runtime: UInt64?
    public var configurationTable: UInt64?
    /// `ACPI20=`, `ACPI=`, `SMBIOS3=`, `SMBIOS=` of `/sys/firmware/efi/systab`.
    public var acpi20: UInt64?
    public var acpi: UInt64?
    public var smbios3: UInt64?
    public var smbios: UInt64?
    /// `/sys/firmware/efi/fw_platform_size`: 32 or 64.
    public var platformSize: Int?
    /// Ascending by the number of their folder.
    public var runtimeMap: [EFIRuntimeRange] = []
    /// The SecureBoot variable says 1.
    public var secureBoot = false
    public init() {}
}

/// One BIOS disk as `/sys/firmware/edd/int13_devXX` shows it; `edd_info` of the boot protocol.
public struct EDDDevice: Hashable, Sendable {
    /// The BIOS drive number, 0x80 and up: XX of the folder's name.
    public var number: UInt8
    public var version: UInt8
    public var extensions: UInt16
    public var legacyMaxCylinder: UInt16
    public var legacyMaxHead: UInt8
    public var legacySectorsPerTrack: UInt8
    /// `mbr_signature`, where shown.
    public var mbrSignature: UInt32?
    /// `raw_data`: `edd_device_params`, at most 74 bytes.
    public var rawData: [UInt8]
    public init(
        number: UInt8, version: UInt8 = 0, extensions: UInt16 = 0, legacyMaxCylinder: UInt16 = 0,
        legacyMaxHead: UInt8 = 0, legacySectorsPerTrack: UInt8 = 0, mbrSignature: UInt32? = nil, rawData: [UInt8] = []
    ) {
        self.number = number
        self.version = version
        self.extensions = extensions
        self.legacyMaxCylinder = legacyMaxCylinder
        self.legacyMaxHead = legacyMaxHead
        self.legacySectorsPerTrack = legacySectorsPerTrack
        self.mbrSignature = mbrSignature
        self.rawData = rawData
    }
}

/// What `/proc/fb` and the framebuffer device say; where a driver lends the firmware's own framebuffer, the next
/// kernel can go on with it.
public struct FramebufferFacts: Hashable, Sendable {
    /// `fb_fix_screeninfo.id`: "VESA VGA", "EFI VGA", "simpledrmdrmfb", "i915drmfb".
    public var driver: String
    public init(driver: String) { self.driver = driver }
}

/// How far `/sys/kernel/security/lockdown` has locked the kernel.
public enum Lockdown: Hashable, Sendable { case none, integrity, confidentiality }

/// Whether a feature is there, where "cannot tell" is an answer of its own.
public enum Known<Value: Hashable & Sendable>: Hashable, Sendable {
    case known(Value)
    case unknown
}

/// The kexec state and limits of the running kernel.
public struct KexecState: Hashable, Sendable {
    /// `/sys/kernel/kexec/loaded`, then `/sys/kernel/kexec_loaded`; nil: no such file, so no kexec in this kernel.
    public var loaded: Bool?
    public var crashLoaded: Bool?
    /// `crash_size`: bytes reserved for a crash kernel; nil as above.
    public var crashSize: UInt64?
    /// `crash_elfcorehdr_size`; nil where the kernel cannot update it.
    public var crashCoreHeaderSize: UInt64?
    /// `kernel.kexec_load_disabled`
    public var loadDisabled = false
    /// `kernel.kexec_load_limit_reboot`, `..._panic`: loads left; nil: no limit (-1 or no such file).
    public var loadLimitReboot: Int?
    public var loadLimitPanic: Int?
    public var lockdown: Lockdown = .none
    /// CONFIG_KEXEC, CONFIG_KEXEC_FILE, CONFIG_KEXEC_SIG_FORCE from `/proc/config.gz` or `/boot/config-*`, where readable.
    public var hasKexecLoad: Bool?
    public var hasKexecFileLoad: Bool?
    public var forcesSignature: Bool?
    /// Kexec handover or live update is in use: only kexec_file_load keeps what it preserved.
    public var handoverActive = false
    /// `/dev/kexec`: our module is loaded.
    public var hasModule = false
    public init() {}
}

/// Everything a plan depends on, read once from one root directory; nothing in `Planning/` opens a file.
public struct MachineDescription: Hashable, Sendable {
    /// Read below "/" (the running machine), not from a capture.
    public var isRunning = false
    /// `/proc/sys/kernel/osrelease`, "6.1.0-56-cloud-amd64"; nil where unreadable.
    public var release: String?
    /// `uname -m`, from `/proc/sys/kernel/arch` where shown.
    public var architecture: String?
    /// The firmware's map, from `/sys/firmware/memmap`; from `/proc/iomem` where that is missing.
    public var memoryMap = MemoryMap()
    /// What `/proc/iomem` lists at its first level as "System RAM".
    public var systemRAM = PhysicalRangeSet()
    /// First-level `/proc/iomem` ranges that are no RAM, and nested "Reserved" ones inside RAM: nothing goes there.
    public var reserved = PhysicalRangeSet()
    /// "Crash kernel" ranges of `/proc/iomem`, ascending.
    public var crashKernel: [PhysicalRange] = []
    /// `/proc/cmdline`, without its newline.
    public var commandLine = ""
    /// `/sys/kernel/boot_params/data`: 4096 bytes; nil where not shown.
    public var bootParameters: [UInt8]?
    /// `ACPI20=`/`ACPI=`/boot_params: the RSDP's address, where known.
    public var rsdp: UInt64?
    public var efi: EFIFacts?
    public var edd: [EDDDevice] = []
    public var framebuffer: FramebufferFacts?
    public var kexec = KexecState()
    /// `MemTotal`, `MemFree` and `MemAvailable` of `/proc/meminfo`, in bytes.
    public var memoryTotal: UInt64 = 0
    public var memoryFree: UInt64 = 0
    public var memoryAvailable: UInt64 = 0
    /// CPU flags of `/proc/cpuinfo` include `la57`, and the running kernel uses it (no `no5lvl`).
    public var uses5LevelPaging = false
    /// CAP_SYS_BOOT and CAP_SYS_ADMIN are effective for this process (of `/proc/self/status`).
    public var hasSysBoot = false
    public var hasSysAdmin = false
    /// The CPU has the SHA extensions (`sha_ni`).
    public var hasSHAInstructions = false
    /// A confidential guest (`/sys/devices/system/cpu/…`, flags `sev_snp`, `tdx_guest`).
    public var isConfidentialGuest = false
    /// Xen's hypercalls are needed (`/sys/hypervisor/type` says "xen").
    public var isXen = false

    public init() {}
}
