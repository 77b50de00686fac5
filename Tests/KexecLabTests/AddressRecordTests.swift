// SPDX-License-Identifier: MIT
import Testing

@testable import kexec_lab

struct AddressRecordTests {
    private func log(_ addresses: [(text: Int, code: Int, map: Int)]) -> ConsoleLog {
        ConsoleLog(
            lines: addresses.enumerated().map { index, one in
                let places = "text=\(one.text) code=\(one.code) map=\(one.map)"
                return ConsoleLine(seconds: 0, text: "LAB lies generation=\(index + 1) \(places)")
            })
    }

    private func complaints(_ address: (Int) -> (Int, Int, Int)) -> [String] {
        AddressRecord.complaints(about: log((0..<20).map(address)), boots: 20)
    }

    @Test func twoEqualAddressesAreNoFault() {
        #expect(complaints { ($0, $0, $0) }.isEmpty)
        #expect(complaints { ($0 / 2, ($0 + 1) / 2, $0) }.isEmpty)
    }

    @Test func eachAddressHasToVary() {
        #expect(complaints { (7, $0, $0) } == ["virtual addresses: 1 different ones of 20, at least 10 expected"])
        #expect(complaints { ($0, $0 % 9, $0) } == ["physical addresses: 9 different ones of 20, at least 10 expected"])
        #expect(
            complaints { ($0, $0, 1) } == ["addresses of the direct map: 1 different ones of 20, at least 10 expected"])
    }

    @Test func addressesThatGoTogetherAreFewPairs() {
        #expect(complaints { ($0 % 14, $0 % 14, $0) } == ["pairs: 14 different ones of 20, at least 15 expected"])
    }

    @Test func aKernelThatTellsNothingIsMissed() {
        var log = log((0..<20).map { ($0, $0, $0) })
        log.lines[3] = ConsoleLine(seconds: 0, text: "LAB lies generation=4 text= code=1 map=2")
        #expect(AddressRecord.complaints(about: log, boots: 20) == ["19 of 20 kernels told their addresses"])
    }
}
