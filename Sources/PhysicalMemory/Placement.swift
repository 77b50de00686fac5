// SPDX-License-Identifier: MIT

/// Where a segment wants to be.
public struct PlacementRequest: Hashable, Sendable {
    /// Which of several places is taken: the one with the lowest address, or with the highest.
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

    /// - Parameter free: of its ranges, the whole pages count.
    public init(free: PhysicalRangeSet) {
        self.free = PhysicalRangeSet(free.ranges.compactMap { $0.shrunk(to: pageSize) })
    }

    /// The largest piece that `request` could still have if it were small enough, in bytes: for the message when it fails.
    public func largestFree(for request: PlacementRequest) -> UInt64 {
        free.ranges.reduce(0) { largest, range in
            guard let piece = range.intersection(request.bounds)?.shrunk(to: pageSize),
                let start = piece.start.rawValue.roundedUp(to: request.alignment), start < piece.end.rawValue
            else { return largest }
            return max(largest, piece.end.rawValue - start)
        }
    }

    /// Takes a home for `request` out of the free memory; nil, and nothing taken, where none fits.
    /// - Parameter random: of all homes at multiples of the request's alignment, takes the one that this number says,
    ///   whatever the preference is: each is as likely as any other.
    public mutating func place(_ request: PlacementRequest, random: UInt64? = nil) -> PhysicalRange? {
        guard let size = request.size.roundedUp(to: pageSize), size > 0, request.alignment.isPowerOfTwo else {
            return nil
        }
        let alignment = max(request.alignment, pageSize)
        let candidates = free.ranges.compactMap { $0.intersection(request.bounds) }
        let home: PhysicalRange? =
            if let random {
                randomHome(in: candidates, size: size, alignment: alignment, random)
            } else {
                switch request.preference {
                case .lowest: candidates.firstNonNil { lowestHome(in: $0, size: size, alignment: alignment) }
                case .highest:
                    candidates.reversed().firstNonNil { highestHome(in: $0, size: size, alignment: alignment) }
                }
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

    private func randomHome(
        in ranges: [PhysicalRange], size: UInt64, alignment: UInt64, _ random: UInt64
    ) -> PhysicalRange? {
        var starts: [(first: UInt64, count: UInt64)] = []
        var count: UInt64 = 0
        for range in ranges {
            guard let first = range.start.rawValue.roundedUp(to: alignment),
                let last = highestHome(in: range, size: size, alignment: alignment)?.start.rawValue
            else { continue }
            starts.append((first, (last - first) / alignment + 1))
            count += (last - first) / alignment + 1
        }
        guard count > 0 else { return nil }
        var number = random % count
        for run in starts {
            if number < run.count {
                return PhysicalRange(start: PhysicalAddress(run.first + number * alignment), size: size)
            }
            number -= run.count
        }
        return nil
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
