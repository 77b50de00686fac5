// SPDX-License-Identifier: MIT OR GPL-2.0-only
import LinuxGlue

#if canImport(PhysicalMemory)
    import PhysicalMemory
#endif

/// The way out, tried before the point of no return: the loaded image's control page runs with a list of its own, copies
/// one scratch page, clears another, and comes back.
///
/// First all is looked at that a wrong byte would turn into a fault nobody handles: the code, and that the page tables lead
/// to each page of the jump. The tables of the rehearsal are the image's in the lower half and the running kernel's in the
/// upper half, for a non-maskable interrupt may come at any time and must find its handler.
@safe struct Rehearsal: ~Copyable {
    private let image: UnsafePointer<Image>
    private var pages = BlockList()

    /// - Parameter image: outlives the rehearsal.
    init(of image: UnsafePointer<Image>) { unsafe self.image = unsafe image }

    /// nil: the way out works.
    mutating func run() -> Refusal? {
        let control = unsafe image.pointee.control
        if let offset = RelocationCode.firstDifference(on: control) { return .codeChanged(offset) }
        if let address = unsafe image.pointee.firstUnmappedAddress() { return .notMapped(address) }
        guard let root = scratchRoot(), let list = scratchPage(), let source = scratchPage(),
            let copy = scratchPage(), let cleared = scratchPage()
        else { return .noMemory }
        if let address = unsafe image.pointee.firstUnmapped(of: list, source, copy, cleared) {
            return .notMapped(address)
        }
        Self.fillPattern(source, cleared)
        let words = PageWords(list)
        (words[0], words[1]) = (0, 2)
        (words[2], words[3]) = (copy.rawValue, source.rawValue)
        (words[4], words[5]) = (cleared.rawValue, 0)
        glue_rehearse(list.rawValue, root.rawValue, control.rawValue)
        return Self.firstWrongWord(copy, cleared).map { .notCopied(UInt64($0)) }
    }

    /// A number for each word that no other word has.
    private static func pattern(_ index: Int) -> UInt64 { (UInt64(index) &+ 1) &* 0x9e37_79b9_7f4a_7c15 }

    private static func fillPattern(_ source: PhysicalAddress, _ other: PhysicalAddress) {
        var index = 0
        while index < PageWords.count {
            PageWords(source)[index] = pattern(index)
            PageWords(other)[index] = ~pattern(index)
            index += 1
        }
    }

    private static func firstWrongWord(_ copy: PhysicalAddress, _ cleared: PhysicalAddress) -> Int? {
        var index = 0
        while index < PageWords.count {
            if PageWords(copy)[index] != pattern(index) || PageWords(cleared)[index] != 0 { return index }
            index += 1
        }
        return nil
    }

    private mutating func scratchPage(order: UInt32 = 0) -> PhysicalAddress? {
        guard let block = Block.allocate(order: order) else { return nil }
        guard pages.add(block) else {
            block.free()
            return nil
        }
        PageWords(block.start).clear()
        return block.start
    }

    /// The first of two pages: where the kernel keeps a second set of tables for user space, bit 12 of CR3 tells them
    /// apart, and an interrupt's entry would clear it.
    private mutating func scratchRoot() -> PhysicalAddress? {
        guard let root = scratchPage(order: 1) else { return nil }
        let words = PageWords(root)
        let kernel = PageWords(PhysicalAddress(glue_current_root()))
        let ours = PageWords(unsafe image.pointee.tables.root)
        var index = 0
        while index < PageWords.count {
            words[index] = index < PageWords.count / 2 ? ours[index] : kernel[index]
            index += 1
        }
        return root
    }
}

extension Image {
    /// The first address of the jump that the image's tables do not lead to; nil: they lead to all.
    func firstUnmappedAddress() -> UInt64? {
        let departure = glue_departure_address()
        let page = PhysicalAddress(glue_departure_page() + departure % pageSize)
        if tables.translate(departure) != page { return departure }
        if tables.translate(control.rawValue) != control { return control.rawValue }
        return copies.firstAddress { tables.translate($0) != PhysicalAddress($0) }
    }

    /// The tables know the RAM that was there when the image was loaded, and some may have been added since.
    fileprivate func firstUnmapped(
        of list: PhysicalAddress, _ source: PhysicalAddress, _ copy: PhysicalAddress, _ cleared: PhysicalAddress
    ) -> UInt64? {
        let pages: InlineArray<4, PhysicalAddress> = [list, source, copy, cleared]
        var index = 0
        while index < pages.count {
            if tables.translate(pages[index].rawValue) != pages[index] { return pages[index].rawValue }
            index += 1
        }
        return nil
    }
}
