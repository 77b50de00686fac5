// SPDX-License-Identifier: MIT
internal import PhysicalMemory

/// The memory map of a crash kernel: its own regions as RAM, the first 640 KiB, and what firmware keeps.
enum CrashMemoryMap {
    /// - Parameter coreHeader: is no RAM, so that the kernel leaves it alone; nil for none.
    static func make(for machine: MachineDescription, without coreHeader: PhysicalRange? = nil) -> MemoryMap {
        let low = PhysicalRange(from: .zero, to: PhysicalAddress(0xa_0000))
        let lowRAM = machine.memoryMap.ram.intersection(PhysicalRangeSet([low]))
        let own = PhysicalRangeSet(machine.crashKernel + machine.crash.lentRanges)
        let ram = lowRAM.union(own).subtracting(PhysicalRangeSet(coreHeader.map { [$0] } ?? [])).ranges
        let kept = machine.memoryMap.entries.filter { $0.type != .ram }
        return MemoryMap(ram.map { E820Entry(range: $0, type: .ram) } + kept)
    }

    /// The same as `memmap=` words for `--pass-memmap-cmdline`, each with a blank behind it: they replace the map of
    /// boot_params. In KiB: less RAM, and more of what is kept, where that does not come out even.
    static func words(for map: MemoryMap) -> String {
        var words = "memmap=exactmap "
        for entry in map.entries {
            let isRAM = entry.type == .ram
            let start = (entry.range.start.rawValue &+ (isRAM ? 1023 : 0)) >> 10
            let end = (entry.range.end.rawValue &+ (isRAM ? 0 : 1023)) >> 10
            guard start < end else { continue }
            words += "memmap=" + String(end - start) + "K" + sign(of: entry.type) + String(start) + "K "
        }
        return words
    }

    private static func sign(of type: E820Type) -> String {
        switch type {
        case .ram: "@"
        case .acpiTables, .acpiNonVolatile: "#"
        default: "$"
        }
    }
}
