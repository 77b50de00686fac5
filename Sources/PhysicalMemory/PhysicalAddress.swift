// SPDX-License-Identifier: MIT

/// An address in the machine's physical memory, in bytes from 0.
///
/// Always 64 bits wide, also where `Int` has 32: a 32-bit tool must be able to name memory above 4 GiB.
public struct PhysicalAddress: RawRepresentable, Hashable, Comparable, Sendable {
    public var rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    public static let zero = PhysicalAddress(0)
    /// The first address that 32 bits cannot name.
    public static let fourGiB = PhysicalAddress(1 << 32)

    public static func < (left: PhysicalAddress, right: PhysicalAddress) -> Bool { left.rawValue < right.rawValue }

    /// The address `offset` bytes further up, or nil where that is beyond the 64-bit space.
    public func advanced(by offset: UInt64) -> PhysicalAddress? {
        let (sum, overflow) = rawValue.addingReportingOverflow(offset)
        return overflow ? nil : PhysicalAddress(sum)
    }
}
