// SPDX-License-Identifier: MIT
internal import CLinux
internal import Kexec

/// Where the program's words go.
struct Terminal {
    let progressLine: ProgressLine

    init() {
        progressLine = ProgressLine(
            isWatched: isatty(2) == 1 && understandsSequences(terminal: environment("TERM")),
            clock: { kx_nanoseconds(CLOCK_MONOTONIC) }, write: { _ = writeAll($0, to: 2) })
    }

    /// Reports and values: standard output. The result is the errno where it does not take all of it, else 0.
    func say(_ text: String) -> Int32 { write(text, to: 1) }

    /// What goes wrong: standard error; where that is closed or `/dev/null`, as under a shutdown, the kernel's log.
    func complain(_ diagnostic: Diagnostic) {
        tell(diagnostic, after: "kexec: ")
        var jump = Jump(LinuxKernel())
        jump.logIfUnheard(printable(diagnostic.sentence))
    }

    func warn(_ diagnostic: Diagnostic) { tell(diagnostic, after: "kexec: warning: ") }

    @inline(never) private func tell(_ diagnostic: Diagnostic, after prefix: String) {
        write(prefix + printable(diagnostic.sentence) + "\n", to: 2)
        if let hint = diagnostic.hint { write("kexec: hint: " + printable(hint) + "\n", to: 2) }
    }

    /// What is done and why, on standard error: with `-d`, and of what must not pass unseen.
    func explain(_ text: String) { write(text, to: 2) }

    @discardableResult
    func write(_ text: String, to descriptor: Int32) -> Int32 {
        progressLine.clear()
        return writeAll(text, to: descriptor)
    }
}

/// - Returns: the errno where not all of it was taken, else 0.
private func writeAll(_ text: String, to descriptor: Int32) -> Int32 {
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
        // The pointer is good for the rest of the array.
        let count = unsafe bytes.withUnsafeBytes { buffer in
            unsafe kx_write(descriptor, buffer.baseAddress?.advanced(by: done), UInt(bytes.count - done))
        }
        if count == -Int(EINTR) { continue }
        guard count > 0 else { return Int32(clamping: -count) }
        done += count
    }
    return 0
}
