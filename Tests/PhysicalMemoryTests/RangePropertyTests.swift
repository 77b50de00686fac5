// SPDX-License-Identifier: MIT
// Ranges, sets of them and memory maps beside sets of single addresses, which know no ranges.
import PhysicalMemory
import Testing

private let addresses: UInt64 = 48

private func members(_ range: PhysicalRange) -> Set<UInt64> { Set(range.start.rawValue..<range.end.rawValue) }

private func members(_ set: PhysicalRangeSet) -> Set<UInt64> {
    set.ranges.reduce(into: []) { $0.formUnion(members($1)) }
}

private func members(_ ranges: [PhysicalRange]) -> Set<UInt64> {
    ranges.reduce(into: []) { $0.formUnion(members($1)) }
}

@Suite struct RangePropertyTests {
    private let all = (0...8 as ClosedRange<UInt64>).flatMap { start in
        (start...8).map { PhysicalRange(from: PhysicalAddress(start), to: PhysicalAddress($0)) }
    }

    @Test func twoRangesShareWhatTheirAddressesDo() {
        for one in all {
            for other in all {
                let shared = members(one).intersection(members(other))
                #expect(one.overlaps(other) == !shared.isEmpty)
                #expect(one.intersection(other).map { members($0) } ?? [] == shared)
                #expect(!one.contains(other) || members(one).isSuperset(of: members(other)))
                #expect(one.contains(other) || other.isEmpty || !members(one).isSuperset(of: members(other)))
            }
        }
    }

    @Test(arguments: [1, 2, 4, 8] as [UInt64]) func shrinksToTheLargestAlignedPart(alignment: UInt64) {
        for range in all {
            let aligned = all.filter {
                !$0.isEmpty && range.contains($0) && $0.start.rawValue % alignment == 0
                    && $0.end.rawValue % alignment == 0
            }
            #expect(range.shrunk(to: alignment) == aligned.max { $0.size < $1.size })
        }
    }

    @Test func roundsToTheNearestMultipleOnEitherSide() {
        for alignment in [1, 2, 4, 16] as [UInt64] {
            for value in 0...70 as ClosedRange<UInt64> {
                #expect(value.roundedUp(to: alignment) == (value...value + 16).first { $0 % alignment == 0 })
                #expect(value.roundedDown(to: alignment) == (0...value).last { $0 % alignment == 0 })
            }
        }
        let lastPage = UInt64.max - 4095
        #expect(lastPage.roundedUp(to: 4096) == lastPage && (lastPage + 1).roundedUp(to: 4096) == nil)
    }
}

@Suite struct RangeSetPropertyTests {
    /// `Numbers` of this seed make both the sets and what is asked of them.
    @Test(arguments: 1...20 as ClosedRange<UInt64>) func isTheSetOfItsAddresses(seed: UInt64) {
        var numbers = Numbers(seed: seed)
        for _ in 0..<50 {
            let (these, those) = (numbers.ranges(7, below: addresses), numbers.ranges(7, below: addresses))
            let (one, other) = (PhysicalRangeSet(these), PhysicalRangeSet(those))
            let (mine, theirs) = (members(these), members(those))
            check(one, mine)
            check(one.union(other), mine.union(theirs))
            check(one.subtracting(other), mine.subtracting(theirs))
            check(one.intersection(other), mine.intersection(theirs))
            for range in numbers.ranges(10, below: addresses) {
                #expect(one.contains(range) == mine.isSuperset(of: members(range)))
                #expect(one.overlaps(range) == !mine.isDisjoint(with: members(range)))
            }
        }
    }

    /// Its ranges are in the one form that makes equal sets equal.
    private func check(_ set: PhysicalRangeSet, _ expected: Set<UInt64>) {
        #expect(members(set) == expected)
        #expect(set.size == UInt64(expected.count) && set.isEmpty == expected.isEmpty)
        let hasEmpty = set.ranges.contains { $0.isEmpty }
        #expect(!hasEmpty)
        for (lower, upper) in zip(set.ranges, set.ranges.dropFirst()) { #expect(lower.end < upper.start) }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func ramIsWhatNothingElseIs(seed: UInt64) {
        var numbers = Numbers(seed: seed)
        let types: [E820Type] = [.ram, .ram, .reserved, .acpiTables, E820Type(rawValue: 77)]
        for _ in 0..<50 {
            let entries = numbers.ranges(8, below: addresses).map {
                E820Entry(range: $0, type: types.randomElement(using: &numbers) ?? .ram)
            }
            let map = MemoryMap(entries)
            #expect(Set(map.entries) == Set(entries) && map.entries.count == entries.count)
            for (lower, upper) in zip(map.entries, map.entries.dropFirst()) {
                let (first, second) = (lower.range, upper.range)
                #expect((first.start, first.end) <= (second.start, second.end))
            }
            let others = members(entries.filter { $0.type != .ram }.map(\.range))
            #expect(members(map.ram) == members(entries.filter { $0.type == .ram }.map(\.range)).subtracting(others))
            for type in types where type != .ram {
                #expect(members(map.memory(of: type)) == members(entries.filter { $0.type == type }.map(\.range)))
            }
        }
    }
}

@Suite struct SortingPropertyTests {
    /// Few different keys, so that many are equal.
    @Test(arguments: 1...20 as ClosedRange<UInt64>) func everyElementIsThereOnceAndEqualOnesStayInOrder(seed: UInt64) {
        var numbers = Numbers(seed: seed)
        for count in 0..<40 {
            let keys = (0..<count).map { _ in numbers.below(8) }
            let order = ascendingOrder(of: keys)
            #expect(order.sorted() == Array(keys.indices))
            for (first, second) in zip(order, order.dropFirst()) {
                #expect(keys[first] < keys[second] || keys[first] == keys[second] && first < second)
            }
            #expect(keys.enumerated().map { $0 }.sorted { $0.element }.map(\.offset) == order)
        }
    }
}
