// SPDX-License-Identifier: MIT
import BootFormats
import PhysicalMemory
import Testing

@testable import Kexec

/// Facts that only kexec_load needs stand against kexec_load, not against the load.
@Suite struct HiddenMemoryPlanTests {
    private static let gaps: [MemoryGap] = [.addressesHidden, .noMap(errno: 2), .noMap(errno: 0)]

    /// CAP_SYS_BOOT, and no look at memory.
    private static func machine(
        _ gap: MemoryGap = gaps[0], change: (inout MachineDescription) -> Void = { _ in }
    ) -> MachineDescription {
        var machine = MachineDescription.pc()
        (machine.memoryMap, machine.systemRAM) = (MemoryMap(), PhysicalRangeSet())
        machine.memoryGap = gap
        change(&machine)
        return machine
    }

    private static func unknown(_ gap: MemoryGap, for call: SystemCall = .kexecLoad) -> SystemCallObstacle {
        SystemCallObstacle(call: call, cause: .memoryUnknown(gap))
    }

    @Test(arguments: gaps) func leavesThePlacesToTheKernelWhereMemoryIsNotShown(gap: MemoryGap) {
        for choice in [SystemCallChoice.automatic, .kexecFileLoad] {
            let plan = PlanImage.bzImage().plan(on: Self.machine(gap), initrdSize: 5000) { $0.systemCall = choice }
            #expect(plan.refusals == [] && plan.warnings == [])
            #expect(plan.systemCall == .kexecFileLoad && plan.alternatives == [])
            #expect(plan.systemCallReason == .only(against: [Self.unknown(gap)]))
            #expect(plan.segments == [] && plan.purgatory == nil && plan.entry == .zero && !plan.isPlaced)
            #expect(plan.commandLine == "console=ttyS0" && plan.appliedDigest == .sha256)
        }
    }

    @Test(arguments: gaps) func refusesTheCallsThatPlaceSegments(gap: MemoryGap) {
        let plan = PlanImage.bzImage().plan(on: Self.machine(gap)) { $0.systemCall = .kexecLoad }
        #expect(plan.refusals == [.noSystemCall([Self.unknown(gap)])] && plan.segments == [])
        let machine = Self.machine(gap) { machine in
            machine.kexec.hasModule = true
            (machine.kexec.hasKexecLoad, machine.kexec.hasKexecFileLoad) = (false, false)
        }
        let byModule = PlanImage.bzImage().plan(on: machine) { $0.systemCall = .module }
        #expect(byModule.refusals == [.noSystemCall([Self.unknown(gap, for: .module)])] && byModule.segments == [])
    }

    private static let kexecLoadOptions: [@Sendable (inout KexecRequest) -> Void] = [
        { $0.memoryMinimum = PhysicalAddress(0x10_0000) }, { $0.memoryMaximum = PhysicalAddress(0x1000_0000) },
        { $0.entry32Bit = true }, { $0.realMode = true },
    ]

    /// The command's text and status are those of the missing memory.
    @Test(arguments: gaps) func refusesWhatNeedsKexecLoad(gap: MemoryGap) {
        let segment = ELFLoadSegment(
            file: 0..<16, physicalAddress: PhysicalAddress(0x100_0000), memorySize: 16, virtualAddress: 0x100_0000)
        var plans = [
            PlanImage.elf([segment], bytes: [UInt8](repeating: 0, count: 16)).plan(on: Self.machine(gap)),
            PlanImage.multiboot(.one, [segment], bytes: [UInt8](repeating: 0, count: 16)).plan(on: Self.machine(gap)),
            PlanImage.bzImage { $0.extendedLoadFlags = 0 }.plan(on: Self.machine(gap)),
            PlanImage.bzImage { $0.version = 0x0206 }.plan(on: Self.machine(gap)),
        ]
        for option in Self.kexecLoadOptions {
            plans.append(PlanImage.bzImage().plan(on: Self.machine(gap), change: option))
        }
        for plan in plans {
            #expect(plan.segments == [] && !plan.isPlaced)
            guard case .noSystemCall(let obstacles)? = plan.refusals.first else {
                Issue.record("\(plan.image.kind) is not refused: \(plan.refusals)")
                continue
            }
            #expect(obstacles.contains(Self.unknown(gap)))
        }
    }

