// SPDX-License-Identifier: MIT
#if CODEC_ZSTD
    internal import BootFormats
    internal import CZstd

    /// Unpacks zstd frames (RFC 8878), each in one go: straight to where its bytes stay, which is then the window too.
    func unpackZstd(_ input: CompressedInput, into output: inout MemoryFile) throws(FileProblem) {
        let decoder = try ZstdDecoder()
        var position = 0
        while let frame = try zstdFrame(of: input, at: position) {
            try output.reserve(frame.size)
            try unsafe output.append { (room, used) throws(FileProblem) in
                // Of the room, the decoder writes to what lies beyond the bytes used.
                let result = unsafe decoder.decode(
                    frame.bytes, into: UnsafeMutableRawBufferPointer(rebasing: room[used...]))
                guard kx_zstd_error(result) == 0 else { throw .corrupt(.zstd, at: position) }
                return result
            }
            position += frame.count
        }
        try input.checkEnd(at: position, unpackedSize: output.count)
    }

    /// `ZSTD_error_srcSize_wrong`: the input ends too early.
    private let endsTooEarly: Int32 = 72

    @safe private struct ZstdFrame {
        let bytes: UnsafeRawBufferPointer
        let count: Int
        /// What it unpacks to at most.
        let size: Int
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
        if kx_zstd_size_is_known(size) == 0 { size = unsafe ZSTD_decompressBound(rest.baseAddress, count) }
        guard kx_zstd_size_is_known(size) != 0 else { throw .corrupt(.zstd, at: position) }
        return unsafe ZstdFrame(
            bytes: input.part(position..<position + count), count: count, size: Int(clamping: size))
    }

    @safe private struct ZstdDecoder: ~Copyable {
        private let context: OpaquePointer

        init() throws(FileProblem) {
            // Ours alone until `deinit` frees it.
            guard let context = unsafe ZSTD_createDCtx() else { throw .memoryShort(needed: 1 << 18, available: 0) }
            unsafe self.context = context
        }

        deinit { unsafe ZSTD_freeDCtx(context) }

        /// - Returns: bytes written, or libzstd's error.
        func decode(_ frame: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer) -> Int {
            // Counts and pointers belong together.
            unsafe ZSTD_decompressDCtx(context, room.baseAddress, room.count, frame.baseAddress, frame.count)
        }
    }
#endif
