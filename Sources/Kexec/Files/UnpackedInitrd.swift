// SPDX-License-Identifier: MIT
internal import BootFormats

/// An initrd whose compressed archives were unpacked, in memory of its own.
///
/// What is not compressed stays byte for byte, and so does a bootconfig at the end; each archive begins on a multiple of
/// 4 bytes, as Linux wants it.
struct UnpackedInitrd: ~Copyable {
    /// What its first stream was packed with.
    let compression: Compression
    let map: MappedFile

    /// - Parameter limit: bytes that it may become. Nothing is unpacked, nor memory taken, where nothing is compressed.
    init(
        _ initrd: borrowing RawSpan, limit: UInt64, progress: Progress = Progress()
    ) throws(UnpackingObstacle) {
        let pieces = InitrdPieces(of: initrd)
        let first = try Self.firstStream(pieces, initrd)
        // Nobody packs for it to become larger.
        guard UInt64(initrd.byteCount) <= limit else {
            throw .memoryShort(needed: UInt64(initrd.byteCount), available: limit)
        }
        map = try Self.unpacked(pieces, initrd, limit: limit, progress.of(.unpackingInitrd))
        compression = first
    }

    private static func unpacked(
        _ pieces: InitrdPieces, _ initrd: borrowing RawSpan, limit: UInt64, _ progress: Progress
    ) throws(UnpackingObstacle) -> MappedFile {
        let obstacle: UnpackingObstacle
        do throws(FileProblem) {
            // No call takes the descriptor of an initrd in this form.
            var file = MemoryFile(withoutDescriptor: limit, progress: progress)
            guard let found = try unpack(pieces, initrd, into: &file) else { return try file.finished() }
            obstacle = found
        } catch { throw UnpackingObstacle(error) }
        throw obstacle
    }

    private static func firstStream(
        _ pieces: InitrdPieces, _ initrd: borrowing RawSpan
    ) throws(UnpackingObstacle) -> Compression {
        var piece = pieces.piece(of: initrd, from: 0)
        if case .archive(let front) = piece { piece = pieces.piece(of: initrd, from: front.upperBound) }
        switch piece {
        case .stream(let compression, _): return compression
        case .unknown(let offset): throw .unknownPiece(at: offset)
        case .end, .archive: throw .nothingPacked
        }
    }

    /// - Returns: why it cannot be done; nil where it is.
    private static func unpack(
        _ pieces: InitrdPieces, _ initrd: borrowing RawSpan, into file: inout MemoryFile
    ) throws(FileProblem) -> UnpackingObstacle? {
        var offset = 0
        while true {
            // A header lies on a multiple of 4.
            try file.pad(to: 4)
            switch pieces.piece(of: initrd, from: offset) {
            case .archive(let range):
                try append(initrd.extracting(range), to: &file)
                offset = range.upperBound
            case .stream(let compression, let start):
                let archive = file.count
                offset = start
                offset += try unpackArchive(initrd.extracting(start..<pieces.end), compression, into: &file)
                switch InitrdContents(of: file.bytes, from: archive) {
                case .archive: break
                case .other: return .notArchive(compression)
                case .cut: return .splitArchive(compression)
                case .early: return .earlyFile
                }
                guard pieces.canEnd(compression, at: offset, in: initrd) else { return .unknownPiece(at: offset) }
            case .unknown(let offset): return .unknownPiece(at: offset)
            case .end:
                try append(initrd.extracting(pieces.bootconfig), to: &file)
                return nil
            }
        }
    }

    private static func append(_ bytes: borrowing RawSpan, to file: inout MemoryFile) throws(FileProblem) {
        try file.reserve(bytes.byteCount)
        // The source is another map, and `reserve` made room for all of it.
        try unsafe bytes.withUnsafeBytes { source throws(FileProblem) in
            try unsafe file.append { room, used in
                unsafe UnsafeMutableRawBufferPointer(rebasing: room[used...]).copyMemory(from: source)
                return source.count
            }
        }
    }
}

extension BootPlanner {
    /// Unpacks what is compressed in an initrd where that is wanted and possible, and notes for the plan what came of it.
    /// - Parameters:
    ///   - unpackedKernel: bytes that an unpacked kernel takes besides.
    ///   - memoryLimit: bytes that may be taken at all.
    /// - Returns: the initrd; no bytes where it goes as it is, or there is none.
    @inline(never) mutating func unpackInitrd(
        _ initrd: borrowing RawSpan, for image: KernelImage, _ facts: ImageFacts, unpackedKernel: Int,
        memoryLimit: UInt64, progress: Progress = Progress()
    ) -> MappedFile {
        guard !request.initrds.isEmpty else { return MappedFile() }
        // By itself that costs next to nothing: a kernel that will panic is to be told of in any case.
        let isLinux = isLinux(image)
        if isLinux { initrdFault = InitrdPieces(of: initrd).fault(of: initrd) }
        do throws(UnpackingObstacle) {
            guard case .bzImage(let image) = image else { throw .notLinux }
            let limit = try unpackedInitrdLimit(
                for: image, facts, initrdSize: initrd.byteCount, unpackedKernel: unpackedKernel)
            let unpacked = try UnpackedInitrd(initrd, limit: min(limit, memoryLimit), progress: progress)
            initrdForm = .unpacked(unpacked.compression, from: initrd.byteCount, to: unpacked.map.byteCount)
            return unpacked.map
        } catch {
            initrdForm = .asItIs(because: error)
            switch error {
            case .splitArchive(let compression) where isLinux: initrdFault = .splitArchive(compression)
            case .unknownPiece(let offset) where isLinux: initrdFault = InitrdFault(of: initrd, at: offset)
            default: break
            }
            return MappedFile()
        }
    }
}
