// SPDX-License-Identifier: MIT
internal import PhysicalMemory

extension MultibootImage {
    /// Whether a header of either version is where it may be.
    static func isPresent(in bytes: borrowing RawSpan) -> Bool {
        header(.two, in: bytes) != nil || header(.one, in: bytes) != nil
    }

    /// Reads the header of the second version, or, where that one cannot be honoured and the file has another way in, the
    /// header of the first; nil where there is neither.
    ///
    /// - Throws: what is wrong with the header of the only version there is, else with the second's.
    init?(recognizing bytes: borrowing RawSpan) throws(ImageError) {
        var ignored = false
        let isSecond =
            Self.header(.two, in: bytes) != nil
            && (Self.objection(to: .two, in: bytes, wantsBootServices: &ignored) == nil
                || Self.header(.one, in: bytes) == nil
                || Self.objection(to: .one, in: bytes, wantsBootServices: &ignored) != nil)
        try self.init(isSecond ? .two : .one, in: bytes)
    }

    /// Why the file cannot be entered by its header of `version`; nil where it can be, or has none.
    /// - Parameters:
    ///   - version: of the Multiboot specification.
    ///   - bytes: of the whole file.
    ///   - wantsBootServices: becomes true where that header is right and asks for them.
    @inline(never)
    public static func objection(
        to version: Version, in bytes: borrowing RawSpan, wantsBootServices: inout Bool
    ) -> ImageError? {
        do throws(ImageError) {
            if let image = try MultibootImage(version, in: bytes), image.wantsBootServices { wantsBootServices = true }
            return nil
        } catch { return error }
    }

    /// Reads the first header of `version` and what it says is to be loaded; nil where there is none.
    ///
    /// The magic number alone is no header: programs that load such kernels hold it, too.
    /// - Throws: what is wrong with the header, or with the ELF file around it.
    public init?(_ version: Version, in bytes: borrowing RawSpan) throws(ImageError) {
        guard let header = Self.header(version, in: bytes) else { return nil }
        switch version {
        case .one: self = try Self.firstVersion(bytes, at: header)
        case .two: self = try Self.secondVersion(bytes, at: header)
        }
    }

    /// The magic numbers, and how far and how densely a loader has to look for them.
    private static func search(_ version: Version) -> (magic: UInt32, within: Int, alignment: Int, size: Int) {
        version == .one ? (0x1bad_b002, 8192, 4, 12) : (0xe852_50d6, 32768, 8, 16)
    }

    /// Fields that must add up to 0, the magic number among them.
    private static func sum(_ bytes: borrowing RawSpan, at offset: Int, size: Int) -> UInt32? {
        var sum: UInt32 = 0
        for field in stride(from: offset, to: offset + size, by: 4) {
            guard let value = bytes.little(UInt32.self, at: field) else { return nil }
            sum &+= value
        }
        return sum
    }

    static func header(_ version: Version, in bytes: borrowing RawSpan) -> Int? {
        let search = search(version)
        for offset in stride(from: 0, to: min(search.within - search.size + 1, bytes.byteCount), by: search.alignment)
        where bytes.little(UInt32.self, at: offset) == search.magic && sum(bytes, at: offset, size: search.size) == 0 {
            return offset
        }
        return nil
    }

    /// What is wrong with the first magic number that begins no header; nil where there is none.
    static func wrongChecksum(_ version: Version, in bytes: borrowing RawSpan) -> ImageError? {
        let search = search(version)
        let last = search.size - 4
        for offset in stride(from: 0, to: min(search.within - search.size + 1, bytes.byteCount), by: search.alignment)
        where bytes.little(UInt32.self, at: offset) == search.magic {
            guard let found = bytes.little(UInt32.self, at: offset + last),
                let rest = sum(bytes, at: offset, size: last)
            else { return .endsInside("checksum", at: offset + last, needed: 4, available: bytes.byteCount - offset) }
            return .badValue("checksum", at: offset + last, found: UInt64(found), needed: .exactly(UInt64(0 &- rest)))
        }
        return nil
    }
}

