// SPDX-License-Identifier: MIT OR GPL-2.0-only
import LinuxGlue

#if canImport(PhysicalMemory)
    import PhysicalMemory
#endif
#if canImport(Handoff)
    import Handoff
#endif

/// A loaded image with all that the jump needs. Dropping it gives every page back.
///
/// It is made in steps, where it lies: kernel stacks are small.
struct Image: ~Copyable {
    /// Physical address that is jumped to.
    let entry: UInt64
    /// Runs the relocation code, its stack at the end.
    private(set) var control = PhysicalAddress.zero
    private(set) var tables = IdentityTables(root: .zero, levels: 0, usesGigabytePages: false)
    private(set) var copies = CopyList(head: .zero)
    private(set) var supply = PageSupply()
    private var mappingFailed = false

    /// An image of nothing.
    init(entry: UInt64) { self.entry = entry }

    /// The segments, from a table in the caller's memory, and all that the jump needs.
    mutating func load(_ segments: Int, at address: UInt64) -> Refusal? {
        if let refusal = supply.destinations.read(segments, at: address, entry: entry) { return refusal }
        guard supply.begin(), let control = supply.takeSafePage(), let root = supply.takeSafePage(),
            let list = supply.takeSafePage()
        else { return supply.whyNoPage }
        self.control = control
        copies = CopyList(head: list)
        tables = IdentityTables(
            root: root, levels: glue_has_five_levels() ? 5 : 4, usesGigabytePages: glue_has_gigabyte_pages())
        RelocationCode.copy(to: control)
        return map() ?? fill()
    }

    // MARK: Page tables

    /// Maps what the code between the kernels, and the next kernel's first instructions, touch.
    private mutating func map() -> Refusal? {
        // Linux calls back below this frame only.
        unsafe withUnsafeMutablePointer(to: &self) { unsafe glue_visit_ram($0) }
        guard !mappingFailed else { return supply.whyNoPage }
        var index = 0
        while index < supply.destinations.count {
            guard map(supply.destinations.segments[index].place) else { return supply.whyNoPage }
            index += 1
        }
        let page = glue_departure_address().roundedDown(to: pageSize)
        guard tables.map(PhysicalAddress(glue_departure_page()), at: page, &supply) else { return supply.whyNoPage }
        return nil
    }

    fileprivate mutating func map(_ range: PhysicalRange) -> Bool {
        guard tables.map(range, &supply) else {
            mappingFailed = true
            return false
        }
        return true
    }

    // MARK: Contents

    /// Copies the contents from the caller's memory, and writes the list of what the jump has to move.
    private mutating func fill() -> Refusal? {
        if let refusal = supply.stock() { return refusal }
        var index = 0
        while index < supply.destinations.count {
            if let refusal = fill(segment: index) { return refusal }
            index += 1
        }
        // Zeros last: until then pages that become zero may hold contents.
        index = 0
        while index < supply.destinations.count {
            guard addZeros(of: supply.destinations.segments[index]) else { return supply.whyNoPage }
            index += 1
        }
        supply.finish()
        return nil
    }

    private mutating func fill(segment index: Int) -> Refusal? {
        let segment = supply.destinations.segments[index]
        let first = supply.destinations.firstContentPage(of: index)
        var page: UInt64 = 0
        while page < segment.contentPages {
            let place = PhysicalAddress(segment.start + page * pageSize)
            let limit = segment.contentPages - page
            guard let run = supply.takeRun(for: first + page, at: place, limit: limit) else { return .noMemory }
            if let refusal = copy(of: segment, from: page * pageSize, to: run) { return refusal }
            if run.start != place {
                guard copies.addCopy(of: run, to: place, &supply) else { return supply.whyNoPage }
            }
            page += run.pages
        }
        return nil
    }

    /// Copies a segment's bytes from `offset` on to `run`; what the last page has behind them becomes zero.
    private func copy(of segment: ModuleSegment, from offset: UInt64, to run: Run) -> Refusal? {
        var done: UInt64 = 0
        let size = run.pages * pageSize
        let bytes = min(size, segment.contentSize - offset)
        while done < bytes {
            if glue_is_interrupted() { return .interrupted }
            let piece = min(bytes - done, Self.pieceSize)
            // The run is ours, and the caller's addresses are checked by the copy.
            let failed = unsafe glue_copy_from_user(
                glue_pointer(run.start.rawValue + done), segment.contents &+ offset &+ done, piece)
            if failed != 0 { return .badAddress }
            done += piece
        }
        if bytes < size {
            // Less than a page, of the run's last one.
            unsafe glue_pointer(run.start.rawValue + bytes).initializeMemory(
                as: UInt8.self, repeating: 0, count: Int(size - bytes))
        }
        return nil
    }

    /// Bytes that are copied before signals are looked at again.
    private static let pieceSize: UInt64 = 2 << 20

    private mutating func addZeros(of segment: ModuleSegment) -> Bool {
        let first = segment.start + segment.contentPages * pageSize
        let pages = (segment.place.end.rawValue - first) / pageSize
        guard pages > 0 else { return true }
        return copies.addZeros(Run(start: PhysicalAddress(first), pages: pages), &supply)
    }
}

/// Linux's walk through its memory map, with the image as context.
@c(core_take_ram)
public func core_take_ram(_ context: UnsafeMutableRawPointer?, _ start: UInt64, _ end: UInt64) -> Bool {
    guard let image = unsafe context?.assumingMemoryBound(to: Image.self) else { return false }
    return unsafe image.pointee.map(PhysicalRange(from: PhysicalAddress(start), to: PhysicalAddress(end)))
}
