// SPDX-License-Identifier: MIT
import Handoff
import PhysicalMemory
import Testing

@testable import BootFormats
@testable import Kexec

/// Plans for the kernel that starts at a panic.
@Suite struct CrashPlanTests {
    private static let region = range(0x3000_0000, 0x3800_0000)
    private static let base: UInt64 = 0xffff_8880_0000_0000

    private static func machine(_ change: (inout MachineDescription) -> Void = { _ in }) -> MachineDescription {
        var machine = MachineDescription.pc()
        machine.architecture = "x86_64"
        machine.crashKernel = [region]
        machine.vmcoreInfo = range(0x1234_5000, 0x1234_6000)
        machine.crash.memory = machine.systemRAM
        machine.crash.processorNotes = [range(0x2000_0000, 0x2000_0170), range(0x2001_0000, 0x2001_0170)]
        machine.crash.kernelImage = CoreHeader.Load(
            memory: range(0x100_0000, 0x300_0000), virtualAddress: 0xffff_ffff_8100_0000)
        machine.crash.directMapBase = base
        change(&machine)
        return machine
    }

    private static func plan(
        on machine: MachineDescription = machine(), _ image: PlanImage = .bzImage(), initrdSize: Int = 0,
        _ change: (inout KexecRequest) -> Void = { _ in }
    ) -> BootPlan {
        image.plan(on: machine, initrdSize: initrdSize) {
            $0.target = .crash
            change(&$0)
        }
    }

    /// `p_type`, `p_vaddr`, `p_paddr` and `p_memsz` of each entry.
    private func entries(_ plan: BootPlan) -> [[UInt64?]] {
        let bytes = plan.bytes("elfcorehdr")
        return stride(from: 64, to: bytes.count, by: 56).map { entry in
            [bytes.loadLittle(UInt32.self, at: entry).map { UInt64($0) }]
                + [16, 24, 40].map { bytes.loadLittle(UInt64.self, at: entry + $0) }
        }
    }

