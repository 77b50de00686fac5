// SPDX-License-Identifier: MIT
import Testing

@testable import Kexec
@testable import KexecCommand

/// The sentences that a user reads about a command line.
@Suite struct OptionDiagnosticTests {
    @Test(
        arguments: [
            (["--comand-line=x"], "unknown option '--comand-line'", "did you mean '--command-line'?"),
            (["--bogus"], "unknown option '--bogus'", nil),
            (["-Q"], "unknown option '-Q'", nil),
            (["-lQ"], "unknown option '-Q' in '-lQ'", nil),
            (["-append=x"], "unknown option '-n' in '-append=x'", "long options begin with two dashes: '--append=x'"),
            (["-é"], "unknown option 0xc3 in '-é'", nil),
            (["--con"], "option '--con' could mean '--console-serial' or '--console-vga'", nil),
            (["--mem-min"], "option '--mem-min' needs a value", nil),
            (["-t"], "option '-t' needs a value", nil),
            (["--unl=x"], "option '--unload' takes no value: found 'x'", nil),
            (["--initrd="], "option '--initrd' needs a name: found an empty one", nil),
            (
                ["--mem-min=8X"], "option '--mem-min' needs a number: found '8X'",
                "write 4096, 0x1000, 010000, 4K, 16M or 2G"
            ),
            (
                ["--mem-max=99999999T"], "option '--mem-max' needs a number of at most 64 bits: found '99999999T'", nil
            ),
            (
                ["K", "--digest=sha265"], "option '--digest' needs 'fast', 'sha256' or 'none': found 'sha265'",
                "did you mean 'sha256'?"
            ),
            (
                ["K", "--serial=ttyUSB0"],
                "option '--serial' needs 'ttyS0', 'ttyS1' or an I/O port from 0x1 to 0xfff8: found 'ttyUSB0'", nil
            ),
            (
                ["K", "--serial-baud=0"],
                "option '--serial-baud' needs a divisor of 115200 from 9600 to 115200: found '0'",
                "usual speeds are 9600, 19200, 38400, 57600 and 115200"
            ),
            (
                ["K", "--mem-min=2M", "--mem-max=1M"],
                "'--mem-min' (0x200000) is above '--mem-max' (0x100000): nothing can be loaded between them", nil
            ),
            ([], "No kernel specified", nil),
            (
                ["-l", "K", "quiet"], "cannot load 'quiet' as well: the kernel is 'K'",
                "quote a command line with blanks: --append=\"root=/dev/sda1 quiet\""
            ),
            (
                ["-e", "--append=x"],
                "option '--append' says how to load a kernel, but nothing is to be loaded", nil
            ),
            (["-p", "-f", "K"], "options '--load-panic' and '--force' exclude each other", nil),
            (
                ["-l", "K", "--machine=D"],
                "option '--machine' needs '--plan', '--show' or '--crash-check': another machine's plan cannot be loaded here",
                nil
            ),
            (["-l", "K", "--reuseinitrd"], "option '--reuseinitrd' does not exist on x86", nil),
            (["--exec-live-update"], "option '--exec-live-update' is not in this release yet", nil),
        ] as [([String], String, String?)])
    func saysWhatIsWrong(words: [String], sentence: String, hint: String?) {
        do throws(UsageError) {
            _ = try parse(words)
            Issue.record("\(words) was accepted")
        } catch {
            #expect(Diagnostic(error) == Diagnostic(sentence, hint: hint))
        }
    }

    @Test func longListsAreCut() {
        do throws(UsageError) {
            _ = try parse(["--=x"])
            Issue.record("accepted")
        } catch {
            let others = OptionTable.entries.count - 8
            #expect(Diagnostic(error).sentence.hasSuffix("'--load-jump-back-helper' or \(others) others"))
        }
    }

    @Test func warningsNameWhatCounts() {
        #expect(
            Diagnostic(UsageWarning.repeated(.commandLine, used: "b"))
                == Diagnostic("option '--append' was given more than once: the last one counts"))
        #expect(
            Diagnostic(UsageWarning.ignoredArgument("K")) == Diagnostic("'K' is not used: nothing is to be loaded"))
        #expect(Diagnostic(UsageWarning.emptyCommandLine).hint?.contains("--reuse-cmdline") == true)
    }
}
