// SPDX-License-Identifier: MIT
public import PhysicalMemory

/// The word size of an ELF file: `EI_CLASS`.
public enum ELFClass: Hashable, Sendable { case elf32, elf64 }

/// `e_machine`: the processor that an ELF file is for.
public struct ELFMachine: RawRepresentable, Hashable, Sendable {
    public var rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// `EM_386`
    public static let i386 = ELFMachine(rawValue: 3)
    /// `EM_486`
    public static let i486 = ELFMachine(rawValue: 6)
    /// `EM_X86_64`
    public static let x86_64 = ELFMachine(rawValue: 62)
}

/// One `PT_LOAD` of an executable: bytes in the file, and where they go.
public struct ELFLoadSegment: Hashable, Sendable {
    /// `p_offset`, `p_filesz`: checked to lie in the file.
    public var file: Range<Int>
    /// `p_paddr`
    public var physicalAddress: PhysicalAddress
    /// `p_memsz`: at least the file's part; the rest is zero.
    public var memorySize: UInt64
    /// `p_vaddr`
    public var virtualAddress: UInt64

    public init(file: Range<Int>, physicalAddress: PhysicalAddress, memorySize: UInt64, virtualAddress: UInt64) {
        self.file = file
        self.physicalAddress = physicalAddress
        self.memorySize = memorySize
        self.virtualAddress = virtualAddress
    }
}

/// A static ELF executable: vmlinux, or any program that is entered with paging as it is.
public struct ELFImage: Hashable, Sendable {
    public var elfClass: ELFClass
    /// Its notes say that it is a Linux kernel: one of Linux's own, or Xen's with Linux as the guest's system.
    public var isLinux = false
    /// `e_machine`: EM_386 (3), EM_486 (6), EM_X86_64 (62).
    public var machine: UInt16
    /// The physical address of the entry point: `e_entry`, which is physical in vmlinux, or what it maps to.
    public var entry: UInt64
    /// Those with memory, in the order of the file; at least one. They overlap neither each other nor the end of
    /// the address space.
    public var segments: [ELFLoadSegment]
    /// Every `PT_NOTE` in the file, its notes checked.
    public var notes: [ELFNoteSegment]

    public init(
        elfClass: ELFClass, machine: UInt16, entry: UInt64, segments: [ELFLoadSegment], notes: [ELFNoteSegment]
    ) {
        self.elfClass = elfClass
        self.machine = machine
        self.entry = entry
        self.segments = segments
        self.notes = notes
    }

    /// Whether a part is mapped where a Linux kernel maps itself: from `__START_KERNEL_map` on, with 32 bits from where
    /// `CONFIG_PAGE_OFFSET` can be, 0x40000000 to 0xc0000000. Other kernels may be linked so, too.
    public var isLinkedAsLinux: Bool {
        segments.contains {
            let distance = $0.virtualAddress &- $0.physicalAddress.rawValue
            return elfClass == .elf64
                ? distance == 0xffff_ffff_8000_0000 : distance >= 0x4000_0000 && distance.isMultiple(of: 0x800_0000)
        }
    }
}
