// SPDX-License-Identifier: MIT
internal import PhysicalMemory

extension SetupHeader {
    /// The oldest boot protocol with a setup header as we know it.
    public static let oldestVersion: UInt16 = 0x0200

    /// Whether `bytes` are a Linux image from the time since there is a boot protocol.
    static func isPresent(in bytes: borrowing RawSpan) -> Bool { bytes.holds("HdrS", at: 0x202) }

    /// Reads the header and checks every field that can be judged without the rest of the image.
    /// - Throws: `.endsInside`, `.badValue`, `.protocolTooOld`
    init(parsing bytes: borrowing RawSpan) throws(ImageError) {
        self.init()
        version = try bytes.little(UInt16.self, at: 0x206, "version")
        guard version >= Self.oldestVersion else {
            throw .protocolTooOld(found: version, needed: Self.oldestVersion, at: 0x206)
        }
        let signature = try bytes.little(UInt16.self, at: 0x1fe, "boot_flag")
        guard signature == 0xaa55 else {
            throw .badValue("boot_flag", at: 0x1fe, found: UInt64(signature), needed: .exactly(0xaa55))
        }
        try readExtent(bytes)
        try readOldFields(bytes)
        if version >= 0x205 { try readAlignment(bytes) }
        if version >= 0x206 { commandLineSize = try bytes.little(UInt32.self, at: 0x238, "cmdline_size") }
        if version >= 0x207 {
            hardwareSubarchitecture = try bytes.little(UInt32.self, at: 0x23c, "hardware_subarch")
        }
        if version >= 0x208 {
            payloadOffset = try bytes.little(UInt32.self, at: 0x248, "payload_offset")
            payloadLength = try bytes.little(UInt32.self, at: 0x24c, "payload_length")
        }
        if version >= 0x20a { try readSize(bytes) }
        if version >= 0x20b { handoverOffset = try bytes.little(UInt32.self, at: 0x264, "handover_offset") }
        if version >= 0x20c { extendedLoadFlags = try bytes.little(UInt16.self, at: 0x236, "xloadflags") }
        if version >= 0x20f { kernelInfoOffset = try bytes.little(UInt32.self, at: 0x268, "kernel_info_offset") }
    }

    /// The header ends where the jump at its beginning leads, which later protocols moved further and further.
    private mutating func readExtent(_ bytes: borrowing RawSpan) throws(ImageError) {
        let length = try bytes.little(UInt8.self, at: 0x201, "jump")
        let end = 0x202 + Int(length)
        guard end >= fieldsEnd else {
            throw .badValue("jump", at: 0x201, found: UInt64(length), needed: .atLeast(UInt64(fieldsEnd - 0x202)))
        }
        // boot_params holds the header up to its EDD data, at 0x290.
        extent = 0x1f1..<min(end, 0x290)
        guard bytes.byteCount >= extent.upperBound else {
            throw .partBeyondEnd("setup_header", at: 0x1f1, size: UInt64(extent.count), available: bytes.byteCount)
        }
    }

    /// Where the last field of this protocol version ends.
    private var fieldsEnd: Int {
        switch version {
        case 0x20f...: 0x26c
        case 0x20b...: 0x268
        case 0x20a...: 0x264
        case 0x209...: 0x258
        case 0x208...: 0x250
        case 0x207...: 0x248
        case 0x206...: 0x23c
        case 0x205...: 0x235
        case 0x203...: 0x230
        case 0x202...: 0x22c
        case 0x201...: 0x226
        default: 0x224
        }
    }

    private mutating func readOldFields(_ bytes: borrowing RawSpan) throws(ImageError) {
        let sectors = try bytes.little(UInt8.self, at: 0x1f1, "setup_sects")
        setupSectors = sectors == 0 ? 4 : Int(sectors)
        loadFlags = try bytes.little(UInt8.self, at: 0x211, "loadflags")
        let paragraphs =
            version >= 0x204
            ? try bytes.little(UInt32.self, at: 0x1f4, "syssize")
            : UInt32(try bytes.little(UInt16.self, at: 0x1f4, "syssize"))
        systemSize = UInt64(paragraphs) * 16
        videoMode = try bytes.little(UInt16.self, at: 0x1fa, "vid_mode")
        code32Start = try bytes.little(UInt32.self, at: 0x214, "code32_start")
        if version >= 0x201 { heapEnd = try bytes.little(UInt16.self, at: 0x224, "heap_end_ptr") }
        if version >= 0x203 {
            initrdAddressMaximum = try bytes.little(UInt32.self, at: 0x22c, "initrd_addr_max")
        }
        kernelVersionOffset = try bytes.little(UInt16.self, at: 0x20e, "kernel_version")
        kernelVersion = readVersionText(bytes)
    }

    /// Where a kernel cannot be moved its alignment says nothing, and other projects' images leave it 0.
    private mutating func readAlignment(_ bytes: borrowing RawSpan) throws(ImageError) {
        isRelocatable = try bytes.little(UInt8.self, at: 0x234, "relocatable_kernel") != 0
        let alignment = try bytes.little(UInt32.self, at: 0x230, "kernel_alignment")
        guard isRelocatable || alignment != 0 else { return }
        guard alignment.nonzeroBitCount == 1 else {
            throw .badValue("kernel_alignment", at: 0x230, found: UInt64(alignment), needed: .powerOfTwo)
        }
        guard alignment >= 4096 || !isRelocatable else {
            throw .badValue("kernel_alignment", at: 0x230, found: UInt64(alignment), needed: .atLeast(pageSize))
        }
        kernelAlignment = max(alignment, 4096)
        minimumAlignment = kernelAlignment
        guard version >= 0x20a, isRelocatable else { return }
        let exponent = try bytes.little(UInt8.self, at: 0x235, "min_alignment")
        guard exponent < 32 else {
            throw .badValue("min_alignment", at: 0x235, found: UInt64(exponent), needed: .atMost(31))
        }
        minimumAlignment = max(1 << UInt32(exponent), 4096)
    }

    private mutating func readSize(_ bytes: borrowing RawSpan) throws(ImageError) {
        preferredAddress = try bytes.little(UInt64.self, at: 0x258, "pref_address")
        initSize = UInt64(try bytes.little(UInt32.self, at: 0x260, "init_size"))
        guard initSize > 0 else { throw .badValue("init_size", at: 0x260, found: 0, needed: .atLeast(1)) }
        // Rounding up to whole pages must not overflow either.
        guard preferredAddress <= UInt64.max - initSize - pageSize else {
            throw .badValue(
                "pref_address", at: 0x258, found: preferredAddress, needed: .sumBelow(bits: 64, with: "init_size"))
        }
    }

    /// The text that `kernel_version` points to: it is for people, so a wrong pointer is no reason to refuse.
    private func readVersionText(_ bytes: borrowing RawSpan) -> String? {
        let pointer = Int(kernelVersionOffset)
        guard pointer != 0, pointer < setupSectors * 512 else { return nil }
        var text: [UInt8] = []
        for offset in pointer + 0x200..<pointer + 0x200 + 256 {
            guard let byte = bytes.byte(at: offset), byte != 0 else { break }
            guard (0x20...0x7e).contains(byte) else { return nil }
            text.append(byte)
        }
        return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }
}
