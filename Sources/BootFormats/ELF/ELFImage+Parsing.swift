// SPDX-License-Identifier: MIT
internal import PhysicalMemory

extension ELFImage {
    static func isPresent(in bytes: borrowing RawSpan) -> Bool { bytes.holds("\u{7f}ELF", at: 0) }

    /// Reads a static executable's headers and checks them against the file and each other.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - below4GiB: what is loaded must end there, for the program is entered in protected mode.
    /// - Throws: `.partBeyondEnd` and `.endsInside` for a file that was cut short, `.badValue` and `.partsOverlap`
    ///   for headers that cannot be true, `.otherMachine`, `.needsInterpreter`, `.nothingToLoad`.
    public init(parsing bytes: borrowing RawSpan, below4GiB: Bool = false) throws(ImageError) {
        let header = try ELFHeader(parsing: bytes)
        self.init(elfClass: header.elfClass, machine: header.machine.rawValue, entry: 0, segments: [], notes: [])
        for (index, offset) in stride(from: header.table.lowerBound, to: header.table.upperBound, by: header.entrySize)
            .enumerated()
        {
            try add(ELFProgramHeader(parsing: bytes, at: offset, header.elfClass), index, bytes, below4GiB)
        }
        guard !segments.isEmpty else { throw .nothingToLoad }
        try checkOverlaps()
        entry = try physicalAddress(ofEntry: header.entry)
        try checkNotes(bytes)
    }

    private mutating func add(
        _ program: ELFProgramHeader, _ index: Int, _ bytes: borrowing RawSpan, _ below4GiB: Bool
    ) throws(ImageError) {
        switch program.type {
        case ELFProgramHeader.load:
            if let segment = try program.loadSegment(in: bytes, below4GiB ? .elf32 : elfClass) {
                segments.append(segment)
            }
        case ELFProgramHeader.interpreter: throw .needsInterpreter
        case ELFProgramHeader.note:
            let file = try bytes.part("PT_NOTE", at: program.offset, size: program.fileSize)
            notes.append(ELFNoteSegment(file: file, alignment: program.alignment == 8 ? 8 : 4))
        default: break
        }
    }

    /// Two segments in one place would depend on who is copied last.
    private func checkOverlaps() throws(ImageError) {
        let order = ascendingOrder(of: segments.map { $0.physicalAddress.rawValue })
        for (lower, upper) in zip(order, order.dropFirst()) {
            let end = segments[lower].physicalAddress.rawValue + segments[lower].memorySize
            let start = segments[upper].physicalAddress.rawValue
            guard start >= end else {
                throw .partsOverlap("PT_LOAD", first: min(lower, upper), second: max(lower, upper), at: start)
            }
        }
    }

    /// `e_entry` of vmlinux is physical; a program that was linked to run elsewhere than it is loaded names the
    /// virtual address. What is not filled from the file is zeros, and no code.
    private func physicalAddress(ofEntry entry: UInt64) throws(ImageError) -> UInt64 {
        for segment in segments {
            let start = segment.physicalAddress.rawValue
            if entry >= start, entry - start < UInt64(segment.file.count) { return entry }
        }
        for segment in segments where entry >= segment.virtualAddress {
            let offset = entry - segment.virtualAddress
            if offset < UInt64(segment.file.count) { return segment.physicalAddress.rawValue + offset }
        }
        throw .badValue("e_entry", at: 0x18, found: entry, needed: .insideLoadedPart)
    }

    /// Notes are few and small; a file of nothing else must not keep us busy.
    private static let maximumNoteBytes = 1 << 20

    private mutating func checkNotes(_ bytes: borrowing RawSpan) throws(ImageError) {
        var total = 0
        for segment in notes {
            guard segment.file.count <= Self.maximumNoteBytes - total else {
                throw .badValue(
                    "PT_NOTE", at: segment.file.lowerBound, found: UInt64(segment.file.count),
                    needed: .atMost(UInt64(Self.maximumNoteBytes)))
            }
            total += segment.file.count
            var reader = ELFNoteReader(segment)
            while let note = try reader.next(in: bytes) {
                if note.isLinux(in: bytes) { isLinux = true }
            }
        }
    }
}
