// SPDX-License-Identifier: MIT
internal import PhysicalMemory

extension EFIRuntimeRange {
    /// One folder of `/sys/firmware/efi/runtime-map`; nil where a file says nothing sensible.
    init?(type: [UInt8], physicalAddress: [UInt8], virtualAddress: [UInt8], pageCount: [UInt8], attribute: [UInt8]) {
        guard let type = type.trimmed.hexadecimal, let type = UInt32(exactly: type),
            let physicalAddress = physicalAddress.trimmed.hexadecimal,
            let virtualAddress = virtualAddress.trimmed.hexadecimal,
            let pageCount = pageCount.trimmed.hexadecimal, let attribute = attribute.trimmed.hexadecimal
        else { return nil }
        self.init(
            type: type, physicalAddress: physicalAddress, virtualAddress: virtualAddress, pageCount: pageCount,
            attribute: attribute)
    }
}

extension EFIFacts {
    /// Reads the lines of `systab`: `ACPI20=0x7fb7e014`.
    mutating func addTables(parsing systab: [UInt8]) {
        for line in systab.lines {
            guard let (name, value) = line.value(of: "="), let address = value.hexadecimal else { continue }
            if name.equals("ACPI20") {
                acpi20 = address
            } else if name.equals("ACPI") {
                acpi = address
            } else if name.equals("SMBIOS3") {
                smbios3 = address
            } else if name.equals("SMBIOS") {
                smbios = address
            }
        }
    }

    /// `boot_params.secure_boot` (Linux, `enum efi_secureboot_mode`), offset 0x1ec: 2 is off, 3 is on.
    static func secureBoot(bootParameters: [UInt8]?) -> Bool? {
        guard let mode = bootParameters?.dropFirst(0x1ec).first else { return nil }
        return mode == 3 ? true : mode == 2 ? false : nil
    }

    /// The variable as efivarfs shows it: four bytes of attributes, then one byte, 1 for on.
    static func secureBoot(variable: [UInt8]?) -> Bool? {
        guard let variable, variable.count == 5 else { return nil }
        return variable[4] == 1
    }
}

extension MachineRoot {
    /// Nil where there is no `/sys/firmware/efi`.
    func efiFacts(bootParameters: [UInt8]?) -> EFIFacts? {
        let folder = "sys/firmware/efi"
        guard hasDirectory(folder) else { return nil }
        var facts = EFIFacts()
        facts.firmwareVendor = line("\(folder)/fw_vendor")?.hexadecimal
        facts.runtime = line("\(folder)/runtime")?.hexadecimal
        facts.configurationTable = line("\(folder)/config_table")?.hexadecimal
        facts.platformSize = line("\(folder)/fw_platform_size")?.decimal.flatMap { Int(exactly: $0) }
        if let systab = bytes("\(folder)/systab", limit: 1 << 16) { facts.addTables(parsing: systab) }
        // EFI_GLOBAL_VARIABLE, UEFI 2.10, section 3.3. No other variable is read.
        let variable = bytes("\(folder)/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", limit: 4096)
        facts.secureBoot =
            EFIFacts.secureBoot(bootParameters: bootParameters) ?? EFIFacts.secureBoot(variable: variable)
        facts.runtimeMap = efiRuntimeMap(folder + "/runtime-map")
        return facts
    }

    private func efiRuntimeMap(_ folder: String) -> [EFIRuntimeRange] {
        var ranges: [(number: UInt64, range: EFIRuntimeRange)] = []
        for name in names(in: folder) ?? [] {
            if let number = Array(name.utf8).trimmed.decimal,
                let type = bytes("\(folder)/\(name)/type", limit: 4096),
                let physical = bytes("\(folder)/\(name)/phys_addr", limit: 4096),
                let virtual = bytes("\(folder)/\(name)/virt_addr", limit: 4096),
                let pages = bytes("\(folder)/\(name)/num_pages", limit: 4096),
                let attribute = bytes("\(folder)/\(name)/attribute", limit: 4096),
                let range = EFIRuntimeRange(
                    type: type, physicalAddress: physical, virtualAddress: virtual, pageCount: pages,
                    attribute: attribute)
            {
                ranges.append((number, range))
            }
        }
        return ranges.sorted { $0.number }.map { $0.range }
    }
}
