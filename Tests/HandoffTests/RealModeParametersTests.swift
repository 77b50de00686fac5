// SPDX-License-Identifier: MIT
import Handoff
import Testing

struct RealModeParametersTests {
    /// What the loader does not set is zero for the payload.
    @Test func aNewBlockIsAllZerosBehindItsVersion() {
        #expect(bytes(of: RealModeParameters()).dropFirst(4).allSatisfy { $0 == 0 })
    }

    @Test func fieldsLieWhereTheAssemblyLooksForThem() {
        var parameters = RealModeParameters()
        (parameters.instructionPointer, parameters.codeSegment) = (0x0102, 0x0304)
        (parameters.stackPointer, parameters.stackSegment) = (0x1112, 0x1314)
        parameters.dataSegment = 0x2122
        (parameters.eax, parameters.ebx, parameters.ecx, parameters.edx) = (0xa0, 0xa1, 0xa2, 0xa3)
        (parameters.esi, parameters.edi, parameters.ebp) = (0xa4, 0xa5, 0xa6)
        parameters.firmwareState = 0xb0
        parameters.returns = true
        let block = bytes(of: parameters)
        #expect(block.count == RealModeParameters.size)
        #expect(number(block, at: 0, size: 4) == 3)
        // A far pointer: offset, then segment.
        #expect(number(block, at: 4, size: 4) == 0x0304_0102)
        #expect(number(block, at: 8, size: 4) == 0x1314_1112)
        #expect(number(block, at: 12, size: 4) == 0x1_2122)
        for register in 0..<7 { #expect(number(block, at: 16 + 4 * register, size: 4) == 0xa0 + UInt64(register)) }
        #expect(number(block, at: 44, size: 4) == 0)
        #expect(number(block, at: 48, size: 8) == 0xb0)
    }
}
