// SPDX-License-Identifier: MIT
import BootFormats
import Handoff
import PhysicalMemory
import Testing

@testable import Kexec

@Suite struct UnpackedKernelPlanTests {
    private let seed = PlacementSeed(virtual: 0x1234_5678_9abc_def0, physical: 0xfedc_ba98_7654_3210)

    /// A kernel of 0x40_0000 bytes in all, as `PlanImage.bzImage` says, whose parts lie at the ends of it.
    private let unpacked = UnpackedLinux(
        entry: 0x120_0100,
        segments: [
            segment(0x1000..<0x5000, at: 0x100_0000, virtual: 0xffff_ffff_8100_0000),
            segment(0x6000..<0x7800, at: 0x120_0000, virtual: 0),
        ], relocations: KernelRelocations(wide: 0..<0, inverse: 0..<0, narrow: 0..<0))

    private static func segment(_ file: Range<Int>, at address: UInt64, virtual: UInt64) -> ELFLoadSegment {
        ELFLoadSegment(
            file: file, physicalAddress: PhysicalAddress(address), memorySize: UInt64(file.count),
            virtualAddress: virtual)
    }

    private func image(_ change: (inout SetupHeader) -> Void = { _ in }) -> (BzImage, PlanImage) {
        var plan = PlanImage.bzImage {
            $0.kernelVersion = "6.1.0-56-cloud-amd64 (x) #1"
            $0.kernelVersionOffset = 0x100
            $0.extendedLoadFlags = 0x7f
            change(&$0)
        }
        guard case .bzImage(var image) = plan.image else { fatalError("it is one") }
        image.payload = 0x5000..<0x6000
        plan.image = .bzImage(image)
        return (image, plan)
    }

    private func planner(
        _ machine: MachineDescription = .pc(), line: String = "console=ttyS0", change: (inout KexecRequest) -> Void
    ) -> BootPlanner {
        var request = KexecRequest(kernel: "/boot/vmlinuz")
        request.commandLine = ByteString(line)
        request.decompression = .automatic
        change(&request)
        var planner = BootPlanner(request: request, machine: machine, seed: nil)
        planner.placementSeed = seed
        return planner
    }

    /// What `--plan` would say; nil where the kernel is to be unpacked.
    private func obstacle(
        on machine: MachineDescription = .pc(), line: String = "console=ttyS0", initrdSize: Int = 0,
        seed: PlacementSeed? = PlacementSeed(virtual: 1, physical: 2),
        header: (inout SetupHeader) -> Void = { _ in }, change: (inout KexecRequest) -> Void = { _ in }
    ) -> UnpackingObstacle? {
        let (image, plan) = image(header)
        var planner = planner(machine, line: line, change: change)
        planner.placementSeed = seed
        do throws(UnpackingObstacle) {
            _ = try planner.unpacking(of: image, plan.facts, unpackedSize: 0x30_0000, initrdSize: initrdSize)
            return nil
        } catch { return error }
    }

    private func plan(
        on machine: MachineDescription = .pc(), line: String = "console=ttyS0", initrdSize: Int = 0,
        seed: PlacementSeed? = nil, change: (inout KexecRequest) -> Void = { _ in }
    ) -> BootPlan {
        var planner = planner(machine, line: line, change: change)
        planner.placementSeed = seed ?? self.seed
        planner.unpacked = unpacked
        planner.kernelForm = .unpacked(.lz4, isRandomised: !line.contains("nokaslr"))
        let (_, image) = image()
        return planner.plan(
            image.image, facts: image.facts, kernel: image.bytes.span.bytes, initrdSize: initrdSize)
    }

    // MARK: Whether

