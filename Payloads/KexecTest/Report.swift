// SPDX-License-Identifier: MIT

/// The lines of the test: one for each check, `name: VERDICT facts`, and one for the whole.
///
/// The name is written before the check begins: one that never ends is known by it all the same.
struct Report {
    var console: Console
    private var passed: UInt32 = 0
    private var skipped: UInt32 = 0
    private var failures = InlineArray<8, StaticString>(repeating: "")
    private var failed = 0
    private var name: StaticString = ""

    init(_ console: Console) { self.console = console }

    @inline(never) mutating func begin(_ name: StaticString) {
        self.name = name
        console.put("\n")
        console.put(name)
        console.put(": ")
    }

    @inline(never) mutating func pass() {
        passed &+= 1
        console.put("PASS")
    }

    @inline(never) mutating func fail(_ reason: StaticString) {
        // As many names as there is room for; all of them stand in their lines.
        if failed < 8 { failures[failed] = name }
        failed &+= 1
        say("FAIL", reason)
    }

    /// Nothing was examined, or what was found is nobody's fault.
    @inline(never) mutating func skip(_ reason: StaticString) {
        skipped &+= 1
        say("SKIP", reason)
    }

    /// Worth knowing, and no reason to call the machine broken.
    @inline(never) mutating func warn(_ reason: StaticString) {
        passed &+= 1
        say("WARN", reason)
    }

    @inline(never) mutating func judge(_ isGood: Bool, else reason: StaticString) { isGood ? pass() : fail(reason) }

    /// ` name=0x…` behind the verdict.
    mutating func fact(_ name: StaticString, _ value: some FixedWidthInteger & UnsignedInteger) {
        writeFact(name, UInt64(value))
    }

    mutating func count(_ name: StaticString, _ value: some FixedWidthInteger) {
        writeCount(name, UInt32(truncatingIfNeeded: value))
    }

    @inline(never) private mutating func writeFact(_ name: StaticString, _ value: UInt64) {
        write(name)
        console.putHexadecimal(value)
    }

    @inline(never) private mutating func writeCount(_ name: StaticString, _ value: UInt32) {
        write(name)
        console.putDecimal(value)
    }

    /// - Returns: whether nothing failed.
    mutating func end() -> Bool {
        console.put("\n")
        if skipped > 0 {
            console.put("kexec_test: ")
            console.putDecimal(skipped)
            console.put(" checks were skipped\n")
        }
        guard failed > 0 else {
            console.put("kexec_test: PASS (")
            console.putDecimal(passed)
            console.put(" checks)\n")
            return true
        }
        console.put("kexec_test: FAIL (")
        for index in 0..<min(failed, 8) {
            if index > 0 { console.put(", ") }
            console.put(failures[index])
        }
        if failed > 8 { console.put(", and more") }
        console.put(")\n")
        return false
    }

    @inline(never) private mutating func say(_ verdict: StaticString, _ reason: StaticString) {
        console.put(verdict)
        console.put(" ")
        console.put(reason)
    }

    @inline(never) private mutating func write(_ name: StaticString) {
        console.put(" ")
        console.put(name)
        console.put("=")
    }
}
