// SPDX-License-Identifier: MIT
import Foundation
import Testing

@testable import Handoff

/// Numbers that two programs agree on, or two versions of one.
@Suite struct KnownNumberTests {
    private func text(_ magic: UInt64) -> String { String(decoding: bytes(of: magic.littleEndian), as: UTF8.self) }

    @Test func recordsBeginWithTheirNames() {
        #expect(text(TraceRecord.magic) == "SWKXTRC1")
        #expect(text(FirmwareStateHeader.magic) == "SWKXFWS1")
        #expect(text(TrampolineParameters.magic) == "SWKXELF1")
        #expect(TraceRecord.setupDataType == 0x4b58 && TraceRecord.currentVersion == 1 && TraceRecord.size == 96)
    }

    /// FNV-1a's own test vectors.
    @Test(
        arguments: [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
            as [(String, UInt64)])
    func sectorsAreSummedUpByFNV1a(text: String, sum: UInt64) {
        #expect(Array(text.utf8).withUnsafeBytes { sectorSum($0.bytes) } == sum)
    }

    /// Each part of a register is its own, whatever the rest holds.
    @Test func partsOfRegistersAreWrittenAlone() {
        var registers = ServiceRegisters()
        registers.eax = 0x1122_3344
        registers.ah = 0x55
        #expect(registers.eax == 0x1122_5544 && registers.ah == 0x55 && registers.al == 0x44)
        registers.al = 0x66
        #expect(registers.eax == 0x1122_5566 && registers.ax == 0x5566)
        registers.ax = 0x7788
        #expect(registers.eax == 0x1122_7788)
        registers.flags = 0xffff
        registers.carry = false
        #expect(registers.flags == 0xfffe && !registers.carry)
        registers.flags = 0
        registers.carry = true
        #expect(registers.flags == 1 && registers.carry)
    }
}