    @Test func unpacksAKernelThatNothingSpeaksAgainst() { #expect(obstacle() == nil) }

    @Test func leavesABzImageAsItIsWhereItsOwnDecompressorIsNeeded() {
        #expect(obstacle(change: { $0.decompression = .nothing }) == .notWanted)
        #expect(obstacle(change: { $0.target = .crash }) == .crashKernel)
        #expect(obstacle(change: { $0.entry32Bit = true }) == .otherEntry)
        #expect(obstacle(change: { $0.realMode = true }) == .otherEntry)
        #expect(obstacle(change: { $0.systemCall = .kexecFileLoad }) == .kexecFileLoad)
        #expect(obstacle(header: { $0.extendedLoadFlags = 0 }) == .otherEntry)
        #expect(obstacle(header: { $0.kernelVersionOffset = 0 }) == .notLinux)
        #expect(obstacle(header: { $0.isRelocatable = false }) == .notLinux)
        #expect(obstacle(header: { $0.kernelVersion = "5.10.0" }) == .tooOld)
        var machine = MachineDescription.pc()
        machine.isConfidentialGuest = true
        #expect(obstacle(on: machine) == .confidentialGuest)
    }

    @Test(arguments: [
        ("6.1.0-13-amd64 (x) #1", true), ("6.12.118", true), ("7.3.4+deb13", true), ("10.0", true), ("6.0.9", false),
        ("5.19.1", false), ("6", false), ("", false), ("x6.1", false), ("6.x", false),
    ])
    func unpacksOnlyLinux61AndLater(_ version: String, _ isRecent: Bool) {
        #expect(obstacle(header: { $0.kernelVersion = version }) == (isRecent ? nil : .tooOld))
    }

    @Test func anImageWithoutAVersionIsNoneThatIsKnown() {
        #expect(obstacle(header: { $0.kernelVersion = nil }) == .tooOld)
    }

    @Test(arguments: ["mem=512M", "memmap=64K$0x18690000", "movable_node", "mem_encrypt=on", "efi_fake_mem=1M@2M:0x1"])
    func leavesItToTheDecompressorWhatOnlyThatHeeds(_ word: String) {
        let name = word.prefix { $0 != "=" }
        guard case .commandLine(let found)? = obstacle(line: "root=/dev/sda1 \(word) quiet") else {
            Issue.record("not left")
            return
        }
        #expect(found.description.hasPrefix(name))
        #expect(obstacle(line: "x\(word)") == nil)
    }

    @Test func theNumberOfPageTableLevelsMustNotChange() {
        var machine = MachineDescription.pc()
        machine.uses5LevelPaging = true
        #expect(obstacle(on: machine) == nil)
        #expect(obstacle(on: machine, line: "no5lvl") == .pagingDepth)
        #expect(obstacle(on: machine, header: { $0.extendedLoadFlags = 0x3f }) == .pagingDepth)
        machine.uses5LevelPaging = false
        #expect(obstacle(on: machine, header: { $0.extendedLoadFlags = 0x3f }) == nil)
        machine.commandLine = "root=/dev/sda1 no5lvl"
        #expect(obstacle(on: machine) == .pagingDepth)
        #expect(obstacle(on: machine, line: "no5lvl") == nil)
        machine.commandLine = ""
        machine.configuration.disabled = .fiveLevelPaging
        #expect(obstacle(on: machine) == .pagingDepth)
    }

    /// The kernel, its room to run in, and the initrd take three quarters of what is available at most.
    @Test func takesAsMuchMemoryAsThereIs() {
        let needed: UInt64 = 0x30_0000 + 0x40_0000 + 0x2000
        var machine = MachineDescription.pc()
        machine.memoryAvailable = needed / 3 * 4 + 4
        let available = machine.memoryAvailable / 4 * 3
        let more = Int(available - needed)
        #expect(obstacle(on: machine, initrdSize: 0x2000 + more) == nil)
        #expect(
            obstacle(on: machine, initrdSize: 0x2001 + more)
                == .memoryShort(needed: available + 1, available: available))
        machine.memoryAvailable = 0
        #expect(obstacle(on: machine, initrdSize: 1 << 40) == nil, "what is not known limits nothing")
        // What was read before is taken.
        machine.memoryAvailable = 4 << 30
        let (image, plan) = image()
        var planner = planner(machine) { _ in }
        for (taken, isEnough) in [(3 << 30 - 0x70_0000, true), (3 << 30 - 0x70_0000 + 1, false), (.max, false)]
            as [(UInt64, Bool)]
        {
            planner.memoryTaken = taken
            let found = try? planner.unpacking(of: image, plan.facts, unpackedSize: 0x30_0000, initrdSize: 0)
            #expect((found != nil) == isEnough, "\(taken)")
        }
    }

    /// The last place ends where Linux' own map of itself does.
    @Test func drawsFromEveryPlaceUpTo1GiB() throws {
        func distance(_ virtual: UInt64, header: (inout SetupHeader) -> Void = { _ in }) throws -> UInt64 {
            let (image, plan) = image(header)
            var machine = MachineDescription.pc()
            machine.memoryAvailable = 0
            var planner = planner(machine) { _ in }
            planner.placementSeed = PlacementSeed(virtual: virtual, physical: 0)
            return try planner.unpacking(of: image, plan.facts, unpackedSize: 1, initrdSize: 0).distance
        }
        let places: UInt64 = (1 << 30 - 0x40_0000 - 0x100_0000) / 0x20_0000 + 1
        #expect(try distance(0) == 0 && distance(1) == 0x20_0000 && distance(places) == 0)
        #expect(try distance(places - 1) == 1 << 30 - 0x40_0000 - 0x100_0000)
        #expect(try distance(1) { $0.preferredAddress = 1 << 30 - 0x40_0000 } == 0)
        #expect(try distance(1) { $0.preferredAddress = 1 << 30 - 0x40_0000 + 1 } == 0)
        #expect(try distance(1) { $0.preferredAddress = 1 << 30 - 0x60_0000 } == 0x20_0000)
        #expect(try distance(1) { $0.initSize = 1 << 30 + 1 } == 0)
    }

