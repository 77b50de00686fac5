// SPDX-License-Identifier: MIT
//
// The static program holds its payloads as what `gzip` makes of them, a good half of what base64 takes.
#if PACKED_PAYLOADS
    internal import CPayloads
    internal import CZlib

    public func purgatoryImage() -> [UInt8] { unsafe unpacked(kx_packed_purgatory(), kx_packed_purgatory_size()) }
    public func realModeImage() -> [UInt8] { unsafe unpacked(kx_packed_real_mode(), kx_packed_real_mode_size()) }
    public func biosBootImage() -> [UInt8] { unsafe unpacked(kx_packed_bios_boot(), kx_packed_bios_boot_size()) }
    public func trampolineImage() -> [UInt8] { unsafe unpacked(kx_packed_trampoline(), kx_packed_trampoline_size()) }

    /// - Returns: nothing where there is no memory for it; what reads its header says so.
    private func unpacked(_ packed: UnsafePointer<UInt8>, _ size: Int) -> [UInt8] {
        // The linker has put `size` bytes there, of which the last four are the size of what was packed.
        var count = 0
        for index in 0..<4 { count |= Int(unsafe packed[size - 4 + index]) << (8 * index) }
        var bytes = [UInt8](repeating: 0, count: count)
        guard let stream = unsafe kx_gzip_open() else { return [] }
        defer { unsafe kx_gzip_close(stream) }
        let isWhole = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: packed)
            unsafe stream.pointee.avail_in = UInt32(size)
            unsafe stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
            unsafe stream.pointee.avail_out = UInt32(count)
            return unsafe inflate(stream, Z_FINISH) == Z_STREAM_END
        }
        return isWhole ? bytes : []
    }
#endif
