// SPDX-License-Identifier: MIT

/// A half-open run of physical memory: `start` belongs to it, `end` does not.
public struct PhysicalRange: Hashable, Sendable {
    public let start: PhysicalAddress
    public let end: PhysicalAddress

    /// The range between two addresses; empty where `end` is not above `start`.
    public init(from start: PhysicalAddress, to end: PhysicalAddress) {
        self.start = start
        self.end = max(start, end)
    }

    /// `size` bytes from `start`; nil where the end is beyond the 64-bit space.
    public init?(start: PhysicalAddress, size: UInt64) {
        guard let end = start.advanced(by: size) else { return nil }
        self.init(from: start, to: end)
    }

    /// In bytes.
    public var size: UInt64 { end.rawValue - start.rawValue }
    public var isEmpty: Bool { end == start }

    /// Whether any byte is in both: an empty range overlaps nothing.
    public func overlaps(_ other: PhysicalRange) -> Bool {
        !isEmpty && !other.isEmpty && start < other.end && other.start < end
    }

    /// Whether all of `other` lies in here; an empty one may also lie at the end.
    public func contains(_ other: PhysicalRange) -> Bool { start <= other.start && other.end <= end }
    public func contains(_ address: PhysicalAddress) -> Bool { start <= address && address < end }

    /// What both ranges share; nil where that is nothing.
    public func intersection(_ other: PhysicalRange) -> PhysicalRange? {
        overlaps(other) ? PhysicalRange(from: max(start, other.start), to: min(end, other.end)) : nil
    }

    /// The largest part that begins and ends on a multiple of `alignment`; nil where there is none.
    public func shrunk(to alignment: UInt64) -> PhysicalRange? {
        guard let first = start.rawValue.roundedUp(to: alignment) else { return nil }
        let last = end.rawValue.roundedDown(to: alignment)
        return first < last ? PhysicalRange(from: PhysicalAddress(first), to: PhysicalAddress(last)) : nil
    }
}