    @Test func checksWhatNeedsNoMemory() {
        let long = PlanImage.bzImage().plan(on: Self.machine()) {
            $0.commandLine = ByteString(String(repeating: "x", count: 3000))
            $0.systemCall = .kexecFileLoad
        }
        #expect(long.refusals.contains(.commandLineTooLong(length: 3000, limit: 2047)))
        let modules = PlanImage.bzImage().plan(on: Self.machine()) { $0.modules = ["a"] }
        #expect(modules.refusals == [.modulesWithoutMultiboot(kind: "bzImage64")])
        let forbidden = PlanImage.bzImage().plan(on: Self.machine { $0.hasSysBoot = false })
        #expect(forbidden.refusals == [.notPermitted(missing: .sysBoot)])
    }

    @Test(arguments: [nil, 128 << 20] as [UInt64?]) func leavesACrashKernelsPlaceToTheKernel(size: UInt64?) {
        for choice in [SystemCallChoice.automatic, .kexecFileLoad] {
            let plan = PlanImage.bzImage().plan(on: Self.machine { $0.kexec.crashSize = size }, initrdSize: 5000) {
                ($0.target, $0.systemCall) = (.crash, choice)
            }
            #expect(plan.refusals == [] && plan.systemCall == .kexecFileLoad && plan.segments == [])
            #expect(plan.commandLine == "console=ttyS0")
        }
    }

    @Test func knowsByItsSizeThatThereIsNoCrashKernelRegion() {
        let plan = PlanImage.bzImage().plan(on: Self.machine { $0.kexec.crashSize = 0 }) { $0.target = .crash }
        #expect(plan.refusals == [.crashSizeIsZero])
        #expect(PlanImage.bzImage().plan { $0.target = .crash }.refusals == [.noCrashKernelRegion])
    }

    @Test func wantsToBeAbleToUpdateTheCoreHeaderThatItIsAskedTo() {
        func refusals(_ room: UInt64?) -> [PlanRefusal] {
            let machine = Self.machine { ($0.kexec.crashSize, $0.kexec.crashCoreHeaderSize) = (128 << 20, room) }
            return PlanImage.bzImage().plan(on: machine) { ($0.target, $0.updatesCoreHeader) = (.crash, true) }.refusals
        }
        #expect(refusals(nil) == [.noHotplug] && refusals(0) == [.noHotplug] && refusals(4096) == [])
    }

    /// Handover speaks for the same call, and is not what speaks against the other.
    @Test func saysWhatIsMissingAlsoWhereHandoverWantsTheSameCall() {
        let plan = PlanImage.bzImage().plan(on: Self.machine { $0.kexec.handover = .commandLine })
        #expect(plan.systemCallReason == .only(against: [Self.unknown(Self.gaps[0])]))
    }

    // MARK: What is read

    private static func shown(_ folder: MachineFolder) throws -> MachineDescription {
        MachineDescription(readingWhatIsShown: try MachineRoot(path: ByteString(folder.path)))
    }

    @Test func readsAMachineThatHidesItsAddresses() throws {
        let path = MachineFolder.fixture("hidden-addresses")
        let machine = MachineDescription(readingWhatIsShown: try MachineRoot(path: ByteString(path)))
        #expect(machine.memoryGap == .addressesHidden)
        // The firmware's map is for everybody.
        #expect(!machine.memoryMap.ram.isEmpty && machine.systemRAM.isEmpty && machine.bootParameters != nil)
        #expect(machine.memoryTotal > 0 && machine.kexec.crashSize == 0 && machine.hasCrashRegion == false)
    }

