// SPDX-License-Identifier: MIT
public import PhysicalMemory

/// The word size of an ELF file: `EI_CLASS`.
public enum ELFClass: Hashable, Sendable { case elf32, elf64 }

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
}

/// A static ELF executable: vmlinux, or any program that is entered with paging as it is.
public struct ELFImage: Hashable, Sendable {
    public var elfClass: ELFClass
    /// `e_machine`: EM_386 (3), EM_486 (6), EM_X86_64 (62).
    public var machine: UInt16
    /// `e_entry`
    public var entry: UInt64
    /// In the order of the file; at least one has memory.
    public var segments: [ELFLoadSegment]
    /// The bytes of each `PT_NOTE` in the file.
    public var notes: [Range<Int>]
}
