// SPDX-License-Identifier: MIT

/// The setup header of a bzImage, as values ("The Real-Mode Kernel Header" in the boot protocol).
/// Fields that the image's protocol version does not have hold what the protocol says to assume.
public struct SetupHeader: Hashable, Sendable {
    /// `version`, offset 0x206: 0x20f is 2.15.
    public var version: UInt16 = 0
    /// `loadflags`, offset 0x211.
    public var loadFlags: UInt8 = 0
    /// `setup_sects` as it counts: 0 in the file means 4.
    public var setupSectors: Int = 0
    /// `syssize` in bytes (the file holds 16-byte units), offset 0x1f4.
    public var systemSize: Int = 0
    /// `initrd_addr_max`: the last address that the initrd may use, offset 0x22c; 0x37ffffff before 2.03.
    public var initrdAddressMaximum: UInt32 = 0
    /// `kernel_alignment`, in bytes, offset 0x230; before 2.05 a page.
    public var kernelAlignment: UInt32 = 0
    /// `relocatable_kernel`, offset 0x234.
    public var isRelocatable = false
    /// `xloadflags`, offset 0x236.
    public var extendedLoadFlags: UInt16 = 0
    /// `cmdline_size`: the longest command line in bytes, without its NUL; 255 before 2.06. Offset 0x238.
    public var commandLineSize: UInt32 = 255
    /// `pref_address`, offset 0x258; before 2.10 1 MiB.
    public var preferredAddress: UInt64 = 0x10_0000
    /// `init_size`: memory the kernel needs from its load address, in bytes, offset 0x260; computed before 2.10.
    public var initSize: UInt64 = 0

    /// `XLF_KERNEL_64`: a 64-bit entry at 0x200 of the protected-mode kernel.
    public var has64BitEntry: Bool { extendedLoadFlags & 1 != 0 }
    /// `XLF_CAN_BE_LOADED_ABOVE_4G`: kernel, boot_params, command line and initrd may lie anywhere.
    public var canBeLoadedAbove4G: Bool { extendedLoadFlags & 2 != 0 }
    /// `XLF_EFI_KEXEC`
    public var supportsEFIKexec: Bool { extendedLoadFlags & 16 != 0 }
    /// `XLF_5LEVEL`: may be entered while 5-level paging is on.
    public var supports5LevelPaging: Bool { extendedLoadFlags & 32 != 0 }
    /// `LOADED_HIGH`: a bzImage, not an old zImage.
    public var isLoadedHigh: Bool { loadFlags & 1 != 0 }
}
