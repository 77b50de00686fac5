// SPDX-License-Identifier: MIT
internal import PhysicalMemory

extension E820Type {
    /// The type behind the name that `/sys/firmware/memmap/*/type` and `/proc/iomem` show (Linux,
    /// arch/x86/kernel/e820.c); nil for a name that is none of them.
    ///
    /// Kernels before 4.10 write "reserved". "RAM buffer" is no memory but the gap behind it.
    init?(shownAs name: ArraySlice<UInt8>) {
        for (shown, type) in Self.shownNames where name.equals(shown) {
            self = type
            return
        }
        return nil
    }

    private static let shownNames: [(StaticString, E820Type)] = [
        ("System RAM", .ram), ("Reserved", .reserved), ("reserved", .reserved), ("ACPI Tables", .acpiTables),
        ("ACPI Non-volatile Storage", .acpiNonVolatile), ("Unusable memory", .unusable),
        ("Persistent Memory", .persistent), ("Persistent Memory (legacy)", .legacyPersistent),
        ("Soft Reserved", .softReserved), ("Unknown E820 type", .reserved),
        // Linux 3.x and 4.x
        ("Persistent RAM", .legacyPersistent),
    ]
}

extension E820Entry {
    /// The entry that one folder of `/sys/firmware/memmap` describes; nil where a file says nothing sensible.
    ///
    /// A type that we do not know counts as reserved: what is not RAM beyond doubt is left alone.
    init?(start: [UInt8], end: [UInt8], type: [UInt8]) {
        guard let first = start.trimmed.hexadecimal, let last = end.trimmed.hexadecimal,
            let range = PhysicalRange(first: first, last: last)
        else { return nil }
        self.init(range: range, type: E820Type(shownAs: type.trimmed) ?? .reserved)
    }
}

extension MachineRoot {
    /// The firmware's map from `/sys/firmware/memmap/N/{start,end,type}`; nil where there is none.
    func firmwareMemoryMap() -> MemoryMap? {
        let folder = "sys/firmware/memmap"
        guard let names = names(in: folder) else { return nil }
        var entries: [E820Entry] = []
        for name in names {
            if let start = bytes("\(folder)/\(name)/start", limit: 4096),
                let end = bytes("\(folder)/\(name)/end", limit: 4096),
                let type = bytes("\(folder)/\(name)/type", limit: 4096),
                let entry = E820Entry(start: start, end: end, type: type)
            {
                entries.append(entry)
            }
        }
        return entries.isEmpty ? nil : MemoryMap(entries)
    }
}
