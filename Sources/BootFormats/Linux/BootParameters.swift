// SPDX-License-Identifier: MIT
public import PhysicalMemory

/// `struct boot_params`, the "zero page": what a Linux kernel on x86 is told at its entry.
///
/// Starts as zeros, as the boot protocol asks; each field is written at its offset in <asm/bootparam.h>.
///
///     0x000 screen_info     0x1c0 efi_info   0x1f1 setup_header           0x2d0 e820_table (128 entries)
///     0x070 acpi_rsdp_addr  0x1e8 counts     0x290 edd_mbr_sig_buffer     0xd00 eddbuf (6 entries)
public struct BootParameters: Hashable, Sendable {
    /// 4096 bytes.
    public private(set) var bytes = [UInt8](repeating: 0, count: BootParameters.size)

    /// `sizeof(struct boot_params)`
    public static let size = 4096
    /// `E820_MAX_ENTRIES_ZEROPAGE`: what does not fit goes into a SETUP_E820_EXT node.
    public static let maximumE820Entries = 128
    /// `LOADER_TYPE_KEXEC` (0xD) in the upper half of `type_of_loader`, version 0.
    public static let kexecLoaderType: UInt8 = 0xd0

    public init() {}

    /// Copies the setup header out of a kernel image, then says who loaded it.
    ///
    /// `loadflags` is cleared as the kernel's own loader does: the 64-bit entry reads none of its loader's bits,
    /// and the KASLR bit belongs to the kernel's own decompressor.
    public mutating func setHeader(_ imageBytes: some Collection<UInt8>) {
        bytes.store(imageBytes, at: 0x1f1)
        bytes.store(Self.kexecLoaderType, at: 0x210)
        bytes.store(UInt8(0), at: 0x211)
    }

    /// `KASLR_FLAG`, bit 1 of `loadflags`: the kernel lies at a random address, and shall choose others at random too.
    ///
    /// The kernel's own decompressor sets it; for who takes the kernel out of its bzImage, that is the loader's business.
    public mutating func setRandomised() { bytes.store(bytes[0x211] | 2, at: 0x211) }

    /// The header of an image that has none (`vmlinux`): the magic numbers, protocol 2.15, and the loader.
    public mutating func setHeaderForELF() {
        bytes.store(UInt16(0xaa55), at: 0x1fe)
        bytes.store("HdrS".utf8, at: 0x202)
        bytes.store(UInt16(0x020f), at: 0x206)
        bytes.store(Self.kexecLoaderType, at: 0x210)
    }

    /// `screen_info`, 64 bytes at 0x000, with `ext_mem_k` left to `setMemorySizes`.
    public mutating func setScreenInfo(_ info: some Collection<UInt8>) {
        bytes.store(info.prefix(0x40), at: 0)
        bytes.store(UInt16(0), at: 0x002)
    }

    /// `acpi_rsdp_addr`, offset 0x070; 0 where the kernel must search by itself.
    public mutating func setRSDP(_ address: UInt64) { bytes.store(address, at: 0x070) }

    /// `efi_info`, 32 bytes at 0x1c0.
    public mutating func setEFIInfo(_ info: EFIInfo) { bytes.store(info.encoded, at: 0x1c0) }

    /// `secure_boot`, offset 0x1ec: 1 unset, 2 disabled, 3 enabled (`enum efi_secureboot_mode`).
    public mutating func setSecureBoot(_ mode: UInt8) { bytes.store(mode, at: 0x1ec) }

    /// `hardware_subarch`, offset 0x23c.
    public mutating func setHardwareSubarchitecture(_ value: UInt32) { bytes.store(value, at: 0x23c) }

    /// `ramdisk_image` and `ramdisk_size`, low halves in the header (0x218, 0x21c), high ones at 0x0c0 and 0x0c4.
    public mutating func setInitrd(_ address: PhysicalAddress, size: UInt64) {
        bytes.store(UInt32(truncatingIfNeeded: address.rawValue), at: 0x218)
        bytes.store(UInt32(truncatingIfNeeded: size), at: 0x21c)
        bytes.store(UInt32(truncatingIfNeeded: address.rawValue >> 32), at: 0x0c0)
        bytes.store(UInt32(truncatingIfNeeded: size >> 32), at: 0x0c4)
    }

    /// `cmd_line_ptr` (0x228) and `ext_cmd_line_ptr` (0x0c8).
    public mutating func setCommandLine(_ address: PhysicalAddress) {
        bytes.store(UInt32(truncatingIfNeeded: address.rawValue), at: 0x228)
        bytes.store(UInt32(truncatingIfNeeded: address.rawValue >> 32), at: 0x0c8)
    }

    /// `setup_data` (0x250): the first node of the list.
    public mutating func setSetupData(_ address: PhysicalAddress) { bytes.store(address.rawValue, at: 0x250) }

