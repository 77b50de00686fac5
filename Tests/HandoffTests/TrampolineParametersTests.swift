// SPDX-License-Identifier: MIT
import Handoff
import Testing

struct TrampolineParametersTests {
    @Test func fieldsLieWhereTheTrampolineLooksForThem() {
        var parameters = TrampolineParameters()
        #expect(bytes(of: parameters) == [1] + [UInt8](repeating: 0, count: TrampolineParameters.size - 1))
        (parameters.bootParameters, parameters.kernelEntry) = (0x0102_0304, 0x1112_1314)
        let block = bytes(of: parameters)
        #expect(number(block, at: 4, size: 4) == 0x0102_0304 && number(block, at: 8, size: 4) == 0x1112_1314)
        #expect(number(block, at: 12, size: 4) == 0)
        // "SWKXELF1" as it stands in the file.
        #expect(bytes(of: TrampolineParameters.magic) == Array("SWKXELF1".utf8))
    }
}
