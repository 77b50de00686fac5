// SPDX-License-Identifier: MIT
internal import BootFormats
internal import CLinux

extension ByteString {
    /// "-" in the place of a file's name.
    package var namesStandardInput: Bool { bytes == [UInt8(ascii: "-")] }
}

/// A file that was found to be one whose contents can be used: a regular file, or a pipe.
struct OpenedFile: ~Copyable {
    private let file: FileDescriptor
    /// Those that a copy may have: see `ImageSource.permissions`.
    let permissions: UInt32
    private let path: ByteString
    private let isPipe: Bool
    /// Bytes; 0 for pipes, and for files (as in /proc) that do not tell.
    private let size: UInt64

    /// - Parameter path: "-" for standard input.
    init(path: ByteString) throws(FileProblem) {
        let file = path.namesStandardInput ? try Self.standardInput() : try Self.open(path)
        var type: Int32 = 0
        var size: UInt64 = 0
        // Both are written before the call returns.
        let result = unsafe kx_fstat(file.number, &type, &size)
        guard result == 0 else { throw .failed(CallFailure(call: .stat, errno: -result)) }
        try Self.check(type)
        permissions = kx_permissions(file.number)
        self.file = file
        self.path = path
        isPipe = type == S_IFIFO
        self.size = type == S_IFREG ? size : 0
    }

    /// All bytes, mapped from the file itself; from a memfd where a file cannot be mapped.
    /// - Parameters:
    ///   - part: what the file is, for what may come out of it.
    ///   - budget: what a copy draws from.
    ///   - progress: hears of reading.
    consuming func mapped(
        as part: UnpackablePart, drawingFrom budget: inout MemoryBudget, progress: Progress = Progress()
    ) throws(FileProblem) -> MappedFile {
        if size > 0, isMappable {
            let map = try MappedFile(file, size: size)
            budget.admit(map.byteCount, to: part)
            return map
        }
        var copy = try MemoryFile(limit: budget.limitForReading, progress: progress.of(.reading))
        try self.copy(to: &copy)
        budget.takeFile(copy.count, of: part)
        return try copy.finished()
    }

    /// All bytes of a regular file: a pipe is refused.
    /// - Throws: also `.tooLarge` where there are more than `limit`.
    consuming func regularBytes(limit: Int) throws(FileProblem) -> [UInt8] {
        guard !isPipe else { throw .pipe }
        let bytes: [UInt8]
        do throws(CallFailure) { bytes = try file.readToEnd(limit: limit + 1) } catch { throw .failed(error) }
        guard bytes.count <= limit else { throw .tooLarge(size: UInt64(bytes.count), limit: UInt64(limit)) }
        return bytes
    }

    /// Appends all bytes to `destination`.
    /// - Throws: `.empty` where there is none.
    func copy(to destination: inout MemoryFile) throws(FileProblem) {
        let before = destination.count
        try destination.reserve(Int(clamping: size))
        var isAtEnd = false
        var isToldOfSilence = false
        while !isAtEnd {
            if isPipe { awaitInput(&isToldOfSilence, destination.progress) }
            if destination.remaining == 0 {
                guard try isFinished() else { throw destination.isFull }
                break
            }
            try unsafe destination.append { (room, used) throws(FileProblem) in
                // What is beyond the bytes used is room.
                let count = try unsafe read(into: UnsafeMutableRawBufferPointer(rebasing: room[used...]))
                isAtEnd = count == 0
                return count
            }
            destination.progress.tell(destination.count)
        }
        guard destination.count > before else { throw .empty }
    }

    /// Reads what there is, as much as fits.
    /// - Returns: bytes read, 0 at the end.
    private func read(into room: UnsafeMutableRawBufferPointer) throws(FileProblem) -> Int {
        while true {
            // The pointer and the count are those of one buffer; the kernel reads 2 GiB at most at once.
            let result = unsafe kx_read(file.number, room.baseAddress, UInt(min(room.count, 1 << 30)))
            if result == -Int(EINTR) { continue }
            guard result >= 0 else { throw .failed(CallFailure(call: .read, errno: Int32(clamping: -Int(result)))) }
            return Int(result)
        }
    }

    /// Until there is something to read, or nothing will ever be. A pipe that is silent for so long is told of, once.
    private func awaitInput(_ isTold: inout Bool, _ progress: Progress) {
        while true {
            let result = kx_await_input(file.number, isTold ? -1 : 5000)
            if result == 0 {
                isTold = true
                progress.tellOfSilence(path)
            } else if result != -EINTR {
                return
            }
        }
    }

    /// Whether nothing is left to be read. Takes a byte where there is one.
    private func isFinished() throws(FileProblem) -> Bool {
        var byte: UInt8 = 0
        return try unsafe withUnsafeMutableBytes(of: &byte) { room throws(FileProblem) in
            try unsafe read(into: room)
        } == 0
    }

    /// Some file systems (9p, FUSE with direct I/O) map nothing.
    private var isMappable: Bool {
        var address: UnsafeMutableRawPointer?
        // One page, unmapped at once.
        guard unsafe kx_map(file.number, 1, 0, &address) == 0 else { return false }
        _ = unsafe munmap(address, 1)
        return true
    }

    /// Looks before it opens: opening a device can do something. A pipe's opening does not wait for its writer, which has a
    /// word to say (see `awaitInput`).
    private static func open(_ path: ByteString) throws(FileProblem) -> FileDescriptor {
        var type: Int32 = 0
        var size: UInt64 = 0
        let path = path.cString
        // Both results are written before the call returns.
        let status = unsafe kx_stat(path, &type, &size)
        guard status == 0 else { throw FileProblem(openErrno: -status) }
        try check(type)
        let number = unsafe kx_open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0)
        guard number >= 0 else { throw FileProblem(openErrno: -number) }
        return FileDescriptor(owning: number)
    }

    /// A second number for it, so that closing ours leaves it open.
    private static func standardInput() throws(FileProblem) -> FileDescriptor {
        let number = kx_duplicate(0)
        guard number >= 0 else { throw .failed(CallFailure(call: .fcntl, errno: -number)) }
        return FileDescriptor(owning: number)
    }

    private static func check(_ type: Int32) throws(FileProblem) {
        switch type {
        case S_IFREG, S_IFIFO: break
        case S_IFDIR: throw .directory
        case S_IFCHR: throw .characterDevice
        case S_IFBLK: throw .blockDevice
        default: throw .socket
        }
    }
}
