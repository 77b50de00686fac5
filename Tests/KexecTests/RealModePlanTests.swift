// SPDX-License-Identifier: MIT
@testable import BootFormats
import Handoff
import PhysicalMemory
import Testing

@testable import Kexec

@Suite struct RealModePlanTests {
    /// As ipxe.lkrn and memdisk: no payload, no 64-bit entry, an address that is fixed.
    private static func foreign(_ change: (inout SetupHeader) -> Void = { _ in }) -> PlanImage {
        PlanImage.bzImage {
            $0.version = 0x0203
            $0.extendedLoadFlags = 0
            $0.isRelocatable = false
            $0.kernelAlignment = 4096
            change(&$0)
        }
    }

    private func parameters(_ plan: BootPlan) throws -> RealModeParameters {
        let bytes = plan.bytes("real_mode")
        let offset = Int(try #require(bytes.loadLittle(UInt32.self, at: 16)))
        return bytes[offset...].withUnsafeBytes { $0.loadUnaligned(as: RealModeParameters.self) }
    }

    @Test func placesSetupCodeHeapAndCommandLineAsTheProtocolSays() throws {
        let line = String(repeating: "x", count: 2000)
        let plan = PlanImage.bzImage().plan(initrdSize: 5000) {
            $0.realMode = true
            $0.commandLine = ByteString(line)
        }
        #expect(plan.refusals == [] && plan.systemCall == .kexecLoad)
        let setup = try #require(plan["setup"]).place
        let code = plan.bytes("setup")
        #expect(setup.start.rawValue >= 0x1_0000 && setup.end.rawValue <= 0x9_fc00)
        #expect(code.loadLittle(UInt8.self, at: 0x210) == 0xd0)
        #expect(code.loadLittle(UInt8.self, at: 0x211) == 0x81)
        #expect(code.loadLittle(UInt16.self, at: 0x224) == 0xde00)
        #expect(code.loadLittle(UInt32.self, at: 0x228) == UInt32(setup.start.rawValue) + 0xe000)
        #expect(code[0xe000...].elementsEqual(Array(line.utf8) + [0]))
        let kernel = try #require(plan["kernel"]).place
        #expect(code.loadLittle(UInt32.self, at: 0x214) == UInt32(kernel.start.rawValue))
        #expect(kernel.start.rawValue == 0x100_0000)
        let initrd = try #require(plan["initrd"]).place
        #expect(code.loadLittle(UInt32.self, at: 0x218) == UInt32(initrd.start.rawValue))
        #expect(code.loadLittle(UInt32.self, at: 0x21c) == 5000)
        #expect(code.loadLittle(UInt64.self, at: 0x250) == plan["setup_data"]?.place.start.rawValue)
    }

    @Test func goesDownToTheSetupCode() throws {
        let plan = PlanImage.bzImage().plan { $0.realMode = true }
        let segment = UInt16(try #require(plan["setup"]).place.start.rawValue >> 4)
        let registers = try parameters(plan)
        #expect(registers.codeSegment == segment + 0x20 && registers.instructionPointer == 0)
        #expect(registers.stackSegment == segment && registers.stackPointer == 0xe000)
        #expect(registers.dataSegment == segment)
        let payload = try #require(plan["real_mode"]).place
        #expect(plan.entry == payload.start && plan.purgatory?.mode == .longMode && payload.end.rawValue <= 0x9_fc00)
        #expect(plan.purgatory?.trace != nil)
    }

    @Test func takesRealModeByItselfWhereNothingElseIsPromised() {
        let plan = Self.foreign().plan()
        #expect(plan.refusals == [])
        #expect(plan["kernel"]?.place.start.rawValue == 0x10_0000 && plan["setup"] != nil && plan["setup_data"] == nil)
        #expect(Self.foreign().plan { $0.entry32Bit = true }["setup"] == nil)
    }

    @Test func refusesRealModeWhereThereIsNoBIOS() {
        var machine = MachineDescription.pc()
        machine.efi = EFIFacts()
        #expect(PlanImage.bzImage().plan(on: machine) { $0.realMode = true }.refusals.contains(.noBIOS))
        #expect(Self.foreign().plan(on: machine).refusals.contains(.noBIOS))
        #expect(Self.foreign().plan(on: machine) { $0.entry32Bit = true }.refusals == [])
    }

    /// Before 2.02 the command line is found by its offset from 0x90000.
    @Test func laysTheCommandLineWhereOldKernelsLookForIt() throws {
        let plan = Self.foreign { $0.version = 0x0200 }.plan { $0.commandLine = "old" }
        let code = plan.bytes("setup")
        #expect(plan.refusals == [] && plan["setup"]?.place.start.rawValue == 0x9_0000)
        #expect(code.loadLittle(UInt16.self, at: 0x20) == 0xa33f && code.loadLittle(UInt16.self, at: 0x22) == 0x9800)
        #expect(code[0x9800...].elementsEqual(Array("old\0".utf8)))
        // The size to move: all of it. There is no heap to tell of.
        #expect(code.loadLittle(UInt16.self, at: 0x212) == 0x9804)
        #expect(code[0x211] == 0x5a && code.loadLittle(UInt16.self, at: 0x224) == 0x5a5a)
        #expect(code.loadLittle(UInt32.self, at: 0x228) == 0x5a5a_5a5a)
        #expect(try parameters(plan).codeSegment == 0x9020)
    }

    /// A heap since 2.01, a pointer to the command line since 2.02, nodes of setup_data since 2.09.
    @Test(arguments: [0x200, 0x201, 0x202, 0x203, 0x208, 0x209, 0x20a] as [UInt16])
    func tellsASetupCodeWhatItsProtocolHas(version: UInt16) throws {
        let plan = Self.foreign { $0.version = version }.plan { $0.realMode = true }
        let code = plan.bytes("setup")
        #expect(plan.refusals == [])
        let heapEnd: UInt16 = version >= 0x202 ? 0xe000 : 0x9800
        let start = UInt32(try #require(plan["setup"]).place.start.rawValue)
        #expect(code.loadLittle(UInt16.self, at: 0x224) == (version >= 0x201 ? heapEnd - 0x200 : 0x5a5a))
        #expect(code[0x211] == (version >= 0x201 ? 0x81 : 0x5a))
        #expect(code.loadLittle(UInt32.self, at: 0x228) == (version >= 0x202 ? start + 0xe000 : 0x5a5a_5a5a))
        #expect((plan["setup_data"] != nil) == (version >= 0x209))
        #expect(try parameters(plan).stackPointer == heapEnd)
        // By its own number it was loaded by kexec, and without a ramdisk there is none.
        #expect(code[0x210] == 0xd0 && code.loadLittle(UInt32.self, at: 0x21c) == 0x5a5a_5a5a)
    }

    @Test func takesSetupCodeThatLeavesRoomForItsStack() throws {
        let image = PlanImage.bzImage(size: 0x2_0000)
        guard case .bzImage(var bzImage) = image.image else { return }
        bzImage.setupSize = 0xd000
        var large = image
        large.image = .bzImage(bzImage)
        #expect(large.plan { $0.realMode = true }.refusals == [])
    }

    @Test func refusesSetupCodeThatLeavesNoStack() {
        let image = PlanImage.bzImage(size: 0x2_0000)
        guard case .bzImage(var bzImage) = image.image else { return }
        bzImage.setupSize = 0xd001
        var large = image
        large.image = .bzImage(bzImage)
        #expect(
            large.plan { $0.realMode = true }.refusals.contains(
                .entryMissing(.realMode(setupSize: 0xd001, limit: 0xd000))))
    }
}
