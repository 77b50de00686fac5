// SPDX-License-Identifier: MIT
import PhysicalMemory
import Testing

private func range(_ start: UInt64, _ end: UInt64) -> PhysicalRange {
    PhysicalRange(from: PhysicalAddress(start), to: PhysicalAddress(end))
}

@Suite struct PhysicalRangeSetTests {
    @Test func mergesWhatOverlapsOrTouches() {
        let set = PhysicalRangeSet([range(30, 40), range(0, 10), range(10, 20), range(35, 50), range(60, 60)])
        #expect(set.ranges == [range(0, 20), range(30, 50)])
        #expect(set.size == 40)
    }

    @Test func subtractsHolesThatCutSplitAndSwallow() {
        let set = PhysicalRangeSet([range(0, 100), range(200, 300)])
        let holes = PhysicalRangeSet([range(0, 10), range(20, 30), range(90, 210), range(290, 400)])
        #expect(set.subtracting(holes).ranges == [range(10, 20), range(30, 90), range(210, 290)])
    }

    @Test func subtractsOneHoleFromSeveralRanges() {
        let set = PhysicalRangeSet([range(0, 10), range(20, 30), range(40, 50)])
        #expect(set.subtracting(PhysicalRangeSet([range(5, 45)])).ranges == [range(0, 5), range(45, 50)])
    }

    @Test func intersects() {
        let set = PhysicalRangeSet([range(0, 10), range(20, 30)])
        #expect(set.intersection(PhysicalRangeSet([range(5, 25)])).ranges == [range(5, 10), range(20, 25)])
    }

    @Test func agreesWithSetsOfNumbers() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            func some() -> (PhysicalRangeSet, Set<UInt64>) {
                let pairs = (0..<6).map { _ -> (UInt64, UInt64) in
                    let start = UInt64.random(in: 0..<60, using: &generator)
                    return (start, start + UInt64.random(in: 0..<12, using: &generator))
                }
                return (PhysicalRangeSet(pairs.map { range($0.0, $0.1) }), Set(pairs.flatMap { $0.0..<$0.1 }))
            }
            func numbers(_ set: PhysicalRangeSet) -> Set<UInt64> {
                Set(set.ranges.flatMap { $0.start.rawValue..<$0.end.rawValue })
            }
            let (a, listA) = some(), (b, listB) = some()
            #expect(numbers(a) == listA)
            #expect(numbers(a.subtracting(b)) == listA.subtracting(listB))
            #expect(numbers(a.intersection(b)) == listA.intersection(listB))
            #expect(numbers(a.union(b)) == listA.union(listB))
        }
    }
}
