// SPDX-License-Identifier: MIT
internal import PhysicalMemory

/// One entry of the program header table; `Elf32_Phdr` and `Elf64_Phdr` (System V ABI, chapter 5).
struct ELFProgramHeader {
    /// `PT_LOAD`, `PT_INTERP`, `PT_NOTE`
    static let load: UInt32 = 1
    static let interpreter: UInt32 = 3
    static let note: UInt32 = 4

    var type: UInt32
    var offset: UInt64
    var virtualAddress: UInt64
    var physicalAddress: UInt64
    var fileSize: UInt64
    var memorySize: UInt64
    var alignment: UInt64
    /// Where `p_paddr` stands in the file, for errors; the fields after it follow word by word.
    private var physicalAddressOffset: Int
    private var wordSize: Int

    init(parsing bytes: borrowing RawSpan, at start: Int, _ elfClass: ELFClass) throws(ImageError) {
        let isWide = elfClass == .elf64
        // `p_flags` is the second field in 64-bit files, the last but one in 32-bit files.
        let first = start + (isWide ? 8 : 4)
        wordSize = isWide ? 8 : 4
        type = try bytes.little(UInt32.self, at: start, "p_type")
        offset = try bytes.word("p_offset", at: first, elfClass)
        virtualAddress = try bytes.word("p_vaddr", at: first + wordSize, elfClass)
        physicalAddressOffset = first + 2 * wordSize
        physicalAddress = try bytes.word("p_paddr", at: physicalAddressOffset, elfClass)
        fileSize = try bytes.word("p_filesz", at: first + 3 * wordSize, elfClass)
        memorySize = try bytes.word("p_memsz", at: first + 4 * wordSize, elfClass)
        alignment = try bytes.word("p_align", at: first + (isWide ? 40 : 24), elfClass)
    }

    /// The segment that a `PT_LOAD` describes; nil where it takes no memory.
    /// - Parameter elfClass: of the addresses that the program's mode reaches.
    func loadSegment(in bytes: borrowing RawSpan, _ elfClass: ELFClass) throws(ImageError) -> ELFLoadSegment? {
        guard memorySize >= fileSize else {
            throw .badValue(
                "p_memsz", at: physicalAddressOffset + 2 * wordSize, found: memorySize, needed: .atLeast(fileSize))
        }
        let file = try bytes.part("PT_LOAD", at: offset, size: fileSize)
        // The end, rounded up to whole pages, must have an address too.
        let bits = elfClass == .elf64 ? 64 : 32
        let highest = elfClass == .elf64 ? UInt64.max - pageSize : 1 << 32
        guard physicalAddress <= highest, memorySize <= highest - physicalAddress else {
            throw .badValue(
                "p_paddr", at: physicalAddressOffset, found: physicalAddress,
                needed: .sumBelow(bits: bits, with: "p_memsz"))
        }
        guard memorySize > 0 else { return nil }
        return ELFLoadSegment(
            file: file, physicalAddress: PhysicalAddress(physicalAddress), memorySize: memorySize,
            virtualAddress: virtualAddress)
    }
}

extension RawSpan {
    /// A field as wide as the file's addresses.
    fileprivate func word(_ field: FieldName, at offset: Int, _ elfClass: ELFClass) throws(ImageError) -> UInt64 {
        switch elfClass {
        case .elf64: try little(UInt64.self, at: offset, field)
        case .elf32: UInt64(try little(UInt32.self, at: offset, field))
        }
    }
}