// MARK: Version 1

extension MultibootImage {
    private static func firstVersion(_ bytes: borrowing RawSpan, at header: Int) throws(ImageError) -> MultibootImage {
        let flags = try bytes.little(UInt32.self, at: header + 4, "flags")
        // Of the low half a loader must understand every bit: pages for modules (all of ours), memory, video.
        guard flags & 0xffff <= 7 else {
            throw .badValue("flags, bits 0 to 15", at: header + 4, found: UInt64(flags & 0xffff), needed: .atMost(7))
        }
        var program: ELFImage
        if flags & 1 << 16 != 0 {
            program = try AddressFields(bytes, at: header + 12, header: header, wholeFile: nil).program(
                in: bytes, header: header)
            program.entry = UInt64(try bytes.little(UInt32.self, at: header + 28, "entry_addr"))
            try program.checkEntry("entry_addr", at: header + 28)
        } else {
            program = try executable(bytes)
        }
        var image = MultibootImage(version: .one, program: program)
        image.isLoadedAsELF = flags & 1 << 16 == 0
        image.needsFramebuffer = flags & 4 != 0
        return image
    }

    private static func executable(_ bytes: borrowing RawSpan) throws(ImageError) -> ELFImage {
        guard ELFImage.isPresent(in: bytes) else { throw .needsAddresses }
        return try ELFImage(parsing: bytes, below4GiB: true)
    }

    /// The header's own description of what is loaded, where it is no ELF file or should not be taken for one.
    private struct AddressFields {
        let offset: Int
        let header: UInt32
        let load: UInt32
        let loadEnd: UInt32
        let bssEnd: UInt32

        /// - Parameter wholeFile: what `load_addr` is where the file is loaded from its beginning on; version 2 only.
        init(_ bytes: borrowing RawSpan, at offset: Int, header start: Int, wholeFile: UInt32?) throws(ImageError) {
            self.offset = offset
            header = try bytes.little(UInt32.self, at: offset, "header_addr")
            let load = try bytes.little(UInt32.self, at: offset + 4, "load_addr")
            let first = header.subtractingReportingOverflow(UInt32(clamping: start))
            self.load = load == wholeFile && !first.overflow ? first.partialValue : load
            loadEnd = try bytes.little(UInt32.self, at: offset + 8, "load_end_addr")
            bssEnd = try bytes.little(UInt32.self, at: offset + 12, "bss_end_addr")
        }

        /// One segment; its entry is not known yet.
        /// - Parameter header: where in the file the header is, which belongs at `header_addr`.
        func program(in bytes: borrowing RawSpan, header start: Int) throws(ImageError) -> ELFImage {
            guard header >= load else {
                throw .badValue("header_addr", at: offset, found: UInt64(header), needed: .atLeast(UInt64(load)))
            }
            let before = UInt64(header - load)
            guard before <= UInt64(start) else {
                throw .badValue(
                    "load_addr", at: offset + 4, found: UInt64(load), needed: .atLeast(UInt64(header) - UInt64(start)))
            }
            let first = UInt64(start) - before
            guard loadEnd == 0 || loadEnd > load else {
                throw .badValue(
                    "load_end_addr", at: offset + 8, found: UInt64(loadEnd), needed: .atLeast(UInt64(load) + 1))
            }
            let size = loadEnd == 0 ? UInt64(bytes.byteCount) - first : UInt64(loadEnd - load)
            let file = try bytes.part("load_end_addr", at: first, size: size)
            let end = UInt64(load) + size
            guard bssEnd == 0 || UInt64(bssEnd) >= end else {
                throw .badValue("bss_end_addr", at: offset + 12, found: UInt64(bssEnd), needed: .atLeast(end))
            }
            guard end <= 1 << 32 else {
                throw .badValue(
                    "load_addr", at: offset + 4, found: UInt64(load),
                    needed: .sumBelow(bits: 32, with: "the file's size"))
            }
            let segment = ELFLoadSegment(
                file: file, physicalAddress: PhysicalAddress(UInt64(load)),
                memorySize: (bssEnd == 0 ? end : UInt64(bssEnd)) - UInt64(load), virtualAddress: UInt64(load))
            return ELFImage(
                elfClass: .elf32, machine: ELFMachine.i386.rawValue, entry: 0, segments: [segment], notes: [])
        }
    }
}

