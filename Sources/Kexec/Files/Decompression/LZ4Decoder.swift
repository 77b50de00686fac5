// SPDX-License-Identifier: MIT
internal import BootFormats

/// Unpacks lz4's frames and its older format, which Linux uses for kernels ("LZ4 Frame Format Description").
///
/// liblz4 would cost 61 KB with its encoder in one object file, or 135 KB with its frames; this is all a loader needs.
struct LZ4Decoder {
    let input: CompressedInput

    /// - Returns: where the last stream ends.
    func unpack(into output: inout MemoryFile) throws(FileProblem) -> Int {
        var position = 0
        while let magic = input.little32(at: position) {
            if magic == LZ4Magic.legacy {
                position = try unpackLegacy(from: position + 4, into: &output)
            } else if input.isArchive {
                // Linux takes nothing else for an initrd.
                break
            } else if magic == LZ4Magic.frame {
                position = try unpackFrame(from: position + 4, into: &output)
            } else if magic & 0xffff_fff0 == LZ4Magic.skippable {
                guard let size = input.little32(at: position + 4), let part = input.range(at: position + 8, size: size)
                else {
                    throw input.truncated
                }
                position = part.upperBound
            } else {
                break
            }
        }
        try input.checkEnd(at: position, unpackedSize: output.count)
        return position
    }

    /// Blocks of 8 MiB, without an end mark: the file's end is the stream's.
    private func unpackLegacy(from start: Int, into output: inout MemoryFile) throws(FileProblem) -> Int {
        var position = start
        while let size = input.little32(at: position) {
            let isBlock = size > 0 && size <= Self.largestLegacyBlock && !isSizeTrailer(size, position, output.count)
            guard isBlock else { return position }
            guard let block = input.range(at: position + 4, size: size) else { throw input.truncated }
            let history = output.count
            if try unpackBlock(block, into: &output, size: Self.legacyBlockSize, history: history) {
                return input.count
            }
            position = block.upperBound
        }
        guard position == input.count || input.isArchive else { throw input.truncated }
        return position
    }

    private static let legacyBlockSize = 8 << 20
    /// What cannot be packed grows: a length byte for each 255.
    private static let largestLegacyBlock = UInt32(legacyBlockSize + legacyBlockSize / 255 + 16)

    private func isSizeTrailer(_ size: UInt32, _ position: Int, _ count: Int) -> Bool {
        !input.isArchive && position + 4 == input.count && size == UInt32(truncatingIfNeeded: count)
    }

    private func unpackFrame(from start: Int, into output: inout MemoryFile) throws(FileProblem) -> Int {
        let frame = try frameHeader(at: start)
        let first = output.count
        if let size = frame.contentSize { try reserve(size, in: &output) }
        var position = frame.end
        while true {
            guard let word = input.little32(at: position) else { throw input.truncated }
            position += 4
            if word == 0 { break }
            guard let block = input.range(at: position, size: word & 0x7fff_ffff) else { throw input.truncated }
            guard block.count <= frame.blockSize else { throw .corrupt(.lz4, at: position) }
            let history = frame.hasIndependentBlocks ? output.count : first
            let isEnough =
                word & 0x8000_0000 != 0
                ? try copyBlock(block, into: &output)
                : try unpackBlock(block, into: &output, size: frame.blockSize, history: history)
            if isEnough { return input.count }
            position = block.upperBound
            if frame.hasBlockChecksums { position = try unsafe checkSum(of: input.part(block), at: position) }
        }
        if let size = frame.contentSize, size != UInt64(output.count - first) { throw .corrupt(.lz4, at: position) }
        guard frame.hasContentChecksum else { return position }
        var end = position
        try unsafe output.append { (room, used) throws(FileProblem) in
            // All of it has been written.
            end = try unsafe checkSum(of: UnsafeRawBufferPointer(rebasing: room[first..<used]), at: position)
            return 0
        }
        return end
    }

    /// Compares the checksum that stands at `position`; returns where it ends.
    private func checkSum(of bytes: UnsafeRawBufferPointer, at position: Int) throws(FileProblem) -> Int {
        guard let expected = input.little32(at: position) else { throw input.truncated }
        // The bytes stay for the call.
        guard unsafe xxHash32(bytes) == expected else { throw .corrupt(.lz4, at: position) }
        return position + 4
    }

    /// Makes room for a whole frame. Of a kernel its head tells what is needed: what is there besides may be too much.
    @inline(never) private func reserve(_ size: UInt64, in output: inout MemoryFile) throws(FileProblem) {
        output.expectedSize = size
        if case .kernel = input.contents, size > UInt64(output.remaining) { return }
        guard let size = Int(exactly: size) else { throw .memoryShort(needed: size, available: UInt64(Int.max)) }
        try output.reserve(size)
    }

    /// - Returns: whether nothing more is wanted.
    @inline(never) private func copyBlock(_ block: Range<Int>, into output: inout MemoryFile) throws(FileProblem)
        -> Bool
    {
        try output.reserve(block.count)
        try unsafe output.append { room, used in
            // `reserve` made room for the whole block.
            unsafe UnsafeMutableRawBufferPointer(rebasing: room[used...]).copyMemory(from: input.part(block))
            return block.count
        }
        return try input.isEnough(&output)
    }

    /// - Returns: whether nothing more is wanted.
    @inline(never) private func unpackBlock(
        _ block: Range<Int>, into output: inout MemoryFile, size: Int, history: Int
    ) throws(FileProblem) -> Bool {
        // A last block is smaller than its format allows, so the limit counts only once it is reached.
        let space = min(size, output.remaining)
        try output.reserve(space)
        let needed = UInt64(output.count) + UInt64(size)
        let available = UInt64(output.count) + UInt64(space)
        try unsafe output.append { (room, used) throws(FileProblem) in
            // The decoder writes from `used` on, to the room just reserved, and reads from `history` on.
            let count = unsafe unpackLZ4Block(
                input.part(block), into: room, at: used, end: used + space, history: history)
            guard let count else {
                throw space < size
                    ? .memoryShort(needed: needed, available: available) : .corrupt(.lz4, at: block.lowerBound)
            }
            return count
        }
        return try input.isEnough(&output)
    }
}
