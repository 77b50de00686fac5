// SPDX-License-Identifier: MIT
import Testing

@testable import Kexec
@testable import KexecCommand

@Suite struct ProgressLineTests {
    /// A terminal with a clock that goes when it is told to.
    private final class Watcher {
        var now: UInt64 = 5_000_000_000
        var written: [String] = []

        func line(isWatched: Bool = true) -> ProgressLine {
            ProgressLine(isWatched: isWatched, clock: { self.now }, write: { self.written.append($0) })
        }

        func pass(milliseconds: UInt64) { now += milliseconds * 1_000_000 }
    }

    private static let erased = "\r\u{1b}[K"

    @Test func saysNothingInTheFirstSecond() {
        let watcher = Watcher()
        let line = watcher.line()
        line.progress.of(.unpackingInitrd).tell(1 << 20)
        watcher.pass(milliseconds: 999)
        line.progress.of(.unpackingInitrd).tell(50 << 20)
        line.progress.of(.digesting).tell(50 << 20)
        line.clear()
        #expect(watcher.written == [])
    }

    @Test func saysThenWhatIsDoneAndHowFarItIsTenTimesASecondAtMost() {
        let watcher = Watcher()
        let line = watcher.line()
        watcher.pass(milliseconds: 1000)
        let unpacking = line.progress.of(.unpackingInitrd)
        unpacking.tell(100 << 20)
        watcher.pass(milliseconds: 99)
        unpacking.tell(110 << 20)
        watcher.pass(milliseconds: 1)
        unpacking.tell(120 << 20)
        line.progress.of(.digesting).tell(130 << 20)
        line.progress.of(.handingOver).tell(130 << 20)
        line.progress.of(.waiting).tell(0)
        line.clear()
        line.clear()
        #expect(
            watcher.written == [
                Self.erased + "kexec: unpacking the initrd: 100 MiB ...",
                Self.erased + "kexec: unpacking the initrd: 120 MiB ...",
                Self.erased + "kexec: making the digest of 130 MiB ...",
                Self.erased + "kexec: handing 130 MiB to the kernel ...",
                Self.erased + "kexec: waiting for another kexec operation ...",
                Self.erased,
            ])
    }

    @Test func announcesAtOnceWhatCannotBeInterruptedAndIsLarge() {
        let watcher = Watcher()
        let line = watcher.line()
        line.progress.of(.handingOver).tell(2 << 30)
        #expect(watcher.written == [Self.erased + "kexec: handing 2048 MiB to the kernel ..."])
    }

    @Test(arguments: [(nil, false), ("", false), ("dumb", false), ("linux", true), ("xterm-256color", true)])
    func needsATerminalThatCanEraseALine(name: String?, isOne: Bool) {
        #expect(understandsSequences(terminal: name) == isOne)
    }

    @Test func isSilentWhereNobodyWatches() {
        let watcher = Watcher()
        let line = watcher.line(isWatched: false)
        watcher.pass(milliseconds: 5000)
        line.progress.of(.handingOver).tell(2 << 30)
        line.clear()
        #expect(watcher.written == [] && !line.progress.isHeard)
    }
}