// MARK: Version 2

extension MultibootImage {
    private static func secondVersion(
        _ bytes: borrowing RawSpan, at header: Int
    ) throws(ImageError) -> MultibootImage {
        let architecture = try bytes.little(UInt32.self, at: header + 4, "architecture")
        guard architecture == 0 else {
            throw .badValue("architecture", at: header + 4, found: UInt64(architecture), needed: .exactly(0))
        }
        let length = try bytes.little(UInt32.self, at: header + 8, "header_length")
        // All of it lies in the part that a loader looks at.
        let room = UInt64(32768 - header)
        guard length >= 24, UInt64(length) <= room else {
            throw .badValue(
                "header_length", at: header + 8, found: UInt64(length),
                needed: length < 24 ? .atLeast(24) : .atMost(room))
        }
        let all = try bytes.part("header_length", at: UInt64(header), size: UInt64(length))
        var tags = HeaderTags(header: header)
        try tags.read(bytes, all.lowerBound + 16..<all.upperBound)
        var program: ELFImage
        if let addresses = tags.addresses {
            program = try addresses.program(in: bytes, header: header)
            guard let entry = tags.entry else { throw .needsAddresses }
            program.entry = UInt64(entry.address)
        } else {
            program = try executable(bytes)
            if let entry = tags.entry { program.entry = UInt64(entry.address) }
        }
        if let entry = tags.entry { try program.checkEntry("entry_addr", at: entry.offset) }
        var image = MultibootImage(version: .two, program: program)
        image.isLoadedAsELF = tags.addresses == nil
        image.relocation = tags.relocation
        image.needsFramebuffer = tags.needsFramebuffer
        image.takesText = tags.takesText
        image.takesPixels = tags.takesPixels
        image.wantsBootServices = tags.wantsBootServices
        return image
    }

    /// What the tags of a Multiboot2 header say; others than these are refused where the header calls them required.
    private struct HeaderTags {
        let header: Int
        var addresses: AddressFields?
        var entry: (address: UInt32, offset: Int)?
        var relocation: Relocation?
        var needsFramebuffer = false
        var takesText = true
        var takesPixels = false
        var wantsBootServices = false

        /// - Parameter range: from the first tag to the end of the header.
        mutating func read(_ bytes: borrowing RawSpan, _ range: Range<Int>) throws(ImageError) {
            var offset = range.lowerBound
            while true {
                let type = try bytes.little(UInt16.self, at: offset, "type")
                let isRequired = try bytes.little(UInt16.self, at: offset + 2, "flags") & 1 == 0
                let size = try bytes.little(UInt32.self, at: offset + 4, "size")
                let needed = Self.size(of: type)
                guard size >= needed else {
                    throw .badValue("size", at: offset + 4, found: UInt64(size), needed: .atLeast(UInt64(needed)))
                }
                guard UInt64(size) <= UInt64(range.upperBound - offset) else {
                    throw .badValue(
                        "size", at: offset + 4, found: UInt64(size), needed: .atMost(UInt64(range.upperBound - offset)))
                }
                if type == 0 { return }
                try take(type, isRequired, bytes, offset..<offset + Int(size))
                offset = (offset + Int(size) + 7) & ~7
                guard offset <= range.upperBound - 8 else {
                    throw .badValue(
                        "header_length", at: range.lowerBound - 8, found: UInt64(range.count + 16),
                        needed: .atLeast(UInt64(offset - range.lowerBound + 24)))
                }
            }
        }

