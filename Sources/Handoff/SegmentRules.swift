// SPDX-License-Identifier: MIT

/// One segment as `kexec_load` sees it; `struct kexec_segment` in Linux's `linux/kexec.h`.
public struct SegmentExtent: BitwiseCopyable, Hashable, Sendable {
    /// Physical address of its place; `mem`.
    public var start: UInt64
    /// Size of its place in bytes; `memsz`.
    public var memorySize: UInt64
    /// Bytes handed over, at its beginning; `bufsz`.
    public var contentSize: UInt64

    public init(start: UInt64, memorySize: UInt64, contentSize: UInt64) {
        self.start = start
        self.memorySize = memorySize
        self.contentSize = contentSize
    }
}

/// A rule of the kernel that a list of segments breaks; segments are named by their index.
public enum BrokenSegmentRule: Error, Hashable, Sendable {
    /// More than `KEXEC_SEGMENT_MAX`.
    case tooManySegments(count: Int, limit: Int)
    /// A crash kernel is entered outside the region reserved for it.
    case entryOutsideCrashRegion(entry: UInt64, region: SegmentRules.CrashRegion)
    /// The place ends beyond the 64-bit space.
    case endBeforeStart(segment: Int)
    /// The place does not begin and end on a page.
    case notPageAligned(segment: Int)
    /// The place ends at or above `KEXEC_DESTINATION_MEMORY_LIMIT`.
    case aboveAddressLimit(segment: Int, limit: UInt64)
    case overlap(segment: Int, other: Int)
    /// More bytes than the place has.
    case contentsLargerThanPlace(segment: Int)
    /// More than half of the machine's pages.
    case segmentTooLarge(segment: Int, pages: UInt64, limit: UInt64)
    /// All places together take more than half of the machine's pages.
    case allTooLarge(pages: UInt64, limit: UInt64)
    case outsideCrashRegion(segment: Int, region: SegmentRules.CrashRegion)

    /// The segment that breaks the rule; nil: all of them together, or the entry.
    public var segment: Int? {
        switch self {
        case .endBeforeStart(let segment), .notPageAligned(let segment), .contentsLargerThanPlace(let segment),
            .outsideCrashRegion(let segment, _):
            segment
        case .aboveAddressLimit(let segment, _), .overlap(let segment, _), .segmentTooLarge(let segment, _, _): segment
        case .tooManySegments, .entryOutsideCrashRegion, .allTooLarge: nil
        }
    }
}

/// What `kexec_load` checks, in its order (Linux 6.1 to 7.x, `sanity_check_segment_list` in kernel/kexec_core.c and
/// `kimage_alloc_init` in kernel/kexec.c), so that a plan is refused by name before the kernel folds all of it into
/// EINVAL and EADDRNOTAVAIL. Nothing here allocates: the kernel module calls it too.
public struct SegmentRules: Hashable, Sendable {
    /// A crash kernel's region, `crashk_res`: `end` does not belong to it.
    public struct CrashRegion: Hashable, Sendable {
        /// Physical.
        public var start: UInt64
        public var end: UInt64
        public init(start: UInt64, end: UInt64) {
            self.start = start
            self.end = end
        }
    }

    /// `KEXEC_SEGMENT_MAX` of `<linux/kexec.h>`.
    public static let kernelSegmentLimit = 16

    /// More segments than that are refused.
    public var segmentLimit = SegmentRules.kernelSegmentLimit
    /// All of the machine's RAM in pages of 4 KiB; `totalram_pages()`.
    public var totalPages: UInt64
    /// `KEXEC_DESTINATION_MEMORY_LIMIT`: places end below it.
    public var addressLimit: UInt64
    /// nil: not a crash load.
    public var crashRegion: CrashRegion?

    public init(totalPages: UInt64, addressLimit: UInt64, crashRegion: CrashRegion? = nil) {
        self.totalPages = totalPages
        self.addressLimit = addressLimit
        self.crashRegion = crashRegion
    }

    /// The first rule that `segments` break; nil: the kernel will take them.
    public func firstBroken(by segments: Span<SegmentExtent>, entry: UInt64) -> BrokenSegmentRule? {
        guard segments.count <= segmentLimit else {
            return .tooManySegments(count: segments.count, limit: segmentLimit)
        }
        if let region = crashRegion, entry < region.start || entry >= region.end {
            return .entryOutsideCrashRegion(entry: entry, region: region)
        }
        return brokenByAddress(segments) ?? brokenByOverlap(segments) ?? brokenByContents(segments)
            ?? brokenBySize(segments) ?? brokenByCrashRegion(segments)
    }

    private func brokenByAddress(_ segments: Span<SegmentExtent>) -> BrokenSegmentRule? {
        var index = 0
        while index < segments.count {
            let (end, wraps) = segments[index].start.addingReportingOverflow(segments[index].memorySize)
            if wraps { return .endBeforeStart(segment: index) }
            if segments[index].start & 4095 != 0 || end & 4095 != 0 { return .notPageAligned(segment: index) }
            if end >= addressLimit { return .aboveAddressLimit(segment: index, limit: addressLimit) }
            index += 1
        }
        return nil
    }

    /// Ends do not wrap any more.
    private func brokenByOverlap(_ segments: Span<SegmentExtent>) -> BrokenSegmentRule? {
        var index = 0
        while index < segments.count {
            var other = 0
            while other < index {
                let (one, two) = (segments[index], segments[other])
                if one.start &+ one.memorySize > two.start && one.start < two.start &+ two.memorySize {
                    return .overlap(segment: index, other: other)
                }
                other += 1
            }
            index += 1
        }
        return nil
    }

    private func brokenByContents(_ segments: Span<SegmentExtent>) -> BrokenSegmentRule? {
        var index = 0
        while index < segments.count {
            if segments[index].contentSize > segments[index].memorySize {
                return .contentsLargerThanPlace(segment: index)
            }
            index += 1
        }
        return nil
    }

    /// Sizes are whole pages; at most 16 of them cannot overflow a sum of page counts.
    private func brokenBySize(_ segments: Span<SegmentExtent>) -> BrokenSegmentRule? {
        let limit = totalPages / 2
        var sum: UInt64 = 0
        var index = 0
        while index < segments.count {
            let pages = segments[index].memorySize >> 12
            if pages > limit { return .segmentTooLarge(segment: index, pages: pages, limit: limit) }
            sum += pages
            index += 1
        }
        return sum > limit ? .allTooLarge(pages: sum, limit: limit) : nil
    }

    private func brokenByCrashRegion(_ segments: Span<SegmentExtent>) -> BrokenSegmentRule? {
        guard let region = crashRegion else { return nil }
        var index = 0
        while index < segments.count {
            // The kernel compares the last byte, so that a place of no bytes must lie inside as well.
            let last = segments[index].start &+ segments[index].memorySize &- 1
            if segments[index].start < region.start || last >= region.end {
                return .outsideCrashRegion(segment: index, region: region)
            }
            index += 1
        }
        return nil
    }
}
