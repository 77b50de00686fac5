// SPDX-License-Identifier: MIT

/// The ELF header's facts that a loader needs, checked; `Elf32_Ehdr` and `Elf64_Ehdr` (System V ABI, chapter 4).
struct ELFHeader {
    var elfClass: ELFClass
    var machine: ELFMachine
    /// `e_entry`
    var entry: UInt64
    /// `e_phoff`, `e_phnum`: the program header table, in the file.
    var table: Range<Int>
    /// Bytes in one entry of the table.
    var entrySize: Int

    /// More are no image's, and would make checking slow.
    private static let maximumEntries = 1000

    init(parsing bytes: borrowing RawSpan) throws(ImageError) {
        let isWide = try Self.readIdentity(bytes)
        elfClass = isWide ? .elf64 : .elf32
        machine = try Self.readMachine(bytes, elfClass)
        entry =
            isWide
            ? try bytes.little(UInt64.self, at: 0x18, "e_entry")
            : UInt64(try bytes.little(UInt32.self, at: 0x18, "e_entry"))
        let start =
            isWide
            ? try bytes.little(UInt64.self, at: 0x20, "e_phoff")
            : UInt64(try bytes.little(UInt32.self, at: 0x1c, "e_phoff"))
        entrySize = isWide ? 56 : 32
        let sizeOffset = isWide ? 0x36 : 0x2a
        let size = try bytes.little(UInt16.self, at: sizeOffset, "e_phentsize")
        let count = try bytes.little(UInt16.self, at: sizeOffset + 2, "e_phnum")
        guard count > 0 else { throw .nothingToLoad }
        guard count <= Self.maximumEntries else {
            throw .badValue(
                "e_phnum", at: sizeOffset + 2, found: UInt64(count), needed: .atMost(UInt64(Self.maximumEntries)))
        }
        guard size == entrySize else {
            throw .badValue("e_phentsize", at: sizeOffset, found: UInt64(size), needed: .exactly(UInt64(entrySize)))
        }
        table = try bytes.part("e_phoff", at: start, size: UInt64(count) * UInt64(entrySize))
    }

    /// Checks `e_ident` and tells whether words have 64 bits.
    private static func readIdentity(_ bytes: borrowing RawSpan) throws(ImageError) -> Bool {
        let elfClass = try bytes.little(UInt8.self, at: 4, "EI_CLASS")
        guard elfClass == 1 || elfClass == 2 else {
            throw .badValue(
                "EI_CLASS", at: 4, found: UInt64(elfClass), needed: .oneOf("ELFCLASS32 (1), ELFCLASS64 (2)"))
        }
        let order = try bytes.little(UInt8.self, at: 5, "EI_DATA")
        guard order == 1 else {
            throw .badValue("EI_DATA", at: 5, found: UInt64(order), needed: .oneOf("ELFDATA2LSB (1), little-endian"))
        }
        let version = try bytes.little(UInt8.self, at: 6, "EI_VERSION")
        guard version == 1 else {
            throw .badValue("EI_VERSION", at: 6, found: UInt64(version), needed: .exactly(1))
        }
        return elfClass == 2
    }

    private static func readMachine(_ bytes: borrowing RawSpan, _ elfClass: ELFClass) throws(ImageError) -> ELFMachine {
        // The type first: an object file for this processor is refused for what it is.
        let type = try bytes.little(UInt16.self, at: 0x10, "e_type")
        let machine = ELFMachine(rawValue: try bytes.little(UInt16.self, at: 0x12, "e_machine"))
        guard [.i386, .i486, .x86_64].contains(machine) else { throw .otherMachine(machine) }
        guard type == 2 || type == 3 else {
            throw .badValue("e_type", at: 0x10, found: UInt64(type), needed: .oneOf("ET_EXEC (2), ET_DYN (3)"))
        }
        guard (machine == .x86_64) == (elfClass == .elf64) else {
            let needed: Requirement =
                elfClass == .elf64
                ? .oneOf("EM_X86_64 (62) in an ELF64 file") : .oneOf("EM_386 (3), EM_486 (6) in an ELF32 file")
            throw .badValue("e_machine", at: 0x12, found: UInt64(machine.rawValue), needed: needed)
        }
        return machine
    }
}

extension RawSpan {
    /// A range that a header describes, checked to lie in the bytes.
    /// - Throws: `.partBeyondEnd`
    func part(_ field: FieldName, at start: UInt64, size: UInt64) throws(ImageError) -> Range<Int> {
        let all = UInt64(byteCount)
        guard start <= all, size <= all - start else {
            throw .partBeyondEnd(field, at: start, size: size, available: byteCount)
        }
        // Both are at most `byteCount`, and so fit.
        return Int(start)..<Int(start) + Int(size)
    }
}
