// SPDX-License-Identifier: MIT
import Handoff
import Kexec
import PhysicalMemory
import Testing

@testable import KexecCommand

/// What a refusal says is what was compared.
@Suite struct PlanRefusalTextTests {
    private let low: UInt64 = 0x100_0000

    private func range(_ start: UInt64, _ end: UInt64) -> PhysicalRange {
        PhysicalRange(from: PhysicalAddress(start), to: PhysicalAddress(end))
    }

    private func sentence(
        needed: UInt64 = 40 << 20, alignment: UInt64 = 4096, largest: UInt64 = 0, minimum: UInt64? = nil,
        maximum: UInt64? = nil
    ) -> String {
        let limits = MemoryLimits(
            minimum: minimum.map { PhysicalAddress($0) }, maximum: maximum.map { PhysicalAddress($0) })
        return Diagnostic(
            PlanRefusal.noRoom(
                segment: "initrd",
                RoomShortage(
                    needed: needed, alignment: alignment, bounds: range(low, 0x2000_0000), limits: limits,
                    largest: largest))
        ).sentence
    }

    @Test func namesTheBoundsOfTheSearch() {
        #expect(
            sentence(largest: 39 << 20)
                == "no room for segment 'initrd': need 40 MiB in one piece, from a multiple of 0x1000, between 0x1000000-0x1fffffff, "
                + "the largest free piece has 39 MiB")
        #expect(sentence(alignment: 0x20_0000).contains("40 MiB in one piece, from a multiple of 0x200000, between 0x"))
    }

    @Test func namesTheOptionThatSetABound() {
        let above = "between 0x1800000-0x1fffffff, set by --mem-min=0x1800000, the largest"
        #expect(sentence(minimum: 0x180_0000).contains(above))
        let below = "between 0x1000000-0x17fffff, set by --mem-max=0x17fffff, the largest"
        #expect(sentence(maximum: 0x17f_ffff).contains(below))
        #expect(
            sentence(minimum: 0x180_0000, maximum: 0x18f_ffff)
                .contains("between 0x1800000-0x18fffff, set by --mem-min=0x1800000 --mem-max=0x18fffff, the largest"))
    }

    @Test func namesTheOptionThatLeavesNothing() {
        #expect(
            sentence(minimum: 1 << 46)
                == "no room for segment 'initrd': need 40 MiB in one piece, from a multiple of 0x1000, between 0x1000000-0x1fffffff, "
                + "of which --mem-min=0x400000000000 leaves nothing")
        #expect(sentence(maximum: 0xff_ffff).hasSuffix("of which --mem-max=0xffffff leaves nothing"))
    }

    /// 40 MiB less a byte are 40 MiB where they are needed, and 39 where they are all there is.
    @Test func whatIsNotEnoughIsLessInPrintToo() {
        let size: UInt64 = 40 << 20 - 1
        #expect(sentence(largest: size).hasSuffix("the largest free piece has 39 MiB"))
        let short = Diagnostic(PlanRefusal.memoryShort(needed: 40 << 20, available: size)).sentence
        #expect(short.hasSuffix("the kernel needs 40 MiB to keep the image, 39 MiB are available"))
        let pages = Diagnostic(
            PlanRefusal.segmentRule(.allTooLarge(pages: 2818, limit: 2817), names: [], places: [])
        ).sentence
        #expect(pages.hasPrefix("all segments take 12 MiB, more than half of RAM (11 MiB)"))
    }

    @Test func namesTheLimitThatKeepsAnImageFromItsPlace() {
        func sentence(_ limits: MemoryLimits) -> String {
            Diagnostic(
                PlanRefusal.placeTaken(
                    segment: "kernel", range: range(low, 0x200_0000), because: .outsideBounds(limits))
            ).sentence
        }
        #expect(
            sentence(MemoryLimits(maximum: PhysicalAddress(0x17f_ffff)))
                == "segment 'kernel' wants 0x1000000-0x1ffffff, which lies outside --mem-max=0x17fffff")
        #expect(sentence(MemoryLimits(minimum: PhysicalAddress(0x180_0000))).hasSuffix("outside --mem-min=0x1800000"))
    }

    @Test func namesTheCrashKernelsRegion() {
        let taken = PlanRefusal.placeTaken(
            segment: "kernel", range: range(low, 0x200_0000),
            because: .outsideCrashRegion(range(0x1000_0000, 0x2000_0000)))
        #expect(Diagnostic(taken).sentence.hasSuffix("outside the crash kernel region, 0x10000000-0x1fffffff"))
        let region = SegmentRules.CrashRegion(start: 0x1000_0000, end: 0x2000_0000)
        let entry = PlanRefusal.segmentRule(
            .entryOutsideCrashRegion(entry: 0x100, region: region), names: [], places: [])
        #expect(
            Diagnostic(entry).sentence
                == "entry point 0x100 lies outside the crash kernel region, 0x10000000-0x1fffffff: "
                + "the kernel would refuse this plan")
    }

    @Test func saysBelowWhichLimitASegmentEnds() {
        let rule = PlanRefusal.segmentRule(
            .aboveAddressLimit(segment: 0, limit: 1 << 46 - 1), names: ["kernel"],
            places: [range(1 << 46 - 4096, 1 << 46)])
        #expect(
            Diagnostic(rule).sentence
                == "segment 'kernel' (0x3ffffffff000-0x3fffffffffff) has to end below 0x3fffffffffff: "
                + "the kernel would refuse this plan")
    }

    @Test func tellsNoMemoryThatNobodyCompared() {
        let failure = FileFailure(path: "k", problem: .memoryShort(needed: 1 << 18, available: 0))
        #expect(
            Diagnostic(failure).sentence
                == "cannot read 'k': not enough memory for its contents: need at least 256 KiB")
    }

    @Test func saysWhatFreesMemoryOnlyWhereSomethingIsLoaded() {
        let failure = KexecFailure.load(.notLoadable([.memoryShort(needed: 2, available: 1)]))
        #expect(ExitCode(failure, choice: .automatic) == .memory)
        #expect(Diagnostic(failure, isShortOfMemory: true).hint == "kexec -u frees what the loaded kernel takes")
        #expect(Diagnostic(failure, isShortOfMemory: false) == Diagnostic(failure))
    }

    @Test(
        arguments: [
            (1, "run it as root"), (13, "run it as root"), (24, "it may open more files: ulimit -n"), (23, nil),
            (2, nil),
            (5, nil), (12, nil),
        ] as [(Int32, String?)])
    func givesTheRemedyThatFitsTheErrno(errno: Int32, hint: String?) { #expect(remedy(for: errno) == hint) }
}
