// SPDX-License-Identifier: MIT

/// The fields of `struct boot_params` (Linux `arch/x86/include/uapi/asm/bootparam.h` and `zero-page.rst`), for comparing
/// two dumps by name.
enum BootParametersLayout {
    struct Field: Sendable {
        let offset: Int
        let size: Int
        let name: String
    }

    /// In ascending order; bytes between fields are compared as `padding`.
    static let fields: [Field] = [
        (0x000, 0x40, "screen_info"), (0x040, 0x14, "apm_bios_info"), (0x058, 8, "tboot_addr"), (0x060, 16, "ist_info"),
        (0x070, 8, "acpi_rsdp_addr"), (0x080, 16, "hd0_info"), (0x090, 16, "hd1_info"), (0x0a0, 16, "sys_desc_table"),
        (0x0b0, 16, "olpc_ofw_header"), (0x0c0, 4, "ext_ramdisk_image"), (0x0c4, 4, "ext_ramdisk_size"),
        (0x0c8, 4, "ext_cmd_line_ptr"), (0x13c, 4, "cc_blob_address"), (0x140, 0x80, "edid_info"),
        (0x1c0, 4, "efi_loader_signature"),
        (0x1c4, 4, "efi_systab"), (0x1c8, 4, "efi_memdesc_size"), (0x1cc, 4, "efi_memdesc_version"),
        (0x1d0, 4, "efi_memmap"), (0x1d4, 4, "efi_memmap_size"), (0x1d8, 4, "efi_systab_hi"),
        (0x1dc, 4, "efi_memmap_hi"),
        (0x1e0, 4, "alt_mem_k"), (0x1e4, 4, "scratch"), (0x1e8, 1, "e820_entries"), (0x1e9, 1, "eddbuf_entries"),
        (0x1ea, 1, "edd_mbr_sig_buf_entries"), (0x1eb, 1, "kbd_status"), (0x1ec, 1, "secure_boot"),
        (0x1ef, 1, "sentinel"),
        (0x1f1, 1, "setup_sects"), (0x1f2, 2, "root_flags"), (0x1f4, 4, "syssize"), (0x1f8, 2, "ram_size"),
        (0x1fa, 2, "vid_mode"), (0x1fc, 2, "root_dev"), (0x1fe, 2, "boot_flag"), (0x200, 2, "jump"),
        (0x202, 4, "header"),
        (0x206, 2, "version"), (0x208, 4, "realmode_swtch"), (0x20c, 2, "start_sys_seg"), (0x20e, 2, "kernel_version"),
        (0x210, 1, "type_of_loader"), (0x211, 1, "loadflags"), (0x212, 2, "setup_move_size"),
        (0x214, 4, "code32_start"),
        (0x218, 4, "ramdisk_image"), (0x21c, 4, "ramdisk_size"), (0x220, 4, "bootsect_kludge"),
        (0x224, 2, "heap_end_ptr"),
        (0x226, 1, "ext_loader_ver"), (0x227, 1, "ext_loader_type"), (0x228, 4, "cmd_line_ptr"),
        (0x22c, 4, "initrd_addr_max"), (0x230, 4, "kernel_alignment"), (0x234, 1, "relocatable_kernel"),
        (0x235, 1, "min_alignment"), (0x236, 2, "xloadflags"), (0x238, 4, "cmdline_size"),
        (0x23c, 4, "hardware_subarch"),
        (0x240, 8, "hardware_subarch_data"), (0x248, 4, "payload_offset"), (0x24c, 4, "payload_length"),
        (0x250, 8, "setup_data"), (0x258, 8, "pref_address"), (0x260, 4, "init_size"), (0x264, 4, "handover_offset"),
        (0x268, 4, "kernel_info_offset"), (0x290, 0x40, "edd_mbr_sig_buffer"), (0x2d0, 128 * 20, "e820_table"),
        (0xd00, 0x1ec, "eddbuf"),
    ].map { Field(offset: $0, size: $1, name: $2) }

    /// Names and bytes of the fields in which two dumps differ.
    static func differences(_ one: [UInt8], _ other: [UInt8]) -> [(name: String, one: [UInt8], other: [UInt8])] {
        var differences: [(name: String, one: [UInt8], other: [UInt8])] = []
        var position = 0
        func compare(_ range: Range<Int>, _ name: String) {
            let (mine, theirs) = (Array(one[range]), Array(other[range]))
            if mine != theirs { differences.append((name, mine, theirs)) }
        }
        for field in fields {
            if field.offset > position {
                compare(position..<field.offset, "padding at 0x\(String(position, radix: 16))")
            }
            compare(field.offset..<(field.offset + field.size), field.name)
            position = field.offset + field.size
        }
        compare(position..<4096, "padding at 0x\(String(position, radix: 16))")
        return differences
    }
}
