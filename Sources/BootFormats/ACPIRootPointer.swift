// SPDX-License-Identifier: MIT

/// The Root System Description Pointer, where ACPI's tables begin: ACPI 6.5, section 5.2.5.3.
///
///      0 "RSD PTR "  8 checksum of the first 20  15 revision  16 RSDT's address
///     20 length     24 XSDT's address            32 checksum of all                   from revision 2 on
public struct ACPIRootPointer: Hashable, Sendable {
    /// Bytes of a structure of revision 2, the only size there is from then on.
    public static let size = 36
    /// Bytes of a structure of revision 0.
    private static let oldSize = 20

    /// "RSD PTR "
    private static let signature: UInt64 = 0x2052_5450_2044_5352

    private var bytes: [UInt8]

    /// nil where `bytes` are not `size` bytes that begin with such a structure, with checksums that are right.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.size, bytes.loadLittle(UInt64.self, at: 0) == Self.signature else { return nil }
        self.bytes = bytes
        guard sum(Self.oldSize) == 0 else { return nil }
        if bytes[15] < 2 {
            self.bytes.removeLast(Self.size - Self.oldSize)
        } else if bytes[20] != Self.size || sum(Self.size) != 0 {
            return nil
        }
    }

    /// As revision 0 has it; nil where there is no RSDT.
    public var old: [UInt8]? {
        guard bytes.loadLittle(UInt32.self, at: 16) != 0 else { return nil }
        var old = bytes
        old.removeLast(bytes.count - Self.oldSize)
        old[8] &+= old[15]
        old[15] = 0
        return old
    }

    /// nil where it is of revision 0.
    public var new: [UInt8]? { bytes.count == Self.size ? bytes : nil }

    private func sum(_ count: Int) -> UInt8 {
        var sum: UInt8 = 0
        for index in 0..<count { sum &+= bytes[index] }
        return sum
    }
}
