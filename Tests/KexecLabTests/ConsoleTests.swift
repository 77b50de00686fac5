// SPDX-License-Identifier: MIT
import Testing

@testable import kexec_lab

private func log(_ lines: String...) -> ConsoleLog {
    ConsoleLog(lines: lines.map { ConsoleLine(seconds: 0, text: $0) })
}

struct LineSplitterTests {
    @Test func joinsLinesAcrossChunks() {
        var splitter = LineSplitter()
        #expect(splitter.feed(Array("one\r\ntw".utf8)) == ["one"])
        #expect(splitter.feed(Array("o\nthree".utf8)) == ["two"])
        #expect(splitter.finish() == "three")
        #expect(splitter.finish() == nil)
    }

    @Test func dropsTerminalControl() {
        #expect(LineSplitter.text(Array("\u{1b}[2J\u{1b}[01;01HBoot\u{1b}[0m".utf8)) == "Boot")
        #expect(LineSplitter.text(Array("cut \u{1b}[".utf8)) == "cut ")
        #expect(LineSplitter.text([0x1b]) == "")
    }
}

struct ConsoleMatcherTests {
    private let matcher = ConsoleMatcher(nonce: "ab12", firstRelease: "6.1.0", secondRelease: "7.3.4+deb13")

    @Test func wantsLinesInOrder() throws {
        let console = log("LAB first nonce=ab12", "LAB second nonce=ab12 release=7.3.4+deb13 boot=1", "LAB end second")
        let inOrder = ["^LAB second nonce=NONCE release=SECOND ", "^LAB end second"]
        #expect(try matcher.complaints(console, expect: inOrder, forbid: []).isEmpty)
        #expect(try matcher.complaints(console, expect: inOrder.reversed(), forbid: []).count == 1)
    }

    @Test func factsAreTextNotPatterns() throws {
        let console = log("LAB first nonce=ab12", "LAB second nonce=ab12 release=7.3.44deb13 boot=1")
        #expect(try !matcher.complaints(console, expect: ["release=SECOND "], forbid: []).isEmpty)
    }

    @Test func anotherRunsNonceIsNoProof() throws {
        let console = log("LAB first nonce=ab12", "LAB second nonce=ffff release=7.3.4+deb13 boot=1")
        #expect(try !matcher.complaints(console, expect: [Case.second], forbid: []).isEmpty)
    }

    @Test func forbiddenLinesCountOnlyAfterTheFirstMarker() throws {
        let before = log("Kernel panic - not syncing", "LAB first nonce=ab12")
        let after = log("LAB first nonce=ab12", "[ 1.0] Kernel panic - not syncing")
        #expect(try matcher.complaints(before, expect: [], forbid: Case.alwaysForbidden).isEmpty)
        #expect(try matcher.complaints(after, expect: [], forbid: Case.alwaysForbidden).count == 1)
    }

    @Test func aConsoleWithoutTheFirstKernelProvesNothing() throws {
        #expect(try matcher.complaints(log("SeaBIOS"), expect: [], forbid: []).count == 1)
    }

    @Test func theSameBootIsSeen() {
        #expect(ConsoleMatcher.sameBoot(log("LAB first boot=1 up=2", "LAB second boot=1 up=3")))
        #expect(!ConsoleMatcher.sameBoot(log("LAB first boot=1 up=2", "LAB second boot=2 up=3")))
    }
}

struct ConsoleLogTests {
    @Test func readsDumps() {
        let console = log("LAB dump bp 0001ff", "LAB dump other 77", "LAB dump bp 10", "LAB dumped bp")
        #expect(console.dump("bp") == [0, 1, 255, 16])
    }

    @Test func findsWhatACommandPrinted() {
        let console = log("LAB first a", "| old", "LAB one rc=0", "| new", "kernel noise", "| lines", "LAB two rc=1")
        #expect(console.output(before: "two") == ["new", "lines"])
        #expect(console.value("rc", of: "two") == "1")
        #expect(console.value("rc", of: "three") == nil)
    }
}
