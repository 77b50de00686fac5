// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Testing

@testable import Kexec

/// A folder that is gone when its owner is.
private final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/kexec-files-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file and returns its path.
    func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
        return path + "/" + name
    }

    /// A named pipe into which `bytes` are being written.
    func pipe(_ name: String, _ bytes: [UInt8]) -> String {
        let path = path + "/" + name
        mkfifo(path, 0o600)
        Thread.detachNewThread {
            signal(SIGPIPE, SIG_IGN)
            let file = open(path, O_WRONLY)
            _ = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            close(file)
        }
        return path
    }
}

/// The bytes of a kernel source, or why it cannot be used.
private func kernel(_ path: String, limit: UInt64 = .max) -> Result<[UInt8], FileFailure> {
    do throws(FileFailure) {
        var budget = MemoryBudget(memory: limit)
        let source = try ImageSource(kernel: ByteString(path), drawingFrom: &budget)
        return .success(source.bytes.withUnsafeBytes { Array($0) })
    } catch { return .failure(error) }
}

private func initrd(_ paths: [String], limit: UInt64 = .max) -> Result<[UInt8], FileFailure> {
    do throws(FileFailure) {
        var budget = MemoryBudget(memory: limit)
        let source = try ImageSource(initrds: paths.map { ByteString($0) }, drawingFrom: &budget)
        return .success(source.bytes.withUnsafeBytes { Array($0) })
    } catch { return .failure(error) }
}

private func inode(_ descriptor: Int32) -> UInt64 {
    var status = stat()
    fstat(descriptor, &status)
    return UInt64(status.st_ino)
}

/// What a descriptor gives when it is read from its beginning.
private func contents(_ descriptor: Int32) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    return Array(bytes.prefix(max(0, count)))
}

@Suite(.serialized) struct FilesSourceTests {
    private let folder: TemporaryFolder
    private let sample = CompressedSample.all[0]

    init() throws { folder = try TemporaryFolder() }

    @Test func mapsAPlainFileAndPassesItsOwnDescriptorOn() throws {
        let path = try folder.file("vmlinuz", [1, 2, 3, 4, 5])
        let source = try ImageSource(kernel: ByteString(path))
        #expect(source.bytes.withUnsafeBytes { Array($0) } == [1, 2, 3, 4, 5])
        #expect(source.byteCount == 5)
        #expect(source.compression == nil)
        #expect(source.path == ByteString(path))
        let file = open(path, O_RDONLY)
        defer { close(file) }
        #expect(inode(source.fileDescriptor) == inode(file))
    }

    /// Latin-1, and the name that its conversion to Unicode would make of it.
    @Test func opensTheVeryFileWhoseNameIsNoUTF8() throws {
        func write(_ name: ByteString, _ byte: UInt8) {
            let file = open(name.cString, O_WRONLY | O_CREAT, 0o600)
            _ = [byte].withUnsafeBytes { Glibc.write(file, $0.baseAddress, 1) }
            close(file)
        }
        let path = ByteString(folder.path + "/k") + ByteString([0xe9, 0xff])
        write(path, 1)
        write(ByteString(folder.path + "/k\u{fffd}\u{fffd}"), 2)
        let source = try ImageSource(kernel: path)
        #expect(source.path == path && source.bytes.withUnsafeBytes { Array($0) } == [1])
        #expect(try ImageSource(initrds: [path]).byteCount == 1)
        #expect(try ImageSource(initrds: [path, path]).byteCount == 8)
    }

    @Test func unpacksAKernelIntoAFileInMemory() throws {
        let path = try folder.file("vmlinuz", sample.bytes)
        let source = try ImageSource(kernel: ByteString(path))
        #expect(source.compression == .gzip)
        #expect(source.byteCount == CompressedSample.contents.count)
        #expect(contents(source.fileDescriptor) == CompressedSample.contents)
    }

    /// What was unpacked takes memory, what is mapped takes none.
    @Test func drawsFromTheBudgetWhatTheKernelTakes() throws {
        let size = UInt64(CompressedSample.contents.count)
        for (bytes, taken) in [(sample.bytes, size), ([1, 2, 3], 0)] {
            var budget = MemoryBudget(memory: 1 << 30)
            _ = try ImageSource(kernel: ByteString(try folder.file("vmlinuz", bytes)), drawingFrom: &budget)
            #expect(budget.taken == taken)
        }
    }

