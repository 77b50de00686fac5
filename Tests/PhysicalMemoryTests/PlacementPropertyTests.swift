// SPDX-License-Identifier: MIT
// Placement beside a model that has one bit for each page, and tries every place there is.
import PhysicalMemory
import Testing

/// 56 pages, of which some are free.
private struct Pages {
    static let count = 56

    /// Where they begin.
    let base: UInt64
    var isFree = [Bool](repeating: false, count: Pages.count)

    /// A page is free where all of its bytes are in one of `ranges`, or in several that touch.
    init(base: UInt64, free ranges: [PhysicalRange]) {
        self.base = base
        for page in 0..<Self.count {
            var position = address(page)
            let end = position + pageSize
            while let range = ranges.first(where: { $0.contains(PhysicalAddress(position)) }), position < end {
                position = range.end.rawValue
            }
            isFree[page] = position >= end
        }
    }

    func address(_ page: Int) -> UInt64 { base + UInt64(page) * pageSize }

    /// Every place for as many pages, in ascending order.
    func places(_ pages: Int, _ request: PlacementRequest) -> [PhysicalRange] {
        guard pages > 0, pages <= Self.count else { return [] }
        return (0...Self.count - pages).compactMap { first in
            let place = PhysicalRange(
                from: PhysicalAddress(address(first)), to: PhysicalAddress(address(first + pages)))
            let isHome =
                isFree[first..<first + pages].allSatisfy { $0 } && request.bounds.contains(place)
                && place.start.rawValue % request.alignment == 0
            return isHome ? place : nil
        }
    }

    func places(_ request: PlacementRequest) -> [PhysicalRange] {
        places(Int((request.size + pageSize - 1) / pageSize), request)
    }

    mutating func take(_ place: PhysicalRange) {
        let first = Int((place.start.rawValue - base) / pageSize)
        for page in first..<first + Int(place.size / pageSize) { isFree[page] = false }
    }

    var free: PhysicalRangeSet {
        PhysicalRangeSet(
            isFree.indices.filter { isFree[$0] }.map {
                PhysicalRange(from: PhysicalAddress(address($0)), to: PhysicalAddress(address($0 + 1)))
            })
    }
}

@Suite struct PlacementPropertyTests {
    /// The lowest and the highest pages that a half-open range can hold.
    static let bases: [UInt64] = [0, 0xffff_ffff_fffc_7000]
    static let seeds = 1...25 as ClosedRange<UInt64>

    /// Free memory of any form, with pages that are free in part.
    private func memory(_ base: UInt64, _ numbers: inout Numbers) -> (MemoryAllocator, Pages) {
        let end = UInt64(Pages.count) * pageSize
        let ranges = numbers.ranges(8, below: end).map { range in
            // Half of the edges are edges of pages.
            let unit: UInt64 = numbers.below(2) == 0 ? 1 : pageSize
            return PhysicalRange(
                from: PhysicalAddress(base + range.start.rawValue / unit * unit),
                to: PhysicalAddress(base + range.end.rawValue / unit * unit))
        }
        return (MemoryAllocator(free: PhysicalRangeSet(ranges)), Pages(base: base, free: ranges))
    }

    private func request(_ base: UInt64, _ numbers: inout Numbers) -> PlacementRequest {
        let size = 1 + numbers.below(numbers.below(2) == 0 ? 3 * pageSize : 20 * pageSize)
        let alignment = [1, 512, pageSize, pageSize, 2 * pageSize, 8 * pageSize][Int(numbers.below(6))]
        let end = UInt64(Pages.count) * pageSize
        let edges = [numbers.below(end), numbers.below(end)].sorted()
        let bounds =
            numbers.below(2) == 0
            ? PhysicalRange(from: .zero, to: PhysicalAddress(.max))
            : PhysicalRange(from: PhysicalAddress(base + edges[0]), to: PhysicalAddress(base + edges[1]))
        return PlacementRequest(
            size: size, alignment: alignment, bounds: bounds, preference: numbers.below(2) == 0 ? .lowest : .highest)
    }

