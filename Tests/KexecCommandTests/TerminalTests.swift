// SPDX-License-Identifier: MIT
import Foundation
import Testing

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
}
