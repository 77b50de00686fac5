// SPDX-License-Identifier: MIT OR GPL-2.0-only
import LinuxGlue

#if canImport(PhysicalMemory)
    import PhysicalMemory
#endif

/// Hands out the pages that an image waits in, and owns them.
///
/// The kernel's allocator knows nothing of places: any page may be one that the jump writes to. Such a page cannot hold
/// what is needed while the copying goes on, but it is never useless. One that is a content page's own place is kept for
/// that content, which then need not move at all; and one that becomes zeros may hold contents until then, for zeros are
/// written last. So no page is asked for twice, and the work is linear in pages, however full the memory is.
struct PageSupply: ~Copyable {
    var destinations = Destinations()
    /// Everything that came from the kernel and is kept until the image goes.
    private var owned = BlockList()
    /// What can be of no use, until the load has ended: given back at once, it would come again.
    private var useless = BlockList()
    /// Free for contents.
    private var free = RunStack()
    /// Which content pages lie at their place.
    private var inPlace = PageSet()
    private var contentPages: UInt64 = 0
    private(set) var pagesInPlace: UInt64 = 0
    /// There is a page for each content page.
    private var isStocked = false
    /// Content pages with lower numbers have their page.
    private var nextPage: UInt64 = 0
    private var largestOrder = UInt32(glue_largest_order)

    init() {}

    /// Before any page is taken, and with the destinations known; false: no memory.
    mutating func begin() -> Bool {
        contentPages = destinations.contentPages
        guard let set = PageSet(count: contentPages) else { return false }
        inPlace = set
        return true
    }

    // MARK: Pages that must survive the copying

    /// What has ended a load that did not get its page.
    private(set) var whyNoPage = Refusal.noMemory

    /// A zeroed page outside all places; nil: `whyNoPage`.
    mutating func takeSafePage() -> PhysicalAddress? {
        while let block = Block.allocate() {
            let use = destinations.use(of: block.start)
            guard keep(block, use) else { return nil }
            if use == .none {
                PageWords(block.start).clear()
                return block.start
            }
            // The next one may be a place as well, and so on through all of them.
            if glue_is_interrupted() {
                whyNoPage = .interrupted
                return nil
            }
        }
        return nil
    }

    /// Keeps a block of one page for what it is good for.
    private mutating func keep(_ block: Block, _ use: Destinations.Use) -> Bool {
        guard isUseful(use) ? owned.add(block) : useless.add(block) else {
            block.free()
            return false
        }
        guard isUseful(use) else { return true }
        switch use {
        case .contents(let number): markInPlace(number)
        case .zeros: free.push(Run(start: block.start, pages: 1))
        case .none: break
        }
        return true
    }

    private func isUseful(_ use: Destinations.Use) -> Bool {
        switch use {
        case .none: true
        case .contents(let number): number >= nextPage
        // Of these there may be many more than there are contents.
        case .zeros: !isStocked && pagesInPlace + free.pages < contentPages
        }
    }

    private mutating func markInPlace(_ number: UInt64) {
        inPlace.insert(number)
        pagesInPlace += 1
    }

    // MARK: Pages for contents

    /// Gets a page for each content page.
    mutating func stock() -> Refusal? {
        while pagesInPlace + free.pages < contentPages {
            if glue_is_interrupted() { return .interrupted }
            guard let block = largestBlock(upTo: contentPages - pagesInPlace - free.pages) else {
                return .noMemory
            }
            guard owned.add(block) else {
                block.free()
                return .noMemory
            }
            sort(block)
        }
        isStocked = true
        return nil
    }

    /// The largest block there is of at most `pages`: few large ones make a short list of copies.
    private mutating func largestBlock(upTo pages: UInt64) -> Block? {
        while largestOrder > 0, 1 << UInt64(largestOrder) > pages { largestOrder -= 1 }
        while true {
            if let block = Block.allocate(order: largestOrder) { return block }
            // What the kernel could not give a moment ago is not asked for again in this load.
            guard largestOrder > 0 else { return nil }
            largestOrder -= 1
        }
    }

    /// Puts each page of an owned block to its use.
    private mutating func sort(_ block: Block) {
        guard destinations.overlap(block.range) else {
            free.push(Run(start: block.start, pages: block.pages))
            return
        }
        var run = Run(start: block.start, pages: 0)
        var page = block.start
        while page < block.range.end {
            let next = PhysicalAddress(page.rawValue + pageSize)
            if case .contents(let number) = destinations.use(of: page) {
                if run.pages > 0 { free.push(run) }
                run = Run(start: next, pages: 0)
                markInPlace(number)
            } else {
                run.pages += 1
            }
            page = next
        }
        if run.pages > 0 { free.push(run) }
    }

    /// Pages for the content pages from `number` on, at most `limit`: where they lie, as far as they do so in one piece.
    ///
    /// Called in ascending order of numbers, and after `stock()`.
    mutating func takeRun(for number: UInt64, at place: PhysicalAddress, limit: UInt64) -> Run? {
        let isInPlace = inPlace.contains(number)
        // Never further than the run goes: pages looked at in vain would be looked at again.
        let most = isInPlace ? limit : min(limit, free.lengthOfNewest)
        var length: UInt64 = 1
        while length < most, inPlace.contains(number + length) == isInPlace { length += 1 }
        guard let run = isInPlace ? Run(start: place, pages: length) : free.pop(atMost: length) else { return nil }
        nextPage = number + run.pages
        return run
    }

    /// The load has ended: gives back what it only had to hold on to.
    mutating func finish() {
        useless = BlockList()
        inPlace = PageSet()
    }
}
