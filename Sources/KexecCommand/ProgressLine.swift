// SPDX-License-Identifier: MIT
internal import BootFormats
internal import CLinux
internal import Kexec

/// A line at the bottom of a terminal that says what takes so long, and how far it is. Nothing appears in the first second,
/// nor where standard error is no terminal, or one that cannot erase a line; and it is gone before anything else is written.
final class ProgressLine {
    private let isWatched: Bool
    private let clock: () -> UInt64
    private let write: (String) -> Void
    private let start: UInt64
    private var shownAt: UInt64 = 0
    private var shownWork: Progress.Work?

    private static let patience: UInt64 = 1_000_000_000
    private static let pause: UInt64 = 100_000_000
    /// What is told before it begins, and is at least that large, takes about a second.
    private static let large: UInt64 = 1 << 30
    /// Carriage return, and ECMA-48's "erase in line".
    private static let erased = "\r\u{1b}[K"

    /// - Parameters:
    ///   - clock: nanoseconds.
    ///   - write: to the terminal.
    init(isWatched: Bool, clock: @escaping () -> UInt64, write: @escaping (String) -> Void) {
        (self.isWatched, self.clock, self.write) = (isWatched, clock, write)
        start = isWatched ? clock() : 0
    }

    /// What tells this line; nobody where it is not watched. That a pipe is silent is told anybody, in a line that stays.
    var progress: Progress {
        let sayWhy: (ByteString) -> Void = {
            self.clear()
            self.write("kexec: " + silence(of: $0))
        }
        return Progress(isWatched ? { self.tell($0, $1) } : nil, silentPipe: sayWhy)
    }

    func clear() {
        guard shownWork != nil else { return }
        write(Self.erased)
        shownWork = nil
    }

    private func tell(_ work: Progress.Work, _ bytes: UInt64) {
        let now = clock()
        let isDue = now &- start >= Self.patience || work.isToldBefore && bytes >= Self.large
        guard isDue, work != shownWork || now &- shownAt >= Self.pause else { return }
        (shownAt, shownWork) = (now, work)
        write(Self.erased + "kexec: " + Self.words(for: work, bytes) + " ...")
    }

    private static func words(for work: Progress.Work, _ bytes: UInt64) -> String {
        switch work {
        case .reading: "reading: " + byteSize(bytes)
        case .unpackingKernel: "unpacking the kernel: " + byteSize(bytes)
        case .unpackingInitrd: "unpacking the initrd: " + byteSize(bytes)
        case .digesting: "making the digest of " + byteSize(bytes)
        case .handingOver: "handing " + byteSize(bytes) + " to the kernel"
        case .waiting: "waiting for another kexec operation"
        }
    }
}

extension Progress.Work {
    fileprivate var isToldBefore: Bool { self == .digesting || self == .handingOver }
}

/// Nothing waits without a word.
func silence(of pipe: ByteString) -> String {
    printable("waiting for " + fileName(pipe) + ": this pipe has given nothing for 5 seconds") + "\n"
}
