// SPDX-License-Identifier: MIT
public import BootFormats
internal import CLinux

/// The directory that stands for `/`: the running machine's own, or that of a capture.
///
/// Every fact is read through it, relative to it; in a capture neither a symbolic link nor `..` leads out of it
/// (openat2, RESOLVE_IN_ROOT; plain openat where the kernel is older than 5.6).
/// A root that records keeps what was read: a capture is the trace of one description, so that the files that are
/// captured and the files that are read cannot drift apart.
public struct MachineRoot {
    /// As it was given.
    public let path: ByteString
    /// It is `/` itself, so that what is no file (capabilities, system calls) can be asked of the kernel.
    public let isRunning: Bool
    let recording: Recording?
    private let directory: OpenDirectory

    /// - Throws: `.cannotOpenRoot`
    public init(path: ByteString) throws(MachineError) {
        try self.init(path: path, recording: nil)
    }

    init(path: ByteString, recording: Recording?) throws(MachineError) {
        let result = unsafe kx_open(path.cString, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard result >= 0 else { throw .cannotOpenRoot(path: path, errno: -result) }
        self.path = path
        self.recording = recording
        directory = OpenDirectory(owning: result)
        isRunning = Self.isSystemRoot(result)
    }

    /// The whole file, or the errno of opening or reading it. Sizes are not asked for: `/proc` and `/sys` lie.
    /// - Parameters:
    ///   - path: relative to the root, without a slash in front.
    ///   - limit: a file of more bytes counts as unreadable (EFBIG), so that no number is ever cut in two.
    func contents(of path: String, limit: Int = 16 << 20) -> Result<[UInt8], CallFailure> {
        let result = read(path, limit: limit)
        if case .success(let bytes) = result { recording?.add(path, bytes) }
        return result
    }

    /// How people find a file below the root: "/proc/iomem", "captures/vm1/proc/iomem".
    func name(of file: String) -> String {
        isRunning ? "/" + file : path.description + (path.bytes.last == UInt8(ascii: "/") ? "" : "/") + file
    }

    /// The whole file; nil where it is missing or unreadable.
    func bytes(_ path: String, limit: Int = 16 << 20) -> [UInt8]? {
        if case .success(let bytes) = contents(of: path, limit: limit) { bytes } else { nil }
    }

    /// The first line of a small file, without white space around it; nil where it is missing or unreadable.
    func line(_ path: String) -> ArraySlice<UInt8>? {
        bytes(path, limit: 1 << 16)?.lines.first?.trimmed
    }

    /// The running kernel's command line, without the newline that `/proc` puts behind it; nil where it cannot be read.
    var commandLine: ByteString? {
        guard let bytes = bytes("proc/cmdline", limit: 1 << 16) else { return nil }
        return ByteString(bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...])
    }

    /// The whole file, not recorded: whoever reads it records what it keeps of it.
    func unrecordedBytes(_ path: String) -> [UInt8]? {
        if case .success(let bytes) = read(path, limit: 16 << 20) { bytes } else { nil }
    }

    /// The lines among the first `limit` bytes that `keep` wants, each with its newline; a capture holds only these.
    /// A line that the limit cuts is left out.
    func excerpt(of path: String, within limit: Int, keeping keep: (ArraySlice<UInt8>) -> Bool) -> [UInt8]? {
        guard case .success(let file) = open(path, O_RDONLY),
            let bytes = try? FileDescriptor(owning: file).readToEnd(limit: limit)
        else { return nil }
        let end = bytes.count < limit ? bytes.count : bytes.lastIndex(of: UInt8(ascii: "\n")) ?? 0
        let kept = Array(bytes[..<end]).excerpt(keeping: keep)
        recording?.add(path, kept)
        return kept
    }

    /// The first bytes of a file, and as many of the following as they say that its head has; a capture holds only these.
    func head(of path: String, first: Int, all: ([UInt8]) -> Int) -> [UInt8]? {
        guard case .success(let number) = open(path, O_RDONLY) else { return nil }
        let file = FileDescriptor(owning: number)
        guard var bytes = try? file.readToEnd(limit: first) else { return nil }
        let more = all(bytes) - bytes.count
        if more > 0, let rest = try? file.readToEnd(limit: more) { bytes += rest }
        recording?.add(path, bytes)
        return bytes
    }

