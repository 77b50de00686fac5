// SPDX-License-Identifier: MIT
import Testing

@testable import StandaloneLogic

struct CommandLineTests {
    /// What `body` finds in the payload's copy of `line`.
    private func read<Result>(_ line: String?, limit: Int = 2047, _ body: (StandaloneLogic.CommandLine) -> Result)
        -> Result
    {
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: limit + 1)
        copy.initialize(repeating: 0xaa, count: limit + 1)
        defer {
            #expect(copy[limit] == 0xaa)
            copy.deallocate()
        }
        guard let line else { return body(StandaloneLogic.CommandLine(copying: nil, to: copy, limit: limit)) }
        return body(StandaloneLogic.CommandLine(copying: Array(line.utf8) + [0], to: copy, limit: limit))
    }

    private func number(_ value: String) -> UInt64? { read("n=\(value)") { $0.value(of: "n")?.number } }
    private func length(_ name: StaticString, _ line: String) -> Int? { read(line) { $0.value(of: name)?.count } }

    @Test func findsTheValueBehindAName() {
        #expect(read("drive=0x80 heads=16") { $0.value(of: "drive")?.number } == 0x80)
        #expect(read("drive=0x80 heads=16") { $0.value(of: "heads")?.number } == 16)
        #expect(read("  \theads=16\n") { $0.value(of: "heads")?.number } == 16)
        #expect(read("serial=ttyS1") { $0.value(of: "serial").map { $0 == "ttyS1" } } == true)
        #expect(read("serial=ttyS1") { $0.value(of: "serial").map { $0 == "ttyS" } } == false)
        #expect(read("serial=ttyS1") { $0.value(of: "serial").map { $0 == "ttyS10" } } == false)
    }

    @Test func theLastWordCounts() {
        #expect(read("wait=1 x wait=2 y") { $0.value(of: "wait")?.number } == 2)
        // What is no number does not bring the one before it back.
        #expect(read("wait=1 wait=soon") { $0.value(of: "wait")?.number } == nil)
        #expect(length("wait", "wait=1 wait=") == 0)
    }

    @Test func aNameIsAWholeName() {
        for line in ["", "wait", "waits=1", "await=1", "wai=t1", "x wait =1", "x,wait=1", "WAIT=1"] {
            #expect(length("wait", line) == nil, "'\(line)'")
        }
        #expect(length("a", "a=b=c d") == 3)
    }

    @Test func aLineEndsAtItsLimit() {
        #expect(read("abc wait=123456", limit: 11) { $0.value(of: "wait")?.number } == 12)
        #expect(read("abc wait=123456", limit: 8) { $0.value(of: "wait")?.count } == nil)
        #expect(read("abc wait=123456", limit: 9) { $0.value(of: "wait")?.count } == 0)
        #expect(read("wait=1", limit: 0) { $0.value(of: "wait")?.count } == nil)
    }

    @Test func noLineHasNoWords() {
        #expect(read(nil, limit: 0) { $0.value(of: "a")?.count } == nil)
        #expect(read(nil) { $0.value(of: "a")?.count } == nil)
    }

    @Test func readsNumbersOfBothBases() {
        #expect(number("0") == 0 && number("007") == 7 && number("115200") == 115200)
        #expect(number("0x0") == 0 && number("0xfFfF0000") == 0xffff_0000 && number("0x0000000000000000001") == 1)
    }

    @Test func numbersEndAt64Bits() {
        #expect(number("18446744073709551615") == .max && number("0xffffffffffffffff") == .max)
        #expect(number("18446744073709551616") == nil && number("0x10000000000000000") == nil)
        #expect(number("18446744073709551620") == nil && number("99999999999999999999") == nil)
    }

    @Test(arguments: ["", "0x", "x1", "-1", "+1", "12a", "0xg", "0X10", "1.5", "0b1", "a", ":", "/", "é"])
    func whatIsNoNumberIsNone(_ text: String) {
        #expect(number(text) == nil)
    }
}
