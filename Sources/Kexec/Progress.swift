// SPDX-License-Identifier: MIT
public import BootFormats

/// Hears how far a load is, for somebody who waits.
///
/// It is told at moments that lie between microseconds and seconds apart: what to make of them, and from when on, is the
/// listener's business.
public struct Progress {
    /// What takes time.
    public enum Work: Hashable, Sendable {
        /// Bytes read so far, of a pipe or of several files.
        case reading
        /// Bytes unpacked so far.
        case unpackingKernel, unpackingInitrd
        /// Bytes to read for the digest, told when that begins.
        case digesting
        /// Bytes to hand over, told before the system call.
        case handingOver
        /// For another kexec operation; no bytes.
        case waiting
    }

    private let listener: Listener?
    private var work = Work.reading

    /// Nobody listens.
    public init() { listener = nil }

    /// - Parameter listener: called by whoever does the work, while it does it: the kind of work, and bytes.
    public init(_ listener: @escaping (Work, UInt64) -> Void) { self.init(listener, silentPipe: { _ in }) }

    /// - Parameters:
    ///   - listener: as above.
    ///   - silentPipe: hears of a pipe, by its path, that has given nothing for five seconds.
    public init(_ listener: ((Work, UInt64) -> Void)?, silentPipe: @escaping (ByteString) -> Void) {
        self.listener = Listener(tell: listener, silentPipe: silentPipe)
    }

    var isHeard: Bool { listener?.tell != nil }

    /// The same listener, told of `work`.
    func of(_ work: Work) -> Progress {
        var progress = self
        progress.work = work
        return progress
    }

    @inline(never) func tell(_ bytes: Int) { listener?.tell?(work, UInt64(clamping: bytes)) }

    func tellOfSilence(_ pipe: ByteString) { listener?.silentPipe(pipe) }
}

/// A class, for progress goes from hand to hand.
private final class Listener {
    let tell: ((Progress.Work, UInt64) -> Void)?
    let silentPipe: (ByteString) -> Void

    init(tell: ((Progress.Work, UInt64) -> Void)?, silentPipe: @escaping (ByteString) -> Void) {
        self.tell = tell
        self.silentPipe = silentPipe
    }
}
