// SPDX-License-Identifier: MIT

/// `sizeof(struct boot_params)`
let bootParametersSize = 4096

extension Array<UInt8> {
    /// Little-endian; 0 where the bytes end before it.
    func little32(at offset: Int) -> UInt32 {
        guard offset >= 0, offset <= count - 4 else { return 0 }
        return (0..<4).reduce(0) { $0 | UInt32(self[offset + $1]) << (8 * UInt32($1)) }
    }

    /// Little-endian; 0 where the bytes end before it.
    func little64(at offset: Int) -> UInt64 {
        UInt64(little32(at: offset)) | UInt64(little32(at: offset + 4)) << 32
    }
}

extension MachineRoot {
    /// The running kernel's `boot_params`, from sysfs, else from debugfs; nil for any other size than 4096 bytes.
    func bootParameters() -> [UInt8]? {
        for folder in ["sys/kernel/boot_params", "sys/kernel/debug/boot_params"] {
            if let bytes = bytes("\(folder)/data", limit: 1 << 16), bytes.count == bootParametersSize { return bytes }
        }
        return nil
    }

    /// The first line of a small file, without white space around it; nil where it is missing or unreadable.
    func line(_ path: String) -> ArraySlice<UInt8>? {
        bytes(path, limit: 1 << 16)?.lines.first?.trimmed
    }
}

extension MachineDescription {
    /// `boot_params.acpi_rsdp_addr` at offset 0x70, where a boot loader or an earlier kexec has set it; else EFI's
    /// table; else what `acpi_rsdp=` told the running kernel.
    static func rsdp(bootParameters: [UInt8]?, efi: EFIFacts?, commandLine: KernelCommandLine) -> UInt64? {
        let given = [
            bootParameters?.little64(at: 0x70), efi?.acpi20, efi?.acpi, commandLine.value(of: "acpi_rsdp")?.hexadecimal,
        ]
        for address in given {
            if let address, address != 0 { return address }
        }
        return nil
    }
}
