// SPDX-License-Identifier: MIT
internal import BootFormats

extension MachineRoot {
    /// The running kernel's `boot_params`, from sysfs, else from debugfs; nil for any other size than 4096 bytes.
    func bootParameters() -> [UInt8]? {
        for folder in ["sys/kernel/boot_params", "sys/kernel/debug/boot_params"] {
            if let bytes = bytes("\(folder)/data", limit: 1 << 16), bytes.count == BootParameters.size { return bytes }
        }
        return nil
    }
}

extension MachineDescription {
    /// `boot_params.acpi_rsdp_addr` at offset 0x70, where a boot loader or an earlier kexec has set it; else EFI's
    /// table; else what `acpi_rsdp=` told the running kernel.
    static func rsdp(bootParameters: [UInt8]?, efi: EFIFacts?, commandLine: KernelCommandLine) -> UInt64? {
        let given = [
            bootParameters?.loadLittle(UInt64.self, at: 0x70), efi?.acpi20, efi?.acpi,
            commandLine.value(of: "acpi_rsdp")?.hexadecimal,
        ]
        for address in given {
            if let address, address != 0 { return address }
        }
        return nil
    }
}

/// By the type of loader in boot_params, 0xd in its upper half: kexec-tools', ours, and that of the kernel's own file loader.
func namesKexecAsLoader(_ bootParameters: [UInt8]?) -> Bool {
    guard let bootParameters, bootParameters.count > 0x210 else { return false }
    return bootParameters[0x210] >> 4 == 0xd
}
