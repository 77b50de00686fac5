// SPDX-License-Identifier: MIT

extension KernelImage {
    /// How many bytes a file has at most that begins like `head`, as far as a loader uses them.
    ///
    /// Nothing is checked but that numbers fit: what they say is proved once the file is there. Of several kinds the largest
    /// counts.
    /// - Parameter head: the first 64 KiB, in which all headers are that tell of a size.
    /// - Returns: nil where only the file's end tells, or the headers are no kernel's.
    public static func fileSize(of head: borrowing RawSpan) -> UInt64? {
        var size: UInt64 = 0
        if SetupHeader.isPresent(in: head) {
            guard let found = sizeOfBzImage(head) else { return nil }
            size = max(size, found)
        }
        if ELFImage.isPresent(in: head) {
            guard let found = sizeOfELF(head) else { return nil }
            size = max(size, found)
        }
        if NBIImage.isPresent(in: head) {
            guard let found = sizeOfNBI(head) else { return nil }
            size = max(size, found)
        }
        for version in [MultibootImage.Version.one, .two] {
            guard let header = MultibootImage.header(version, in: head) else { continue }
            guard let found = sizeOfMultiboot(version, header, head) else { return nil }
            size = max(size, found)
        }
        return size > 0 ? size : nil
    }

    /// `setup_sects` and `syssize`, where that has 32 bits; and the signatures of a PE file, behind the kernel (data directory 4,
    /// whose address counts from the file's beginning).
    private static func sizeOfBzImage(_ head: borrowing RawSpan) -> UInt64? {
        guard let version = head.little(UInt16.self, at: 0x206), version >= 0x204,
            let units = head.little(UInt32.self, at: 0x1f4), units > 0, let sectors = head.byte(at: 0x1f1)
        else { return nil }
        let size = (sectors == 0 ? 5 : UInt64(sectors) + 1) * 512 + UInt64(units) * 16
        guard head.holds("MZ", at: 0), let start = head.little(UInt32.self, at: 0x3c), let start = Int(exactly: start),
            head.holds("PE\0\0", at: start), let magic = head.little(UInt16.self, at: start + 24)
        else { return size }
        let directory = start + 24 + (magic == 0x20b ? 112 : 96) + 4 * 8
        guard let signatures = head.little(UInt32.self, at: directory),
            let length = head.little(UInt32.self, at: directory + 4)
        else { return size }
        return max(size, UInt64(signatures) + UInt64(length))
    }

    /// What the program headers name, and the table of section headers, which linkers put behind all sections.
    private static func sizeOfELF(_ head: borrowing RawSpan) -> UInt64? {
        let header: ELFHeader
        do throws(ImageError) { header = try ELFHeader(parsing: head) } catch { return nil }
        let isWide = header.elfClass == .elf64
        var size: UInt64 = 0
        for entry in stride(from: header.table.lowerBound, to: header.table.upperBound, by: header.entrySize) {
            guard let start = word(head, entry + (isWide ? 8 : 4), isWide),
                let length = word(head, entry + (isWide ? 0x20 : 0x10), isWide), length <= .max - start
            else { return nil }
            size = max(size, start + length)
        }
        guard let sections = word(head, isWide ? 0x28 : 0x20, isWide),
            let entrySize = head.little(UInt16.self, at: isWide ? 0x3a : 0x2e),
            let count = head.little(UInt16.self, at: isWide ? 0x3c : 0x30)
        else { return nil }
        guard sections > 0 else { return size }
        let length = UInt64(entrySize) * UInt64(count)
        // In front of sections it does not tell where they end; and 0 stands for a number that is elsewhere.
        guard count > 0, sections >= UInt64(head.byteCount), length <= .max - sections else { return nil }
        return max(size, sections + length)
    }

    private static func word(_ head: borrowing RawSpan, _ offset: Int, _ isWide: Bool) -> UInt64? {
        isWide ? head.little(UInt64.self, at: offset) : head.little(UInt32.self, at: offset).map { UInt64($0) }
    }

    /// The header, and the bytes of each record behind it.
    private static func sizeOfNBI(_ head: borrowing RawSpan) -> UInt64? {
        var size = UInt64(NBIImage.headerSize)
        guard var flags = head.little(UInt32.self, at: 4) else { return nil }
        var offset = 0
        while offset < NBIImage.headerSize {
            offset += Int((flags & 15 + flags >> 4 & 15) * 4)
            guard let next = head.little(UInt32.self, at: offset),
                let length = head.little(UInt32.self, at: offset + 8), next & 15 > 0
            else { return nil }
            size += UInt64(length)
            if next & 1 << 26 != 0 { return size }
            flags = next
        }
        return nil
    }

    /// By the header's addresses; an ELF file's own headers tell where there are none.
    private static func sizeOfMultiboot(
        _ version: MultibootImage.Version, _ header: Int, _ head: borrowing RawSpan
    ) -> UInt64? {
        let addresses: Int?
        switch version {
        case .one:
            guard let flags = head.little(UInt32.self, at: header + 4) else { return nil }
            addresses = flags & 1 << 16 != 0 ? header + 12 : nil
        case .two: addresses = addressTag(head, header)
        }
        guard let addresses else { return ELFImage.isPresent(in: head) ? 1 : nil }
        guard let place = head.little(UInt32.self, at: addresses),
            let end = head.little(UInt32.self, at: addresses + 8),
            end > place
        else { return nil }
        return UInt64(header) + UInt64(end - place)
    }

    /// Where the addresses of a tag of type 2 stand; nil where there is none.
    private static func addressTag(_ head: borrowing RawSpan, _ header: Int) -> Int? {
        var offset = header + 16
        while let type = head.little(UInt16.self, at: offset), let size = head.little(UInt32.self, at: offset + 4),
            type != 0, size >= 8, Int(size) <= head.byteCount - offset
        {
            if type == 2 { return offset + 8 }
            offset += (Int(size) + 7) & ~7
        }
        return nil
    }
}