    @Test func readsPipes() {
        #expect(kernel(folder.pipe("kernel", [7, 8, 9])) == .success([7, 8, 9]))
        #expect(kernel(folder.pipe("packed", sample.bytes)) == .success(CompressedSample.contents))
        #expect(initrd([folder.pipe("initrd", sample.bytes)]) == .success(sample.bytes), "an initrd stays packed")
    }

    @Test func readsStandardInput() throws {
        let saved = dup(0)
        let file = open(try folder.file("stdin", [4, 5, 6]), O_RDONLY)
        dup2(file, 0)
        defer {
            dup2(saved, 0)
            close(saved)
            close(file)
        }
        #expect(kernel("-") == .success([4, 5, 6]))
        let pipe = open(folder.pipe("pipe", [7]), O_RDONLY)
        dup2(pipe, 0)
        #expect(initrd(["-"]) == .success([7]))
        close(pipe)
    }

    @Test func putsSeveralInitrdsTogetherOnMultiplesOfFour() throws {
        let first = try folder.file("first", [1, 2, 3, 4, 5])
        let second = folder.pipe("second", [6, 7, 8])
        let third = try folder.file("third", [9, 10, 11, 12])
        let source = try ImageSource(initrds: [first, second, third].map { ByteString($0) })
        let expected: [UInt8] = [1, 2, 3, 4, 5, 0, 0, 0, 6, 7, 8, 0, 9, 10, 11, 12]
        #expect(source.bytes.withUnsafeBytes { Array($0) } == expected)
        #expect(contents(source.fileDescriptor) == expected)
    }

