// SPDX-License-Identifier: MIT OR GPL-2.0-only
#if canImport(PhysicalMemory)
    import PhysicalMemory
#endif

/// What the relocation code does, in order: pages of
///
/// ```
/// word 0     physical address of the next page, 0: the last one
/// word 1     number of entries
/// then       destination | pages - 1, source; source 0: zeros
/// ```
///
/// At most 4096 pages an entry: the number takes the bits that a page's address leaves.
struct CopyList {
    static let longestRun: UInt64 = 4096
    private static let capacity: UInt64 = 255

    /// Physical address of the first page.
    let head: PhysicalAddress
    private var last: PhysicalAddress
    /// That are copied; zeros not counted.
    private(set) var pagesToCopy: UInt64 = 0

    /// - Parameter head: a zeroed page outside all places.
    init(head: PhysicalAddress) {
        self.head = head
        last = head
    }

    /// - Parameter supply: of the list's further pages.
    /// - Returns: false: no memory.
    mutating func addCopy(of source: Run, to destination: PhysicalAddress, _ supply: inout PageSupply) -> Bool {
        var (from, to, rest) = (source.start.rawValue, destination.rawValue, source.pages)
        while rest > 0 {
            let pages = min(rest, Self.longestRun)
            guard addEntry(to, from, pages, &supply) else { return false }
            from += pages * pageSize
            to += pages * pageSize
            rest -= pages
        }
        pagesToCopy += source.pages
        return true
    }

    mutating func addZeros(_ run: Run, _ supply: inout PageSupply) -> Bool {
        var (to, rest) = (run.start.rawValue, run.pages)
        while rest > 0 {
            let pages = min(rest, Self.longestRun)
            guard addEntry(to, 0, pages, &supply) else { return false }
            to += pages * pageSize
            rest -= pages
        }
        return true
    }

    private mutating func addEntry(
        _ destination: UInt64, _ source: UInt64, _ pages: UInt64, _ supply: inout PageSupply
    ) -> Bool {
        if PageWords(last)[1] == Self.capacity {
            guard let page = supply.takeSafePage() else { return false }
            PageWords(last)[0] = page.rawValue
            last = page
        }
        let words = PageWords(last)
        let at = 2 + 2 * Int(words[1])
        words[at] = destination | (pages - 1)
        words[at + 1] = source
        words[1] += 1
        return true
    }

    /// The first address that `isWrong` of those that the relocation code touches: list pages, and of each run one
    /// page in every 2 MiB, which the page tables map at once.
    func firstAddress(where isWrong: (UInt64) -> Bool) -> UInt64? {
        var page = head.rawValue
        while page != 0 {
            if isWrong(page) { return page }
            let words = PageWords(PhysicalAddress(page))
            var entry = 0
            while entry < Int(words[1]) {
                let at = 2 + 2 * entry
                let size = (words[at] % pageSize) * pageSize
                let destination = words[at].roundedDown(to: pageSize)
                if let wrong = firstWrong(destination, size, isWrong) { return wrong }
                if words[at + 1] != 0, let wrong = firstWrong(words[at + 1], size, isWrong) { return wrong }
                entry += 1
            }
            page = words[0]
        }
        return nil
    }

    private func firstWrong(_ start: UInt64, _ offsetOfLast: UInt64, _ isWrong: (UInt64) -> Bool) -> UInt64? {
        var offset: UInt64 = 0
        while offset < offsetOfLast {
            if isWrong(start + offset) { return start + offset }
            offset += Self.mappedAtOnce
        }
        return isWrong(start + offsetOfLast) ? start + offsetOfLast : nil
    }

    /// The smallest piece that `IdentityTables` maps, in bytes.
    private static let mappedAtOnce: UInt64 = 2 << 20
}
