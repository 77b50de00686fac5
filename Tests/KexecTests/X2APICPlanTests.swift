// SPDX-License-Identifier: MIT
@testable import BootFormats
import PayloadImages
import PhysicalMemory
import Testing

@testable import Kexec

@Suite struct X2APICPlanTests {
    private func elf(_ elfClass: ELFClass = .elf64) -> PlanImage {
        let segment = ELFLoadSegment(
            file: 0..<16, physicalAddress: PhysicalAddress(0x100_0000), memorySize: 0x1000, virtualAddress: 0x100_0000)
        return PlanImage.elf([segment], bytes: [UInt8](repeating: 0, count: 16), elfClass: elfClass)
    }

    /// With what a Linux has and other programs in this shape have not.
    private func linux(change: (inout SetupHeader) -> Void = { _ in }) -> PlanImage {
        var plan = PlanImage.bzImage {
            $0.kernelVersionOffset = 0x100
            $0.payloadLength = 0x1000
            change(&$0)
        }
        guard case .bzImage(var image) = plan.image else { return plan }
        image.payload = 0x5000..<0x6000
        plan.image = .bzImage(image)
        return plan
    }

    private let large = MachineDescription.pc(8 << 30)

    @Test func aLinuxOf64BitsKeepsIt() {
        for plan in [linux().plan(on: large), elf().plan(on: large) { $0.elfArguments = .linux }] {
            #expect(plan.isLoadable && plan.purgatory?.leavesX2APIC == false)
        }
    }

    /// 32-bit entries, Multiboot, programs with notes, what is no Linux, and what calls the BIOS.
    @Test func whateverElseRunsDoesNotGetIt() throws {
        let segment = ELFLoadSegment(
            file: 0..<16, physicalAddress: PhysicalAddress(0x100_0000), memorySize: 0x1000, virtualAddress: 0x100_0000)
        let bytes = [UInt8](repeating: 0, count: 0x1000)
        let plans = [
            linux { $0.extendedLoadFlags = 0 }.plan(on: large), linux().plan(on: large) { $0.entry32Bit = true },
            linux().plan(on: large) { $0.realMode = true }, PlanImage.bzImage().plan(on: large),
            elf().plan(on: large), elf(.elf32).plan(on: large),
            elf(.elf32).plan(on: large) { $0.elfArguments = .linux },
            PlanImage.multiboot(.one, [segment], bytes: bytes).plan(on: large),
            PlanImage.multiboot(.two, [segment], bytes: bytes).plan(on: large),
        ]
        for (index, plan) in plans.enumerated() {
            #expect(plan.refusals == [] && plan.purgatory?.leavesX2APIC == true, "\(index)")
            // By way of 32-bit code, which does not reach further.
            #expect(try #require(plan["purgatory"]).place.end <= .fourGiB, "\(index)")
        }
    }

    @Test(arguments: [X2APICObstacle.wideID(300), .locked]) func whatCannotLeaveItStaysAndIsWarnedOf(
        _ why: X2APICObstacle
    ) {
        var machine = large
        machine.x2APICObstacle = why
        for plan in [elf().plan(on: machine), linux().plan(on: machine) { $0.realMode = true }] {
            #expect(plan.refusals == [] && plan.purgatory?.leavesX2APIC == false)
            #expect(plan.warnings.contains(.staysInX2APICMode(why)))
        }
        #expect(!linux().plan(on: machine).warnings.contains(.staysInX2APICMode(why)))
    }

    /// Purgatory has to leave paging for it, and so to lie below 4 GiB.
    @Test func whatHasToLieAbove4GiBStaysInItAndIsWarnedOf() throws {
        let plan = linux { $0.extendedLoadFlags |= 2 }.plan(on: large) { $0.memoryMinimum = .fourGiB }
        #expect(plan.isLoadable && plan.warnings == [])
        let program = PlanImage.bzImage { $0.extendedLoadFlags |= 2 }.plan(on: large) { $0.memoryMinimum = .fourGiB }
        #expect(program.refusals == [] && program.purgatory?.leavesX2APIC == false)
        #expect(program.warnings.contains(.staysInX2APICMode(.memoryMinimum)))
        #expect(try #require(program["purgatory"]).place.start >= .fourGiB)
    }

