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
    public let path: String
    /// What the file was compressed with; nil where `bytes` are the file's own.
    public let compression: Compression?
    /// Where in `bytes` each of several files is.
    let parts: [Range<Int>]
    private let map: MappedFile

    private init(
        path: String, compression: Compression? = nil, parts: [Range<Int>]? = nil, map: consuming MappedFile
    ) {
        self.path = path
        self.compression = compression
        self.parts = parts ?? [0..<map.byteCount]
        self.map = map
    }

    /// Opens a kernel image and unpacks it where the whole file is compressed.
    /// - Parameters:
    ///   - path: "-" for standard input.
    ///   - memoryLimit: bytes of memory that unpacked or piped contents may take; what is mapped costs none.
    ///   - progress: hears of reading and unpacking.
    public init(
        kernel path: String, memoryLimit: UInt64 = .max, progress: Progress = Progress()
    ) throws(FileFailure) {
        do throws(FileProblem) { self = try Self.kernel(path, memoryLimit: memoryLimit, progress) } catch {
            throw FileFailure(path: path, problem: error)
        }
    }

    /// Opens initrds as they are; several are put one after the other, each padded to 4 bytes with zeros.
    ///
    /// - Parameters:
    ///   - paths: at least one; "-" for standard input.
    ///   - memoryLimit: bytes of memory that several files, or piped contents, may take.
    ///   - progress: hears of reading.
    public init(
        initrds paths: [String], memoryLimit: UInt64 = .max, progress: Progress = Progress()
    ) throws(FileFailure) {
        try self.init(paths, alignment: 4, memoryLimit: memoryLimit, progress)
    }

    /// Opens Multiboot modules, which go to the next kernel as they are, too; of several each begins on a page.
    init(modules paths: [String], memoryLimit: UInt64, progress: Progress = Progress()) throws(FileFailure) {
        try self.init(paths, alignment: Int(pageSize), memoryLimit: memoryLimit, progress)
    }

    private init(
        _ paths: [String], alignment: Int, memoryLimit: UInt64, _ progress: Progress
    ) throws(FileFailure) {
        let first = paths.first ?? ""
        if paths.count > 1 {
            var parts: [Range<Int>] = []
            let map = try Self.concatenated(paths, alignment, &parts, memoryLimit: memoryLimit, progress)
            self.init(path: first, parts: parts, map: map)
        } else {
            self.init(path: first, map: try Self.single(first, memoryLimit: memoryLimit, progress))
        }
    }

    /// Bytes of this program's own, in a file that the kernel can read.
    /// - Parameter path: what messages call it.
    init(made bytes: [UInt8], path: String) throws(FileFailure) {
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
        _ path: String, memoryLimit: UInt64, _ progress: Progress
    ) throws(FileProblem) -> ImageSource {
        let map = try OpenedFile(path: path).mapped(memoryLimit: memoryLimit, progress: progress)
        let compression = compression(of: map)
        guard let compression else { return ImageSource(path: path, map: map) }
        let image = try unpacked(
            map, compression, memoryLimit: memoryLimit, progress: progress.of(.unpackingKernel))
        return ImageSource(path: path, compression: compression, map: image)
    }

    // A function of its own: where a function lends a span of the map, it cannot give the map away.
    private static func compression(of map: borrowing MappedFile) -> Compression? {
        Compression(recognizing: map.bytes)
    }

    private static func single(
        _ path: String, memoryLimit: UInt64, _ progress: Progress
    ) throws(FileFailure) -> MappedFile {
        do throws(FileProblem) {
            return try OpenedFile(path: path).mapped(memoryLimit: memoryLimit, progress: progress)
        } catch {
            throw FileFailure(path: path, problem: error)
        }
    }

    private static func concatenated(
        _ paths: [String], _ alignment: Int, _ parts: inout [Range<Int>], memoryLimit: UInt64, _ progress: Progress
    ) throws(FileFailure) -> MappedFile {
        var path = paths.first ?? ""
        do throws(FileProblem) {
            var all = try MemoryFile(limit: memoryLimit, progress: progress.of(.reading))
            for next in paths {
                path = next
                let start = all.count
                try OpenedFile(path: next).copy(to: &all)
                parts.append(start..<all.count)
                try all.pad(to: alignment)
            }
            return try all.finished()
        } catch { throw FileFailure(path: path, problem: error) }
    }
}
