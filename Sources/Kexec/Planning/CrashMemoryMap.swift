// SPDX-License-Identifier: MIT
internal import PhysicalMemory

/// The memory map of a crash kernel: its own region as RAM, the first 640 KiB, and what firmware keeps.
enum CrashMemoryMap {
    static func make(for machine: MachineDescription) -> MemoryMap {
        let low = PhysicalRange(from: .zero, to: PhysicalAddress(0xa_0000))
        let lowRAM = machine.memoryMap.ram.intersection(PhysicalRangeSet([low]))
        let ram = lowRAM.union(PhysicalRangeSet(machine.crashKernel)).ranges
        let kept = machine.memoryMap.entries.filter { $0.type != .ram }
        return MemoryMap(ram.map { E820Entry(range: $0, type: .ram) } + kept)
    }
}