    @Test func describesProcessorsKernelAndMemoryWithoutWhatIsTheCrashKernelsOwn() {
        let plan = Self.plan()
        #expect(plan.refusals == [] && plan.warnings == [] && plan.systemCall == .kexecLoad)
        #expect(
            entries(plan) == [
                [4, 0, 0x2000_0000, 0x170], [4, 0, 0x2001_0000, 0x170], [4, 0, 0x1234_5000, 0x1000],
                [1, 0xffff_ffff_8100_0000, 0x100_0000, 0x200_0000],
                [1, Self.base + 0x10_0000, 0x10_0000, 0x2ff0_0000],
                [1, Self.base + 0x3800_0000, 0x3800_0000, 0x800_0000],
            ])
    }

    @Test func leavesBothRegionsAndWhatIsLentOutOfTheDumpAndGivesThemToTheCrashKernel() {
        let low = range(0x1000_0000, 0x1400_0000), lent = range(0x2000_0000, 0x2100_0000)
        let plan = Self.plan(
            on: Self.machine {
                $0.crashKernel = [low, Self.region]
                $0.crash.lentRanges = [lent]
            })
        let loads = entries(plan).dropFirst(4).map { [$0[2], $0[3]] }
        #expect(
            loads == [
                [0x10_0000, 0xff0_0000], [0x1400_0000, 0xc00_0000], [0x2100_0000, 0xf00_0000],
                [0x3800_0000, 0x800_0000],
            ])
        #expect(ram(plan).contains(low) && ram(plan).contains(lent))
    }

    /// All that is RAM for the crash kernel.
    private func ram(_ plan: BootPlan) -> PhysicalRangeSet {
        let bytes = plan.bytes("boot_params")
        let ranges = (0..<Int(bytes[0x1e8])).compactMap { index -> PhysicalRange? in
            let entry = 0x2d0 + 20 * index
            guard bytes.loadLittle(UInt32.self, at: entry + 16) == 1,
                let start = bytes.loadLittle(UInt64.self, at: entry),
                let size = bytes.loadLittle(UInt64.self, at: entry + 8)
            else { return nil }
            return PhysicalRange(start: PhysicalAddress(start), size: size)
        }
        return PhysicalRangeSet(ranges)
    }

    @Test func givesTheCrashKernelItsRegionWithoutTheHeaderAndTheFirst640KiB() throws {
        let plan = Self.plan()
        let header = try #require(plan["elfcorehdr"]).place
        let expected = PhysicalRangeSet([Self.region, range(0, 0x9fc00)]).subtracting(PhysicalRangeSet([header]))
        #expect(ram(plan) == expected)
    }

    @Test func passesAMapOfMoreThan128EntriesWhole() {
        let machine = Self.machine { machine in
            let more = (0..<200).map {
                E820Entry(range: range(0x8000_0000 + $0 << 16, 0x8000_1000 + $0 << 16), type: .acpiNonVolatile)
            }
            machine.memoryMap = MemoryMap(machine.memoryMap.entries + more)
        }
        let plan = Self.plan(on: machine)
        #expect(plan.bytes("boot_params")[0x1e8] == 128)
        let list = plan.bytes("setup_data")
        #expect(list.loadLittle(UInt32.self, at: 8) == SetupDataType.e820Extension)
        // RAM in two or three pieces: 640 KiB, and the region around the header.
        let beyond = Int(list.loadLittle(UInt32.self, at: 12) ?? 0) / 20
        #expect(beyond + 128 == 200 + 1 + ram(plan).ranges.count)
    }

    // MARK: The command line

    private func header(_ plan: BootPlan) -> String {
        "elfcorehdr=\((plan["elfcorehdr"]?.place.start.rawValue ?? 0) >> 10)K"
    }

    @Test func namesTheHeaderAtTheEndOfTheLineButBeforeWhatIsInits() {
        let plan = Self.plan()
        #expect(plan.commandLine.description == "console=ttyS0 " + header(plan))
        let empty = Self.plan { $0.commandLine = "" }
        #expect(empty.commandLine.description == header(empty))
        let withArguments = Self.plan { $0.commandLine = "quiet -- single \"a -- b\"" }
        #expect(withArguments.commandLine.description == "quiet \(header(withArguments)) -- single \"a -- b\"")
        let quoted = Self.plan { $0.commandLine = "a=\"b -- c\"" }
        #expect(quoted.commandLine.description == "a=\"b -- c\" " + header(quoted))
    }

    @Test(arguments: ["a=\"b c", "quiet \"a=b -- c", "\"a"])
    func namesTheHeaderBehindAQuoteThatNothingCloses(line: String) {
        let plan = Self.plan { $0.commandLine = ByteString(line) }
        #expect(plan.commandLine.description == line + "\" " + header(plan))
        let words = KernelCommandLine(plan.commandLine)
        #expect(words.has("elfcorehdr") && !words.isQuoteOpen)
    }

    @Test func namesTheRSDPWhereEFIStartedTheMachine() {
        func line(_ rsdp: UInt64?) -> String {
            let plan = Self.plan(
                on: Self.machine {
                    $0.efi = EFIFacts()
                    $0.rsdp = rsdp
                })
            return plan.commandLine.description.replacing(header(plan), with: "HEADER")
        }
        #expect(line(0x7fb7_e014) == "console=ttyS0 acpi_rsdp=0x7fb7e014 HEADER")
        #expect(line(nil) == "console=ttyS0 HEADER")
    }

    @Test func describesMemoryInTheLineOnRequest() throws {
        let machine = Self.machine { machine in
            machine.memoryMap = MemoryMap(
                machine.memoryMap.entries + [
                    E820Entry(range: range(0x4000_0000, 0x4000_8000), type: .acpiTables),
                    E820Entry(range: range(0x4000_8000, 0x4001_0000), type: .acpiNonVolatile),
                    E820Entry(range: range(0xfeff_c000, 0xff00_0000), type: .reserved),
                ])
        }
        let plan = Self.plan(on: machine) {
            $0.commandLine = nil
            $0.passesMemoryMapInCommandLine = true
        }
        let place = try #require(plan["elfcorehdr"]).place
        let (start, end) = (place.start.rawValue >> 10, place.end.rawValue >> 10)
        var words = ["memmap=exactmap", "memmap=639K@0K", "memmap=1K$639K", "memmap=\(start - 786432)K@786432K"]
        if end < 917504 { words.append("memmap=\(917504 - end)K@\(end)K") }
        words += ["memmap=32K#1048576K", "memmap=32K#1048608K", "memmap=16K$4177904K", header(plan)]
        #expect(plan.commandLine.description == words.joined(separator: " "))
    }

    @Test func countsItsOwnWordsAgainstTheKernelsLimit() {
        func refusals(_ length: Int) -> [PlanRefusal] {
            Self.plan { $0.commandLine = ByteString(String(repeating: "x", count: length)) }.refusals
        }
        let own = " elfcorehdr=917000K".utf8.count
        #expect(refusals(2047 - own) == [])
        #expect(refusals(2048 - own) == [.commandLineTooLong(length: 2048, limit: 2047)])
    }

    @Test func leavesTheKernelsOwnWordsToKexecFileLoad() {
        let plan = Self.plan { $0.systemCall = .kexecFileLoad }
        #expect(plan.commandLine.description == "console=ttyS0")
        let other = Self.plan()
        #expect(other.alternatives == [.kexecFileLoad] && other.fileLoadCommandLine == "console=ttyS0")
    }

    // MARK: Choices

    @Test func takesTheCallThatOtherLoadsTake() {
        #expect(Self.plan().systemCallReason == .nothingAgainstKexecLoad)
        let locked = Self.plan(on: Self.machine { $0.kexec.lockdown = .integrity })
        #expect(locked.systemCall == .kexecFileLoad && locked.isLoadable)
    }

    /// The kernel needs room for its own header, and rewrites ours: a digest of it would not match.
    @Test(arguments: [(SystemCallChoice.kexecLoad, true), (.automatic, false)])
    func letsTheKernelUpdateTheHeader(call: SystemCallChoice, isAsked: Bool) throws {
        let machine = Self.machine { $0.kexec.crashCoreHeaderSize = 0x7_1000 }
        let plan = Self.plan(on: machine) {
            $0.systemCall = call
            $0.updatesCoreHeader = isAsked
        }
        let segment = try #require(plan["elfcorehdr"])
        #expect(segment.mayChange && segment.place.size == 0x7_1000)
        #expect(segment.contentSize < 4096)
        let image = PlanImage.bzImage()
        let sealed = try plan.sealed(kernel: image.bytes.span.bytes, initrd: [UInt8]().span.bytes)
        let bytes = sealed.bytes("purgatory")
        let offset = Int(try #require(bytes.loadLittle(UInt32.self, at: 16)))
        let parameters = bytes[offset...].withUnsafeBytes { $0.loadUnaligned(as: PurgatoryParameters.self) }
        let checked = (0..<Int(parameters.segmentCount)).map { parameters[segment: $0].start }
        #expect(checked.count == plan.segments.count - 1)
        #expect(!checked.contains(segment.place.start.rawValue))
        #expect(plan.digestedBytes < Self.plan().digestedBytes)
    }

    @Test func verifiesTheHeaderWhereNothingChangesIt() throws {
        let machine = Self.machine { $0.kexec.crashCoreHeaderSize = 0x7_1000 }
        let plan = Self.plan(on: machine) { $0.systemCall = .kexecLoad }
        #expect(try #require(plan["elfcorehdr"]).mayChange == false)
        #expect(plan["elfcorehdr"]?.place.size == 4096)
    }

    @Test(arguments: [nil, 0] as [UInt64?])
    func refusesHotplugWhereTheKernelHasNone(size: UInt64?) {
        let plan = Self.plan(on: Self.machine { $0.kexec.crashCoreHeaderSize = size }) { $0.updatesCoreHeader = true }
        #expect(plan.refusals == [.noHotplug])
    }

    @Test func describesMemoryByAnELF32HeaderWhereItCan() {
        let plan = Self.plan { $0.coreHeaderClass = .elf32 }
        let bytes = plan.bytes("elfcorehdr")
        #expect(plan.refusals == [] && bytes[4] == 1)
        // No mapping of the kernel's image, whose virtual address does not fit.
        #expect(bytes.count == 52 + 5 * 32)
        let machine = Self.machine { machine in
            machine.crash.memory = machine.systemRAM.union(PhysicalRangeSet([range(1 << 32, 3 << 31)]))
        }
        #expect(
            Self.plan(on: machine) { $0.coreHeaderClass = .elf32 }.refusals
                == [.coreHeaderTooNarrow(range(1 << 32, 3 << 31))])
    }

    @Test func refusesMoreEntriesThanAHeaderCounts() {
        func plan(notes: UInt64) -> BootPlan {
            Self.plan(
                on: Self.machine { machine in
                    machine.crash.processorNotes = (0..<notes).map { range(0x1000 + $0 * 0x400, 0x1100 + $0 * 0x400) }
                })
        }
        let others = entries(plan(notes: 1)).count - 1
        #expect(plan(notes: UInt64(65534 - others)).refusals == [])
        #expect(
            plan(notes: UInt64(65535 - others)).refusals == [.coreHeaderTooLong(entries: 65535, limit: 65534)])
    }

    @Test(arguments: [("5.4.0-42-generic", true), ("5.5.0", false), ("4.19.0-5-amd64", true), ("6.1.0", false)])
    func saysThatOldKernelsLoseTheirFirstMebibyte(release: String, isLost: Bool) {
        let plan = Self.plan(on: Self.machine { $0.release = release })
        #expect(plan.warnings == (isLost ? [.coreHeaderLacks(.firstMebibyte)] : []))
    }

    @Test func saysWhatADumpWillLack() {
        let machine = Self.machine {
            $0.crash.processorNotes = []
            $0.vmcoreInfo = nil
            $0.crash.directMapBase = nil
        }
        let plan = Self.plan(on: machine)
        #expect(
            plan.warnings == [
                .coreHeaderLacks(.processorNotes), .coreHeaderLacks(.vmcoreinfo), .coreHeaderLacks(.virtualAddresses),
            ])
        #expect(plan.isLoadable && entries(plan).last?[1] == 0)
        #expect(Self.plan(on: machine) { $0.systemCall = .kexecFileLoad }.warnings == [], "the kernel knows by itself")
    }

    @Test func saysThatOptionsForCrashKernelsDoNothingElsewhere() {
        let options: [KexecOption] = [.hotplug, .coreHeaders32, .coreHeaders64, .memoryMapInCommandLine]
        let plan = PlanImage.bzImage().plan(on: Self.machine()) { request in
            for option in options { request.givenOptions.insert(option) }
            request.updatesCoreHeader = true
            request.passesMemoryMapInCommandLine = true
        }
        #expect(plan.warnings == options.map { .optionIgnored($0, by: .noCrashKernel) })
        #expect(plan["elfcorehdr"] == nil && plan.commandLine.description == "console=ttyS0" && plan.refusals == [])
    }

    @Test func saysWhatKexecFileLoadDecidesByItself() {
        let plan = Self.plan {
            $0.systemCall = .kexecFileLoad
            $0.givenOptions.insert(.coreHeaders32)
            $0.givenOptions.insert(.memoryMapInCommandLine)
        }
        #expect(
            plan.warnings == [.coreHeaders32, .memoryMapInCommandLine].map { .optionIgnored($0, by: .kexecFileLoad) })
    }
}