    /// `e820_table` and its count (0x2d0, 0x1e8).
    /// - Returns: the entries beyond 128, which need a SETUP_E820_EXT node.
    public mutating func setMemoryMap(_ map: MemoryMap) -> [E820Entry] {
        let own = map.entries.prefix(Self.maximumE820Entries)
        bytes.store(UInt8(own.count), at: 0x1e8)
        bytes.store(encodedE820(own), at: 0x2d0)
        setMemorySizes(map)
        return Array(map.entries.dropFirst(Self.maximumE820Entries))
    }

    /// `ext_mem_k` (0x002) and `alt_mem_k` (0x1e0): KiB of RAM from 1 MiB up, as BIOS calls 88h and E801h tell it.
    private mutating func setMemorySizes(_ map: MemoryMap) {
        let oneMiB = PhysicalAddress(0x10_0000)
        for entry in map.entries where entry.type == .ram {
            let last = entry.range.end.rawValue &- 1
            guard !entry.range.isEmpty, entry.range.start <= oneMiB, last > oneMiB.rawValue else { continue }
            let kibibytes = last >> 10 - oneMiB.rawValue >> 10
            bytes.store(UInt16(min(kibibytes, 0xfc00)), at: 0x002)
            bytes.store(UInt32(min(kibibytes, 0xffff_ffff)), at: 0x1e0)
        }
    }

    /// `eddbuf`, `edd_mbr_sig_buffer` and their counts, as an older boot_params has them.
    public mutating func copyDisks(from old: [UInt8]) {
        guard old.count >= Self.size else { return }
        bytes.store(old[0x1e9...0x1ea], at: 0x1e9)
        bytes.store(old[0x290..<0x2d0], at: 0x290)
        bytes.store(old[0xd00..<0xd00 + 6 * 82], at: 0xd00)
    }
}

/// The 20-byte entries of `boot_e820_entry`, one after the other.
public func encodedE820(_ entries: some Collection<E820Entry>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(entries.count * 20)
    for entry in entries {
        bytes.appendLittle(entry.range.start.rawValue)
        bytes.appendLittle(entry.range.size)
        bytes.appendLittle(entry.type.rawValue)
    }
    return bytes
}

/// `struct efi_info` of <asm/bootparam.h>: where the next kernel finds EFI's system table and memory map.
public struct EFIInfo: Hashable, Sendable {
    /// `efi_loader_signature`: "EL64" or "EL32".
    public var loaderSignature: UInt32
    /// `efi_systab`, both halves: a physical address.
    public var systemTable: UInt64
    /// `efi_memdesc_size`, in bytes.
    public var descriptorSize: UInt32
    /// `efi_memdesc_version`
    public var descriptorVersion: UInt32
    /// `efi_memmap`, both halves: the physical address of the descriptors.
    public var memoryMap: UInt64
    /// `efi_memmap_size`, in bytes.
    public var memoryMapSize: UInt32

    public init(
        loaderSignature: UInt32, systemTable: UInt64, descriptorSize: UInt32, descriptorVersion: UInt32,
        memoryMap: UInt64, memoryMapSize: UInt32
    ) {
        self.loaderSignature = loaderSignature
        self.systemTable = systemTable
        self.descriptorSize = descriptorSize
        self.descriptorVersion = descriptorVersion
        self.memoryMap = memoryMap
        self.memoryMapSize = memoryMapSize
    }

    /// The `efi_info` of a running kernel's boot_params; nil where it did not come up by EFI.
    public init?(in old: [UInt8]) {
        guard let signature = old.loadLittle(UInt32.self, at: 0x1c0), signature != 0,
            let systemTableLow = old.loadLittle(UInt32.self, at: 0x1c4),
            let descriptorSize = old.loadLittle(UInt32.self, at: 0x1c8),
            let descriptorVersion = old.loadLittle(UInt32.self, at: 0x1cc),
            let memoryMapLow = old.loadLittle(UInt32.self, at: 0x1d0),
            let memoryMapSize = old.loadLittle(UInt32.self, at: 0x1d4),
            let systemTableHigh = old.loadLittle(UInt32.self, at: 0x1d8),
            let memoryMapHigh = old.loadLittle(UInt32.self, at: 0x1dc)
        else { return nil }
        self.init(
            loaderSignature: signature, systemTable: UInt64(systemTableHigh) << 32 | UInt64(systemTableLow),
            descriptorSize: descriptorSize, descriptorVersion: descriptorVersion,
            memoryMap: UInt64(memoryMapHigh) << 32 | UInt64(memoryMapLow), memoryMapSize: memoryMapSize)
    }

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendLittle(loaderSignature)
        bytes.appendLittle(UInt32(truncatingIfNeeded: systemTable))
        bytes.appendLittle(descriptorSize)
        bytes.appendLittle(descriptorVersion)
        bytes.appendLittle(UInt32(truncatingIfNeeded: memoryMap))
        bytes.appendLittle(memoryMapSize)
        bytes.appendLittle(UInt32(truncatingIfNeeded: systemTable >> 32))
        bytes.appendLittle(UInt32(truncatingIfNeeded: memoryMap >> 32))
        return bytes
    }
}