    /// Half of what three quarters of the memory leave, and a quarter of all.
    @Test func anInitrdBecomesNoLargerThanItMayBe() throws {
        var machine = MachineDescription.pc()
        func limit(_ available: UInt64, _ total: UInt64, taken: UInt64 = 0x1000) throws -> UInt64 {
            (machine.memoryAvailable, machine.memoryTotal) = (available, total)
            let (image, plan) = image()
            var planner = planner(machine) { _ in }
            planner.memoryTaken = taken
            return try planner.unpackedInitrdLimit(
                for: image, plan.facts, initrdSize: 0x2000, unpackedKernel: 0x4000)
        }
        let others: UInt64 = 0x1000 + 0x2000 + 0x4000 + 0x40_0000
        #expect(try limit(4 << 30, 0) == (3 << 30 - others) / 2)
        #expect(try limit(4 << 30, 4 << 30) == 1 << 30)
        #expect(try limit(0, 4 << 30) == 1 << 30 && limit(0, 0) == .max)
        #expect(try limit(4 << 30, 0, taken: 3 << 30) == 0)
        #expect(try limit(4 << 30, 0, taken: 0x1000 + 3 << 30 - others) == 0)
        #expect(try limit(4 << 30, 0, taken: 0x1000 + 3 << 30 - others - 2) == 1)
    }

    @Test func withoutRandomNumbersOnlyAKernelThatWantsNoneIsUnpacked() {
        #expect(obstacle(seed: nil) == .noRandomness)
        #expect(obstacle(line: "nokaslr", seed: nil) == nil)
    }

