// SPDX-License-Identifier: MIT
internal import BootFormats

/// What lets the next kernel go on with EFI runtime services: the system table, the runtime map with the virtual
/// addresses that SetVirtualAddressMap fixed, and the tables' addresses as firmware gave them (SETUP_EFI).
struct EFIHandover {
    /// `struct efi_setup_data`: vendor, runtime, tables, smbios, and eight reserved words.
    let setupData: [UInt8]
    /// `efi_memory_desc_t` entries of `descriptorSize` bytes.
    let runtimeMap: [UInt8]
    /// `secure_boot` of boot_params.
    let secureBoot: UInt8
    private let old: EFIInfo

    /// nil where the next kernel gets no EFI: not booted by it, `--noefi`, an image that cannot, or nothing known of the
    /// runtime map or the configuration table, without which a kernel finds no table of firmware's at all.
    init?(request: KexecRequest, machine: MachineDescription, imageSupportsIt: Bool) {
        guard !request.hidesEFI, imageSupportsIt, let efi = machine.efi, !efi.runtimeMap.isEmpty,
            (efi.configurationTable ?? 0) != 0,
            let bootParameters = machine.bootParameters, let old = EFIInfo(in: bootParameters),
            old.descriptorVersion == 1, old.descriptorSize >= UInt32(Self.descriptorFields)
        else { return nil }
        self.old = old
        secureBoot = bootParameters[0x1ec]
        setupData = Self.encodedSetupData(efi)
        runtimeMap = efi.runtimeMap.flatMap { Self.encoded($0, size: Int(clamping: old.descriptorSize)) }
    }

    func info(mapAt address: UInt64) -> EFIInfo {
        var info = old
        info.memoryMap = address
        info.memoryMapSize = UInt32(clamping: runtimeMap.count)
        return info
    }

    /// Bytes of `efi_memory_desc_t` that are defined; what is beyond is firmware's, and zero here.
    private static let descriptorFields = 40

    private static func encodedSetupData(_ efi: EFIFacts) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendLittle(efi.firmwareVendor ?? 0)
        // `runtime` is unused since Linux 5.7, and the in-kernel loader leaves it 0; older kernels want it.
        bytes.appendLittle(efi.runtime ?? 0)
        bytes.appendLittle(efi.configurationTable ?? 0)
        bytes.appendLittle(efi.smbios ?? 0)
        for _ in 0..<8 { bytes.appendLittle(UInt64(0)) }
        return bytes
    }

    static func encoded(_ range: EFIRuntimeRange, size: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendLittle(range.type)
        bytes.appendLittle(UInt32(0))
        bytes.appendLittle(range.physicalAddress)
        bytes.appendLittle(range.virtualAddress)
        bytes.appendLittle(range.pageCount)
        bytes.appendLittle(range.attribute)
        while bytes.count < size { bytes.append(0) }
        return bytes
    }
}
