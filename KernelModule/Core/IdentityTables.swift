// SPDX-License-Identifier: MIT OR GPL-2.0-only
#if canImport(PhysicalMemory)
    import PhysicalMemory
#endif

/// Page tables for the time between the kernels (x86-64, Intel SDM volume 3, 4.5): RAM and the segments' places at their
/// physical addresses, in pages of 1 GiB where the processor has them, else of 2 MiB, and the code that switches to them
/// at its virtual address.
struct IdentityTables {
    /// The table that CR3 points to.
    let root: PhysicalAddress
    /// 4 or 5.
    let levels: Int
    let usesGigabytePages: Bool

    private static let present: UInt64 = 1 << 0
    private static let writable: UInt64 = 1 << 1
    private static let large: UInt64 = 1 << 7
    private static let address: UInt64 = 0x000f_ffff_ffff_f000

    /// The bytes that one entry of a table stands for, on level 1 (4 KiB) to 5.
    private static func span(_ level: Int) -> UInt64 { 1 << (12 + 9 * UInt64(level - 1)) }
    private static func index(_ address: UInt64, _ level: Int) -> Int { Int(address / span(level)) & 511 }

    /// Maps whatever `range` touches; false: no memory.
    func map(_ range: PhysicalRange, _ supply: inout PageSupply) -> Bool {
        guard !range.isEmpty else { return true }
        var at = range.start.rawValue.roundedDown(to: Self.span(2))
        while at < range.end.rawValue {
            guard let table = table(for: at, level: 3, &supply) else { return false }
            let words = PageWords(table)
            let index = Self.index(at, 3)
            let isWhole = at % Self.span(3) == 0 && at + Self.span(3) <= range.end.rawValue
            if words[index] & Self.large != 0 {
                at = (at + Self.span(3)).roundedDown(to: Self.span(3))
            } else if usesGigabytePages, isWhole, words[index] == 0 {
                words[index] = at | Self.large | Self.writable | Self.present
                at += Self.span(3)
            } else {
                guard let table = self.table(for: at, level: 2, &supply) else { return false }
                PageWords(table)[Self.index(at, 2)] = at | Self.large | Self.writable | Self.present
                at += Self.span(2)
            }
        }
        return true
    }

    /// Maps one page of 4 KiB at another address than its own; false: no memory.
    func map(_ page: PhysicalAddress, at address: UInt64, _ supply: inout PageSupply) -> Bool {
        guard let table = table(for: address, level: 1, &supply) else { return false }
        PageWords(table)[Self.index(address, 1)] = page.rawValue | Self.writable | Self.present
        return true
    }

    /// The table of `level` that `address` goes by, made where it is missing.
    private func table(for address: UInt64, level: Int, _ supply: inout PageSupply) -> PhysicalAddress? {
        var table = root
        var at = levels
        while at > level {
            let words = PageWords(table)
            let index = Self.index(address, at)
            if words[index] & Self.present != 0 {
                table = PhysicalAddress(words[index] & Self.address)
            } else {
                guard let page = supply.takeSafePage() else { return nil }
                words[index] = page.rawValue | Self.writable | Self.present
                table = page
            }
            at -= 1
        }
        return table
    }

    /// Where the tables lead from `address`; nil: nowhere.
    func translate(_ address: UInt64) -> PhysicalAddress? {
        var table = root
        var level = levels
        while level > 0 {
            let entry = PageWords(table)[Self.index(address, level)]
            guard entry & Self.present != 0 else { return nil }
            let target = entry & Self.address
            if level == 1 || entry & Self.large != 0 {
                return PhysicalAddress(target + address % Self.span(level))
            }
            table = PhysicalAddress(target)
            level -= 1
        }
        return nil
    }
}
