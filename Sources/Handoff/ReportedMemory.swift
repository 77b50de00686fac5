// SPDX-License-Identifier: MIT

/// An entry of the memory map that int 15h, ax = E820h tells, in its form of 24 bytes (ACPI 6.5, "INT 15H, E820H").
public struct BIOSMemoryEntry: Sendable, Hashable, BitwiseCopyable {
    /// Physical address of the first byte.
    public var start: UInt64
    /// In bytes.
    public var size: UInt64
    /// `ram`, `reserved`, or another of ACPI's numbers.
    public var type: UInt32
    /// Bit 0 is set in entries that count.
    public var attributes: UInt32

    public init(start: UInt64, size: UInt64, type: UInt32, attributes: UInt32 = 1) {
        self.start = start
        self.size = size
        self.type = type
        self.attributes = attributes
    }

    /// `AddressRangeMemory` of ACPI: RAM that programs may use.
    public static let ram: UInt32 = 1
    /// `AddressRangeReserved` of ACPI.
    public static let reserved: UInt32 = 2
    /// Wraps for none: what goes beyond the address space ends with it.
    public var end: UInt64 {
        let (end, overflow) = start.addingReportingOverflow(size)
        return overflow ? .max : end
    }
}

/// The BIOS's memory map as it was read, or what a test puts in its place.
public protocol BIOSMemoryTable {
    var count: Int { get }
    subscript(index: Int) -> BIOSMemoryEntry { get }
}

/// Memory as programs may see it while something stays resident: int 15h, E820h, E801h, E881h and 88h.
public struct ReportedMemory<Table: BIOSMemoryTable> {
    /// The map as the BIOS tells it.
    public let table: Table
    /// What stays, up to three ranges; empty ones count for nothing.
    public var resident: [3 of Range<UInt64>]

    public init(table: Table, resident: [3 of Range<UInt64>]) {
        self.table = table
        self.resident = resident
    }

    /// The entry with this number, from 0: those of the table, with what is resident cut out of RAM as reserved.
    ///
    /// Counted anew for each: a map has some ten entries, and nothing has to be kept.
    @inline(never) public func entry(_ wanted: Int) -> BIOSMemoryEntry? {
        var left = wanted
        var index = 0
        while index < table.count {
            let source = table[index]
            index &+= 1
            var position = source.start
            repeat {
                let piece = source.type == BIOSMemoryEntry.ram ? self.piece(of: source, from: position) : source
                if left == 0 { return piece }
                left &-= 1
                position = piece.end
            } while source.type == BIOSMemoryEntry.ram && position < source.end
        }
        return nil
    }

    /// Of an entry of RAM, what is of one kind from `start` on.
    private func piece(of source: BIOSMemoryEntry, from start: UInt64) -> BIOSMemoryEntry {
        var end = source.end
        var type = BIOSMemoryEntry.ram
        for index in 0..<3 where !resident[index].isEmpty {
            let range = resident[index]
            if range.lowerBound <= start, start < range.upperBound {
                type = BIOSMemoryEntry.reserved
                end = min(source.end, range.upperBound)
                break
            }
            if start < range.lowerBound { end = min(end, range.lowerBound) }
        }
        return BIOSMemoryEntry(start: start, size: end &- start, type: type, attributes: source.attributes)
    }

    /// Where RAM that holds `start` ends; `start` itself where it is none.
    @inline(never) public func endOfRAM(from start: UInt64) -> UInt64 {
        var end = start
        var index = 0
        while let entry = entry(index) {
            index &+= 1
            guard entry.type == BIOSMemoryEntry.ram, entry.start <= end, end < entry.end else { continue }
            // Entries come in any order.
            end = entry.end
            index = 0
        }
        return end
    }

    /// The highest page below 4 GiB, and above 16 MiB, where `size` bytes of RAM are free; nil where there is none.
    public func highestRoom(for size: UInt64) -> UInt64? {
        var highest: UInt64?
        var index = 0
        while let entry = entry(index) {
            index &+= 1
            let (start, end) = (max(entry.start, 1 << 24), min(entry.end, 1 << 32))
            guard entry.type == BIOSMemoryEntry.ram, start < end, end &- start >= size else { continue }
            let place = (end &- size) & ~4095
            if place >= start, place > highest ?? 0 { highest = place }
        }
        return highest
    }

    /// Answers int 15h.
    /// - Returns: whether it did; the BIOS has to otherwise.
    @inline(never) public func answer(_ registers: inout ServiceRegisters, memory: some DiskMemory) -> Bool {
        registers.carry = false
        switch registers.ax {
        case 0xe820: return tellEntry(&registers, memory)
        case 0xe801, 0xe881:
            let low = UInt32(truncatingIfNeeded: (min(endOfRAM(from: 1 << 20), 1 << 24) &- 1 << 20) >> 10)
            let high = UInt32(truncatingIfNeeded: (min(endOfRAM(from: 1 << 24), 1 << 32) &- 1 << 24) >> 16)
            registers.eax = low
            registers.ebx = high
            registers.ecx = low
            registers.edx = high
        default:
            guard registers.ah == 0x88 else { return false }
            // As BIOSes do, 63 MiB at most.
            registers.ax = UInt16(truncatingIfNeeded: (min(endOfRAM(from: 1 << 20), 64 << 20) &- 1 << 20) >> 10)
        }
        return true
    }

    @inline(never) private func tellEntry(_ registers: inout ServiceRegisters, _ memory: some DiskMemory) -> Bool {
        let signature: UInt32 = 0x534d_4150  // "SMAP"
        guard registers.edx == signature, registers.ecx >= 20, let entry = entry(Int(registers.ebx)) else {
            registers.carry = true
            registers.ah = 0x86
            return true
        }
        let address = UInt32(registers.es) << 4 &+ registers.edi & 0xffff
        let size: UInt32 = registers.ecx >= 24 ? 24 : 20
        for index in 0..<size {
            let word: UInt64
            switch index {
            case ..<8: word = entry.start
            case ..<16: word = entry.size
            default: word = UInt64(entry.attributes) << 32 | UInt64(entry.type)
            }
            memory.set(UInt8(truncatingIfNeeded: word >> UInt64(8 &* (index & 7))), at: address &+ index)
        }
        registers.eax = signature
        registers.ecx = size
        registers.ebx = self.entry(Int(registers.ebx) &+ 1) == nil ? 0 : registers.ebx &+ 1
        return true
    }
}
