// SPDX-License-Identifier: MIT
import BootFormats
import Testing

@testable import Kexec

/// `next_arg` of Linux' lib/cmdline.c, case by case.
@Suite struct KernelCommandLineTests {
    private func words(_ line: ByteString) -> [String] {
        KernelCommandLine(line).words.map { word in
            word.name.string + (word.value.map { "=<" + $0.string + ">" } ?? "")
        }
    }

    @Test(
        arguments: [
            ("a b", ["a", "b"]), ("  a\t\u{b}\u{c}\r\nb  ", ["a", "b"]), ("", []), (" \n", []),
            ("a=1 b=", ["a=<1>", "b=<>"]), ("a=b=c", ["a=<b=c>"]), ("=a", ["=a"]), ("=a=b", ["=a=<b>"]),
            // Quotes around a value, around all of a word, and within.
            ("a=\"b c\" d", ["a=<b c>", "d"]), ("\"a=b c\" d", ["a=<b c>", "d"]), ("\"a b\" c", ["a b", "c"]),
            ("a=b\" c\"d e", ["a=<b\" c\"d>", "e"]), ("a\"b c\"=d", ["a\"b c\"=<d>"]), ("a=b\"", ["a=<b\">"]),
            ("\"a=\"b c\"", ["a=<b>", "c\""]), ("a=\"b c d", ["a=<b c d>"]), ("a=\"", ["a=<>"]), ("\"", [""]),
            ("\"a=b\"c", ["a=<b\"c>"]), ("a-b_c=d-e", ["a_b_c=<d-e>"]),
        ])
    func takesALineApartAsLinuxDoes(_ line: String, _ expected: [String]) {
        #expect(words(ByteString(line)) == expected)
    }

    @Test func partsAtEachByteThatIsWhiteSpaceForLinuxAndAtNoOther() {
        for byte in UInt8(1)...255 {
            let isSpace = byte == 0x20 || (0x09...0x0d).contains(byte) || byte == 0xa0
            let line = KernelCommandLine(ByteString([0x61, byte, 0x62]))
            #expect(line.words.count == (isSpace ? 2 : 1), "\(byte)")
        }
    }

    @Test func readsNoParametersBehindTwoDashes() {
        for (line, start) in [("a -- b", 2), ("a \"--\" b", 2), ("-- b", 0)] as [(ByteString, Int)] {
            #expect(KernelCommandLine(line).initStart == start && !KernelCommandLine(line).has("b"))
        }
        for line in ["a --b c", "a --=x c", "a=-- c", "__ c"] as [ByteString] {
            #expect(KernelCommandLine(line).initStart == nil && KernelCommandLine(line).has("c"))
        }
    }

    @Test func takesADashForAnUnderscoreInNames() {
        let line = KernelCommandLine("ignore-loglevel no_timer-check")
        #expect(line.has("ignore_loglevel") && line.has("no_timer_check"))
    }

    @Test(arguments: [
        ("a", false), ("a=\"b c\"", false), ("a=\"b", true), ("\"a", true), ("a \"", true), ("a=b\"c\"", false),
    ])
    func knowsWhetherAQuoteIsOpenAtTheEnd(_ line: String, _ isOpen: Bool) {
        #expect(KernelCommandLine(ByteString(line)).isQuoteOpen == isOpen)
    }
}
