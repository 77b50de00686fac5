// SPDX-License-Identifier: MIT
#if CODEC_LZMA
    internal import CLZMA

    /// One xz stream, by liblzma.
    @safe struct XZDecoder: StreamDecoder, ~Copyable {
        private let stream: UnsafeMutablePointer<lzma_stream>

        init() throws(FileProblem) { unsafe stream = try openStream(isXZ: true) }
        deinit { unsafe kx_lzma_close(stream) }

        mutating func step(_ input: UnsafeRawBufferPointer, _ room: UnsafeMutableRawBufferPointer) -> DecodingStep {
            unsafe decode(stream, input, room)
        }
    }

    /// The format of xz's predecessor, by liblzma.
    @safe struct LZMADecoder: StreamDecoder, ~Copyable {
        private let stream: UnsafeMutablePointer<lzma_stream>

        init() throws(FileProblem) { unsafe stream = try openStream(isXZ: false) }
        deinit { unsafe kx_lzma_close(stream) }

        mutating func step(_ input: UnsafeRawBufferPointer, _ room: UnsafeMutableRawBufferPointer) -> DecodingStep {
            unsafe decode(stream, input, room)
        }
    }

    private func openStream(isXZ: Bool) throws(FileProblem) -> UnsafeMutablePointer<lzma_stream> {
        // The caller owns it.
        guard let stream = unsafe kx_lzma_open(isXZ ? 1 : 0, decoderMemoryLimit) else {
            throw .memoryShort(needed: 1 << 16, available: 0)
        }
        return unsafe stream
    }

    private func decode(
        _ stream: UnsafeMutablePointer<lzma_stream>, _ input: UnsafeRawBufferPointer,
        _ room: UnsafeMutableRawBufferPointer
    ) -> DecodingStep {
        // Both buffers outlive the call.
        unsafe stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe stream.pointee.avail_in = input.count
        unsafe stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe stream.pointee.avail_out = room.count
        let state: DecodingStep.State =
            switch unsafe lzma_code(stream, LZMA_RUN) {
            case LZMA_STREAM_END: .ended
            case LZMA_OK, LZMA_BUF_ERROR: .more
            case LZMA_MEM_ERROR: .memoryShort
            case LZMA_MEMLIMIT_ERROR: .dictionaryTooLarge
            case LZMA_OPTIONS_ERROR: .unknownFilter
            default: .corrupt
            }
        return unsafe DecodingStep(
            consumed: input.count - stream.pointee.avail_in, produced: room.count - stream.pointee.avail_out,
            state: state)
    }
#endif
