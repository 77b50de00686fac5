// SPDX-License-Identifier: MIT
public import BootFormats
internal import CLinux
internal import PhysicalMemory

/// A file that is going to be handed over, its bytes ready in memory: mapped from the file itself where that is
/// possible, otherwise (compressed, piped, put together from several) in a memfd.
///
/// Every file is read once.
public struct ImageSource: ~Copyable {
    /// As the user named it; "-" is standard input. Of several files the first.
    public let path: ByteString
    /// What the file was compressed with; nil where `bytes` are the file's own.
    public let compression: Compression?
    /// Where in `bytes` each of several files is.
    let parts: [Range<Int>]
    /// The permission bits that a file with these contents may have: those that all files have which these came from, without
    /// the right to run it. What comes by a pipe is for the caller alone (0600).
    public let permissions: UInt32
    private let map: MappedFile

    private init(
        path: ByteString, compression: Compression? = nil, parts: [Range<Int>]? = nil, permissions: UInt32 = 0o600,
        map: consuming MappedFile
    ) {
        self.path = path
        self.compression = compression
        self.permissions = permissions
        self.parts = parts ?? [0..<map.byteCount]
        self.map = map
    }

    /// Opens a kernel image and unpacks it where the whole file is compressed: as much as its head tells of, and a page.
    /// - Parameters:
    ///   - path: "-" for standard input.
    ///   - budget: what unpacked or piped contents draw from; what is mapped costs nothing.
    ///   - progress: hears of reading and unpacking.
    public init(
        kernel path: ByteString, drawingFrom budget: inout MemoryBudget, progress: Progress = Progress()
    ) throws(FileFailure) {
        do throws(FileProblem) { self = try Self.kernel(path, &budget, progress) } catch {
            throw FileFailure(path: path, problem: error)
        }
    }

    /// The same, with the memory of this machine.
    public init(kernel path: ByteString) throws(FileFailure) {
        var budget = MemoryBudget()
        try self.init(kernel: path, drawingFrom: &budget)
    }

    /// Opens initrds as they are; several are put one after the other, each padded to 4 bytes with zeros.
    ///
    /// - Parameters:
    ///   - paths: at least one; "-" for standard input.
    ///   - budget: what several files, or piped contents, draw from.
    ///   - progress: hears of reading.
    public init(
        initrds paths: [ByteString], drawingFrom budget: inout MemoryBudget, progress: Progress = Progress()
    ) throws(FileFailure) {
        try self.init(paths, alignment: 4, &budget, progress)
    }

    /// The same, with the memory of this machine.
    public init(initrds paths: [ByteString]) throws(FileFailure) {
        var budget = MemoryBudget()
        try self.init(initrds: paths, drawingFrom: &budget)
    }

    /// Opens Multiboot modules, which go to the next kernel as they are, too; of several each begins on a page.
    init(
        modules paths: [ByteString], drawingFrom budget: inout MemoryBudget, progress: Progress = Progress()
    ) throws(FileFailure) {
        try self.init(paths, alignment: Int(pageSize), &budget, progress)
    }

    private init(
        _ paths: [ByteString], alignment: Int, _ budget: inout MemoryBudget, _ progress: Progress
    ) throws(FileFailure) {
        let first = paths.first ?? ""
        var permissions: UInt32 = 0o644
        if paths.count > 1 {
            var parts: [Range<Int>] = []
            let map = try Self.concatenated(paths, alignment, &parts, &permissions, &budget, progress)
            self.init(path: first, parts: parts, permissions: permissions, map: map)
        } else {
            let map = try Self.single(first, &permissions, &budget, progress)
            self.init(path: first, permissions: permissions, map: map)
        }
    }

    /// Bytes of this program's own, in a file that the kernel can read.
    /// - Parameter path: what messages call it.
    init(made bytes: [UInt8], path: ByteString) throws(FileFailure) {
        do throws(FileProblem) {
            var file = try MemoryFile(limit: UInt64(bytes.count))
            try unsafe file.append { (room, _) throws(FileProblem) in
                // The room ends where the limit is.
                unsafe room.copyBytes(from: bytes)
                return bytes.count
            }
            self.init(path: path, map: try file.finished())
        } catch { throw FileFailure(path: path, problem: error) }
    }

    /// Stands where there is no initrd: no bytes, and the descriptor -1.
    static func nothing() -> ImageSource { ImageSource(path: "", parts: [], map: MappedFile()) }

    /// The kernel image or initrd as the next kernel gets it.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get { map.bytes }
    }

    public var byteCount: Int { map.byteCount }

    /// An open file with exactly `bytes` in it: the file itself where nothing had to be made of it, so that what the
    /// kernel knows about it (signature, IMA attributes) counts.
    public var fileDescriptor: Int32 { map.fileDescriptor }

    private static func kernel(
        _ path: ByteString, _ budget: inout MemoryBudget, _ progress: Progress
    ) throws(FileProblem) -> ImageSource {
        let file = try OpenedFile(path: path)
        let permissions = file.permissions
        let map = try file.mapped(as: .kernel, drawingFrom: &budget, progress: progress)
        let compression = compression(of: map)
        guard let compression else { return ImageSource(path: path, permissions: permissions, map: map) }
        let image = try unpacked(
            map, compression, memoryLimit: budget.limit(for: .kernel), progress: progress.of(.unpackingKernel))
        budget.takeUnpacked(image.byteCount, of: .kernel)
        return ImageSource(path: path, compression: compression, permissions: permissions, map: image)
    }

    // A function of its own: where a function lends a span of the map, it cannot give the map away.
    private static func compression(of map: borrowing MappedFile) -> Compression? {
        Compression(recognizing: map.bytes)
    }

    private static func single(
        _ path: ByteString, _ permissions: inout UInt32, _ budget: inout MemoryBudget, _ progress: Progress
    ) throws(FileFailure) -> MappedFile {
        do throws(FileProblem) {
            let file = try OpenedFile(path: path)
            permissions = file.permissions
            return try file.mapped(as: .initrd, drawingFrom: &budget, progress: progress)
        } catch {
            throw FileFailure(path: path, problem: error)
        }
    }

    private static func concatenated(
        _ paths: [ByteString], _ alignment: Int, _ parts: inout [Range<Int>], _ permissions: inout UInt32,
        _ budget: inout MemoryBudget, _ progress: Progress
    ) throws(FileFailure) -> MappedFile {
        var path = paths.first ?? ""
        do throws(FileProblem) {
            var all = try MemoryFile(limit: budget.limitForReading, progress: progress.of(.reading))
            for next in paths {
                path = next
                let start = all.count
                let file = try OpenedFile(path: next)
                permissions &= file.permissions
                try file.copy(to: &all)
                parts.append(start..<all.count)
                try all.pad(to: alignment)
            }
            budget.takeFile(all.count, of: .initrd)
            return try all.finished()
        } catch { throw FileFailure(path: path, problem: error) }
    }
}
