// SPDX-License-Identifier: MIT
#if CODEC_ZSTD
    internal import BootFormats
    internal import CZstd

    /// Unpacks zstd frames (RFC 8878) block by block, until it is clear that nothing comes out that is wanted: straight to
    /// where the bytes stay, which is then the window too.
    /// - Returns: where the last one ends.
    func unpackZstd(_ input: CompressedInput, into output: inout MemoryFile) throws(FileProblem) -> Int {
        let decoder = try ZstdDecoder()
        var position = 0
        while let frame = try zstdFrame(of: input, at: position) {
            // Far more than there will be, where the frame does not say how much that is.
            let isEnough = frame.isSizeKnown || frame.size <= output.remaining
            try output.reserve(isEnough ? frame.size : output.remaining)
            let isFull = output.isFull
            var isInVain = false
            try unsafe output.append { (room, used) throws(FileProblem) in
                guard let count = unsafe decoder.decode(frame.bytes, of: input, into: room, at: used) else {
                    throw isEnough ? .corrupt(.zstd, at: position) : isFull
                }
                isInVain = unsafe input.isInVain(room, used + count)
                return count
            }
            position += frame.count
            if isInVain || input.archiveStart != nil { return position }
        }
        try input.checkEnd(at: position, unpackedSize: output.count)
        return position
    }

    /// `ZSTD_error_srcSize_wrong`: the input ends too early.
    private let endsTooEarly: Int32 = 72

    @safe private struct ZstdFrame {
        let bytes: UnsafeRawBufferPointer
        let count: Int
        /// What it unpacks to, or does at most.
        let size: Int
        let isSizeKnown: Bool
    }

    /// The frame at `position`, also one to skip; nil where there is none.
    private func zstdFrame(of input: CompressedInput, at position: Int) throws(FileProblem) -> ZstdFrame? {
        guard let magic = input.little32(at: position),
            magic == 0xfd2f_b528 || magic & 0xffff_fff0 == LZ4Magic.skippable
        else { return nil }
        let rest = unsafe input.part(position..<input.count)
        // The pointers and counts are those of one buffer.
        let count = unsafe ZSTD_findFrameCompressedSize(rest.baseAddress, rest.count)
        switch kx_zstd_error(count) {
        case 0: break
        case endsTooEarly: throw input.truncated
        default: throw .corrupt(.zstd, at: position)
        }
        var size = unsafe ZSTD_getFrameContentSize(rest.baseAddress, count)
        let isSizeKnown = kx_zstd_size_is_known(size) != 0
        if !isSizeKnown { size = unsafe ZSTD_decompressBound(rest.baseAddress, count) }
        guard kx_zstd_size_is_known(size) != 0 else { throw .corrupt(.zstd, at: position) }
        return unsafe ZstdFrame(
            bytes: input.part(position..<position + count), count: count, size: Int(clamping: size),
            isSizeKnown: isSizeKnown)
    }

    @safe private struct ZstdDecoder: ~Copyable {
        private let context: OpaquePointer

        init() throws(FileProblem) {
            // Ours alone until `deinit` frees it.
            guard let context = unsafe ZSTD_createDCtx() else { throw .memoryShort(needed: 1 << 18, available: 0) }
            unsafe self.context = context
        }

        deinit { unsafe ZSTD_freeDCtx(context) }

        /// Decodes one frame, or as much of it as shows that it is not what is wanted.
        ///
        /// Block by block; the room stays where it is, for the decoder looks back into it.
        /// - Parameters:
        ///   - room: holds the output of earlier frames, too.
        ///   - start: where in `room` the output begins.
        /// - Returns: bytes written; nil for a frame that is not valid.
        func decode(
            _ frame: UnsafeRawBufferPointer, of file: CompressedInput, into room: UnsafeMutableRawBufferPointer,
            at start: Int
        ) -> Int? {
            guard let input = frame.baseAddress, let output = room.baseAddress,
                unsafe kx_zstd_error(ZSTD_decompressBegin(context)) == 0
            else { return nil }
            var offset = 0
            var end = start
            while unsafe !file.isInVain(room, end) {
                let next = unsafe ZSTD_nextSrcSizeToDecompress(context)
                guard next > 0 else { break }
                guard next <= frame.count - offset else { return nil }
                // Both offsets lie within their buffers, and the counts are what is left or less.
                let count = unsafe ZSTD_decompressContinue(
                    context, output + end, room.count - end, input + offset, next)
                guard kx_zstd_error(count) == 0 else { return nil }
                offset += next
                end += count
            }
            return end - start
        }
    }
#endif
