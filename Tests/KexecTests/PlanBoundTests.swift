// SPDX-License-Identifier: MIT
@testable import BootFormats
import PhysicalMemory
import Testing

@testable import Kexec

/// What a plan is refused for, or not, at the very numbers where that changes.
@Suite struct PlanBoundTests {
    @Test func needsAsMuchMemoryAsItsSegmentsHave() {
        let plan = PlanImage.bzImage().plan()
        let needed = plan.segments.reduce(0) { $0 + $1.place.size }
        func refusals(_ available: UInt64, _ swap: UInt64 = 0, target: LoadTarget = .reboot) -> [PlanRefusal] {
            var machine = MachineDescription.pc()
            (machine.memoryAvailable, machine.swapFree) = (available, swap)
            machine.crashKernel = [range(0x1000_0000, 0x2000_0000)]
            return PlanImage.bzImage().plan(on: machine) { $0.target = target }.refusals
        }
        #expect(refusals(needed) == [] && refusals(1, needed - 1) == [] && refusals(.max, 1) == [])
        #expect(refusals(needed - 1) == [.memoryShort(needed: needed, available: needed - 1)])
        #expect(refusals(1, needed - 2) == [.memoryShort(needed: needed, available: needed - 1)])
        #expect(refusals(0, 1) == [], "what is not known limits nothing")
        #expect(refusals(1, target: .crash) == [], "a crash kernel's memory is its own")
    }

    @Test func aLimitOfLoadsIsThatOfItsTarget() {
        var machine = MachineDescription.pc()
        func refusal(_ target: LoadTarget) -> PlanRefusal? { PlanChecker(machine: machine).permissions(target).first }
        for (reboot, panic) in [(0, 1), (1, 0)] {
            (machine.kexec.loadLimitReboot, machine.kexec.loadLimitPanic) = (reboot, panic)
            #expect(refusal(.reboot) == (reboot == 0 ? .loadLimitReached(.reboot) : nil))
            #expect(refusal(.crash) == (panic == 0 ? .loadLimitReached(.crash) : nil))
        }
        machine.kexec.loadDisabled = true
        #expect(refusal(.reboot) == .loadDisabled)
        machine.hasSysBoot = false
        #expect(refusal(.reboot) == .notPermitted(missing: .sysBoot))
    }

    @Test func addressesEndWherePageTablesDo() {
        var machine = MachineDescription()
        #expect(machine.destinationLimit == 0x3fff_ffff_ffff)
        machine.uses5LevelPaging = true
        #expect(machine.destinationLimit == 0xf_ffff_ffff_ffff)
    }

    private func obstacles(
        _ header: (inout SetupHeader) -> Void = { _ in }, line: Int = 0, on machine: MachineDescription = .pc()
    ) -> [SystemCallObstacle.Cause] {
        let plan = PlanImage.bzImage(change: header).plan(on: machine) {
            $0.systemCall = .kexecFileLoad
            $0.commandLine = ByteString([UInt8](repeating: 0x78, count: line))
        }
        for case .noSystemCall(let obstacles) in plan.refusals { return obstacles.map(\.cause) }
        return []
    }

    @Test func kexecFileLoadTakesABzImageOf64BitsSinceProtocol212() {
        for version in 0x208...0x210 as ClosedRange<UInt16> {
            #expect(obstacles { $0.version = version } == (version >= 0x20c ? [] : [.imageKind("bzImage64")]))
        }
        #expect(obstacles { $0.extendedLoadFlags = 1 } == [.lowMemoryOnly])
        #expect(obstacles { $0.extendedLoadFlags = 3 } == [])
    }

    /// 30 bytes are for elfcorehdr=, one for the zero.
    @Test func kexecFileLoadKeepsAPartOfTheLineForItself() {
        #expect(obstacles(line: 2047 - 31) == [])
        #expect(obstacles(line: 2047 - 30) == [.commandLineTooLong(length: 2017, limit: 2016)])
        #expect(obstacles({ $0.commandLineSize = 31 }, line: 0) == [])
        #expect(obstacles({ $0.commandLineSize = 30 }, line: 1) == [.commandLineTooLong(length: 1, limit: 0)])
    }

