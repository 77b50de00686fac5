// SPDX-License-Identifier: MIT

/// One entry of `/sys/firmware/efi/runtime-map`: memory that EFI runtime services need; `efi_memory_desc_t`.
public struct EFIRuntimeRange: Hashable, Sendable {
    /// `type`: an `EFI_MEMORY_TYPE` (5 runtime code, 6 runtime data, 11 memory-mapped I/O).
    public var type: UInt32
    /// `phys_addr`
    public var physicalAddress: UInt64
    /// `virt_addr`: where the running kernel has mapped it.
    public var virtualAddress: UInt64
    /// `num_pages`, of 4096 bytes each.
    public var pageCount: UInt64
    /// `attribute`: `EFI_MEMORY_*` bits.
    public var attribute: UInt64

    public init(type: UInt32, physicalAddress: UInt64, virtualAddress: UInt64, pageCount: UInt64, attribute: UInt64) {
        self.type = type
        self.physicalAddress = physicalAddress
        self.virtualAddress = virtualAddress
        self.pageCount = pageCount
        self.attribute = attribute
    }
}

/// What the running kernel knows of EFI; nil fields were not to be had. There at all where `/sys/firmware/efi` is.
public struct EFIFacts: Hashable, Sendable {
    /// `/sys/firmware/efi/fw_vendor`: as the next two, an address as firmware gave it, before virtual mapping.
    public var firmwareVendor: UInt64?
    /// `/sys/firmware/efi/runtime`: of the runtime services table.
    public var runtime: UInt64?
    /// `/sys/firmware/efi/config_table`
    public var configurationTable: UInt64?
    /// `ACPI20=` of `/sys/firmware/efi/systab`: as the next three, a physical address.
    public var acpi20: UInt64?
    /// `ACPI=`
    public var acpi: UInt64?
    /// `SMBIOS3=`
    public var smbios3: UInt64?
    /// `SMBIOS=`
    public var smbios: UInt64?
    /// `/sys/firmware/efi/fw_platform_size`: 32 or 64.
    public var platformSize: Int?
    /// `/sys/firmware/efi/runtime-map/*`, ascending by the number of their folder; empty where EFI runtime services
    /// are off (`noefi`) or nothing is shown.
    public var runtimeMap: [EFIRuntimeRange] = []
    /// The kernel's own verdict (`boot_params.secure_boot`), else the variable `SecureBoot` of
    /// `/sys/firmware/efi/efivars`; nil where neither tells.
    public var secureBoot: Bool?

    public init() {}
}
