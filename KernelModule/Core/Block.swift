// SPDX-License-Identifier: MIT OR GPL-2.0-only
import LinuxGlue

#if canImport(PhysicalMemory)
    import PhysicalMemory
#endif

/// Contiguous pages as the kernel's allocator gives them: 4096 << `order` bytes, aligned to their size.
struct Block {
    let start: PhysicalAddress
    let order: UInt32

    var pages: UInt64 { 1 << UInt64(order) }
    var range: PhysicalRange {
        // A block lies in RAM, far below the end of the 64-bit space.
        PhysicalRange(from: start, to: PhysicalAddress(start.rawValue + pages * pageSize))
    }

    /// nil: the kernel has none. The contents are whatever was there.
    static func allocate(order: UInt32 = 0) -> Block? {
        let address = glue_allocate_block(order)
        guard address != 0 else { return nil }
        unsafe pagesHeld += 1 << UInt64(order)
        return Block(start: PhysicalAddress(address), order: order)
    }

    func free() {
        glue_free_block(start.rawValue, order)
        unsafe pagesHeld -= pages
    }

    /// As one word of a list: the order takes the bits that an aligned address leaves.
    init(word: UInt64) {
        start = PhysicalAddress(word & ~(pageSize - 1))
        order = UInt32(truncatingIfNeeded: word & (pageSize - 1))
    }
    var word: UInt64 { start.rawValue | UInt64(order) }

    private init(start: PhysicalAddress, order: UInt32) {
        self.start = start
        self.order = order
    }
}

/// Pages that the module has from the kernel at this moment; calls exclude each other.
nonisolated(unsafe) var pagesHeld: UInt64 = 0

/// Blocks that are owned, in any order; dropping the list gives them back. The list itself lies in pages, each with the
/// address of the next one, the number of its entries, and 510 of them.
struct BlockList: ~Copyable {
    private static let capacity: UInt64 = 510

    private var head: Block?

    init() { head = nil }

    /// False: there is no memory for the list, and the block is not in it.
    mutating func add(_ block: Block) -> Bool {
        guard let page = pageWithRoom() else { return false }
        let words = PageWords(page.start)
        words[2 + Int(words[1])] = block.word
        words[1] += 1
        return true
    }

    private mutating func pageWithRoom() -> Block? {
        if let head, PageWords(head.start)[1] < Self.capacity { return head }
        guard let page = Block.allocate() else { return nil }
        let words = PageWords(page.start)
        (words[0], words[1]) = (head?.word ?? 0, 0)
        head = page
        return page
    }

    deinit {
        var next = head
        while let page = next {
            let words = PageWords(page.start)
            next = words[0] == 0 ? nil : Block(word: words[0])
            var index = 0
            while index < Int(words[1]) {
                Block(word: words[2 + index]).free()
                index += 1
            }
            page.free()
        }
    }
}
