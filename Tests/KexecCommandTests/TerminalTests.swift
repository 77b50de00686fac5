// SPDX-License-Identifier: MIT
import Foundation
import Testing

@testable import Kexec
@testable import KexecCommand

/// What cannot be written is told apart from what was.
@Suite struct TerminalTests {
    @Test func tellsWhyOutputIsNotTaken() throws {
        let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
        defer { close(full) }
        #expect(Terminal().write("a plan", to: full) == ENOSPC)
        #expect(Terminal().write("", to: full) == 0)
        #expect(Terminal().write("a plan", to: 1 << 20) == EBADF)
        #expect(
            Diagnostic(unwrittenOutput: ENOSPC).sentence == "cannot write to standard output: No space left on device")
    }

    @Test(arguments: [("xterm", 7), ("dumb", 8), ("", 8)] as [(String, Int32)])
    func progressIsShownOnATerminalThatCanEraseIt(name: String, status: Int32) async {
        await #expect(processExitsWith: .exitCode(status)) { [name = name as String] in
            let terminal = PseudoTerminal()
            terminal.become(2)
            setenv("TERM", name, 1)
            Terminal().progressLine.progress.of(.handingOver).tell(2 << 30)
            exit(terminal.text().isEmpty ? 8 : 7)
        }
    }

    @Test func progressIsShownOnNothingElse() async {
        let result = try? await #require(processExitsWith: .exitCode(0), observing: [\.standardErrorContent]) {
            setenv("TERM", "xterm", 1)
            Terminal().explain("-")
            Terminal().progressLine.progress.of(.handingOver).tell(2 << 30)
            exit(0)
        }
        #expect(result?.standardErrorContent == [UInt8(ascii: "-")])
    }

    @Test(arguments: [("xterm", 7), ("dumb", 8)] as [(String, Int32)])
    func aPictureIsAsWideAsItsTerminal(name: String, status: Int32) async {
        await #expect(processExitsWith: .exitCode(status)) { [name = name as String] in
            let terminal = PseudoTerminal()
            terminal.become(1)
            setenv("TERM", name, 1)
            unsetenv("NO_COLOR")
            let style = PictureStyle(of: Terminal())
            exit(style.columns != 133 ? 9 : style.isColoured ? 7 : 8)
        }
        await #expect(processExitsWith: .exitCode(0)) {
            setenv("TERM", "xterm", 1)
            exit(PictureStyle(of: Terminal()) == PictureStyle() ? 0 : 1)
        }
    }

    @Test func whatGoesWrongIsSaidInOneLineAndItsHintInAnother() async {
        let result = try? await #require(processExitsWith: .exitCode(0), observing: [\.standardErrorContent]) {
            Terminal().complain(Diagnostic("a\nb", hint: "c\u{1b}"))
            Terminal().warn(Diagnostic("d"))
            Terminal().explain("e\n")
            exit(0)
        }
        #expect(
            String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
                == "kexec: a\\x0ab\nkexec: hint: c\\x1b\nkexec: warning: d\ne\n")
    }

    @Test func anEnvironmentsVariableIsThereOrNot() async {
        await #expect(processExitsWith: .exitCode(0)) {
            setenv("KEXEC_TEST", "", 1)
            let isEmpty = environment("KEXEC_TEST") == ""
            unsetenv("KEXEC_TEST")
            exit(isEmpty && environment("KEXEC_TEST") == nil ? 0 : 1)
        }
    }
}

/// A terminal that nobody sits at.
private struct PseudoTerminal {
    private let reader = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    private let path: String

    init() {
        var (unlocked, number): (Int32, UInt32) = (0, 0)
        // TIOCSPTLCK, TIOCGPTN, TIOCSWINSZ of <asm-generic/ioctls.h>.
        _ = ioctl(reader, 0x4004_5431, &unlocked)
        _ = ioctl(reader, 0x8004_5430, &number)
        path = "/dev/pts/\(number)"
        var size = winsize(ws_row: 24, ws_col: 133, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(reader, 0x5414, &size)
    }

    /// Makes it the stream with this number.
    func become(_ number: Int32) { dup2(open(path, O_RDWR | O_NOCTTY), number) }

    /// What was written to it so far.
    func text() -> String {
        // What is written takes a moment to come through.
        var file = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
        guard poll(&file, 1, 1000) > 0 else { return "" }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(reader, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}