    @Test func beginsEveryModuleOnAPageOfItsOwn() throws {
        let first = try folder.file("first", [1, 2, 3])
        var budget = MemoryBudget(memory: 1 << 20)
        let source = try ImageSource(
            modules: [first, folder.pipe("second", [4]), first].map { ByteString($0) }, drawingFrom: &budget)
        #expect(source.parts == [0..<3, 0x1000..<0x1001, 0x2000..<0x2003])
        #expect(source.bytes.withUnsafeBytes { Array($0[0x1000..<0x1002]) } == [4, 0])
        var nothing = MemoryBudget(memory: 0)
        #expect(
            try ImageSource(modules: [ByteString(first)], drawingFrom: &nothing).parts == [0..<3], "mapped, not padded")
    }

    @Test func findsTheFileOfAModuleBeforeItsArguments() {
        var request = KexecRequest(kernel: "k")
        request.modules = ["/a", "/b x=y z", "-"]
        #expect(request.otherFiles == ["/a", "/b", "-"])
        request.initrds = ["i"]
        #expect(request.otherFiles == ["i"])
    }

    @Test func passesASingleInitrdOnAsItIs() throws {
        let path = try folder.file("initrd", [1, 2, 3])
        #expect(initrd([path]) == .success([1, 2, 3]), "nothing is padded")
    }

    @Test func namesTheInitrdThatCannotBeRead() throws {
        let first = try folder.file("first", [1])
        let missing = folder.path + "/missing"
        #expect(initrd([first, missing]) == .failure(FileFailure(path: ByteString(missing), problem: .missing)))
        let empty = try folder.file("empty", [])
        #expect(initrd([first, empty, first]) == .failure(FileFailure(path: ByteString(empty), problem: .empty)))
    }

    @Test func refusesWhatIsNoFile() throws {
        func expect(_ path: String, _ problem: FileProblem) {
            #expect(kernel(path) == .failure(FileFailure(path: ByteString(path), problem: problem)))
            #expect(initrd([path]) == .failure(FileFailure(path: ByteString(path), problem: problem)))
        }
        expect(folder.path, .directory)
        expect("/dev/null", .characterDevice)
        expect(folder.path + "/missing", .missing)
        expect(try folder.file("empty", []), .empty)
        let file = try folder.file("file", [1])
        expect(file + "/below", .failed(CallFailure(call: .open, errno: ENOTDIR)))
        let loop = folder.path + "/loop"
        symlink(loop, loop)
        expect(loop, .failed(CallFailure(call: .open, errno: ELOOP)))
        symlink(folder.path + "/missing", folder.path + "/dangling")
        expect(folder.path + "/dangling", .missing)
    }

    @Test(.timeLimit(.minutes(1))) func tellsOncePipesThatAreSilent() throws {
        let path = folder.path + "/silent"
        mkfifo(path, 0o600)
        Thread.detachNewThread {
            sleep(6)
            let file = open(path, O_WRONLY)
            _ = write(file, "ab", 2)
            sleep(6)
            _ = write(file, "c", 1)
            close(file)
        }
        let silent = SilentPipes()
        let progress = Progress(nil, silentPipe: { silent.paths.append($0.description) })
        var budget = MemoryBudget(memory: 1 << 20)
        let source = try ImageSource(initrds: [ByteString(path)], drawingFrom: &budget, progress: progress)
        #expect(source.bytes.withUnsafeBytes { Array($0) } == Array("abc".utf8))
        #expect(silent.paths == [path])
    }

    @Test func takesThePermissionsThatAllFilesHave() throws {
        func permissions(_ modes: mode_t...) throws -> UInt32 {
            let files = try modes.map { mode in
                let path = try folder.file("file\(mode)", [1])
                chmod(path, mode)
                return path
            }
            let kernel = try ImageSource(kernel: ByteString(files[0]))
            let initrds = try ImageSource(initrds: files.map { ByteString($0) })
            return kernel.permissions & initrds.permissions
        }
        #expect(try permissions(0o644) == 0o644)
        #expect(try permissions(0o4755) == 0o644, "nobody may run it")
        #expect(try permissions(0o600, 0o644) == 0o600)
        #expect(try permissions(0o640, 0o604) == 0o600)
        #expect(try permissions(0o644, 0o640, 0o644) == 0o640)
        #expect(try permissions(0o400, 0o644) == 0o400)
        #expect(try ImageSource(kernel: ByteString(folder.pipe("piped", [1]))).permissions == 0o600)
        let foreign = try folder.file("foreign", [1])
        chmod(foreign, 0o640)
        if geteuid() == 0 {
            chown(foreign, 0, 65534)
            #expect(try ImageSource(kernel: ByteString(foreign)).permissions == 0o600, "our group may not read it")
        }
    }

    @Test func refusesAnEmptyPipe() {
        #expect(
            kernel(folder.pipe("pipe", []))
                == .failure(FileFailure(path: ByteString(folder.path + "/pipe"), problem: .empty)))
    }

    @Test func refusesASocket() throws {
        let path = folder.path + "/s"
        let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { room in room.copyBytes(from: path.utf8.prefix(107)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
        #expect(kernel(path) == .failure(FileFailure(path: ByteString(path), problem: .socket)))
    }

    @Test(.enabled(if: geteuid() != 0, "root may read everything"))
    func refusesAFileTheUserMayNotRead() throws {
        let path = try folder.file("secret", [1])
        chmod(path, 0)
        #expect(kernel(path) == .failure(FileFailure(path: ByteString(path), problem: .notPermitted)))
    }

    @Test func keepsToItsMemoryLimit() throws {
        let packed = try folder.file("packed", sample.bytes)
        let size = UInt64(CompressedSample.contents.count)
        #expect(
            kernel(packed, limit: 8192)
                == .failure(FileFailure(path: ByteString(packed), problem: .memoryShort(needed: size, available: 4096))),
            "a decoder's window takes as much as its output")
        let pipe = folder.pipe("pipe", [UInt8](repeating: 1, count: 5000))
        #expect(
            kernel(pipe, limit: 4096)
                == .failure(FileFailure(path: ByteString(pipe), problem: .memoryShort(needed: 4097, available: 4096))))
        let plain = try folder.file("plain", [UInt8](repeating: 1, count: 5000))
        #expect(try kernel(plain, limit: 1).get().count == 5000, "what is mapped takes no memory")
        #expect(
            initrd([plain, plain], limit: 6000)
                == .failure(FileFailure(path: ByteString(plain), problem: .memoryShort(needed: 10000, available: 6000)))
        )
        #expect(try initrd([folder.pipe("exact", [1, 2, 3, 4])], limit: 4).get().count == 4)
    }

    @Test func refusesDamageByName() throws {
        let cut = try folder.file("cut", Array(sample.bytes.dropLast(1)))
        #expect(
            kernel(cut)
                == .failure(
                    FileFailure(path: ByteString(cut), problem: .truncated(.gzip, size: sample.bytes.count - 1))))
        var bytes = sample.bytes
        bytes[bytes.count - 8] ^= 1
        let corrupt = try folder.file("corrupt", bytes)
        guard case .failure(let failure) = kernel(corrupt), case .corrupt(.gzip, _) = failure.problem else {
            Issue.record("accepted")
            return
        }
    }
}

private final class SilentPipes: @unchecked Sendable { var paths: [String] = [] }