    @Test func kexecFileLoadWantsAFirmwareOf64Bits() {
        var machine = MachineDescription.pc()
        machine.efi = EFIFacts()
        for (size, isTaken) in [(nil, true), (64, true), (32, false)] as [(Int?, Bool)] {
            machine.efi?.platformSize = size
            #expect(obstacles(on: machine) == (isTaken ? [] : [.firmware32Bit]))
        }
        machine = .pc()
        machine.uses5LevelPaging = true
        #expect(obstacles(on: machine) == [])
        #expect(obstacles({ $0.extendedLoadFlags = 0x1f }, on: machine) == [.pagingDepth])
    }

    @Test func aKernelWithoutRoomIsAllThatIsRefused() {
        let plan = PlanImage.bzImage { $0.initSize = 2 << 30 }.plan(initrdSize: 5000)
        #expect(plan.refusals.map { if case .noRoom(let name, _) = $0 { name } else { "" } } == ["kernel"])
        #expect(plan.segments.isEmpty)
    }

    /// The disks that the BIOS told of, the screen, and what kind of machine it is.
    @Test func whatTheRunningKernelWasToldTheNextOneIsTold() {
        var machine = MachineDescription.pc()
        var old = (0..<4096).map { UInt8(truncatingIfNeeded: $0 * 7 + 1) }
        old.store([UInt8](repeating: 0, count: 32), at: 0x1c0)
        machine.bootParameters = old
        machine.rsdp = 0x1122_3344
        let parameters = PlanImage.bzImage().plan(on: machine).bytes("boot_params")
        for part in [0..<2, 4..<0x40, 0x1e9..<0x1eb, 0x290..<0x2d0, 0xd00..<0xd00 + 6 * 82, 0x23c..<0x240] {
            #expect(parameters[part] == old[part], "\(part)")
        }
        #expect(parameters.loadLittle(UInt64.self, at: 0x70) == 0x1122_3344)
        machine.bootParameters = nil
        machine.rsdp = nil
        let without = PlanImage.bzImage().plan(on: machine).bytes("boot_params")
        #expect(without.loadLittle(UInt64.self, at: 0x70) == 0 && without[0xd00..<0xeec].allSatisfy { $0 == 0 })
    }

    @Test(arguments: [(nil, 62), ("x86_64", 62), ("i686", 3)] as [(String?, UInt8)])
    func aCoreFileIsOfTheRunningKernelsProcessor(architecture: String?, machine number: UInt8) {
        var machine = MachineDescription.pc()
        machine.crashKernel = [range(0x1000_0000, 0x2000_0000)]
        machine.architecture = architecture
        #expect(PlanImage.bzImage().plan(on: machine) { $0.target = .crash }.bytes("elfcorehdr")[0x12] == number)
    }

    /// 128 MiB have 2 MiB of page structures.
    @Test(
        arguments: [
            ([(0, 0x9_fc00)], 1), ([(0, 0x9_fc00), (0x10_0000, 0x800_0000)], 1), ([(0x10_0000, 0x800_1000)], 2),
            ([(0, 0x1000), (0x1000_0000, 0x1000_1000)], 2), ([(0x800_0000, 0x1000_0000)], 1),
            ([(0x7ff_f000, 0x800_1000)], 2), ([(0x7ff_e000, 0x7ff_f000), (0x800_1000, 0x800_2000)], 2),
            ([(0x800_0000, 0x800_1000), (0x810_0000, 0x1000_1000)], 2), ([], 0), ([(0, 1 << 30)], 8),
        ] as [([(UInt64, UInt64)], UInt64)])
    func aCrashKernelNeedsPageStructuresForItsMemory(ram: [(UInt64, UInt64)], sections: UInt64) {
        let map = MemoryMap(ram.map { E820Entry(range: range($0.0, $0.1), type: .ram) })
        let memory = CrashMemory(of: map, kernel: 0x1000, initrd: 0x2000, files: 0x4000)
        #expect(memory.pages == sections << 21 && memory.available == ram.reduce(0) { $0 + $1.1 - $1.0 })
        #expect(memory.needed == 0x7000 + sections << 21 + 24 << 20)
        // As much again for work, in units of 32 MiB.
        let wanted = memory.needed + 24 << 20
        #expect(memory.advised == (wanted + 32 << 20 - 1) / (32 << 20) * (32 << 20))
    }

