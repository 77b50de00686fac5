// SPDX-License-Identifier: MIT
@testable import BootFormats
import Handoff
import PhysicalMemory
import Testing

@testable import Kexec

@Suite struct LinuxPlanTests {
    @Test func placesEverySegmentOnPagesApartAndAboveTheFirstMebibyte() throws {
        let plan = PlanImage.bzImage().plan(initrdSize: 5000)
        #expect(plan.refusals == [])
        #expect(
            Set(plan.segments.map(\.name))
                == ["kernel", "initrd", "boot_params", "command_line", "setup_data", "purgatory"])
        for segment in plan.segments {
            #expect(segment.place.start.rawValue % pageSize == 0 && segment.place.end.rawValue % pageSize == 0)
            #expect(segment.place.start.rawValue >= 0x10_0000)
            #expect(UInt64(segment.contentSize) <= segment.place.size)
            #expect(!plan.segments.contains { $0 != segment && $0.reserved.overlaps(segment.reserved) })
        }
    }

    @Test func entersTheKernelAt0x200WithItsAlignmentAndKeepsInitSizeFree() throws {
        let plan = PlanImage.bzImage(size: 0x9000).plan()
        let kernel = try #require(plan["kernel"])
        #expect(kernel.place.start.rawValue % 0x20_0000 == 0)
        #expect(kernel.place.start.rawValue >= 0x100_0000)
        #expect(kernel.contents == .kernel(4096..<0x9000))
        #expect(kernel.place.size == 0x8000)
        #expect(kernel.reserved.size == 0x40_0000)
        #expect(plan.entry.rawValue == kernel.place.start.rawValue + 0x200)
        #expect(plan.kernelEntry == plan["purgatory"]?.place.start)
    }

    @Test func fillsBootParametersAsTheKernelsOwnLoaderDoes() throws {
        var machine = MachineDescription.pc()
        machine.rsdp = 0xf_5aa0
        machine.bootParameters?.store(UInt32(3), at: 0x23c)
        machine.bootParameters?.store(UInt8(0x22), at: 0x0f)
        let plan = PlanImage.bzImage().plan(on: machine, initrdSize: 5000)
        let zeroPage = plan.bytes("boot_params")
        #expect(zeroPage.count == 4096)
        #expect(zeroPage[0x210] == 0xd0 && zeroPage[0x211] == 0)
        #expect(zeroPage[0x1f1] == 0x5a && zeroPage[0x26b] == 0x5a && zeroPage[0x26c] == 0)
        #expect(zeroPage[0x0f] == 0x22)
        #expect(zeroPage.loadLittle(UInt64.self, at: 0x070) == 0xf_5aa0)
        #expect(zeroPage.loadLittle(UInt32.self, at: 0x23c) == 3)
        let initrd = try #require(plan["initrd"]).place.start.rawValue
        #expect(zeroPage.loadLittle(UInt32.self, at: 0x218) == UInt32(truncatingIfNeeded: initrd))
        #expect(zeroPage.loadLittle(UInt32.self, at: 0x21c) == 5000)
        #expect(
            zeroPage.loadLittle(UInt32.self, at: 0x228).map(UInt64.init) == plan["command_line"]?.place.start.rawValue)
        #expect(plan.bytes("command_line") == Array("console=ttyS0\0".utf8))
        #expect(zeroPage[0x1e8] == 3)
        #expect(zeroPage.loadLittle(UInt64.self, at: 0x2d0) == 0)
        #expect(zeroPage.loadLittle(UInt64.self, at: 0x2d8) == 0x9fc00)
        // RAM from 1 MiB to the last byte of 1 GiB, in whole KiB
        #expect(zeroPage.loadLittle(UInt32.self, at: 0x1e0) == UInt32(1_047_551))
        #expect(zeroPage.loadLittle(UInt16.self, at: 0x002) == 0xfc00)
    }

    @Test func passesMoreThan128EntriesInSetupData() throws {
        var machine = MachineDescription.pc()
        let holes = (0..<200).map {
            E820Entry(
                range: range(0x2000_0000 + UInt64($0) * 0x10_0000, 0x2000_1000 + UInt64($0) * 0x10_0000),
                type: .reserved)
        }
        machine.memoryMap = MemoryMap(machine.memoryMap.entries + holes)
        let plan = PlanImage.bzImage().plan(on: machine)
        #expect(plan.bytes("boot_params")[0x1e8] == 128)
        let nodes = try setupData(of: plan)
        let more = try #require(nodes.first { $0.type == 1 })
        #expect(more.payload.count == (203 - 128) * 20)
        #expect(plan.systemCall == .kexecLoad)
    }

    @Test func seedsAndTracesInSetupData() throws {
        let plan = PlanImage.bzImage().plan()
        let nodes = try setupData(of: plan)
        #expect(nodes.first { $0.type == 9 }?.payload == [UInt8](repeating: 7, count: 32))
        let trace = try #require(nodes.first { $0.type == TraceRecord.setupDataType })
        #expect(trace.payload.count == TraceRecord.size)
        #expect(plan.purgatory?.trace?.rawValue == trace.address + 16)
    }

    @Test func handsEFIOn() throws {
        var machine = MachineDescription.pc()
        machine.bootParameters?.store("EL64".utf8, at: 0x1c0)
        machine.bootParameters?.store(UInt32(0x3f00_0000), at: 0x1c4)
        machine.bootParameters?.store(UInt32(48), at: 0x1c8)
        machine.bootParameters?.store(UInt32(1), at: 0x1cc)
        machine.bootParameters?[0x1ec] = 2
        var efi = EFIFacts()
        efi.configurationTable = 0x3f9e_c018
        efi.runtimeMap = [
            EFIRuntimeRange(
                type: 5, physicalAddress: 0x3f80_0000, virtualAddress: .max - 0xfff, pageCount: 2, attribute: 15)
        ]
        machine.efi = efi
        let plan = PlanImage.bzImage().plan(on: machine)
        let zeroPage = plan.bytes("boot_params")
        #expect(Array(zeroPage[0x1c0..<0x1c4]) == Array("EL64".utf8))
        #expect(zeroPage[0x1ec] == 2)
        #expect(zeroPage.loadLittle(UInt32.self, at: 0x1d4) == 48)
        let map = try #require(zeroPage.loadLittle(UInt32.self, at: 0x1d0))
        let segment = try #require(plan["setup_data"])
        let data = plan.bytes("setup_data")
        let offset = Int(UInt64(map) - segment.place.start.rawValue)
        #expect(data.loadLittle(UInt32.self, at: offset) == 5)
        #expect(data.loadLittle(UInt64.self, at: offset + 8) == 0x3f80_0000)
        #expect(data.loadLittle(UInt64.self, at: offset + 32) == 15)
        let node = try #require(try setupData(of: plan).first { $0.type == 4 })
        #expect(node.payload.count == 96)
        #expect(node.payload.loadLittle(UInt64.self, at: 16) == 0x3f9e_c018)
        machine.efi?.configurationTable = nil
        #expect(PlanImage.bzImage().plan(on: machine).bytes("boot_params")[0x1c0] == 0)
        machine.efi = efi
        let hidden = PlanImage.bzImage().plan(on: machine) { $0.hidesEFI = true }
        #expect(hidden.bytes("boot_params")[0x1c0] == 0)
    }

    @Test func keepsInitrdAndStructuresLowForKernelsWith32BitPointers() throws {
        let machine = MachineDescription.pc(8 << 30)
        let plan = PlanImage.bzImage {
            $0.extendedLoadFlags = 1; $0.initrdAddressMaximum = 0x37ff_ffff
        }
        .plan(on: machine, initrdSize: 5000)
        #expect(plan.refusals == [])
        #expect(try #require(plan["initrd"]).place.end.rawValue <= 0x3800_0000)
        #expect(try #require(plan["boot_params"]).place.end <= .fourGiB)
        #expect(try #require(plan["kernel"]).reserved.end <= .fourGiB)
    }

    @Test func loadsAKernelThatCannotMoveAtItsAddressOrNotAtAll() {
        let fixed = PlanImage.bzImage { $0.isRelocatable = false }
        #expect(fixed.plan()["kernel"]?.place.start.rawValue == 0x100_0000)
        var machine = MachineDescription.pc()
        machine.reserved = PhysicalRangeSet([range(0x110_0000, 0x120_0000)])
        #expect(
            fixed.plan(on: machine).refusals.contains {
                if case .placeTaken("kernel", _, .notRAM) = $0 { true } else { false }
            })
    }

    @Test func turns5LevelPagingOffForKernelsThatCannotStartWithIt() throws {
        var machine = MachineDescription.pc(8 << 30)
        machine.uses5LevelPaging = true
        #expect(PlanImage.bzImage().plan(on: machine).purgatory?.turnsOff5LevelPaging == false)
        let old = PlanImage.bzImage { $0.extendedLoadFlags = 0x1f }
        let plan = old.plan(on: machine)
        #expect(plan.purgatory?.turnsOff5LevelPaging == true)
        #expect(try #require(plan["purgatory"]).place.end <= .fourGiB)
        #expect(old.plan(on: machine) { $0.systemCall = .kexecFileLoad }.refusals.isEmpty == false)
    }

    @Test func entersAKernelWithout64BitEntryInProtectedMode() throws {
        let image = PlanImage.bzImage { ($0.extendedLoadFlags, $0.payloadLength) = (0, 0x1000) }
        let plan = image.plan(on: .pc(2 << 30), initrdSize: 5000)
        let kernel = try #require(plan["kernel"])
        #expect(plan.refusals == [] && plan.systemCall == .kexecLoad)
        #expect(plan.purgatory?.mode == .protectedMode && plan.entry == kernel.place.start)
        #expect(kernel.place.start.rawValue == 0x100_0000)
    }

    @Test func entersA64BitKernelInProtectedModeWhereThatIsAskedFor() throws {
        var machine = MachineDescription.pc(8 << 30)
        machine.uses5LevelPaging = true
        let image = PlanImage.bzImage {
            $0.extendedLoadFlags = 0x1f
            $0.initrdAddressMaximum = 0x7fff_ffff
        }
        let plan = image.plan(on: machine, initrdSize: 5000) { $0.entry32Bit = true }
        #expect(plan.refusals == [])
        #expect(plan.purgatory?.mode == .protectedMode && plan.purgatory?.turnsOff5LevelPaging == false)
        #expect(plan.entry == plan["kernel"]?.place.start)
        #expect(try #require(plan["initrd"]).place.end.rawValue <= 0x8000_0000)
        for segment in plan.segments { #expect(segment.reserved.end <= .fourGiB, "\(segment.name)") }
        let file = image.plan { ($0.entry32Bit, $0.systemCall) = (true, .kexecFileLoad) }
        #expect(
            file.refusals.contains(
                .noSystemCall([SystemCallObstacle(call: .kexecFileLoad, cause: .option(.entry32Bit))])))
    }

    @Test func refusesTheProtectedModeEntryOfAKernelThatOnlyItsRealModeCodeCanStart() {
        let plan = PlanImage.bzImage {
            $0.extendedLoadFlags = 0; $0.version = 0x0201
        }.plan { $0.entry32Bit = true }
        #expect(plan.refusals.contains(.entryMissing(.protectedMode(bootProtocol: 0x0201))))
    }

    @Test func refusesAZImageForWhatItIs() {
        let plan = PlanImage.bzImage { $0.loadFlags = 0 }.plan()
        #expect(plan.refusals.contains(.entryMissing(.loadedHigh)))
    }

    @Test func saysThatKexecFileLoadWantsAnImageForAllMemory() {
        let plan = PlanImage.bzImage { $0.extendedLoadFlags = 1 }.plan { $0.systemCall = .kexecFileLoad }
        #expect(
            plan.refusals.contains(.noSystemCall([SystemCallObstacle(call: .kexecFileLoad, cause: .lowMemoryOnly)])))
    }

    /// The kernel's own loader wants 2.12, since when the header tells of the 64-bit entry.
    @Test(arguments: [(UInt16(0x0208), false), (0x020b, false), (0x020c, true), (0x020d, true)])
    func offersKexecFileLoadFromBootProtocol2_12On(version: UInt16, isOffered: Bool) {
        let image = PlanImage.bzImage { $0.version = version }
        let plan = image.plan { $0.systemCall = .kexecFileLoad }
        let obstacle = SystemCallObstacle(call: .kexecFileLoad, cause: .imageKind("bzImage64"))
        #expect(plan.refusals == (isOffered ? [] : [.noSystemCall([obstacle])]))
    }

    @Test func countsNoLineBelowNothing() {
        let plan = PlanImage.bzImage { $0.commandLineSize = 20 }.plan { $0.systemCall = .kexecFileLoad }
        let cause = SystemCallObstacle.Cause.commandLineTooLong(length: 13, limit: 0)
        #expect(plan.refusals.contains(.noSystemCall([SystemCallObstacle(call: .kexecFileLoad, cause: cause)])))
    }

    @Test func namesTheBoundsThatTheUserSet() {
        let plan = PlanImage.bzImage().plan {
            $0.memoryMinimum = PhysicalAddress(0x1000_0000)
            $0.memoryMaximum = PhysicalAddress(0x1000_ffff)
        }
        #expect(
            plan.refusals.contains {
                if case .noRoom("kernel", let shortage) = $0 {
                    shortage.limits.range == range(0x1000_0000, 0x1001_0000)
                } else {
                    false
                }
            })
    }

    @Test(arguments: [2047, 2048]) func takesExactlyAsLongALineAsTheKernel(length: Int) {
        let plan = PlanImage.bzImage().plan { $0.commandLine = ByteString(String(repeating: "x", count: length)) }
        #expect(plan.refusals == (length <= 2047 ? [] : [.commandLineTooLong(length: 2048, limit: 2047)]))
    }

    @Test func namesTheSegmentThatFitsNowhere() {
        let plan = PlanImage.bzImage().plan(initrdSize: 2 << 30)
        #expect(
            plan.refusals.contains {
                if case .noRoom("initrd", let shortage) = $0 { shortage.needed == 2 << 30 } else { false }
            })
    }

    /// The sentence about it names the limits that the user set, not those of the image alone.
    @Test func saysBetweenWhichLimitsThereIsNoRoom() {
        let plan = PlanImage.bzImage().plan { $0.memoryMaximum = PhysicalAddress(0x11f_ffff) }
        #expect(
            plan.refusals.contains(
                .noRoom(
                    segment: "kernel",
                    RoomShortage(
                        needed: 0x40_0000, alignment: 0x20_0000, bounds: range(0x100_0000, 1 << 30),
                        limits: MemoryLimits(maximum: PhysicalAddress(0x11f_ffff)), largest: 0x20_0000))
            ), "\(plan.refusals)")
    }

    /// As above, with each of them beyond all memory, or below all that the kernel may have.
    @Test(arguments: [
        MemoryLimits(minimum: PhysicalAddress(1 << 40)), MemoryLimits(maximum: PhysicalAddress(0x1000)),
        MemoryLimits(minimum: PhysicalAddress(0x1000), maximum: PhysicalAddress(0x10_0000)),
    ])
    func namesTheLimitThatLeavesNoMemory(_ limits: MemoryLimits) {
        let plan = PlanImage.bzImage().plan {
            $0.memoryMinimum = limits.minimum
            $0.memoryMaximum = limits.maximum
        }
        guard case .noRoom("kernel", let shortage)? = plan.refusals.first else {
            Issue.record("\(plan.refusals)")
            return
        }
        #expect(shortage.bounds == range(0x100_0000, 1 << 30) && shortage.largest == 0)
        #expect(shortage.limits == limits.cutting(shortage.bounds) && shortage.limits != MemoryLimits())
    }

    @Test func namesTheCrashKernelsRegionAndTheLimitThatLeavesNothingOfIt() {
        var machine = MachineDescription.pc()
        machine.crashKernel = [range(0x1000_0000, 0x2000_0000)]
        let maximum = PhysicalAddress(0x100_0000)
        let plan = PlanImage.bzImage().plan(on: machine) {
            $0.target = .crash
            $0.memoryMaximum = maximum
        }
        guard case .noRoom(_, let shortage)? = plan.refusals.first else {
            Issue.record("\(plan.refusals)")
            return
        }
        #expect(shortage.bounds == range(0x1000_0000, 0x2000_0000) && shortage.limits == MemoryLimits(maximum: maximum))
    }

    /// The largest piece counts from where the kernel could begin: 5 MiB would be enough for it.
    @Test func theLargestPieceBeginsAtAMultipleOfTheAlignment() {
        var machine = MachineDescription.pc()
        machine.systemRAM = PhysicalRangeSet([range(0x100_1000, 0x150_1000)])
        let plan = PlanImage.bzImage().plan(on: machine)
        guard case .noRoom("kernel", let shortage)? = plan.refusals.first else {
            Issue.record("\(plan.refusals)")
            return
        }
        #expect(shortage.needed == 0x40_0000 && shortage.largest == 0x30_1000)
    }

    @Test func namesNoCallAsAskedForThatWasNot() {
        var machine = MachineDescription.pc()
        machine.kexec.hasKexecLoad = false
        machine.kexec.hasKexecFileLoad = false
        #expect(PlanImage.bzImage().plan(on: machine).systemCallReason == .noneIsLegal)
        #expect(PlanImage.bzImage().plan(on: machine) { $0.systemCall = .kexecLoad }.systemCallReason == .requested)
    }

    @Test func saysWhichOptionsTheCallHasNoUseFor() {
        func warnings(_ change: (inout KexecRequest) -> Void) -> [PlanWarning] {
            PlanImage.bzImage().plan(change: change).warnings
        }
        #expect(
            warnings {
                $0.forcesDeviceTree = true
                $0.givenOptions.insert(.forceDeviceTree)
            } == [.optionIgnored(.forceDeviceTree, by: .kexecLoad)])
        #expect(
            warnings {
                $0.systemCall = .kexecFileLoad
                for option in [KexecOption.forceDeviceTree, .consoleVGA] {
                    $0.givenOptions.insert(option)
                }
            } == [.optionIgnored(.consoleVGA, by: .kexecFileLoad)])
    }

    @Test func honoursMemoryBounds() throws {
        let plan = PlanImage.bzImage().plan(initrdSize: 5000) {
            $0.memoryMinimum = PhysicalAddress(0x1000_0000)
            $0.memoryMaximum = PhysicalAddress(0x1fff_ffff)
        }
        #expect(plan.refusals == [])
        for segment in plan.segments {
            #expect(segment.reserved.start.rawValue >= 0x1000_0000 && segment.reserved.end.rawValue <= 0x2000_0000)
        }
    }

    @Test func keepsOffReservedRangesTheCrashKernelAndTheBootLoadersInitrd() throws {
        var machine = MachineDescription.pc()
        machine.reserved = PhysicalRangeSet([range(0x3ff0_0000, 0x4000_0000)])
        machine.crashKernel = [range(0x3000_0000, 0x3f00_0000)]
        machine.bootParameters?.store(UInt32(0x2800_0000), at: 0x218)
        machine.bootParameters?.store(UInt32(0x10_0000), at: 0x21c)
        let plan = PlanImage.bzImage().plan(on: machine, initrdSize: 5000)
        for segment in plan.segments { #expect(segment.reserved.end.rawValue <= 0x2800_0000) }
    }

    @Test func loadsIntoTheCrashKernelRegionWithSHA256() throws {
        var machine = MachineDescription.pc()
        let without = PlanImage.bzImage().plan(on: machine, initrdSize: 5000) { $0.target = .crash }
        #expect(without.refusals == [.noCrashKernelRegion] && !without.isPlaced, "nothing was searched")
        machine.crashKernel = [range(0x3000_0000, 0x3800_0000)]
        let plan = PlanImage.bzImage().plan(on: machine, initrdSize: 5000) { $0.target = .crash }
        #expect(plan.refusals == [])
        #expect(plan.digest == .sha256)
        for segment in plan.segments { #expect(machine.crashKernel[0].contains(segment.reserved)) }
    }

    @Test func checksTheKernelsRulesWhereTheSizeOfRAMIsUnknown() {
        var machine = MachineDescription.pc()
        machine.memoryTotal = 0
        machine.memoryAvailable = 0
        var plan = PlanImage.bzImage().plan(on: machine)
        #expect(plan.refusals == [])
        plan.segments[0].place = range(0x10_0001, 0x10_1000)
        #expect(
            PlanChecker(machine: machine).faults(of: plan).contains {
                if case .segmentRule(.notPageAligned(0), _, _) = $0 { true } else { false }
            })
    }

    @Test func countsSwapAsRoomForTheKernelsCopy() {
        var machine = MachineDescription.pc(8 << 30)
        machine.memoryAvailable = 1 << 20
        let image = PlanImage.bzImage()
        let refused = image.plan(on: machine, initrdSize: 64 << 20).refusals
        #expect(refused.contains { if case .memoryShort = $0 { true } else { false } })
        for free: UInt64 in [1 << 30, .max] {
            machine.swapFree = free
            #expect(image.plan(on: machine, initrdSize: 64 << 20).refusals == [])
        }
    }

    @Test func refusesToPlanForXen() {
        var machine = MachineDescription.pc()
        machine.isXen = true
        #expect(PlanImage.bzImage().plan(on: machine).refusals == [.needsXen])
    }

    /// `crashkernel=,high` reserves a low region besides, for DMA: only the high one takes segments.
    @Test func keepsACrashKernelOutOfTheLowRegion() throws {
        var machine = MachineDescription.pc()
        machine.memoryMap = MemoryMap(
            machine.memoryMap.entries + [E820Entry(range: range(1 << 32, 1 << 33), type: .ram)])
        machine.systemRAM = machine.memoryMap.ram
        machine.crashKernel = [range(0x1000_0000, 0x2000_0000), range(0x1_8000_0000, 0x1_9000_0000)]
        let plan = PlanImage.bzImage().plan(on: machine) { $0.target = .crash }
        #expect(plan.refusals == [])
        for segment in plan.segments { #expect(machine.crashKernel[1].contains(segment.reserved)) }
        let old = PlanImage.bzImage { $0.extendedLoadFlags = 1 }.plan(on: machine) { $0.target = .crash }
        #expect(
            old.refusals.contains {
                if case .noRoom("kernel", let shortage) = $0 { shortage.largest == 0 } else { false }
            })
        // Both are RAM for the crash kernel: the low one is what the DMA is for.
        #expect(CrashMemoryMap.make(for: machine).ram.contains(machine.crashKernel[0]))
    }

    @Test func saysThatTheCrashKernelsRegionIsInTheWay() {
        var machine = MachineDescription.pc()
        machine.crashKernel = [range(0x100_0000, 0x200_0000)]
        let plan = PlanImage.bzImage { $0.isRelocatable = false }.plan(on: machine)
        #expect(
            plan.refusals.contains {
                if case .placeTaken("kernel", _, .crashKernel) = $0 { true } else { false }
            })
    }

    @Test func saysThatACrashKernelMayLieInItsRegionOnly() {
        var machine = MachineDescription.pc()
        machine.crashKernel = [range(0x1000_0000, 0x2000_0000)]
        let plan = PlanImage.bzImage { $0.isRelocatable = false }.plan(on: machine) { $0.target = .crash }
        #expect(
            plan.refusals.contains {
                if case .placeTaken("kernel", _, .outsideCrashRegion) = $0 { true } else { false }
            })
    }

    @Test func saysThatTheUsersBoundsAreInTheWay() {
        let plan = PlanImage.bzImage { $0.isRelocatable = false }.plan {
            $0.memoryMinimum = PhysicalAddress(0x1000_0000)
        }
        #expect(
            plan.refusals.contains {
                if case .placeTaken("kernel", _, .outsideBounds) = $0 { true } else { false }
            })
    }

    /// What a kernel with 4 levels knows of physical memory, whatever the machine has.
    @Test func placesNothingAbove64TiB() {
        var machine = MachineDescription.pc(8 << 30)
        machine.memoryMap = MemoryMap(
            machine.memoryMap.entries + [E820Entry(range: range(1 << 46, 1 << 46 + 1 << 33), type: .ram)])
        machine.systemRAM = machine.memoryMap.ram
        machine.uses5LevelPaging = true
        for flags: UInt16 in [0x7f, 0x3f, 0x1f] {
            let plan = PlanImage.bzImage { $0.extendedLoadFlags = flags }.plan(on: machine, initrdSize: 5000)
            #expect(plan.refusals == [] && plan.segments.count == 6)
            for segment in plan.segments { #expect(segment.reserved.end.rawValue <= 1 << 46) }
        }
    }

    /// `KEXEC_DESTINATION_MEMORY_LIMIT` is one byte less than all that there can be, so that the last page takes nothing.
    @Test(arguments: [(46, false), (52, true)]) func usesMemoryUpToTheLastPageThatALoadMayHave(
        bits: UInt64, isDeep: Bool
    ) {
        var machine = MachineDescription.pc()
        machine.memoryMap = MemoryMap(
            machine.memoryMap.entries + [E820Entry(range: range(1 << 32, 1 << bits), type: .ram)])
        machine.systemRAM = machine.memoryMap.ram
        machine.uses5LevelPaging = isDeep
        let plan = PlanImage.bzImage { $0.extendedLoadFlags = 0x7f }.plan(on: machine, initrdSize: 5000)
        #expect(plan.refusals == [])
        let expected: UInt64 = isDeep ? 1 << 46 : 1 << 46 - 4096
        #expect(plan.segments.map { $0.reserved.end.rawValue }.max() == expected)
    }

    private func setupData(of plan: BootPlan) throws -> [(type: UInt32, payload: [UInt8], address: UInt64)] {
        let segment = try #require(plan["setup_data"])
        let data = plan.bytes("setup_data")
        var nodes: [(type: UInt32, payload: [UInt8], address: UInt64)] = []
        var next = try #require(plan.bytes("boot_params").loadLittle(UInt64.self, at: 0x250))
        while next != 0 {
            let offset = Int(next - segment.place.start.rawValue)
            let type = try #require(data.loadLittle(UInt32.self, at: offset + 8))
            let size = Int(try #require(data.loadLittle(UInt32.self, at: offset + 12)))
            nodes.append((type, Array(data[offset + 16..<offset + 16 + size]), next))
            next = try #require(data.loadLittle(UInt64.self, at: offset))
        }
        return nodes
    }
}