    /// They leave it themselves.
    @Test func ourPayloadsGetItAsItIs() throws {
        let folder = try MachineFolder()
        try folder.add("bios_boot", bytes: biosBootImage())
        var request = KexecRequest(kernel: ByteString(folder.path + "/bios_boot"))
        request.memoryMinimum = .fourGiB
        request.systemCall = .kexecLoad
        let plan = try PreparedLoad(request, on: large).plan
        #expect(plan.purgatory?.leavesX2APIC == false && plan.warnings == [.emptyCommandLine])
        #expect(try #require(plan["purgatory"]).place.start >= .fourGiB)
    }

    /// There the register is an exception, and there is no other mode.
    @Test func aConfidentialGuestIsNotAsked() {
        var machine = large
        machine.isConfidentialGuest = true
        #expect(elf().plan(on: machine).purgatory?.leavesX2APIC == false)
    }

    // MARK: Facts

    private func obstacle(_ cpuinfo: String, registers: [Int: UInt64] = [:]) throws -> X2APICObstacle? {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("proc/cpuinfo", cpuinfo)
        if !registers.isEmpty {
            var device = [UInt8](repeating: 0, count: 0x200)
            for (number, value) in registers { device.store(value, at: number) }
            try folder.add("dev/cpu/0/msr", bytes: device)
        }
        return try folder.describe().x2APICObstacle
    }

    /// `/proc/cpuinfo` of processors with these IDs.
    private func processors(_ ids: [Int], flags: String = "fpu x2apic") -> String {
        ids.map {
            "processor\t: 0\napicid\t\t: \($0)\ninitial apicid\t: \($0 + 1000)\nflags\t\t: \(flags)\nbugs\t\t:\n\n"
        }.joined()
    }

    @Test func readsTheHighestIDOfAllProcessors() throws {
        #expect(try obstacle(processors([0, 2, 254])) == nil)
        #expect(try obstacle(processors([0, 255])) == .wideID(255))
        #expect(try obstacle(processors([0, 300, 4])) == .wideID(300))
        // Behind what the first processors take.
        #expect(try obstacle(processors((0..<200).map { $0 * 2 })) == .wideID(398))
        #expect(try obstacle(processors([300], flags: "fpu")) == nil)
        #expect(try obstacle("flags : x2apic\napicid : many\n") == nil)
        #expect(try obstacle("") == nil)
    }

    @Test func readsWhetherTheProcessorHoldsIt() throws {
        let able = processors([0], flags: "x2apic arch_capabilities")
        #expect(try obstacle(able, registers: [0x10a: 1 << 21, 0xbd: 1]) == .locked)
        #expect(try obstacle(able, registers: [0x10a: 1 << 21, 0xbd: 0]) == nil)
        #expect(try obstacle(able, registers: [0x10a: 1 << 20, 0xbd: 1]) == nil)
        #expect(try obstacle(able) == nil)
        #expect(try obstacle(processors([0]), registers: [0x10a: 1 << 21, 0xbd: 1]) == nil)
    }

    @Test func aCaptureHoldsTheIDsAndTheFlagsOnce() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("proc/cpuinfo", processors([0, 260]))
        let target = try MachineFolder()
        _ = try captureMachine(root: ByteString(folder.path), into: ByteString(target.path + "/new"))
        let copy = try MachineDescription(reading: MachineRoot(path: ByteString(target.path + "/new")))
        #expect(copy.x2APICObstacle == .wideID(260))
        let text = try String(contentsOfFile: target.path + "/new/proc/cpuinfo", encoding: .utf8)
        #expect(text == "apicid\t\t: 0\nflags\t\t: fpu x2apic\napicid\t\t: 260\n")
    }
}