    /// Memory is told by whole KiB of it, the rest by all that it touches.
    @Test func aMapInWordsIsRoundedOffTheMemory() {
        func words(_ entries: (UInt64, UInt64, E820Type)...) -> String {
            CrashMemoryMap.words(for: MemoryMap(entries.map { E820Entry(range: range($0.0, $0.1), type: $0.2) }))
        }
        #expect(words() == "memmap=exactmap ")
        #expect(words((0x400, 0x800, .ram)) == "memmap=exactmap memmap=1K@1K ")
        #expect(words((0x401, 0xc00, .ram)) == "memmap=exactmap memmap=1K@2K ")
        #expect(words((0x401, 0xbff, .ram)) == "memmap=exactmap ")
        #expect(words((0x3ff, 0x801, .ram)) == "memmap=exactmap memmap=1K@1K ")
        #expect(words((0x7ff, 0x801, .reserved)) == "memmap=exactmap memmap=2K$1K ")
        #expect(words((0x800, 0x801, .acpiTables)) == "memmap=exactmap memmap=1K#2K ")
        #expect(words((0x800, 0xc00, .acpiNonVolatile)) == "memmap=exactmap memmap=1K#2K ")
    }

    // MARK: EFI

    private func efiMachine(
        size: UInt32 = 48, version: UInt32 = 1, table: UInt64? = 0x3f00_0000,
        ranges: [EFIRuntimeRange] = [
            EFIRuntimeRange(type: 5, physicalAddress: 0x20_0000, virtualAddress: 1 << 63, pageCount: 16, attribute: 15)
        ]
    ) -> MachineDescription {
        var machine = MachineDescription.pc()
        machine.bootParameters?.store(Array("EL64".utf8), at: 0x1c0)
        machine.bootParameters?.store(UInt32(0x3f00_0018), at: 0x1c4)
        machine.bootParameters?.store(size, at: 0x1c8)
        machine.bootParameters?.store(version, at: 0x1cc)
        machine.bootParameters?.store(UInt8(2), at: 0x1ec)
        machine.efi = EFIFacts()
        machine.efi?.configurationTable = table
        machine.efi?.runtimeMap = ranges
        return machine
    }

    private func handover(_ machine: MachineDescription, supported: Bool = true) -> EFIHandover? {
        EFIHandover(request: KexecRequest(kernel: "k"), machine: machine, imageSupportsIt: supported)
    }

    @Test func handsEFIOnWhereAllOfItIsKnown() {
        #expect(handover(efiMachine()) != nil && handover(efiMachine(size: 40)) != nil)
        #expect(handover(efiMachine(size: 39)) == nil && handover(efiMachine(version: 2)) == nil)
        #expect(handover(efiMachine(table: 0)) == nil && handover(efiMachine(table: nil)) == nil)
        #expect(handover(efiMachine(ranges: [])) == nil && handover(efiMachine(), supported: false) == nil)
        var machine = efiMachine()
        machine.bootParameters = nil
        #expect(handover(machine) == nil && handover(.pc()) == nil)
    }

    /// `struct efi_setup_data`: four words, the others reserved.
    @Test func tellsOfTheTablesOfEFI() throws {
        var machine = efiMachine()
        func words() throws -> [UInt64] {
            let bytes = try #require(handover(machine)).setupData
            return (0..<bytes.count / 8).map { bytes.loadLittle(UInt64.self, at: 8 * $0) ?? 1 }
        }
        #expect(try words() == [0, 0, 0x3f00_0000, 0] + [UInt64](repeating: 0, count: 8))
        machine.efi?.firmwareVendor = 1
        machine.efi?.runtime = 2
        machine.efi?.smbios = 3
        #expect(try words() == [1, 2, 0x3f00_0000, 3] + [UInt64](repeating: 0, count: 8))
        let found = try #require(handover(machine))
        #expect(found.secureBoot == 2 && found.info(mapAt: 0x7000).memoryMap == 0x7000)
        #expect(found.info(mapAt: 0).memoryMapSize == 48 && found.info(mapAt: 0).systemTable == 0x3f00_0018)
        var descriptor: [UInt8] = []
        for word in [5, 0x20_0000, 1 << 63, 16, 15, 0] as [UInt64] { descriptor.appendLittle(word) }
        #expect(found.runtimeMap == descriptor)
    }

