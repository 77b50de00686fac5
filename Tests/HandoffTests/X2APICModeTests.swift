// SPDX-License-Identifier: MIT
import Handoff
import Testing

/// A processor whose registers are as stated; to read another one is an exception.
private final class FakeProcessor: ProcessorAccess {
    var registers: [UInt32: UInt64]
    /// The highest leaf, and `edx` of leaf 7.
    var leaves: (highest: UInt32, seventh: UInt32) = (0x1f, 0)
    private(set) var exceptions: [UInt32] = []

    init(base: UInt64, _ registers: [UInt32: UInt64] = [:]) {
        self.registers = registers.merging([0x1b: base]) { $1 }
    }

    func register(_ number: UInt32) -> UInt64 {
        if registers[number] == nil { exceptions.append(number) }
        return registers[number] ?? 0
    }

    /// Beyond the highest leaf a processor answers with what belongs to others.
    func facts(_ leaf: UInt32) -> (eax: UInt32, edx: UInt32) {
        leaf == 0 ? (leaves.highest, 0x4965_6e69) : leaf > leaves.highest ? (.max, .max) : (0, leaves.seventh)
    }
}

@Suite struct X2APICModeTests {
    private let hasCapabilities: UInt32 = 1 << 29
    private let announcesStatus: UInt64 = 1 << 21

    @Test(arguments: [UInt64(0xfee0_0900), 0xfee0_0800, 0xfee0_0100, 0])
    func asksNothingElseWhereTheModeIsOff(_ base: UInt64) {
        let processor = FakeProcessor(base: base)
        #expect(processor.x2APICMode == .off && processor.exceptions == [])
    }

    @Test(arguments: [UInt64(0), 1, 254]) func canLeaveItWithAnIDOf8Bits(_ id: UInt64) {
        let processor = FakeProcessor(base: 0xfee0_0d00, [0x802: id])
        #expect(processor.x2APICMode == .canBeLeft && processor.exceptions == [])
    }

    @Test(arguments: [UInt64(255), 256, 0xffff_ffff]) func staysWhereTheIDIsTooWide(_ id: UInt64) {
        #expect(FakeProcessor(base: 0xfee0_0c00, [0x802: id]).x2APICMode == .stays)
    }

    @Test func staysWhereTheRegistersWouldLieBeyond4GiB() {
        #expect(FakeProcessor(base: 0x1_fee0_0c00, [0x802: 0]).x2APICMode == .stays)
    }

    @Test(arguments: [(UInt64(1), X2APICMode.stays), (0, .canBeLeft), (3, .stays), (2, .canBeLeft)])
    func staysWhereTheProcessorHoldsIt(_ status: UInt64, _ mode: X2APICMode) {
        let processor = FakeProcessor(base: 0xfee0_0d00, [0x802: 0, 0x10a: announcesStatus, 0xbd: status])
        processor.leaves.seventh = hasCapabilities
        #expect(processor.x2APICMode == mode && processor.exceptions == [])
    }

    @Test func readsNoRegisterThatIsNotAnnounced() {
        let processor = FakeProcessor(base: 0xfee0_0d00, [0x802: 0])
        // No seventh leaf, whatever the answer to it is.
        processor.leaves = (6, hasCapabilities)
        #expect(processor.x2APICMode == .canBeLeft && processor.exceptions == [])
        processor.leaves = (7, ~hasCapabilities)
        #expect(processor.x2APICMode == .canBeLeft && processor.exceptions == [])
        processor.leaves = (7, hasCapabilities)
        processor.registers[0x10a] = ~announcesStatus
        #expect(processor.x2APICMode == .canBeLeft && processor.exceptions == [])
    }
}
