// SPDX-License-Identifier: MIT

/// The setup header of a bzImage, as values ("The Real-Mode Kernel Header" in the boot protocol).
///
/// Fields that the image's protocol version does not have hold what the protocol says to assume.
public struct SetupHeader: Hashable, Sendable {
    /// `version`, offset 0x206: 0x20f is 2.15.
    public var version: UInt16 = 0
    /// `setup_sects` as it counts: 0 in the file means 4. Offset 0x1f1.
    public var setupSectors: Int = 0
    /// `syssize` in bytes (the file holds 16-byte units), offset 0x1f4; 16 bits wide before 2.04.
    public var systemSize: UInt64 = 0
    /// `vid_mode`, offset 0x1fa: what `vga=` would set.
    public var videoMode: UInt16 = 0
    /// The bytes that make up the header, from 0x1f1: up to the target of the jump at 0x200, at most 0x290.
    public var extent = 0x1f1..<0x202
    /// `kernel_version`, offset 0x20e: where its version stands, counted from 0x200; 0 for none, as in what is no Linux.
    public var kernelVersionOffset: UInt16 = 0
    /// What `kernel_version` points to: "6.1.0-13-amd64 (…) #1 SMP …"; nil where it is no text.
    public var kernelVersion: String?
    /// `loadflags`, offset 0x211.
    public var loadFlags: UInt8 = 0
    /// `code32_start`, offset 0x214: where a loader jumps to in protected mode.
    public var code32Start: UInt32 = 0
    /// `heap_end_ptr`, offset 0x224, from 2.01: the end of the setup code's stack and heap, counted from its start.
    public var heapEnd: UInt16 = 0
    /// `initrd_addr_max`: the last address that the initrd may use, offset 0x22c; 0x37ffffff before 2.03.
    public var initrdAddressMaximum: UInt32 = 0x37ff_ffff
    /// `kernel_alignment`, in bytes, offset 0x230; a power of two, at least a page. Before 2.05 a page.
    public var kernelAlignment: UInt32 = 4096
    /// `min_alignment`, in bytes (the file holds its logarithm), offset 0x235; before 2.10 the alignment itself.
    public var minimumAlignment: UInt32 = 4096
    /// `relocatable_kernel`, offset 0x234, from 2.05.
    public var isRelocatable = false
    /// `xloadflags`, offset 0x236, from 2.12.
    public var extendedLoadFlags: UInt16 = 0
    /// `cmdline_size`: the longest command line in bytes, without its NUL; 255 before 2.06. Offset 0x238.
    public var commandLineSize: UInt32 = 255
    /// `hardware_subarch`, offset 0x23c, from 2.07.
    public var hardwareSubarchitecture: UInt32 = 0
    /// `payload_offset`, offset 0x248, from 2.08: counted from the protected-mode kernel. As in the file; 0 for none.
    public var payloadOffset: UInt32 = 0
    /// `payload_length`, in bytes, offset 0x24c, from 2.08. As in the file; 0 for none.
    public var payloadLength: UInt32 = 0
    /// `pref_address`, offset 0x258; before 2.10 where kernels have always run, 1 MiB.
    public var preferredAddress: UInt64 = 0x10_0000
    /// `init_size`: memory the kernel needs from its load address, in bytes, offset 0x260; computed before 2.10.
    public var initSize: UInt64 = 0
    /// `handover_offset`, offset 0x264, from 2.11: the EFI handover entry, counted from the protected-mode kernel.
    /// As in the file: nobody has checked it.
    public var handoverOffset: UInt32 = 0
    /// `kernel_info_offset`, offset 0x268, from 2.15. As in the file: nobody has checked it.
    public var kernelInfoOffset: UInt32 = 0

    /// `XLF_KERNEL_64`: a 64-bit entry at 0x200 of the protected-mode kernel.
    public var has64BitEntry: Bool { extendedLoadFlags & 1 != 0 }
    /// `XLF_CAN_BE_LOADED_ABOVE_4G`: kernel, boot_params, command line and initrd may lie anywhere.
    public var canBeLoadedAbove4G: Bool { extendedLoadFlags & 2 != 0 }
    /// `XLF_EFI_KEXEC`
    public var supportsEFIKexec: Bool { extendedLoadFlags & 16 != 0 }
    /// `XLF_5LEVEL`: may be entered while 5-level paging is on.
    public var supports5LevelPaging: Bool { extendedLoadFlags & 32 != 0 }
    /// `XLF_5LEVEL_ENABLED`: runs with 5-level paging where the processor has it.
    public var prefers5LevelPaging: Bool { extendedLoadFlags & 64 != 0 }
    /// `LOADED_HIGH`: a bzImage, not an old zImage.
    public var isLoadedHigh: Bool { loadFlags & 1 != 0 }

    /// Bytes of boot sector and setup code.
    public var setupSize: Int { (setupSectors + 1) * 512 }

    public init() {}
}
