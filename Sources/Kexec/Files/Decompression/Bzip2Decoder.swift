// SPDX-License-Identifier: MIT
#if CODEC_BZIP2
    internal import CBzip2

    /// bzip2, by libbz2.
    @safe struct Bzip2Decoder: StreamDecoder, ~Copyable {
        private let stream: UnsafeMutablePointer<bz_stream>

        init() throws(FileProblem) {
            // Ours alone until `deinit` closes it.
            guard let stream = unsafe kx_bzip2_open() else { throw .memoryShort(needed: 1 << 16, available: 0) }
            unsafe self.stream = stream
        }

        deinit { unsafe kx_bzip2_close(stream) }

        mutating func step(_ input: UnsafeRawBufferPointer, _ room: UnsafeMutableRawBufferPointer) -> DecodingStep {
            let inputCount = min(input.count, 1 << 30)
            let roomCount = min(room.count, 1 << 30)
            // libbz2 reads its input only, whatever its type says; both buffers outlive the call.
            unsafe stream.pointee.next_in = UnsafeMutablePointer(
                mutating: input.baseAddress?.assumingMemoryBound(to: CChar.self))
            unsafe stream.pointee.avail_in = UInt32(inputCount)
            unsafe stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: CChar.self)
            unsafe stream.pointee.avail_out = UInt32(roomCount)
            let state: DecodingStep.State =
                switch unsafe BZ2_bzDecompress(stream) {
                case BZ_STREAM_END: .ended
                case BZ_OK: .more
                case BZ_MEM_ERROR: .memoryShort
                default: .corrupt
                }
            return unsafe DecodingStep(
                consumed: inputCount - Int(stream.pointee.avail_in),
                produced: roomCount - Int(stream.pointee.avail_out), state: state)
        }
    }
#endif