    @Test(arguments: bases, seeds) func countsWholePagesOnly(base: UInt64, seed: UInt64) {
        var numbers = Numbers(seed: seed)
        for _ in 0..<20 {
            let (memory, pages) = memory(base, &numbers)
            #expect(memory.free == pages.free)
        }
    }

    @Test(arguments: bases, seeds) func takesTheLowestOrTheHighestOfAllPlaces(base: UInt64, seed: UInt64) {
        var numbers = Numbers(seed: seed)
        for _ in 0..<40 {
            var (memory, pages) = memory(base, &numbers)
            let request = request(base, &numbers)
            let places = pages.places(request)
            let home = memory.place(request)
            #expect(home == (request.preference == .lowest ? places.first : places.last))
            if let home { pages.take(home) }
            #expect(memory.free == pages.free, "what is taken is the home, and nothing without one")
        }
    }

    /// Number n draws place n, and as many numbers as there are places draw all of them.
    @Test(arguments: bases, seeds) func everyPlaceIsDrawnByAsManyNumbers(base: UInt64, seed: UInt64) {
        var numbers = Numbers(seed: seed)
        for _ in 0..<10 {
            let (memory, pages) = memory(base, &numbers)
            let request = request(base, &numbers)
            let places = pages.places(request)
            for number in 0..<UInt64(max(2 * places.count, 1)) {
                var (copy, left) = (memory, pages)
                let home = copy.place(request, random: number)
                #expect(home == (places.isEmpty ? nil : places[Int(number) % places.count]))
                if let home { left.take(home) }
                #expect(copy.free == left.free)
            }
        }
    }

    @Test(arguments: bases, seeds) func tellsTheLargestThatWouldHaveAPlace(base: UInt64, seed: UInt64) {
        var numbers = Numbers(seed: seed)
        for _ in 0..<20 {
            let (memory, pages) = memory(base, &numbers)
            let request = request(base, &numbers)
            let largest = (1...Pages.count).last { !pages.places($0, request).isEmpty } ?? 0
            #expect(memory.largestFree(for: request) == UInt64(largest) * pageSize)
        }
    }

    @Test(arguments: bases, seeds) func homesAreDisjointUntilNothingIsLeft(base: UInt64, seed: UInt64) {
        var numbers = Numbers(seed: seed)
        var (memory, pages) = memory(base, &numbers)
        let before = memory.free
        var homes: [PhysicalRange] = []
        for _ in 0..<60 {
            let request = request(base, &numbers)
            let home = memory.place(request, random: numbers.below(2) == 0 ? nil : numbers.next())
            #expect((home == nil) == pages.places(request).isEmpty)
            guard let home else { continue }
            let isApart = homes.allSatisfy { !$0.overlaps(home) }
            #expect(isApart && before.contains(home) && request.bounds.contains(home))
            #expect(home.start.rawValue % max(request.alignment, pageSize) == 0 && home.size >= request.size)
            homes.append(home)
            pages.take(home)
        }
        #expect(memory.free.union(PhysicalRangeSet(homes)) == before)
    }

    @Test(arguments: bases, seeds) func takesAFixedPlaceWhereAllOfItIsFree(base: UInt64, seed: UInt64) {
        var numbers = Numbers(seed: seed)
        for _ in 0..<40 {
            var (memory, _) = memory(base, &numbers)
            let free = memory.free
            for range in numbers.ranges(3, below: UInt64(Pages.count) * pageSize) {
                let wanted = PhysicalRange(
                    from: PhysicalAddress(base + range.start.rawValue), to: PhysicalAddress(base + range.end.rawValue))
                let before = memory.free
                let isTaken = memory.take(wanted)
                #expect(isTaken == PhysicalRangeSet([wanted]).subtracting(before).isEmpty)
                #expect(memory.free == (isTaken ? before.subtracting(PhysicalRangeSet([wanted])) : before))
            }
            #expect(memory.free.subtracting(free).isEmpty)
        }
    }
}
