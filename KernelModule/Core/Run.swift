// SPDX-License-Identifier: MIT OR GPL-2.0-only
#if canImport(PhysicalMemory)
    import PhysicalMemory
#endif

/// Contiguous pages.
struct Run: Equatable {
    var start: PhysicalAddress
    var pages: UInt64

    var end: PhysicalAddress { PhysicalAddress(start.rawValue + pages * pageSize) }
}

/// Runs of pages that hold nothing yet: the first page of each has its length and the address of the next, so that the
/// stack needs no memory of its own. It owns none of them.
struct RunStack: ~Copyable {
    /// 0: empty. Page 0 is never given out.
    private var top: UInt64 = 0
    /// In all runs.
    private(set) var pages: UInt64 = 0

    /// Pages of the run that is popped next; 0: empty.
    var lengthOfNewest: UInt64 { top == 0 ? 0 : PageWords(PhysicalAddress(top))[1] }

    mutating func push(_ run: Run) {
        let words = PageWords(run.start)
        words[0] = top
        words[1] = run.pages
        top = run.start.rawValue
        pages += run.pages
    }

    /// The newest run, or its first `limit` pages; nil: empty.
    mutating func pop(atMost limit: UInt64) -> Run? {
        guard top != 0 else { return nil }
        let start = PhysicalAddress(top)
        let words = PageWords(start)
        let length = words[1]
        top = words[0]
        pages -= length
        let taken = Run(start: start, pages: min(length, limit))
        if taken.pages < length { push(Run(start: taken.end, pages: length - taken.pages)) }
        return taken
    }
}