    /// Masked by /dev/null, missing, or a folder: nothing is known of memory.
    @Test(arguments: [nil, "", "00000000-ffffffff : PCI Bus 0000:00\n", "nothing of the kind\n"] as [String?])
    func readsAMachineWithoutMemory(iomem: String?) throws {
        let folder = try MachineFolder()
        if let iomem { try folder.add("proc/iomem", iomem) }
        let machine = try Self.shown(folder)
        #expect(machine.memoryGap == .noMap(errno: iomem == nil ? 2 : 0))
        #expect(machine.memoryMap.ram.isEmpty && machine.hasCrashRegion == nil && !machine.showsCommandLine)
        try folder.addMemory(0, 0x10_0000, 0x3fff_ffff, "System RAM")
        let described = try Self.shown(folder)
        #expect(described.memoryGap == nil && !described.showsResources)
    }

    @Test func readsAllThatIsShown() throws {
        let machine = try MachineFolder.describe(fixture: "bios-512m")
        #expect(machine.memoryGap == nil && machine.showsResources && machine.showsCommandLine)
    }

    // MARK: What the next kernel would miss

    private static let missing: [@Sendable (inout MachineDescription) -> Void] = [
        { $0.bootParameters = nil }, { $0.showsResources = false },
    ]

    @Test func prefersTheCallThatMissesNothing() {
        for change in Self.missing {
            var machine = MachineDescription.pc()
            change(&machine)
            let obstacle = SystemCallObstacle(call: .kexecLoad, cause: .factsNotShown)
            let plan = PlanImage.bzImage().plan(on: machine)
            #expect(plan.refusals == [] && plan.systemCall == .kexecFileLoad && plan.alternatives == [.kexecLoad])
            #expect(plan.systemCallReason == .only(against: [obstacle]))
            let named = PlanImage.bzImage().plan(on: machine) { $0.systemCall = .kexecLoad }
            #expect(named.refusals == [] && named.systemCallReason == .requested && named["kernel"] != nil)
        }
    }

    @Test func doesWithoutWhereNoOtherCallTakesTheImage() {
        for change in Self.missing {
            var machine = MachineDescription.pc()
            change(&machine)
            let plan = PlanImage.bzImage().plan(on: machine) { $0.entry32Bit = true }
            let obstacle = SystemCallObstacle(call: .kexecFileLoad, cause: .option(.entry32Bit))
            #expect(plan.refusals == [] && plan.systemCall == .kexecLoad && plan.alternatives == [])
            #expect(plan.systemCallReason == .only(against: [obstacle]))
        }
    }

    /// Captures that were made by hand have no boot_params; that is no sign of a sysfs that is not mounted.
    @Test func takesSysfsForMountedWhereItTellsOfKexec() {
        var machine = MachineDescription.pc()
        (machine.bootParameters, machine.kexec.isSupported) = (nil, true)
        #expect(PlanImage.bzImage().plan(on: machine).systemCall == .kexecLoad)
    }

    /// A crash kernel gets what is known, and the plan says what a dump will lack.
    @Test func hasNoSuchPreferenceForACrashKernel() {
        for change in Self.missing {
            var machine = MachineDescription.pc()
            machine.crashKernel = [range(0x2000_0000, 0x3000_0000)]
            change(&machine)
            #expect(PlanImage.bzImage().plan(on: machine) { $0.target = .crash }.systemCall == .kexecLoad)
        }
    }

    @Test func refusesToReuseACommandLineThatIsNotShown() {
        for call in [SystemCallChoice.automatic, .kexecLoad, .kexecFileLoad] {
            func refusals(isShown: Bool) -> [PlanRefusal] {
                var machine = MachineDescription.pc()
                machine.showsCommandLine = isShown
                return PlanImage.bzImage().plan(on: machine) {
                    ($0.reusesCommandLine, $0.systemCall) = (true, call)
                }.refusals
            }
            #expect(refusals(isShown: true) == [] && refusals(isShown: false) == [.commandLineNotShown])
        }
    }
}
