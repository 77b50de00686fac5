// SPDX-License-Identifier: MIT
@testable import BootFormats
import Handoff
import PhysicalMemory
import Testing

@testable import Kexec

@Suite struct NBIPlanTests {
    /// One record of 4 KiB at `address`, in a file whose header goes to the segment `header`.
    private func image(
        _ entry: UInt32, isLinear: Bool = false, at address: UInt32, placing: UInt32 = 0, header: UInt32 = 0x5000
    ) -> PlanImage {
        var bytes: [UInt8] = []
        let words: [UInt32] = [
            0x1b03_1336, isLinear ? 1 << 31 | 4 : 4, header << 16, entry, 1 << 26 | placing << 24 | 4, address, 0x1000,
            0x2000,
        ]
        for word in words { bytes.appendLittle(word) }
        bytes += (32..<4608).map { UInt8(truncatingIfNeeded: $0) }
        return PlanImage(
            image: .nbi(NBIImage(location: header << 16, entry: entry, isLinear: isLinear)),
            facts: ImageFacts(path: "/boot/nbi", kind: "nbi-x86"), bytes: bytes)
    }

    private let inRealMode: UInt32 = 0x5020_0004

    @Test func entersRealModeWithItsStackBelowTheArguments() throws {
        let plan = image(inRealMode, at: 0x5_0200).plan()
        let bytes = plan.bytes("real_mode")
        let offset = Int(try #require(bytes.loadLittle(UInt32.self, at: 16)))
        let registers = bytes[offset...].withUnsafeBytes { $0.loadUnaligned(as: RealModeParameters.self) }
        #expect(registers.codeSegment == 0x9e00 && registers.instructionPointer == 0)
        #expect(registers.stackSegment == 0x9e00 && registers.dataSegment == 0x9e00)
        #expect(registers.stackPointer == 4096 - 12 && !registers.returns)
    }

    /// Between the jump at its beginning and the arguments at its end.
    @Test func fillsThePageAsTheSpecificationHasIt() {
        let page = image(inRealMode, at: 0x5_0200).plan { $0.commandLine = "a" }.bytes("nbi_call")
        let reset: [UInt8] = [0xb0, 0xfe, 0xe6, 0x64, 0xb0, 0x01, 0xe6, 0x92, 0xf4, 0xeb, 0xfd]
        #expect(page.count == 4096 && Array(page[8..<19]) == reset)
        #expect(page[6..<8].allSatisfy { $0 == 0 } && page[19..<0x20].allSatisfy { $0 == 0 })
        #expect(Array(page[0x20..<0x27]) == [1, 0, 0, 0, 2, 1, 6])
        #expect(page[0x27..<0x110].allSatisfy { $0 == 0 })
        let options: [UInt8] = [99, 130, 83, 99, 128, 6, 0xe4, 0x45, 0x74, 0x68, 0, 0, 129, 1, 0x61, 255]
        #expect(Array(page[0x110..<0x120]) == options && page[0x120..<4084].allSatisfy { $0 == 0 })
        for length in [255, 256] {
            let line = ByteString([UInt8](repeating: 0x78, count: length))
            let long = image(inRealMode, at: 0x5_0200).plan { $0.commandLine = line }.bytes("nbi_call")
            #expect(long.isEmpty || long[0x11d] == (length == 255 ? 255 : 0), "\(length)")
            #expect(!long.isEmpty || length > 255)
        }
    }

    /// What an image has taken by its addresses is taken for what has to lie low, too.
    @Test func keepsTheCallAwayFromAnImageAtTheTopOfTheConventionalMemory() {
        let plan = image(0x9c20_0004, at: 0x9_c200).plan()
        #expect(plan.refusals == [])
        #expect(plan["kernel-2"]?.place == range(0x9_c000, 0x9_d000))
        #expect(plan["nbi_call"]?.place == range(0x9_b000, 0x9_c000))
        for segment in plan.segments {
            #expect(!plan.segments.contains { $0 != segment && $0.reserved.overlaps(segment.reserved) })
        }
    }

    @Test func callsARealModeEntryWithTwoFarPointers() throws {
        let plan = image(inRealMode, at: 0x5_0200).plan()
        #expect(plan.refusals == [] && plan.warnings == [])
        let call = try #require(plan["nbi_call"]), page = plan.bytes("nbi_call")
        #expect(call.place == range(0x9_e000, 0x9_f000) && page.count == 4096)
        // sti; ljmp $0x5020, $4
        #expect(page[..<6] == [0xfb, 0xea, 4, 0, 0x20, 0x50])
        // The return address, the header, the reply.
        #expect(page[4084...] == [8, 0, 0, 0x9e, 0, 0, 0, 0x50, 0x24, 0, 0, 0x9e])
        let payload = try #require(plan["real_mode"])
        #expect(plan.entry == payload.place.start && plan.purgatory?.mode == .longMode)
        #expect(!payload.place.overlaps(range(0x5_0000, 0x5_3000)))
        // The header and the record share a page: one run of both.
        #expect(plan["kernel"]?.place == range(0x5_0000, 0x5_1000) && plan["kernel-2"]?.place.end.rawValue == 0x5_3000)
    }

    @Test func callsALinearEntryWithThreePointers() throws {
        let plan = image(0x20_0010, isLinear: true, at: 0x20_0000).plan(on: .pc(8 << 30))
        #expect(plan.refusals == [])
        let call = try #require(plan["nbi_call"]), page = plan.bytes("nbi_call")
        let purgatory = try #require(plan.purgatory)
        #expect(purgatory.mode == .protectedMode && plan.entry.rawValue == 0x20_0010)
        #expect(purgatory.rsp == call.place.end.rawValue - 16 && call.place.end <= .fourGiB)
        let base = UInt32(call.place.start.rawValue)
        let words = (0..<4).map { page.loadLittle(UInt32.self, at: 4080 + 4 * $0) }
        #expect(words == [base + 8, base + 0x20, 0x5_0000, base + 0x24])
        #expect(plan["real_mode"] == nil)
        // It may call the BIOS, by going to real mode itself.
        #expect(purgatory.preparation != nil && purgatory.preparation == plan["firmware"]?.place.start)
    }

    @Test func isGivenWhatFirmwareLeftInTheControllers() throws {
        var machine = MachineDescription.pc(8 << 30)
        machine.firmwareState = FirmwareStateRecord().encoded
        let plan = image(inRealMode, at: 0x5_0200).plan(on: machine) { $0.givenOptions.insert(.firmwareState) }
        #expect(plan.refusals == [] && plan.warnings == [])
        let state = try #require(plan["firmware_state"])
        let bytes = plan.bytes("real_mode")
        let offset = Int(try #require(bytes.loadLittle(UInt32.self, at: 16)))
        let parameters = bytes[offset...].withUnsafeBytes { $0.loadUnaligned(as: RealModeParameters.self) }
        #expect(parameters.firmwareState == state.place.start.rawValue)
    }

    @Test func putsEveryByteOfTheLineIntoTheReply() {
        let line = [UInt8](0x80...0xff)
        let page = image(inRealMode, at: 0x5_0200).plan { $0.commandLine = ByteString(line) }.bytes("nbi_call")
        #expect(page[0x24...].firstRange(of: [129, 128] + line + [255]) != nil)
    }

    @Test func putsTheCommandLineIntoTheReply() {
        let page = image(inRealMode, at: 0x5_0200).plan { $0.commandLine = "a=b" }.bytes("nbi_call")
        #expect(page[0x24] == 2)
        let options: [UInt8] =
            [99, 130, 83, 99, 128, 6, 0xe4, 0x45, 0x74, 0x68, 0, 0, 129, 3] + Array("a=b".utf8) + [255]
        #expect(Array(page[0x110..<0x110 + options.count]) == options)
        let without = image(inRealMode, at: 0x5_0200).plan { $0.commandLine = nil }
        #expect(without.bytes("nbi_call")[0x11c..<0x11f] == [129, 0, 255] && without.warnings == [])
        let long = ByteString(String(repeating: "x", count: 256))
        #expect(
            image(inRealMode, at: 0x5_0200).plan { $0.commandLine = long }.refusals
                == [.commandLineTooLong(length: 256, limit: 255)])
    }

    @Test func countsFromTheEndOfMemory() {
        let low = image(inRealMode, at: 0x4000, placing: 2, header: 0x5020)
        #expect(low.plan()["kernel-2"]?.place == range(0x3fff_c000, 0x3fff_e000))
        let far = image(inRealMode, at: 0xffff_0000, placing: 2, header: 0x5020)
        #expect(
            far.plan().refusals == [
                .badLayout(
                    .badValue("load address", at: 20, found: 0xffff_0000, needed: .atMost(0x4000_0000)))
            ])
    }

