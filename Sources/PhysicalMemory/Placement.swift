// SPDX-License-Identifier: MIT

/// Where a segment wants to be.
public struct PlacementRequest: Hashable, Sendable {
    public enum Preference: Hashable, Sendable { case lowest, highest }

    /// In bytes; rounded up to whole pages.
    public var size: UInt64
    /// A power of two, at least a page.
    public var alignment: UInt64
    /// The segment must lie in here whole.
    public var bounds: PhysicalRange
    public var preference: Preference

    public init(size: UInt64, alignment: UInt64 = pageSize, bounds: PhysicalRange, preference: Preference) {
        self.size = size
        self.alignment = alignment
        self.bounds = bounds
        self.preference = preference
    }
}

/// Hands out homes for segments from the memory that the next kernel may use.
public struct MemoryAllocator: Hashable, Sendable {
    /// What has not been handed out yet.
    public private(set) var free: PhysicalRangeSet

    public init(free: PhysicalRangeSet) {
        self.free = PhysicalRangeSet(free.ranges.compactMap { $0.shrunk(to: pageSize) })
    }

    /// The largest piece that could still be placed in `bounds`, in bytes: for the message when a request fails.
    public func largestFree(in bounds: PhysicalRange) -> UInt64 {
        free.ranges.compactMap { $0.intersection(bounds)?.shrunk(to: pageSize)?.size }.max() ?? 0
    }

    /// Takes a home for `request` out of the free memory; nil, and nothing taken, where none fits.
    public mutating func place(_ request: PlacementRequest) -> PhysicalRange? {
        guard let size = request.size.roundedUp(to: pageSize), size > 0, request.alignment.isPowerOfTwo else {
            return nil
        }
        let alignment = max(request.alignment, pageSize)
        let candidates = free.ranges.compactMap { $0.intersection(request.bounds) }
        let home: PhysicalRange? =
            switch request.preference {
            case .lowest: candidates.firstNonNil { lowestHome(in: $0, size: size, alignment: alignment) }
            case .highest: candidates.reversed().firstNonNil { highestHome(in: $0, size: size, alignment: alignment) }
            }
        if let home { free = free.subtracting(PhysicalRangeSet([home])) }
        return home
    }

    /// Takes exactly `range`; false, and nothing taken, where some of it is not free.
    public mutating func take(_ range: PhysicalRange) -> Bool {
        guard free.contains(range) else { return false }
        free = free.subtracting(PhysicalRangeSet([range]))
        return true
    }

    private func lowestHome(in range: PhysicalRange, size: UInt64, alignment: UInt64) -> PhysicalRange? {
        guard let start = range.start.rawValue.roundedUp(to: alignment),
            let home = PhysicalRange(start: PhysicalAddress(start), size: size), range.contains(home)
        else { return nil }
        return home
    }

    private func highestHome(in range: PhysicalRange, size: UInt64, alignment: UInt64) -> PhysicalRange? {
        guard range.size >= size else { return nil }
        let start = (range.end.rawValue - size).roundedDown(to: alignment)
        guard let home = PhysicalRange(start: PhysicalAddress(start), size: size), range.contains(home) else {
            return nil
        }
        return home
    }
}

extension Sequence {
    fileprivate func firstNonNil<Result>(_ transform: (Element) -> Result?) -> Result? {
        for element in self {
            if let result = transform(element) { return result }
        }
        return nil
    }
}
