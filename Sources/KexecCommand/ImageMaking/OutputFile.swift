// SPDX-License-Identifier: MIT
internal import CLinux

/// Why the file that is made cannot be. Facts only.
enum OutputFailure: Error, Hashable, Sendable {
    case directory
    /// A device, a socket or a pipe, which a new file would replace.
    case notAFile
    /// The file that is read as well.
    case sameAs(String)
    case failed(OutputCall, errno: Int32)
}

enum OutputCall: String, Hashable, Sendable { case open, write, rename }

/// A file that appears under its name when all of it is written; until then it has another name in the same folder.
///
/// A run that ends before, whatever the reason, leaves nothing behind (but for SIGKILL).
struct OutputFile {
    private let descriptor: Int32
    private let path: String
    private let temporary: String

    /// - Parameter inputs: files that must not be replaced.
    init(path: String, inputs: [String]) throws(OutputFailure) {
        var type: Int32 = 0
        var size: UInt64 = 0
        // Both are written before the call returns.
        if unsafe path.withCString({ unsafe kx_stat($0, &type, &size) }) == 0 {
            guard type != S_IFDIR else { throw .directory }
            guard type == S_IFREG else { throw .notAFile }
            // A small loop: there are few inputs, and names that differ can mean one file.
            for input in inputs where unsafe kx_same_file(path, input) != 0 { throw .sameAs(input) }
        }
        self.path = path
        temporary = path + ".new-" + String(getpid())
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC
        descriptor = unsafe temporary.withCString { unsafe kx_open($0, flags, 0o644) }
        guard descriptor >= 0 else { throw .failed(.open, errno: -descriptor) }
        removeAtEnd(temporary)
    }

    func write(_ bytes: RawSpan) throws(OutputFailure) {
        var done = 0
        while done < bytes.byteCount {
            // The pointer does not leave the call.
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe kx_write(
                    descriptor, buffer.baseAddress?.advanced(by: done), UInt(min(buffer.count - done, 1 << 30)))
            }
            if count == -Int(EINTR) { continue }
            guard count > 0 else { throw .failed(.write, errno: Int32(clamping: -count)) }
            done += count
        }
    }

    /// Closes the file and gives it its name.
    func finish() throws(OutputFailure) {
        guard close(descriptor) == 0 else { throw .failed(.write, errno: kx_errno()) }
        guard unsafe rename(temporary, path) == 0 else { throw .failed(.rename, errno: kx_errno()) }
        forgetTemporaryFile()
    }
}

/// The unfinished file, for a signal handler, which can make no string. Set before a handler can run, and only here.
private nonisolated(unsafe) var unfinished: UnsafeMutablePointer<CChar>?

private func removeAtEnd(_ path: String) {
    // Kept for the rest of the run.
    unsafe unfinished = unsafe path.withCString { unsafe strdup($0) }
}

private func forgetTemporaryFile() { unsafe unfinished = nil }

/// Takes away what is not finished; may be called by a signal handler.
func removeUnfinishedFile() {
    if let name = unsafe unfinished { _ = unsafe unlink(name) }
}