        /// Bytes of a tag with all fields that are read.
        private static func size(of type: UInt16) -> UInt32 {
            switch type {
            case 2, 10: 24
            case 3, 4: 12
            case 5: 20
            default: 8
            }
        }

        private mutating func take(
            _ type: UInt16, _ isRequired: Bool, _ bytes: borrowing RawSpan, _ tag: Range<Int>
        ) throws(ImageError) {
            switch type {
            case 1: if isRequired { try checkRequests(bytes, tag) }
            case 2: addresses = try AddressFields(bytes, at: tag.lowerBound + 8, header: header, wholeFile: .max)
            case 3: entry = (try bytes.little(UInt32.self, at: tag.lowerBound + 8, "entry_addr"), tag.lowerBound + 8)
            case 4:
                let flags = try bytes.little(UInt32.self, at: tag.lowerBound + 8, "console_flags")
                if isRequired, flags & 1 != 0 { needsFramebuffer = true }
                takesText = flags & 2 != 0
            case 5:
                if isRequired { needsFramebuffer = true }
                takesPixels = true
            case 7: wantsBootServices = true
            // Modules lie on pages, always. The other two are where EFI's boot services enter the image.
            case 6, 8, 9: break
            case 10: relocation = try Relocation(bytes, at: tag.lowerBound)
            default: if isRequired { throw .unmetDemand(.headerTag(type), at: tag.lowerBound) }
            }
        }

        /// As with GRUB, a request is met where kexec knows the tag, though this machine may have nothing for it. It never
        /// has the boot device, BIOS' VBE, APM, SMBIOS, the network, EFI's boot services and handles.
        private func checkRequests(_ bytes: borrowing RawSpan, _ tag: Range<Int>) throws(ImageError) {
            for offset in stride(from: tag.lowerBound + 8, through: tag.upperBound - 4, by: 4) {
                let type = try bytes.little(UInt32.self, at: offset, "mbi_tag_types")
                guard type < 32, Self.knownInformation & 1 << type != 0 else {
                    throw .unmetDemand(.information(type), at: offset)
                }
            }
        }

        /// A bit for each number: 0 to 4, 6, 8, 9, 11, 12, 14, 15, 17, 21.
        private static let knownInformation: UInt32 = 0x0022_db5f
    }
}

extension MultibootImage.Relocation {
    fileprivate init(_ bytes: borrowing RawSpan, at tag: Int) throws(ImageError) {
        let minimum = try bytes.little(UInt32.self, at: tag + 8, "min_addr")
        let maximum = try bytes.little(UInt32.self, at: tag + 12, "max_addr")
        let alignment = try bytes.little(UInt32.self, at: tag + 16, "align")
        let preference = try bytes.little(UInt32.self, at: tag + 20, "preference")
        guard maximum >= minimum else {
            throw .badValue("max_addr", at: tag + 12, found: UInt64(maximum), needed: .atLeast(UInt64(minimum)))
        }
        guard UInt64(alignment).isPowerOfTwo else {
            throw .badValue("align", at: tag + 16, found: UInt64(alignment), needed: .powerOfTwo)
        }
        guard let preference = Preference(rawValue: preference) else {
            throw .badValue("preference", at: tag + 20, found: UInt64(preference), needed: .atMost(2))
        }
        self.init(
            bounds: PhysicalRange(from: PhysicalAddress(UInt64(minimum)), to: PhysicalAddress(UInt64(maximum) + 1)),
            alignment: UInt64(alignment), preference: preference)
    }
}

extension ELFImage {
    /// An entry that the header names lies in what is filled from the file.
    func checkEntry(_ field: FieldName, at offset: Int) throws(ImageError) {
        for segment in segments where entry >= segment.physicalAddress.rawValue {
            if entry - segment.physicalAddress.rawValue < UInt64(segment.file.count) { return }
        }
        throw .badValue(field, at: offset, found: entry, needed: .insideLoadedPart)
    }
}
