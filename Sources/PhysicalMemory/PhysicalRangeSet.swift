// SPDX-License-Identifier: MIT

/// A set of physical addresses, kept as sorted ranges that neither overlap nor touch.
///
/// Built and united in O(n log n), else combined in O(n + m): a machine with thousands of reserved ranges costs no more
/// than it must.
public struct PhysicalRangeSet: Hashable, Sendable {
    /// Ascending, non-empty, with a gap between any two.
    public private(set) var ranges: [PhysicalRange]

    public init() { ranges = [] }

    /// All addresses of ranges in any order, which may overlap or be empty.
    public init(_ unordered: [PhysicalRange]) {
        ranges = []
        for range in unordered.sorted(by: { $0.start.rawValue }) where !range.isEmpty {
            if let last = ranges.last, range.start <= last.end {
                ranges[ranges.count - 1] = PhysicalRange(from: last.start, to: max(last.end, range.end))
            } else {
                ranges.append(range)
            }
        }
    }

    /// Bytes in all ranges together.
    public var size: UInt64 { ranges.reduce(0) { $0 + $1.size } }
    public var isEmpty: Bool { ranges.isEmpty }

    /// Whether every byte of `range` is in the set; true of an empty one, wherever it is.
    public func contains(_ range: PhysicalRange) -> Bool {
        range.isEmpty || ranges.contains { $0.contains(range) }
    }

    /// Whether any byte of `range` is in the set.
    public func overlaps(_ range: PhysicalRange) -> Bool { ranges.contains { $0.overlaps(range) } }

    public func union(_ other: PhysicalRangeSet) -> PhysicalRangeSet { PhysicalRangeSet(ranges + other.ranges) }

    /// The addresses of self that are not in `other`.
    public func subtracting(_ other: PhysicalRangeSet) -> PhysicalRangeSet {
        var rest: [PhysicalRange] = []
        var next = other.ranges[...]
        for range in ranges {
            var start = range.start
            while let hole = next.first, hole.end <= start { next.removeFirst() }
            var holes = next
            while let hole = holes.first, hole.start < range.end {
                if start < hole.start { rest.append(PhysicalRange(from: start, to: hole.start)) }
                start = max(start, hole.end)
                holes.removeFirst()
            }
            if start < range.end { rest.append(PhysicalRange(from: start, to: range.end)) }
        }
        var result = PhysicalRangeSet()
        result.ranges = rest
        return result
    }

    public func intersection(_ other: PhysicalRangeSet) -> PhysicalRangeSet {
        subtracting(subtracting(other))
    }
}
