// SPDX-License-Identifier: MIT
#if CODEC_ZSTD
    internal import BootFormats
    internal import CZstd

    /// Unpacks zstd frames (RFC 8878) block by block, until nothing more is wanted: straight to
    /// where the bytes stay, which is then the window too.
    /// - Returns: where the last one ends.
    func unpackZstd(_ input: CompressedInput, into output: inout MemoryFile) throws(FileProblem) -> Int {
        let decoder = try ZstdDecoder()
        var position = 0
        while let frame = try zstdFrame(of: input, at: position) {
            if try decoder.unpack(frame, of: input, at: position, into: &output) || input.isArchive {
                return position + frame.count
            }
            position += frame.count
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

        /// Unpacks one frame block by block, or as much of it as is wanted. The room stays where it is, for the decoder looks
        /// back into it.
        /// - Parameter position: of the frame in the file.
        /// - Returns: whether nothing more is wanted.
        func unpack(
            _ frame: ZstdFrame, of input: CompressedInput, at position: Int, into output: inout MemoryFile
        ) throws(FileProblem) -> Bool {
            let isWhole = frame.size < output.remaining
            // A frame that tells its size is refused for it; what it may be at most can be far more than it is. Of a kernel
            // its head tells what is needed.
            output.expectedSize = frame.isSizeKnown ? UInt64(output.count) + UInt64(frame.size) : 0
            if case .kernel = input.contents {} else { try output.checkExpectedSize() }
            try output.reserve(isWhole ? frame.size + 1 : output.remaining)
            let isFull = output.isFull
            guard unsafe kx_zstd_error(ZSTD_decompressBegin(context)) == 0 else { throw .corrupt(.zstd, at: position) }
            var offset = 0
            while true {
                let next = unsafe ZSTD_nextSrcSizeToDecompress(context)
                guard next > 0 else { return try input.isEnough(&output) }
                guard next <= frame.count - offset else { throw .corrupt(.zstd, at: position) }
                try unsafe output.append { (room, used) throws(FileProblem) in
                    // Both offsets lie within their buffers, and the counts are what is left or less.
                    let count = unsafe decode(frame.bytes[offset..<offset + next], into: room, at: used)
                    guard let count else { throw isWhole ? .corrupt(.zstd, at: position) : isFull }
                    return count
                }
                offset += next
                if try input.isEnough(&output) { return true }
            }
        }

        private func decode(
            _ block: Slice<UnsafeRawBufferPointer>, into room: UnsafeMutableRawBufferPointer, at used: Int
        ) -> Int? {
            let block = unsafe UnsafeRawBufferPointer(rebasing: block)
            guard let output = room.baseAddress else { return nil }
            // The offset lies within the room, and the counts are those of block and room.
            let count = unsafe ZSTD_decompressContinue(
                context, output + used, room.count - used, block.baseAddress, block.count)
            return kx_zstd_error(count) == 0 ? count : nil
        }
    }
#endif
