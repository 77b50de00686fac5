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
        var unpacked: UInt64?
        // Other projects' images (iPXE, memtest86+, payloads of every kind) name no kernel version.
        if let payload, header.kernelVersionOffset != 0 {
            unpacked = try Self.unpackedSize(ofLinux: payload, bytes)
            try Self.checkSections(kernel, bytes)
        }
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
    /// Before 2.04 `syssize` has 16 bits and so cannot tell a bzImage's size: the file's end does. Up to 15 bytes of the
    /// last 16-byte unit may be missing before 2.08, since when Linux fills it, and in other projects' images, which
    /// have no payload (memtest86+).
    private static func protectedModeKernel(
        of header: SetupHeader, in bytes: borrowing RawSpan
    ) throws(ImageError) -> Range<Int> {
        let start = header.setupSize
        guard bytes.byteCount >= start else {
            throw .partBeyondEnd("setup_sects", at: 0, size: UInt64(start), available: bytes.byteCount)
        }
        guard bytes.byteCount > start else {
            throw .endsInside("protected-mode kernel", at: start, needed: 1, available: 0)
        }
        let available = bytes.byteCount - start
        let isTrusted = header.systemSize > 0 && (header.version >= 0x204 || !header.isLoadedHigh)
        let size = isTrusted ? header.systemSize : UInt64(available)
        let slack: UInt64 = header.version >= 0x208 && header.payloadLength != 0 ? 0 : 15
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
        let (offset, length) = (UInt64(header.payloadOffset), UInt64(header.payloadLength))
        guard offset != 0 || length != 0 else { return nil }
        let room = UInt64(kernel.count)
        guard offset < room else {
            throw .badValue("payload_offset", at: 0x248, found: offset, needed: .atMost(room - 1))
        }
        guard length > 0, length <= room - offset else {
            throw .badValue(
                "payload_length", at: 0x24c, found: length, needed: length == 0 ? .atLeast(1) : .atMost(room - offset))
        }
        // Both ends lie within `kernel` now, and so in `Int`.
        let start = kernel.lowerBound + Int(offset)
        return start..<start + Int(length)
    }

    /// LZO, which only Linux itself unpacks, or one of the formats that we know, too.
    private static func isCompressed(_ bytes: borrowing RawSpan, _ start: Int) -> Bool {
        bytes.little(UInt32.self, at: start) == 0x4f5a_4c89 || Compression.format(of: bytes, at: start) != nil
    }

    /// The kernel's own size, which stands in the payload's last four bytes, whatever compressed it; nil where it is
    /// not compressed.
    ///
    /// Where the setup code is not as long as `setup_sects` says, the payload is astray, and begins with no format.
    /// Kernels are packed to a fifth or so: where a size makes no sense, the payload does not end where it should.
    private static func unpackedSize(
        ofLinux payload: Range<Int>, _ bytes: borrowing RawSpan
    ) throws(ImageError) -> UInt64? {
        if bytes.holds("\u{7f}ELF", at: payload.lowerBound) { return nil }
        guard isCompressed(bytes, payload.lowerBound) else { throw .badPayload(at: payload.lowerBound) }
        let packed = UInt64(payload.count)
        let plausible = packed...packed * 64
        guard let size = bytes.little(UInt32.self, at: payload.upperBound - 4), plausible.contains(UInt64(size)) else {
            throw .badPayloadSize(
                at: payload.upperBound - 4, found: bytes.little(UInt32.self, at: payload.upperBound - 4) ?? 0,
                packed: packed)
        }
        return UInt64(size)
    }

    /// Linux is a PE file for EFI as well, whose last section ends where the kernel does: a smaller `syssize` would
    /// leave a part of the kernel behind.
    private static func checkSections(_ kernel: Range<Int>, _ bytes: borrowing RawSpan) throws(ImageError) {
        guard bytes.holds("MZ", at: 0), let header = bytes.little(UInt32.self, at: 0x3c).map({ Int($0 & 0xffff) }),
            bytes.holds("PE\0\0", at: header), let count = bytes.little(UInt16.self, at: header + 6),
            let optionalSize = bytes.little(UInt16.self, at: header + 20)
        else { return }
        for index in 0..<min(Int(count), 16) {
            let section = header + 24 + Int(optionalSize) + 40 * index
            guard let size = bytes.little(UInt32.self, at: section + 16),
                let start = bytes.little(UInt32.self, at: section + 20)
            else { return }
            let end = UInt64(start) + UInt64(size)
            guard size == 0 || end <= UInt64(kernel.upperBound) else {
                let units = (end - min(end, UInt64(kernel.lowerBound)) + 15) / 16
                throw .badValue(
                    "syssize", at: 0x1f4, found: UInt64((kernel.count + 15) / 16), needed: .atLeast(units))
            }
        }
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