    /// The names in a directory, without `.` and `..`, in no order; nil where it is missing or unreadable.
    func names(in path: String) -> [String]? {
        guard case .success(let number) = open(path, O_RDONLY | O_DIRECTORY) else { return nil }
        guard let names = namesInFolder(number) else { return nil }
        recording?.addDirectory(path)
        return names
    }

    /// Whether there is such a directory.
    func hasDirectory(_ path: String) -> Bool {
        guard case .success(let number) = open(path, O_RDONLY | O_DIRECTORY) else { return false }
        _ = close(number)
        recording?.addDirectory(path)
        return true
    }

    /// Whether there is such a file of any kind; not recorded, and meant for the running machine.
    func exists(_ path: String) -> Bool {
        // The path lives for the call.
        unsafe path.withCString { unsafe faccessat(directory.number, $0, F_OK, 0) } == 0
    }

    /// Opens a device's registers for reading and writing; meant for the running machine, and not recorded.
    func registers(_ path: String) -> Int32? {
        if case .success(let number) = open(path, O_RDWR) { number } else { nil }
    }

    /// The 64 bits at `offset` of a device, as they lie in memory; 0 where they cannot be read. Not recorded.
    @inline(never) func number(at offset: off_t, of path: String) -> UInt64 {
        var value: UInt64 = 0
        guard case .success(let file) = open(path, O_RDONLY) else { return 0 }
        defer { _ = close(file) }
        // As many bytes as the value has; what is read in part is none.
        return unsafe pread(file, &value, 8, offset) == 8 ? value : 0
    }

    private func open(_ path: String, _ flags: Int32) -> Result<Int32, CallFailure> {
        // A FIFO in a capture must not keep us waiting for its writer.
        let flags = flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
        // The path lives for the call.
        let result = unsafe path.withCString { name in
            guard !isRunning else { return unsafe kx_openat(directory.number, name, flags, 0) }
            let number = unsafe kx_open_in_root(directory.number, name, flags)
            return number == -ENOSYS || number == -EPERM ? unsafe kx_openat(directory.number, name, flags, 0) : number
        }
        return result < 0 ? .failure(CallFailure(call: .open, errno: -result)) : .success(result)
    }

    private func read(_ path: String, limit: Int) -> Result<[UInt8], CallFailure> {
        switch open(path, O_RDONLY) {
        case .failure(let failure): return .failure(failure)
        case .success(let number):
            let file = FileDescriptor(owning: number)
            do throws(CallFailure) {
                // One byte more tells a file that ends here from one that goes on.
                let bytes = try file.readToEnd(limit: limit + 1)
                return bytes.count > limit ? .failure(CallFailure(call: .read, errno: EFBIG)) : .success(bytes)
            } catch {
                return .failure(error)
            }
        }
    }

    /// Whether the open directory is the process's own `/`, whatever it was called.
    private static func isSystemRoot(_ number: Int32) -> Bool {
        var given = stat()
        var system = stat()
        // Both structures live here, and are looked at only where both calls filled them.
        guard unsafe fstat(number, &given) == 0, unsafe stat("/", &system) == 0 else { return false }
        return given.st_dev == system.st_dev && given.st_ino == system.st_ino
    }
}

/// The names in an open directory, without `.` and `..`, in no order; nil where it is none. Closes it.
func namesInFolder(_ number: Int32) -> [String]? {
    // The stream owns the descriptor from here on; a failure leaves it with us.
    guard let stream = unsafe fdopendir(number) else {
        _ = close(number)
        return nil
    }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    // A name is valid until the next call, and copied at once.
    while let name = unsafe kx_next_name(stream) {
        let text = unsafe String(cString: name)
        if !text.equals("."), !text.equals("..") { names.append(text) }
    }
    return names
}

/// Closes its directory with the last copy of the root that uses it.
///
/// A class: Embedded Swift cannot destroy a non-copyable type of another module, and roots are made by the program.
private final class OpenDirectory {
    let number: Int32
    init(owning number: Int32) { self.number = number }
    deinit { _ = close(number) }
}

extension Array<UInt8> {
    /// The lines that `keep` wants, each with its newline.
    func excerpt(keeping keep: (ArraySlice<UInt8>) -> Bool) -> [UInt8] {
        var kept: [UInt8] = []
        for line in lines where keep(line) {
            kept += line
            kept.append(UInt8(ascii: "\n"))
        }
        return kept
    }
}
