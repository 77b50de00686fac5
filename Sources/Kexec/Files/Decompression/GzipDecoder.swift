// SPDX-License-Identifier: MIT
#if CODEC_ZLIB
    internal import CZlib

    /// gzip (RFC 1952), by zlib.
    @safe struct GzipDecoder: StreamDecoder, ~Copyable {
        private let stream: UnsafeMutablePointer<z_stream>

        init() throws(FileProblem) {
            // Ours alone until `deinit` closes it.
            guard let stream = unsafe kx_gzip_open() else { throw .memoryShort(needed: 1 << 16, available: 0) }
            unsafe self.stream = stream
        }

        deinit { unsafe kx_gzip_close(stream) }

        mutating func step(_ input: UnsafeRawBufferPointer, _ room: UnsafeMutableRawBufferPointer) -> DecodingStep {
            let inputCount = min(input.count, 1 << 30)
            let roomCount = min(room.count, 1 << 30)
            // zlib reads its input only, whatever its type says; both buffers outlive the call.
            unsafe stream.pointee.next_in = UnsafeMutablePointer(
                mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
            unsafe stream.pointee.avail_in = UInt32(inputCount)
            unsafe stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
            unsafe stream.pointee.avail_out = UInt32(roomCount)
            let state: DecodingStep.State =
                switch unsafe inflate(stream, Z_NO_FLUSH) {
                case Z_STREAM_END: .ended
                case Z_OK, Z_BUF_ERROR: .more
                case Z_MEM_ERROR: .memoryShort
                default: .corrupt
                }
            return unsafe DecodingStep(
                consumed: inputCount - Int(stream.pointee.avail_in),
                produced: roomCount - Int(stream.pointee.avail_out), state: state)
        }
    }
#endif