    @Test func leavesAQuarterOfTheAvailableMemoryAlone() {
        var machine = MachineDescription.pc()
        machine.memoryAvailable = 12 << 20
        // 3 MiB unpacked, 4 MiB of init_size, and the initrd.
        #expect(obstacle(on: machine, initrdSize: 2 << 20) == nil)
        #expect(
            obstacle(on: machine, initrdSize: 2 << 20 + 1) == .memoryShort(needed: 9 << 20 + 1, available: 9 << 20))
        machine.memoryAvailable = 0
        #expect(obstacle(on: machine, initrdSize: 2 << 20 + 1) == nil)
    }

    // MARK: Virtual

    /// A machine that does not tell its memory.
    private var unlimited: MachineDescription {
        var machine = MachineDescription.pc()
        machine.memoryAvailable = 0
        return machine
    }

    @Test func everyVirtualAddressThatTheDecompressorChoosesFromIsChosen() throws {
        let (image, plan) = image { $0.initSize = 0x3e00_0000 }
        var distances: Set<UInt64> = []
        for virtual in (0 as UInt64)..<64 {
            var planner = planner(unlimited) { _ in }
            planner.placementSeed = PlacementSeed(virtual: virtual, physical: 0)
            distances.insert(
                try planner.unpacking(of: image, plan.facts, unpackedSize: 0, initrdSize: 0).distance)
        }
        // From 16 MiB to 1 GiB less 992 MiB, by 2 MiB.
        #expect(distances == Set((0...8).map { $0 * 0x20_0000 }))
    }

    @Test func aKernelWithoutRoomToMoveAndOneWithNokaslrStayWhereTheyAre() throws {
        for (size, line) in [(0x3f00_0000, "quiet"), (0x3f00_1000, "quiet"), (0x40_0000, "quiet nokaslr")]
            as [(UInt64, _)]
        {
            let (image, plan) = image { $0.initSize = size }
            let found = try planner(unlimited, line: line) { _ in }
                .unpacking(of: image, plan.facts, unpackedSize: 0, initrdSize: 0)
            #expect(found.distance == 0 && found.isRandomised == !line.contains("nokaslr"))
        }
    }

    // MARK: Physical

    @Test func placesTheSegmentsAsTheyWereLinkedAndEntersThemThere() throws {
        let plan = plan(initrdSize: 5000)
        #expect(plan.refusals == [] && plan.isUnpacked)
        let (first, second) = (try #require(plan["kernel"]), try #require(plan["kernel-2"]))
        #expect(first.contents == .kernel(0x1000..<0x5000) && second.contents == .kernel(0x6000..<0x7800))
        #expect(first.place.start.rawValue.isMultiple(of: 0x20_0000) && first.place.start.rawValue >= 0x100_0000)
        #expect(second.place.start.rawValue - first.place.start.rawValue == 0x20_0000)
        #expect(first.place.size == 0x4000 && second.place.size == 0x2000)
        #expect(plan.entry.rawValue == first.place.start.rawValue + 0x20_0100)
        #expect(plan.purgatory?.mode == .longMode)
        #expect(plan.purgatory?.rsi == plan["boot_params"]?.place.start.rawValue)
        #expect(first.reserved.size == 0x40_0000)
        for segment in plan.segments where !segment.name.hasPrefix("kernel") {
            #expect(!segment.place.overlaps(first.reserved))
        }
    }

    @Test func tellsTheKernelThatItIsAtRandomUnlessItIsNot() {
        #expect(plan().bytes("boot_params")[0x211] == 2)
        #expect(plan(line: "nokaslr").bytes("boot_params")[0x211] == 0)
    }

    @Test func liesWhereverItMayWhateverTheRunningKernelWasStartedBy() throws {
        var machine = MachineDescription.pc(64 << 20)
        machine.bootParameters?.store(UInt32(48 << 20), at: 0x218)
        machine.bootParameters?.store(UInt32(4 << 20), at: 0x21c)
        var starts: Set<UInt64> = []
        for physical in (0 as UInt64)..<100 {
            let plan = plan(on: machine, seed: PlacementSeed(virtual: 0, physical: physical))
            starts.insert(try #require(plan["kernel"]).place.start.rawValue)
        }
        // 16 to 62 MiB by 2 MiB, the kernel has 4 MiB: also above the first initrd, and where it was.
        #expect(starts == Set((8...30).map { $0 << 21 }))
    }

    @Test func liesAsHighAsItMayWithNokaslr() throws {
        let plans = (0..<4).map { plan(line: "nokaslr", seed: PlacementSeed(virtual: 9, physical: $0)) }
        #expect(Set(plans.map { $0["kernel"]?.place }).count == 1)
        #expect(try #require(plans[0]["kernel"]).place.start.rawValue == 1 << 30 - 6 << 20)
    }

    @Test func avoidsWhatIsReserved() throws {
        var machine = MachineDescription.pc(64 << 20)
        machine.reserved = PhysicalRangeSet([range(0x280_0000, 0x400_0000)])
        for physical in (0 as UInt64)..<20 {
            let kernel = try #require(plan(on: machine, seed: PlacementSeed(virtual: 0, physical: physical))["kernel"])
            #expect(kernel.reserved.end.rawValue <= 0x280_0000)
        }
    }

    @Test func whereThereIsNoPlaceForItTheBzImageGoesAsItIs() throws {
        var machine = MachineDescription.pc(64 << 20)
        // The image has the one place of its size and alignment, and the initrd lies in it otherwise.
        machine.reserved = PhysicalRangeSet([range(0x10_0000, 0x200_0000), range(0x260_0000, 0x400_0000)])
        let plan = plan(on: machine, initrdSize: 0x30_0000)
        #expect(!plan.isUnpacked)
        #expect(plan.kernelForm == .asItIs(because: .noRoom(needed: 0x40_0000)))
        #expect(plan["kernel-2"] == nil)
    }

    // MARK: Told

    @Test func whoAsksForItIsWarnedWhereItIsNotDone() {
        let (_, image) = image()
        func warnings(_ choice: UnpackingChoice) -> [PlanWarning] {
            var planner = planner { $0.decompression = choice }
            planner.kernelForm = .asItIs(because: .packing)
            return planner.plan(image.image, facts: image.facts, kernel: image.bytes.span.bytes, initrdSize: 0).warnings
        }
        #expect(warnings(.kernel) == [.asItIs(.kernel, because: .packing)])
        #expect(warnings(.automatic) == [] && warnings(.nothing) == [])
        let elf = PlanImage.elf(
            [
                ELFLoadSegment(
                    file: 0..<16, physicalAddress: PhysicalAddress(0x100_0000), memorySize: 16, virtualAddress: 0)
            ],
            bytes: [UInt8](repeating: 0, count: 16))
        #expect(elf.plan { $0.decompression = .kernel }.warnings.contains(.asItIs(.kernel, because: .notLinux)))
    }
}
