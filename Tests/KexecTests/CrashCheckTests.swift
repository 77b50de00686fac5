// SPDX-License-Identifier: MIT
import PhysicalMemory
import Testing

@testable import BootFormats
@testable import Kexec

/// Whether a panic would leave a dump.
@Suite struct CrashCheckTests {
    private static func machine(_ region: PhysicalRange? = range(0x3000_0000, 0x4000_0000)) -> MachineDescription {
        var machine = MachineDescription.pc()
        machine.crashKernel = region.map { [$0] } ?? []
        machine.commandLine = "quiet"
        machine.kexec.crashLoaded = false
        return machine
    }

    private func check(_ machine: MachineDescription, initrd: UInt64 = 0, files: UInt64 = 0) -> CrashCheck {
        let plan = PlanImage.bzImage().plan(on: machine, initrdSize: Int(initrd)) { $0.target = .crash }
        let memory = CrashMemory(
            of: CrashMemoryMap.make(for: machine), kernel: plan.imageMemory, initrd: initrd, files: files)
        return CrashCheck(of: machine, plan, memory)
    }

    @Test func wantsALoadedKernelWhereNoneIsNamed() {
        var machine = Self.machine()
        #expect(CrashCheck(of: machine).obstacles == [.nothingLoaded])
        machine.kexec.crashLoaded = true
        #expect(CrashCheck(of: machine).obstacles == [])
    }

    @Test func tellsWhetherAReservationWasAskedFor() {
        var machine = Self.machine(nil)
        #expect(CrashCheck(of: machine).obstacles == [.nothingReserved(isAskedFor: false, advised: 256 << 20)])
        machine.commandLine = "quiet crashkernel=4G"
        #expect(CrashCheck(of: machine).obstacles == [.nothingReserved(isAskedFor: true, advised: 256 << 20)])
    }

    @Test func countsWhatACaptureKernelNeeds() throws {
        let found = check(Self.machine(), initrd: 10 << 20, files: 30 << 20)
        let memory = try #require(found.memory)
        #expect(found.obstacles == [] && found.plan?.isLoadable == true)
        #expect(memory.kernel == 4 << 20, "init_size")
        // 256 MiB of two sections, and the first one.
        #expect(memory.pages == 3 * 2 << 20)
        #expect(memory.available == 256 << 20 + 0x9fc00)
        #expect(memory.needed == (4 + 6 + 10 + 30 + 24) << 20)
    }

    /// A section is one as soon as a byte of it is RAM, and counts once.
    @Test(arguments: [(1, 2), (1 << 27, 2), (1 << 27 + 1, 3)] as [(UInt64, UInt64)])
    func countsEachSectionOfMemory(end: UInt64, sections: UInt64) {
        let map = MemoryMap([
            E820Entry(range: range(0, end), type: .ram),
            E820Entry(range: range(0x3fff_f000, 0x4000_0000), type: .ram),
        ])
        #expect(CrashMemory(of: map, kernel: 0, initrd: 0, files: 0).pages == sections * 2 << 20)
    }

    @Test func countsTheMemoryOfAnELFKernelsSegments() {
        func load(_ address: UInt64, _ size: UInt64) -> ELFLoadSegment {
            ELFLoadSegment(
                file: 0..<0x1000, physicalAddress: PhysicalAddress(address), memorySize: size, virtualAddress: address)
        }
        let loads = [load(0x3100_0000, 0x20_0000), load(0x3200_0000, 0x30_0000)]
        let plan = PlanImage.elf(loads, bytes: [UInt8](repeating: 1, count: 0x1000)).plan(on: Self.machine()) {
            $0.target = .crash
        }
        #expect(plan.imageMemory == 0x50_0000)
    }

    @Test func advisesWhatToReserveWhereThatIsTooLittle() {
        let region = range(0x3000_0000, 0x3400_0000)
        #expect(check(Self.machine(region), initrd: 10 << 20, files: 20 << 20).obstacles == [])
        #expect(
            check(Self.machine(region), initrd: 10 << 20, files: 40 << 20).obstacles
                == [.memoryShort(advised: 128 << 20)])
        // What does not even fit is short as well.
        #expect(
            check(Self.machine(region), initrd: 80 << 20, files: 80 << 20).obstacles
                == [.memoryShort(advised: 224 << 20)])
        #expect(
            check(Self.machine(nil), initrd: 10 << 20, files: 40 << 20).obstacles
                == [.nothingReserved(isAskedFor: false, advised: 128 << 20)])
    }

    @Test func tellsWhatRefusesTheLoad() {
        var machine = Self.machine()
        machine.kexec.loadDisabled = true
        #expect(check(machine).obstacles == [.refused(.loadDisabled)])
    }

    @Test func readsWhatKeepsADumpUpToDate() throws {
        let folder = try MachineFolder()
        try folder.add("proc/iomem", "00100000-3fffffff : System RAM\n  10000000-1fffffff : Crash kernel\n")
        #expect(try folder.describe().crash.isKeptUpToDate == false)
        #expect(try folder.describe().crash.panicsOnOops == nil)
        try folder.add("sys/devices/system/cpu/crash_hotplug", "1\n")
        try folder.add("proc/sys/kernel/panic_on_oops", "0\n")
        #expect(try folder.describe().crash.isKeptUpToDate)
        #expect(try folder.describe().crash.panicsOnOops == false)
    }
}