    @Test func aMultibootKernelIsToldOfTheRestOfMemoryAsEFITellsIt() throws {
        let types: [(E820Type, UInt32)] = [
            (.ram, 7), (.acpiTables, 9), (.acpiNonVolatile, 10), (.unusable, 8), (.persistent, 14), (.reserved, 0),
            (.softReserved, 0),
        ]
        let entries = types.enumerated().map { index, type in
            E820Entry(range: range(UInt64(index) << 24 + 0x10, UInt64(index + 1) << 24 - 0x10), type: type.0)
        }
        let facts = MultibootEFI.facts(of: efiMachine(), map: MemoryMap(entries), request: KexecRequest(kernel: "k"))
        let efi = try #require(facts)
        #expect(efi.isWide && efi.descriptorSize == 48 && efi.descriptorVersion == 1 && efi.systemTable == 0x3f00_0018)
        let descriptors = (0..<efi.memoryMap.count / 48).map { index in
            [0, 8, 16, 24, 32].map { efi.memoryMap.loadLittle(UInt64.self, at: 48 * index + $0) ?? 1 }
        }
        // The runtime's own, then RAM on both sides of it, then the others; whole pages.
        #expect(descriptors.count == 1 + types.count + 1)
        #expect(descriptors[0] == [5, 0x20_0000, 1 << 63, 16, 15])
        #expect(descriptors[1] == [7, 0x1000, 0, 0x1ff, 0])
        #expect(descriptors[2] == [7, 0x21_0000, 0, 0xfff - 0x210, 0])
        for (index, type) in types.enumerated().dropFirst() {
            #expect(descriptors[index + 2] == [UInt64(type.1), UInt64(index) << 24 + 0x1000, 0, 0xffe, 0])
        }
        var machine = efiMachine()
        machine.efi?.platformSize = 32
        let narrow = MultibootEFI.facts(of: machine, map: MemoryMap([]), request: KexecRequest(kernel: "k"))
        #expect(narrow?.isWide == false)
    }

    // MARK: Notes and versions

    @Test func bootNotesAreLaidOutAsTheProposalHasThem() {
        func note(_ type: UInt32, _ text: String) -> [UInt8] {
            var bytes: [UInt8] = []
            for word in [0, UInt32(text.utf8.count + 1), type] { bytes.appendLittle(word) }
            bytes += Array(text.utf8) + [0]
            bytes.pad(to: 4)
            return bytes
        }
        for line in ["", "a", "ab", "abc", "a=b c"] {
            let found = ELFBootNotes.encoded(commandLine: ByteString(line))
            let notes = note(2, "swift-kexec") + note(3, KexecVersion.number) + note(4, line)
            var expected: [UInt8] = [0x07, 0xb0, 0x1f, 0x0e]
            expected.appendLittle(UInt32(12 + notes.count))
            expected += found[8..<10]
            expected.appendLittle(UInt16(3))
            #expect(found == expected + notes)
            #expect(ELFBootNotes.internetChecksum(of: found) == 0)
        }
    }

    @Test(
        arguments: [
            ([], 0xffff), ([1], 0xfffe), ([0, 1], 0xfeff), ([0xff, 0xff], 0), ([0xff, 0xff, 1], 0xfffe),
            ([0xff, 0xff, 0xff, 0xff], 0), ([1, 2, 3], 0xfdfb),
        ] as [([UInt8], UInt16)])
    func aChecksumIsTheInternets(bytes: [UInt8], sum: UInt16) {
        #expect(ELFBootNotes.internetChecksum(of: bytes) == sum)
    }

    @Test func versionsAreComparedByTheirFirstTwoNumbers() throws {
        func version(_ text: String?) -> LinuxVersion? { LinuxVersion(text) }
        #expect(version("6.1.0-13") == LinuxVersion(6, 1) && version("6.12rc1") == LinuxVersion(6, 12))
        for text in [nil, "", "6", "6.", ".1", "x.1", "6.x", "6.-1"] { #expect(version(text) == nil) }
        let ordered = [(5, 4), (5, 5), (5, 19), (6, 0), (6, 1), (10, 0)].map { LinuxVersion($0.0, $0.1) }
        for (index, one) in ordered.enumerated() {
            for (other, two) in ordered.enumerated() { #expect((one < two) == (index < other)) }
        }
    }
}
