// SPDX-License-Identifier: MIT
import PhysicalMemory
import Testing

private func range(_ start: UInt64, _ end: UInt64) -> PhysicalRange {
    PhysicalRange(from: PhysicalAddress(start), to: PhysicalAddress(end))
}

@Suite struct PlacementTests {
    private let everything = range(0, UInt64.max)

    @Test func placesHighestBelowABound() {
        var memory = MemoryAllocator(free: PhysicalRangeSet([range(0x1000, 0x10000), range(0x20000, 0x30000)]))
        let request = PlacementRequest(size: 0x1800, bounds: range(0, 0x28000), preference: .highest)
        #expect(memory.place(request) == range(0x26000, 0x28000))
        #expect(memory.place(request) == range(0x24000, 0x26000))
    }

    @Test func placesLowestAndAligned() {
        var memory = MemoryAllocator(free: PhysicalRangeSet([range(0x1000, 0x3000), range(0x11000, 0x40000)]))
        let request = PlacementRequest(size: 0x1000, alignment: 0x10000, bounds: everything, preference: .lowest)
        #expect(memory.place(request) == range(0x20000, 0x21000))
    }

    @Test func takesNothingWhereNothingFits() {
        var memory = MemoryAllocator(free: PhysicalRangeSet([range(0x1000, 0x3000)]))
        let before = memory
        #expect(memory.place(PlacementRequest(size: 0x3000, bounds: everything, preference: .lowest)) == nil)
        #expect(memory.place(PlacementRequest(size: .max, bounds: everything, preference: .highest)) == nil)
        #expect(memory.place(PlacementRequest(size: 1, alignment: 3, bounds: everything, preference: .highest)) == nil)
        #expect(memory == before)
        #expect(
            memory.largestFree(for: PlacementRequest(size: 0x3000, bounds: everything, preference: .lowest)) == 0x2000)
    }

    /// Each of the candidates for as many numbers as any other, in two pieces of memory.
    @Test func everyCandidateIsDrawnEquallyOften() {
        let memory = MemoryAllocator(free: PhysicalRangeSet([range(0x1000, 0x9000), range(0x21000, 0x26000)]))
        let request = PlacementRequest(size: 0x1800, alignment: 0x2000, bounds: everything, preference: .highest)
        var counts: [PhysicalRange: Int] = [:]
        for number in 0..<50 as Range<UInt64> {
            var memory = memory
            if let home = memory.place(request, random: number) { counts[home, default: 0] += 1 }
        }
        let starts: [UInt64] = [0x2000, 0x4000, 0x6000, 0x22000, 0x24000]
        #expect(counts == Dictionary(uniqueKeysWithValues: starts.map { (range($0, $0 + 0x2000), 10) }))
    }

    @Test func takesAFixedPlaceOnce() {
        var memory = MemoryAllocator(free: PhysicalRangeSet([range(0x1000, 0x9000)]))
        let first = memory.take(range(0x2000, 0x4000)), second = memory.take(range(0x3000, 0x5000))
        #expect(first && !second)
        #expect(memory.free.ranges == [range(0x1000, 0x2000), range(0x4000, 0x9000)])
    }

    @Test func usesWholePagesOnly() {
        let memory = MemoryAllocator(free: PhysicalRangeSet([range(0x800, 0x2fff)]))
        #expect(memory.free.ranges == [range(0x1000, 0x2000)])
    }

    @Test func countsOverlappedRAMAsReserved() {
        let map = MemoryMap([
            E820Entry(range: range(0, 0x10000), type: .ram), E820Entry(range: range(0x4000, 0x5000), type: .reserved),
        ])
        #expect(map.ram.ranges == [range(0, 0x4000), range(0x5000, 0x10000)])
    }
}
