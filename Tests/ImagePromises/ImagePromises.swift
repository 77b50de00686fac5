// SPDX-License-Identifier: MIT
// What holds of every image that a parser accepts, whatever its bytes are: of the unit tests' damaged files and of fuzzing's.
package import BootFormats
package import PhysicalMemory

extension KernelImage {
    /// The promise that does not hold of the image read from `bytes`; nil where all do.
    package func brokenPromise(in bytes: borrowing RawSpan) -> StaticString? {
        switch self {
        case .bzImage(let image): image.brokenPromise(in: bytes)
        case .elf(let image): image.brokenHeaderPromise(in: bytes) ?? image.brokenPromise(bytes.byteCount)
        case .multiboot(let image): image.brokenPromise(in: bytes)
        case .nbi(let image): image.brokenPromise(in: bytes)
        }
    }

    /// A stream is read up to `fileSize(of:)`, its head in any case: all that is loaded comes before.
    package func brokenSizePromise(in bytes: borrowing RawSpan) -> StaticString? {
        guard let size = Self.fileSize(of: bytes.extracting(first: 1 << 16)) else { return nil }
        for part in parts(of: bytes) where UInt64(part.upperBound) > size {
            return "the size that a head tells holds all that is loaded"
        }
        return nil
    }

    private func parts(of bytes: borrowing RawSpan) -> [Range<Int>] {
        switch self {
        case .bzImage(let image): [image.setupHeader, image.protectedModeKernel]
        case .elf(let image): image.segments.map(\.file) + image.notes.map(\.file)
        case .multiboot(let image): image.program.segments.map(\.file)
        case .nbi(let image):
            (try? image.program(in: bytes, endOfMemory: PhysicalAddress(0x4000_0000)))?.segments.map(\.file) ?? []
        }
    }
}

/// A number as the file holds it.
private struct EncodedField {
    let offset: Int
    let value: UInt64
    let size: Int

    init(_ offset: Int, _ value: some UnsignedInteger, _ size: Int) {
        self.offset = offset
        self.value = UInt64(value)
        self.size = size
    }

    func isIn(_ bytes: borrowing RawSpan) -> Bool {
        for index in 0..<size where bytes.byte(at: offset + index) != UInt8(truncatingIfNeeded: value >> (8 * index)) {
            return false
        }
        return true
    }
}

extension SetupHeader {
    /// The fields of the header's version at their offsets, but for those of which the file has another form.
    private var encoded: [EncodedField] {
        var fields = [
            EncodedField(0x1f4, systemSize / 16, version >= 0x204 ? 4 : 2), EncodedField(0x1fa, videoMode, 2),
            EncodedField(0x206, version, 2), EncodedField(0x20e, kernelVersionOffset, 2),
            EncodedField(0x211, loadFlags, 1), EncodedField(0x214, code32Start, 4),
        ]
        if version >= 0x201 { fields.append(EncodedField(0x224, heapEnd, 2)) }
        if version >= 0x203 { fields.append(EncodedField(0x22c, initrdAddressMaximum, 4)) }
        if version >= 0x206 { fields.append(EncodedField(0x238, commandLineSize, 4)) }
        if version >= 0x207 { fields.append(EncodedField(0x23c, hardwareSubarchitecture, 4)) }
        if version >= 0x208 {
            fields += [EncodedField(0x248, payloadOffset, 4), EncodedField(0x24c, payloadLength, 4)]
        }
        if version >= 0x20a { fields += [EncodedField(0x258, preferredAddress, 8), EncodedField(0x260, initSize, 4)] }
        if version >= 0x20b { fields.append(EncodedField(0x264, handoverOffset, 4)) }
        if version >= 0x20c { fields.append(EncodedField(0x236, extendedLoadFlags, 2)) }
        if version >= 0x20f { fields.append(EncodedField(0x268, kernelInfoOffset, 4)) }
        return fields
    }

    fileprivate func brokenPromise(in bytes: borrowing RawSpan) -> StaticString? {
        for field in encoded where !field.isIn(bytes) { return "a setup header is written as it was read" }
        let sectors = bytes.byte(at: 0x1f1).map { $0 == 0 ? 4 : Int($0) }
        guard sectors == setupSectors, setupSize == (setupSectors + 1) * 512 else { return "setup_sects counts" }
        guard extent.lowerBound == 0x1f1, extent.upperBound <= min(0x290, bytes.byteCount) else {
            return "the header lies in the file and fits in boot_params"
        }
        let alignment = version >= 0x205 ? bytes.little(UInt32.self, at: 0x230) ?? 0 : 0
        guard kernelAlignment == max(alignment, 4096), kernelAlignment.nonzeroBitCount == 1 else {
            return "the alignment is the file's, and at least a page"
        }
        guard minimumAlignment.nonzeroBitCount == 1, minimumAlignment >= 4096 else {
            return "the least alignment is a power of two, and at least a page"
        }
        guard initSize > 0, preferredAddress <= UInt64.max - initSize else { return "the kernel's end has an address" }
        if let kernelVersion, !kernelVersion.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) {
            return "a version is text"
        }
        return nil
    }
}

