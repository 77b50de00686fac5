// SPDX-License-Identifier: MIT
internal import BootFormats

/// A compressed file that is being read. It lends pointers, for decoders of C libraries; the file stays mapped as
/// long as one of these is in use.
@safe struct CompressedInput {
    /// What is to come out of it.
    enum Contents {
        /// A file whose head tells what it is, and how long; there may be several streams.
        case kernel
        /// What is in a bzImage, whose size is known.
        case payload
        /// A cpio archive that begins there in the output, and of which this is the only stream: what follows in an initrd
        /// is for others to look at.
        case archive(from: Int)
    }

    let compression: Compression
    /// In bytes.
    let count: Int
    let contents: Contents
    private let bytes: UnsafeRawBufferPointer
    private let progress: Progress

    init(
        _ bytes: UnsafeRawBufferPointer, _ compression: Compression, _ contents: Contents, progress: Progress
    ) {
        unsafe self.bytes = bytes
        self.progress = progress
        self.compression = compression
        self.contents = contents
        count = bytes.count
    }

    /// It is an archive of an initrd.
    var isArchive: Bool { if case .archive = contents { true } else { false } }

    // Both of these are asked in the loop that the compiler makes for each library: inlined, they are there four times.

    /// Whether no more output is wanted: all that an image's head tells of is there, or what is there rules out what it is to
    /// be, however it goes on.
    /// - Throws: `.memoryShort` where the head tells of more than there may be.
    @inline(never) func isEnough(_ output: inout MemoryFile) throws(FileProblem) -> Bool {
        progress.tell(output.count)
        switch contents {
        case .kernel:
            try output.heedHead()
            return output.wanted == 0 || output.isNoKernel
        case .payload: return output.isNoKernel
        case .archive(let start): return InitrdContents.isOther(output.bytes, from: start)
        }
    }

    /// How much of the room behind `used` bytes of output the next step gets: the first bytes decide, so that they come
    /// alone; and who listens wants to hear something now and then.
    @inline(never) func room(behind used: Int, of size: Int) -> Range<Int> {
        var step = progress.isHeard ? 4 << 20 : size
        switch contents {
        case .kernel: if used < MemoryFile.head { step = MemoryFile.head - used }
        case .payload: break
        case .archive(let start): if start == used { step = 4096 }
        }
        return used..<min(size, used + step)
    }

    /// The bytes from `position` on, at most 1 GiB: some decoders count in 32 bits.
    func rest(from position: Int) -> UnsafeRawBufferPointer {
        let start = min(position, count)
        return unsafe part(start..<start + min(count - start, 1 << 30))
    }

    /// The bytes of a range, which must lie in them.
    func part(_ range: Range<Int>) -> UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: bytes[range]) }

    /// The range of a part; nil where the file ends before it does.
    func range(at position: Int, size: UInt32) -> Range<Int>? {
        guard position <= count, UInt64(size) <= UInt64(count - position) else { return nil }
        return position..<position + Int(size)
    }

    /// nil beyond the end.
    func byte(at position: Int) -> UInt8? {
        guard position >= 0, position < count else { return nil }
        // The guard above is the bound.
        return unsafe bytes[position]
    }

    /// nil where the bytes end before it does.
    func little32(at position: Int) -> UInt32? {
        guard position >= 0, position <= count, count - position >= 4 else { return nil }
        // The guard above proved the bounds.
        return UInt32(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
    }

    /// Whether another stream of the same format begins at `position`. lzma, which has no magic, has one only.
    func continues(at position: Int) -> Bool {
        guard !isArchive, compression != .lzma, position < count else { return false }
        // The span does not leave this call.
        return unsafe Compression.format(of: RawSpan(_unsafeBytes: bytes), at: position) == compression
    }

    /// What may follow the last stream: nothing, padding of zeros, or the unpacked size in four bytes, as in the
    /// payload of a bzImage.
    func checkEnd(at position: Int, unpackedSize: Int) throws(FileProblem) {
        let rest = count - position
        guard rest > 0, !isArchive else { return }
        if rest == 4, little32(at: position) == UInt32(truncatingIfNeeded: unpackedSize) { return }
        for index in position..<count where byte(at: index) != 0 {
            throw .trailingBytes(compression, at: position, count: rest)
        }
    }

    /// The file ends too early.
    var truncated: FileProblem { .truncated(compression, size: count) }
}
