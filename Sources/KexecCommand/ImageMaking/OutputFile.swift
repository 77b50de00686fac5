// SPDX-License-Identifier: MIT
internal import BootFormats
internal import CLinux
internal import Kexec

/// Why the file that is made cannot be. Facts only.
enum OutputFailure: Error, Hashable, Sendable {
    case directory
    /// A device, a socket or a pipe, which a new file would replace.
    case notAFile
    /// The file that is read as well.
    case sameAs(ByteString)
    case place(OutputCall, PlaceProblem)
}

enum OutputCall: String, Hashable, Sendable { case open, write, rename }

/// A file that appears under its name when all of it is written.
///
/// A run that ends before, whatever the reason, leaves nothing behind (but for SIGKILL).
struct OutputFile {
    private let file: NewFile

    /// - Parameters:
    ///   - inputs: files that must not be replaced.
    ///   - mode: permission bits, without those of the umask.
    init(path: ByteString, inputs: [ByteString], mode: UInt32) throws(OutputFailure) {
        var type: Int32 = 0
        var size: UInt64 = 0
        // Both are written before the call returns.
        if unsafe kx_stat(path.cString, &type, &size) == 0 {
            guard type != S_IFDIR else { throw .directory }
            guard type == S_IFREG else { throw .notAFile }
            // A small loop: there are few inputs, and names that differ can mean one file.
            for input in inputs where unsafe kx_same_file(path.cString, input.cString) != 0 {
                throw .sameAs(input)
            }
        }
        do throws(PlaceProblem) { file = try NewFile(path: path, mode: mode) } catch { throw .place(.open, error) }
        removeAtEnd(file)
    }

    func write(_ bytes: RawSpan) throws(OutputFailure) {
        do throws(PlaceProblem) { try file.write(bytes) } catch { throw .place(.write, error) }
    }

    /// Closes the file and gives it its name.
    func finish() throws(OutputFailure) {
        do throws(PlaceProblem) { try file.finish() } catch { throw .place(.rename, error) }
        forgetTemporaryFile()
    }
}

/// The unfinished file, for a signal handler, which can make no string: its name, and the open folder that it is in. Set before
/// a handler can run, and only here.
private nonisolated(unsafe) var unfinished: UnsafeMutablePointer<CChar>?
private nonisolated(unsafe) var unfinishedFolder: Int32 = -1

private func removeAtEnd(_ file: NewFile) {
    unsafe unfinishedFolder = file.folder
    // Kept for the rest of the run.
    unsafe unfinished = kx_copy_name(file.temporaryName)
}

private func forgetTemporaryFile() { unsafe unfinished = nil }

/// Takes away what is not finished; may be called by a signal handler.
func removeUnfinishedFile() {
    if let name = unsafe unfinished { _ = unsafe unlinkat(unfinishedFolder, name, 0) }
}