extension BzImage {
    fileprivate func brokenPromise(in bytes: borrowing RawSpan) -> StaticString? {
        if let broken = header.brokenPromise(in: bytes) { return broken }
        guard setupHeader == header.extent, setupSize == header.setupSize else {
            return "the header says how long it is"
        }
        guard protectedModeKernel.lowerBound == setupSize, !protectedModeKernel.isEmpty else {
            return "the kernel follows its setup code"
        }
        guard protectedModeKernel.upperBound <= bytes.byteCount else { return "the kernel lies in the file" }
        guard !header.has64BitEntry || protectedModeKernel.count > 0x200 else { return "the 64-bit entry is there" }
        guard header.initSize >= UInt64(protectedModeKernel.count) else { return "init_size holds the kernel" }
        guard let payload else {
            return header.payloadLength == 0 && header.payloadOffset == 0 ? nil : "a payload that is told of is there"
        }
        guard payload.lowerBound == protectedModeKernel.lowerBound + Int(header.payloadOffset),
            payload.count == Int(header.payloadLength), !payload.isEmpty,
            payload.upperBound <= protectedModeKernel.upperBound
        else { return "the payload lies in the kernel, where its header says" }
        return nil
    }
}

extension ELFImage {
    /// What holds of every program, whoever described it.
    package func brokenPromise(_ byteCount: Int) -> StaticString? {
        guard !segments.isEmpty else { return "there is something to load" }
        var taken: [PhysicalRange] = []
        for segment in segments {
            guard segment.file.upperBound <= byteCount else { return "a segment lies in the file" }
            guard segment.memorySize >= UInt64(segment.file.count) else { return "a segment has room for its bytes" }
            guard let range = PhysicalRange(start: segment.physicalAddress, size: segment.memorySize),
                range.end.rawValue.roundedUp(to: pageSize) != nil
            else { return "a segment's last page has an address" }
            if taken.contains(where: { $0.overlaps(range) }) { return "no two segments share a place" }
            taken.append(range)
        }
        let isEntryLoaded = segments.contains {
            entry >= $0.physicalAddress.rawValue && entry - $0.physicalAddress.rawValue < UInt64($0.file.count)
        }
        return isEntryLoaded ? nil : "the entry is filled from the file"
    }

    /// Of an ELF file: its program headers say the same.
    package func brokenHeaderPromise(in bytes: borrowing RawSpan) -> StaticString? {
        let isWide = elfClass == .elf64
        let word = isWide ? 8 : 4
        let start =
            isWide ? bytes.little(UInt64.self, at: 0x20) : bytes.little(UInt32.self, at: 0x1c).map { UInt64($0) }
        guard let start, let count = bytes.little(UInt16.self, at: isWide ? 0x38 : 0x2c) else {
            return "an ELF file has a header"
        }
        var segments = segments[...]
        var notes = notes[...]
        for index in 0..<Int(count) {
            let header = Int(start) + index * (isWide ? 56 : 32)
            let offset = header + (isWide ? 8 : 4)
            switch bytes.little(UInt32.self, at: header) {
            case 1:
                guard !EncodedField(offset + 4 * word, UInt64(0), word).isIn(bytes) else { continue }
                guard let segment = segments.popFirst(), segment.isEncoded(at: offset, word, in: bytes) else {
                    return "a segment is written as it was read"
                }
            case 4:
                guard let note = notes.popFirst(), note.file.upperBound <= bytes.byteCount,
                    EncodedField(offset, UInt64(note.file.lowerBound), word).isIn(bytes),
                    EncodedField(offset + 3 * word, UInt64(note.file.count), word).isIn(bytes)
                else { return "notes are where the file says" }
            default: break
            }
        }
        return segments.isEmpty && notes.isEmpty ? brokenNotePromise(in: bytes) : "nothing is made up"
    }

    private func brokenNotePromise(in bytes: borrowing RawSpan) -> StaticString? {
        for segment in notes {
            var reader = ELFNoteReader(segment)
            var end = segment.file.lowerBound
            while true {
                guard let next = try? reader.next(in: bytes) else { break }
                guard next.name.lowerBound >= end + 12, next.descriptor.lowerBound >= next.name.upperBound else {
                    return "a note's name and contents follow its header"
                }
                guard next.descriptor.upperBound <= segment.file.upperBound else { return "a note lies in its segment" }
                end = next.descriptor.upperBound
            }
        }
        return nil
    }
}

extension ELFLoadSegment {
    /// - Parameter offset: where `p_offset` stands; `p_vaddr`, `p_paddr`, `p_filesz`, `p_memsz` follow it.
    fileprivate func isEncoded(at offset: Int, _ word: Int, in bytes: borrowing RawSpan) -> Bool {
        let fields = [
            UInt64(file.lowerBound), virtualAddress, physicalAddress.rawValue, UInt64(file.count), memorySize,
        ]
        for (index, value) in fields.enumerated()
        where !EncodedField(offset + index * word, value, word).isIn(bytes) {
            return false
        }
        return true
    }
}

