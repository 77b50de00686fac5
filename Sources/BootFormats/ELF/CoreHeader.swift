// SPDX-License-Identifier: MIT
public import PhysicalMemory

/// The head of an ELF core file whose bytes are physical memory: what a capture kernel makes `/proc/vmcore` of.
///
/// Each offset in the file is a physical address. Notes lie in the crashed kernel's memory, where it writes them when it
/// panics, so that nothing but addresses is known of them before.
///
///     0            64              + 56 each
///     +------------+---------------+------------------+-----------------+
///     | Elf64_Ehdr | PT_NOTE of    | PT_LOAD of the   | PT_LOAD of each |      ELF32: 52 bytes, and 32 each
///     | (ET_CORE)  | CPUs, vmcore- | kernel's image,  | range of memory |
///     |            | info          | where known      |                 |
///     +------------+---------------+------------------+-----------------+
public struct CoreHeader: Hashable, Sendable {
    /// A range of memory, and where the kernel has it mapped: 0, no kernel's address, where that is not known.
    public struct Load: Hashable, Sendable {
        /// Also where in the core file it is: `p_offset` and `p_paddr` are the same.
        public var memory: PhysicalRange
        /// `p_vaddr`
        public var virtualAddress: UInt64

        public init(memory: PhysicalRange, virtualAddress: UInt64) {
            self.memory = memory
            self.virtualAddress = virtualAddress
        }
    }

    /// `.elf32` can tell of memory below 4 GiB only: see `addressEnd`.
    public var elfClass: ELFClass
    /// The processor of the kernel that crashes.
    public var machine: ELFMachine
    /// The `PT_NOTE` entries, one each.
    public var notes: [PhysicalRange] = []
    /// The `PT_LOAD` entries, behind those of the notes.
    public var loads: [Load] = []

    public init(elfClass: ELFClass, machine: ELFMachine) {
        self.elfClass = elfClass
        self.machine = machine
    }

    /// Where memory that the class can tell of has to end: 4 GiB for `.elf32`, the last address of all for `.elf64`.
    public var addressEnd: PhysicalAddress { elfClass == .elf64 ? PhysicalAddress(.max) : .fourGiB }

    /// `e_phnum` has 16 bits, and its highest value, `PN_XNUM`, means that it has not enough.
    public static let maximumEntries = 0xfffe

    /// Program headers.
    public var entryCount: Int { notes.count + loads.count }

    private static let readWriteExecute: UInt32 = 7

    /// ELF header and program headers.
    ///
    /// Whoever asks has seen to it that there are no more than `maximumEntries`, and that no memory ends above
    /// `addressEnd`: numbers that do not fit are cut.
    public var encoded: [UInt8] {
        var bytes = identity
        for note in notes { appendEntry(ELFProgramHeader.note, flags: 0, note, virtualAddress: 0, to: &bytes) }
        for load in loads {
            appendEntry(
                ELFProgramHeader.load, flags: Self.readWriteExecute, load.memory,
                virtualAddress: load.virtualAddress, to: &bytes)
        }
        return bytes
    }

    /// `Elf32_Ehdr`, `Elf64_Ehdr`
    private var identity: [UInt8] {
        let isWide = elfClass == .elf64
        let size: UInt16 = isWide ? 64 : 52
        var bytes: [UInt8] = [0x7f, UInt8(ascii: "E"), UInt8(ascii: "L"), UInt8(ascii: "F"), isWide ? 2 : 1, 1, 1]
        bytes.pad(to: 16)
        bytes.appendLittle(UInt16(4))  // ET_CORE
        bytes.appendLittle(machine.rawValue)
        bytes.appendLittle(UInt32(1))
        appendWord(0, to: &bytes)
        appendWord(UInt64(size), to: &bytes)
        appendWord(0, to: &bytes)
        bytes.appendLittle(UInt32(0))
        bytes.appendLittle(size)
        bytes.appendLittle(UInt16(isWide ? 56 : 32))
        bytes.appendLittle(UInt16(clamping: entryCount))
        while bytes.count < Int(size) { bytes.append(0) }
        return bytes
    }

    private func appendEntry(
        _ type: UInt32, flags: UInt32, _ memory: PhysicalRange, virtualAddress: UInt64, to bytes: inout [UInt8]
    ) {
        let isWide = elfClass == .elf64
        bytes.appendLittle(type)
        if isWide { bytes.appendLittle(flags) }
        appendWord(memory.start.rawValue, to: &bytes)
        appendWord(virtualAddress, to: &bytes)
        appendWord(memory.start.rawValue, to: &bytes)
        appendWord(memory.size, to: &bytes)
        appendWord(memory.size, to: &bytes)
        if !isWide { bytes.appendLittle(flags) }
        appendWord(0, to: &bytes)
    }

    /// As wide as the class's addresses.
    private func appendWord(_ value: UInt64, to bytes: inout [UInt8]) {
        switch elfClass {
        case .elf64: bytes.appendLittle(value)
        case .elf32: bytes.appendLittle(UInt32(truncatingIfNeeded: value))
        }
    }
}
