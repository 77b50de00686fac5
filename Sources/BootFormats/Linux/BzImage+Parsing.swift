// SPDX-License-Identifier: MIT
internal import PhysicalMemory

extension BzImage {
    /// Reads the headers of a bzImage (or zImage) and checks them against the file and each other.
    /// - Throws: `.endsInside` and `.partBeyondEnd` for a file that was cut short, `.badValue` for fields that
    ///   cannot be true, `.protocolTooOld`.
    public init(parsing bytes: borrowing RawSpan) throws(ImageError) {
        var header = try SetupHeader(parsing: bytes)
        let kernel = try Self.protectedModeKernel(of: header, in: bytes)
        let payload = try Self.payload(of: header, in: kernel, bytes)
        let unpacked = payload.flatMap { Self.unpackedSize(of: $0, bytes) }
        if header.version >= 0x20a {
            try Self.checkInitSize(header, kernel: kernel, unpackedSize: unpacked)
        } else {
            header.initSize = Self.estimatedInitSize(kernel: kernel, unpackedSize: unpacked)
        }
        self.init(
            header: header, setupSize: header.setupSize, protectedModeKernel: kernel, setupHeader: header.extent,
            payload: payload)
    }

    /// What follows the setup code, as much as `syssize` tells: signatures may come after it.
    ///
    /// Before 2.04 `syssize` has 16 bits and so cannot tell a bzImage's size: the file's end does. Images before 2.08
    /// may lack up to 15 bytes of the last 16-byte unit; since then a checksum fills it.
    private static func protectedModeKernel(
        of header: SetupHeader, in bytes: borrowing RawSpan
    ) throws(ImageError) -> Range<Int> {
        let start = header.setupSize
        guard bytes.byteCount > start else {
            throw .partBeyondEnd("setup_sects", at: 0, size: UInt64(start), available: bytes.byteCount)
        }
        let available = bytes.byteCount - start
        let isTrusted = header.systemSize > 0 && (header.version >= 0x204 || !header.isLoadedHigh)
        let size = isTrusted ? header.systemSize : UInt64(available)
        let slack: UInt64 = header.version >= 0x208 ? 0 : 15
        guard size <= UInt64(available) + slack else {
            throw .partBeyondEnd("syssize", at: UInt64(start), size: size, available: bytes.byteCount)
        }
        let end = start + min(Int(clamping: size), available)
        if header.has64BitEntry, end - start <= longModeEntry {
            throw .endsInside(
                "64-bit entry point", at: start + longModeEntry, needed: 1,
                available: max(0, end - start - longModeEntry))
        }
        return start..<end
    }

    /// "64-bit BOOT PROTOCOL": the entry's distance from the beginning of the protected-mode kernel.
    private static let longModeEntry = 0x200

    private static func payload(
        of header: SetupHeader, in kernel: Range<Int>, _ bytes: borrowing RawSpan
    ) throws(ImageError) -> Range<Int>? {
        guard header.payloadOffset != 0 || header.payloadLength != 0 else { return nil }
        let start = UInt64(kernel.lowerBound) + UInt64(header.payloadOffset)
        guard start + UInt64(header.payloadLength) <= UInt64(kernel.upperBound) else {
            throw .partBeyondEnd(
                "payload_length", at: start, size: UInt64(header.payloadLength), available: bytes.byteCount)
        }
        // Both ends lie within `kernel` now, and so in `Int`.
        return Int(start)..<Int(start) + Int(header.payloadLength)
    }

    /// The kernel's own size, which stands in the payload's last four bytes, whatever compressed it.
    private static func unpackedSize(of payload: Range<Int>, _ bytes: borrowing RawSpan) -> UInt64? {
        let isLZO = bytes.little(UInt32.self, at: payload.lowerBound) == 0x4f5a_4c89
        guard payload.count >= 8, isLZO || Compression.format(of: bytes, at: payload.lowerBound) != nil,
            let size = bytes.little(UInt32.self, at: payload.upperBound - 4)
        else { return nil }
        return UInt64(size)
    }

    /// The kernel unpacks itself within `init_size`, so neither it nor what comes out of it may be larger.
    private static func checkInitSize(
        _ header: SetupHeader, kernel: Range<Int>, unpackedSize: UInt64?
    ) throws(ImageError) {
        let needed = max(UInt64(kernel.count), unpackedSize ?? 0)
        guard header.initSize >= needed else {
            throw .badValue("init_size", at: 0x260, found: header.initSize, needed: .atLeast(needed))
        }
    }

    /// Before 2.10 nothing says how much memory a kernel needs to unpack itself.
    ///
    /// It needs room for what comes out, its `.bss`, and the packed kernel beside it. Where the size of what comes
    /// out is unknown too, four times the packed size is above what gzip, the only packer of that time, achieves
    /// with kernels.
    private static func estimatedInitSize(kernel: Range<Int>, unpackedSize: UInt64?) -> UInt64 {
        let packed = UInt64(kernel.count)
        let unpacked = max(unpackedSize ?? 0, 4 * packed)
        let estimate = unpacked + unpacked / 2 + packed
        return estimate.roundedUp(to: pageSize) ?? estimate
    }
}
