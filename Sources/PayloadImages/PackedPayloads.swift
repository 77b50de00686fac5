// SPDX-License-Identifier: MIT
//
// The static program holds its payloads as what `gzip` makes of them, a good half of what base64 takes.
#if PACKED_PAYLOADS
    internal import CPayloads
    internal import CZlib

    public func purgatoryImage() -> [UInt8] { payload(0) }
    public func realModeImage() -> [UInt8] { payload(1) }
    public func biosBootImage() -> [UInt8] { payload(2) }
    public func trampolineImage() -> [UInt8] {
        unsafe unpacked(
            kx_packed_trampoline(), kx_packed_trampoline_size(), from: 0, count: kx_size_in_trampoline(0))
    }

    /// Of those that are packed together, in the order of scripts/build-embedded.sh.
    private func payload(_ index: Int) -> [UInt8] {
        var start = 0
        for before in 0..<index { start += kx_size_in_payloads(before) }
        return unsafe unpacked(
            kx_packed_payloads(), kx_packed_payloads_size(), from: start, count: kx_size_in_payloads(index))
    }

    /// Unpacks no more than up to the end of what is wanted.
    /// - Returns: nothing where there is no memory for it; what reads its header says so.
    private func unpacked(
        _ packed: UnsafePointer<UInt8>, _ size: Int, from start: Int, count: Int
    ) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: start + count)
        guard let stream = unsafe kx_gzip_open() else { return [] }
        defer { unsafe kx_gzip_close(stream) }
        unsafe bytes.withUnsafeMutableBytes { buffer in
            // The linker has put `size` bytes there.
            unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: packed)
            unsafe stream.pointee.avail_in = UInt32(size)
            unsafe stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
            unsafe stream.pointee.avail_out = UInt32(buffer.count)
            _ = unsafe inflate(stream, Z_SYNC_FLUSH)
        }
        guard unsafe stream.pointee.avail_out == 0 else { return [] }
        bytes.removeFirst(start)
        return bytes
    }
#endif
