// SPDX-License-Identifier: MIT

/// What firmware says a range of memory is for: the `type` of an E820 entry (ACPI 6.5, table 15.8).
///
/// Other numbers are kept as they are, and taken for no RAM.
public struct E820Type: RawRepresentable, Hashable, Sendable {
    public var rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// `E820_TYPE_RAM` of Linux, ACPI's AddressRangeMemory: RAM that an operating system may use.
    public static let ram = E820Type(rawValue: 1)
    /// `E820_TYPE_RESERVED`, AddressRangeReserved: not to be used.
    public static let reserved = E820Type(rawValue: 2)
    /// `E820_TYPE_ACPI`, AddressRangeACPI: RAM once the tables in it have been read.
    public static let acpiTables = E820Type(rawValue: 3)
    /// `E820_TYPE_NVS`, AddressRangeNVS: firmware's own, to be kept over sleep.
    public static let acpiNonVolatile = E820Type(rawValue: 4)
    /// `E820_TYPE_UNUSABLE`, AddressRangeUnusable: memory with errors.
    public static let unusable = E820Type(rawValue: 5)
    /// `E820_TYPE_PMEM`, AddressRangePersistentMemory: keeps its contents without power.
    public static let persistent = E820Type(rawValue: 7)
    /// `E820_TYPE_PRAM`, Linux's own number for old non-volatile DIMMs.
    public static let legacyPersistent = E820Type(rawValue: 12)
    /// `E820_TYPE_SOFT_RESERVED` of Linux: specific-purpose memory.
    public static let softReserved = E820Type(rawValue: 0xefff_ffff)
}

/// One range of the memory map and its use; `boot_e820_entry` in Linux.
public struct E820Entry: Hashable, Sendable {
    public var range: PhysicalRange
    public var type: E820Type

    public init(range: PhysicalRange, type: E820Type) {
        self.range = range
        self.type = type
    }
}

/// The machine's memory as its firmware describes it, in ascending order of start addresses.
public struct MemoryMap: Hashable, Sendable {
    /// As firmware has them, which may overlap, in ascending order.
    public private(set) var entries: [E820Entry]

    /// Takes the entries in any order; of those with one start the shorter comes first.
    public init(_ entries: [E820Entry] = []) {
        self.entries = entries.sorted { $0.range.end.rawValue }.sorted { $0.range.start.rawValue }
    }

    /// All memory of one type. Where entries overlap, what is not RAM takes the bytes, as in Linux.
    public func memory(of type: E820Type) -> PhysicalRangeSet {
        let same = PhysicalRangeSet(entries.filter { $0.type == type }.map { $0.range })
        guard type == .ram else { return same }
        return same.subtracting(PhysicalRangeSet(entries.filter { $0.type != .ram }.map { $0.range }))
    }

    /// What is RAM, and nothing else besides.
    public var ram: PhysicalRangeSet { memory(of: .ram) }
}
