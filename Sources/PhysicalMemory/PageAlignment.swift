// SPDX-License-Identifier: MIT

/// The size of the pages that kexec moves: 4 KiB on every architecture we load for.
public let pageSize: UInt64 = 4096

extension UInt64 {
    /// The smallest multiple of `alignment` (a power of two) that is not below self; nil where that overflows.
    public func roundedUp(to alignment: UInt64) -> UInt64? {
        let (sum, overflow) = addingReportingOverflow(alignment - 1)
        return overflow ? nil : sum & ~(alignment - 1)
    }

    /// The greatest multiple of `alignment` (a power of two) that is not above self.
    public func roundedDown(to alignment: UInt64) -> UInt64 { self & ~(alignment - 1) }

    /// Whether self is a power of two, and so may be an alignment.
    public var isPowerOfTwo: Bool { self != 0 && self & (self - 1) == 0 }
}
