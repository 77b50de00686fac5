// SPDX-License-Identifier: MIT
import Handoff
import Testing

struct SegmentRulesTests {
    /// 1 GiB of RAM and the address limit of x86_64 with 4-level paging.
    private let rules = SegmentRules(totalPages: 262_144, addressLimit: 1 << 46)

    private func segment(_ start: UInt64, _ size: UInt64 = 0x1000, contents: UInt64 = 0) -> SegmentExtent {
        SegmentExtent(start: start, memorySize: size, contentSize: contents)
    }

    private func broken(
        _ segments: [SegmentExtent], _ rules: SegmentRules? = nil, entry: UInt64 = 0
    ) -> BrokenSegmentRule? {
        (rules ?? self.rules).firstBroken(by: segments.span, entry: entry)
    }

    @Test func takesAnOrdinaryLoad() {
        let load = [
            segment(0x1000, contents: 0x1000), segment(0x10_0000, 0x40_0000, contents: 5), segment(0x8000_0000),
        ]
        #expect(broken(load) == nil)
    }

    @Test func takesNoSegments() { #expect(broken([]) == nil) }

    @Test func takesSegmentsThatTouch() { #expect(broken([segment(0x1000), segment(0x2000), segment(0)]) == nil) }

    @Test func takesSixteenSegmentsAndRefusesSeventeen() {
        let many = (0..<17).map { segment(UInt64($0) << 12) }
        #expect(broken(Array(many.dropLast())) == nil)
        #expect(broken(many) == .tooManySegments(count: 17, limit: 16))
    }

    @Test func refusesAnEndBeyondTheAddressSpace() {
        #expect(broken([segment(0), segment(~0xfff, 0x2000)]) == .endBeforeStart(segment: 1))
    }

    @Test(arguments: [(0x1001, 0x1000), (0x1000, 0x1001), (0x1800, 0x800)] as [(UInt64, UInt64)])
    func refusesAPlaceThatIsNotWholePages(start: UInt64, size: UInt64) {
        #expect(broken([segment(start, size)]) == .notPageAligned(segment: 0))
    }

    @Test func refusesAPlaceThatEndsAtTheAddressLimit() {
        #expect(broken([segment((1 << 46) - 0x2000)]) == nil)
        #expect(broken([segment((1 << 46) - 0x1000)]) == .aboveAddressLimit(segment: 0, limit: 1 << 46))
    }

    @Test(arguments: [0x2000, 0x3000, 0x4000, 0x1000] as [UInt64]) func refusesOverlap(start: UInt64) {
        let size: UInt64 = start == 0x1000 ? 0x8000 : 0x1000
        #expect(broken([segment(0x2000, 0x3000), segment(start, size)]) == .overlap(segment: 1, other: 0))
    }

    @Test func refusesMoreContentsThanPlace() {
        #expect(broken([segment(0x1000, contents: 0x1001)]) == .contentsLargerThanPlace(segment: 0))
    }

    @Test func refusesASegmentAboveHalfOfMemory() {
        let half: UInt64 = 131_072
        #expect(broken([segment(0, half << 12)]) == nil)
        #expect(
            broken([segment(0), segment(0x1000, half << 12 + 0x1000)])
                == .segmentTooLarge(segment: 1, pages: half + 1, limit: half))
    }

    @Test func refusesSegmentsTogetherAboveHalfOfMemory() {
        let half: UInt64 = 131_072
        let both = [segment(0, 0x1000), segment(0x1000, half << 12)]
        #expect(broken(both) == .allTooLarge(pages: half + 1, limit: half))
    }

    private let region = SegmentRules.CrashRegion(start: 0x10_0000, end: 0x20_0000)

    @Test func refusesACrashKernelOutsideItsRegion() {
        var rules = rules
        rules.crashRegion = region
        #expect(broken([segment(0x10_0000), segment(0x1f_f000)], rules, entry: 0x10_0000) == nil)
        for outside: UInt64 in [0xf_f000, 0x20_0000, 0x30_0000] {
            let list = [segment(0x10_0000), segment(outside)]
            #expect(broken(list, rules, entry: 0x10_0000) == .outsideCrashRegion(segment: 1, region: region))
        }
        #expect(
            broken([segment(0x1f_f000, 0x2000)], rules, entry: 0x10_0000)
                == .outsideCrashRegion(segment: 0, region: region))
    }

    @Test(arguments: [0xf_ffff, 0x20_0000] as [UInt64])
    func refusesACrashEntryOutsideTheRegion(entry: UInt64) {
        var rules = rules
        rules.crashRegion = region
        #expect(
            broken([segment(0x10_0000)], rules, entry: entry) == .entryOutsideCrashRegion(entry: entry, region: region))
    }

    /// The kernel checks one rule for all segments before the next: the first broken one is what it refuses.
    @Test func namesTheRuleThatTheKernelChecksFirst() {
        let misaligned = segment(0x1801)
        let overlapping = [segment(0x8000, contents: 0x2000), segment(0x8000, contents: 0x2000)]
        #expect(broken(overlapping + [misaligned]) == .notPageAligned(segment: 2))
        #expect(broken(overlapping) == .overlap(segment: 1, other: 0))
        let full = segment(0, 1 << 30, contents: 1 << 31)
        #expect(broken([full]) == .contentsLargerThanPlace(segment: 0))
    }
}
