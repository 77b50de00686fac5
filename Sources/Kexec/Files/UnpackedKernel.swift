// SPDX-License-Identifier: MIT
internal import BootFormats
internal import PhysicalMemory

/// A kernel that was taken out of its bzImage, in memory of its own.
struct UnpackedKernel: ~Copyable {
    let compression: Compression
    let image: UnpackedLinux
    let map: MappedFile

    /// Unpacks `payload`, and moves the kernel in it up from its virtual address.
    /// - Parameters:
    ///   - size: what the payload becomes, as it says itself.
    ///   - place: `pref_address` and `init_size` of the setup header.
    @inline(never) init(
        _ payload: borrowing RawSpan, size: UInt64, linkedAt place: PhysicalRange, movedBy distance: UInt64,
        _ progress: Progress
    ) throws(UnpackingObstacle) {
        guard let compression = Compression(recognizing: payload) else { throw .packing }
        var moved: Result<UnpackedLinux, UnpackingObstacle> = .failure(.notMovable)
        let map: MappedFile
        do throws(FileProblem) {
            map = try Self.unpacked(payload, compression, size: size, progress.of(.unpackingKernel)) {
                moved = Self.moved(&$0, linkedAt: place, by: distance)
            }
        } catch { throw UnpackingObstacle(error) }
        image = try moved.get()
        self.compression = compression
        self.map = map
    }

    private static func unpacked(
        _ payload: borrowing RawSpan, _ compression: Compression, size: UInt64, _ progress: Progress,
        change: (inout MutableRawSpan) -> Void
    ) throws(FileProblem) -> MappedFile {
        // No call takes the descriptor of a kernel in this form.
        var file = MemoryFile(withoutDescriptor: size, progress: progress)
        // All of the room at once: then it is mapped only once.
        try file.reserve(Int(clamping: size))
        try unpack(payload, compression, .payload, into: &file)
        try unsafe file.append { room, used in
            // All of it has been written, and the span does not leave this call.
            var bytes = unsafe MutableRawSpan(_unsafeBytes: UnsafeMutableRawBufferPointer(rebasing: room[..<used]))
            change(&bytes)
            return 0
        }
        return try file.finished()
    }

    private static func moved(
        _ bytes: inout MutableRawSpan, linkedAt place: PhysicalRange, by distance: UInt64
    ) -> Result<UnpackedLinux, UnpackingObstacle> {
        do throws(ImageError) {
            let image = try UnpackedLinux(parsing: bytes.bytes, linkedAt: place)
            guard let relocations = image.relocations else { return .failure(.notMovable) }
            if distance != 0 { try relocations.apply(distance, to: &bytes, image.segments) }
            return .success(image)
        } catch { return .failure(.image(error)) }
    }
}

extension BootPlanner {
    /// Unpacks the kernel of a bzImage where that is wanted and possible, and notes for the plan what came of it.
    /// - Parameter memoryLimit: bytes that it may become.
    /// - Returns: the kernel; no bytes where the image goes as it is.
    mutating func unpack(
        _ image: KernelImage, _ facts: ImageFacts, _ bytes: borrowing RawSpan, initrdSize: Int, memoryLimit: UInt64,
        progress: Progress = Progress()
    ) -> MappedFile {
        guard case .bzImage(let image) = image else { return MappedFile() }
        do throws(UnpackingObstacle) {
            let header = image.header
            guard let payload = image.payload, payload.count > 4,
                let place = PhysicalRange(start: PhysicalAddress(header.preferredAddress), size: header.initSize)
            else { throw .notLinux }
            // The parser has seen to it that these are in the file, and that the size is plausible.
            let size = UInt64(bytes.little(UInt32.self, at: payload.upperBound - 4) ?? 0)
            let (distance, isRandomised) = try unpacking(of: image, facts, unpackedSize: size, initrdSize: initrdSize)
            guard size <= memoryLimit else { throw .memoryShort(needed: size, available: memoryLimit) }
            let kernel = try UnpackedKernel(
                bytes.extracting(payload), size: size, linkedAt: place, movedBy: distance, progress)
            kernelForm = .unpacked(kernel.compression, isRandomised: isRandomised)
            unpacked = kernel.image
            return kernel.map
        } catch {
            kernelForm = .asItIs(because: error)
            return MappedFile()
        }
    }
}