extension MultibootImage {
    package func brokenPromise(in bytes: borrowing RawSpan) -> StaticString? {
        if let broken = program.brokenPromise(bytes.byteCount) { return broken }
        if isLoadedAsELF, let broken = program.brokenHeaderPromise(in: bytes) { return broken }
        guard range.end <= .fourGiB, range.contains(PhysicalAddress(program.entry)) else {
            return "all of it lies below 4 GiB"
        }
        for segment in program.segments {
            let place = PhysicalRange(start: segment.physicalAddress, size: segment.memorySize)
            guard let place, range.contains(place) else { return "the range holds every segment" }
        }
        if let relocation {
            guard !relocation.bounds.isEmpty, relocation.bounds.end <= .fourGiB, relocation.alignment.isPowerOfTwo
            else {
                return "it can be moved to where its header says"
            }
        }
        let there = moved(to: PhysicalAddress(0x1000)).moved(to: range.start)
        return there == self ? nil : "moved there and back it is the same"
    }
}

extension NBIImage {
    package func brokenPromise(in bytes: borrowing RawSpan) -> StaticString? {
        let flags = EncodedField(7, UInt8(isLinear ? 0x80 : 0) | (bytes.byte(at: 7) ?? 0) & 0x7f, 1)
        for field in [EncodedField(8, location, 4), EncodedField(12, entry, 4), flags] where !field.isIn(bytes) {
            return "a header is written as it was read"
        }
        for end in [0x200_0000, 0x4000_0000, 0xffff_f000] as [UInt64] {
            guard let program = try? program(in: bytes, endOfMemory: PhysicalAddress(end)) else { continue }
            if let broken = brokenPromise(of: program, in: bytes) { return broken }
        }
        return nil
    }

    package func brokenPromise(of program: ELFImage, in bytes: borrowing RawSpan) -> StaticString? {
        if let broken = program.brokenPromise(bytes.byteCount) { return broken }
        var end = 0
        for segment in program.segments {
            guard segment.file.lowerBound == end else { return "records follow each other in the file" }
            end = segment.file.upperBound
            guard segment.physicalAddress.rawValue + segment.memorySize <= 1 << 32 else {
                return "all of it lies below 4 GiB"
            }
        }
        guard program.segments.count > 1, program.segments[0].file.count == 512,
            program.segments[0].physicalAddress == headerAddress
        else { return "the header comes first, where it says" }
        return nil
    }
}

extension UnpackedLinux {
    /// - Parameter place: where it is linked to lie.
    package func brokenPromise(linkedAt place: PhysicalRange, in bytes: borrowing RawSpan) -> StaticString? {
        let program = ELFImage(elfClass: .elf64, machine: 62, entry: entry, segments: segments, notes: [])
        if let broken = program.brokenPromise(bytes.byteCount) { return broken }
        for segment in segments {
            guard let extent = PhysicalRange(start: segment.physicalAddress, size: segment.memorySize),
                place.contains(extent), extent.start.rawValue % pageSize == 0, extent.end <= memoryEnd
            else { return "a segment begins with a page and lies in the kernel's memory" }
        }
        return relocations.flatMap { brokenPromise(of: $0, bytes.byteCount) } ?? brokenMovePromise(in: bytes)
    }

    private func brokenPromise(of relocations: KernelRelocations, _ count: Int) -> StaticString? {
        let lists = [relocations.wide, relocations.inverse, relocations.narrow]
        for list in lists {
            guard list.count % 4 == 0 else { return "a list is words" }
            if segments.contains(where: { $0.file.overlaps(list) }) { return "the table lies behind the kernel" }
        }
        guard lists[0].upperBound <= lists[1].lowerBound, lists[1].upperBound <= lists[2].lowerBound,
            lists[2].upperBound == count
        else { return "the lists follow each other to the end of the file" }
        return nil
    }

    private func brokenMovePromise(in bytes: borrowing RawSpan) -> StaticString? {
        let original = bytes.withUnsafeBytes { Array($0) }
        var moved = original
        guard move(&moved, by: 0x20_0000) else { return nil }
        var isKernel = [Bool](repeating: false, count: original.count)
        for segment in segments { for offset in segment.file { isKernel[offset] = true } }
        for offset in original.indices where !isKernel[offset] {
            guard moved[offset] == original[offset] else { return "only what is in the segments changes" }
        }
        guard move(&moved, by: 0 &- 0x20_0000), moved == original else {
            return "moved there and back it is the same"
        }
        return nil
    }

    /// - Returns: false where a place that its table names is not in the kernel.
    private func move(_ bytes: inout [UInt8], by distance: UInt64) -> Bool {
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        do throws(ImageError) { try relocations?.apply(distance, to: &raw, segments) } catch { return false }
        return true
    }
}
