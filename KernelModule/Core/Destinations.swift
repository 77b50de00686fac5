// SPDX-License-Identifier: MIT OR GPL-2.0-only
import LinuxGlue

#if canImport(PhysicalMemory)
    import PhysicalMemory
#endif
#if canImport(Handoff)
    import Handoff
#endif

/// Where an image goes: its segments' places, as pages.
///
/// All content pages of an image are numbered in the order of its segments: with that number the page supply keeps which
/// of them lie at their place already.
struct Destinations {
    /// What a page of the running kernel will be after the jump.
    enum Use: Equatable {
        /// The content page of that number.
        case contents(UInt64)
        /// Zeros, behind a segment's contents.
        case zeros
        /// What it was.
        case none
    }

    private(set) var segments = InlineArray<16, ModuleSegment>(
        repeating: ModuleSegment(contents: 0, contentSize: 0, start: 0, memorySize: 0))
    private(set) var count = 0

    init() {}

    /// Reads a table of segments from the caller's memory, and checks it by the rules of kexec_load.
    /// - Parameter number: at most 16.
    mutating func read(_ number: Int, at address: UInt64, entry: UInt64) -> Refusal? {
        var extents = InlineArray<16, SegmentExtent>(
            repeating: SegmentExtent(start: 0, memorySize: 0, contentSize: 0))
        var index = 0
        while index < number {
            let stride = UInt64(MemoryLayout<ModuleSegment>.stride)
            guard CallerMemory.read(&segments[index], at: address &+ UInt64(index) * stride) else { return .badAddress }
            extents[index] = segments[index].extent
            index += 1
        }
        let rules = SegmentRules(totalPages: glue_total_pages(), addressLimit: glue_address_limit())
        if let rule = rules.firstBroken(by: extents.span.extracting(0..<number), entry: entry) {
            let segment = segments[rule.segment ?? 0]
            return .brokenRule(rule, segment.start, segment.memorySize)
        }
        count = number
        return nil
    }

    /// Of all segments.
    var contentPages: UInt64 { firstContentPage(of: count) }

    /// The number of the first content page of a segment.
    func firstContentPage(of segment: Int) -> UInt64 {
        var pages: UInt64 = 0
        var index = 0
        while index < segment {
            pages += segments[index].contentPages
            index += 1
        }
        return pages
    }

    /// Whether any place has a byte of `range`.
    func overlap(_ range: PhysicalRange) -> Bool {
        var index = 0
        while index < count {
            if segments[index].place.overlaps(range) { return true }
            index += 1
        }
        return false
    }

    func use(of page: PhysicalAddress) -> Use {
        var index = 0
        while index < count {
            let segment = segments[index]
            if segment.place.contains(page) {
                let number = (page.rawValue - segment.start) / pageSize
                return number < segment.contentPages ? .contents(firstContentPage(of: index) + number) : .zeros
            }
            index += 1
        }
        return .none
    }
}

extension ModuleSegment {
    fileprivate var extent: SegmentExtent {
        SegmentExtent(start: start, memorySize: memorySize, contentSize: contentSize)
    }
    var place: PhysicalRange {
        // `SegmentRules` have refused what wraps.
        PhysicalRange(from: PhysicalAddress(start), to: PhysicalAddress(start + memorySize))
    }
    /// Pages that have contents; the last one may have zeros behind them.
    var contentPages: UInt64 { (contentSize + pageSize - 1) / pageSize }
}