    @Test func givesAwayNoMemoryOfTheBIOS() {
        func refusals(_ address: UInt32, header: UInt32 = 0x5000) -> [PlanRefusal] {
            image(address, isLinear: true, at: address, header: header).plan().refusals
        }
        #expect(refusals(0xe00, header: 0x0100) != [])
        #expect(
            refusals(0) == [.placeTaken(segment: "kernel", range: range(0, 0x2000), because: .firstPage)])
        #expect(
            refusals(0x9_e000) == [
                .placeTaken(segment: "kernel-2", range: range(0x9_e000, 0xa_0000), because: .notRAM)
            ])
        #expect(
            refusals(0xc_0000) == [
                .placeTaken(segment: "kernel-2", range: range(0xc_0000, 0xc_2000), because: .notRAM)
            ])
    }

    @Test func refusesWhatItCannotPass() {
        let image = image(inRealMode, at: 0x5_0200)
        #expect(image.plan(initrdSize: 5) { $0.initrds = ["i"] }.refusals.contains(.initrdWithNBI))
        #expect(
            image.plan(modules: [0..<5]) { $0.modules = ["m"] }.refusals.contains(
                .modulesWithoutMultiboot(kind: "nbi-x86")))
        var machine = MachineDescription.pc()
        machine.efi = EFIFacts()
        #expect(image.plan(on: machine).refusals == [.noBIOS])
        #expect(self.image(0x20_0000, isLinear: true, at: 0x20_0000).plan(on: machine).refusals == [])
    }
}
