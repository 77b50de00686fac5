// SPDX-License-Identifier: MIT
// ELF headers, program headers and notes.
// runs: 3
import BootFormats
import PhysicalMemory

@_cdecl("LLVMFuzzerTestOneInput")
public func readELF(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    withSpan(start, count) { bytes in
        do throws(ImageError) { try check(try ELFImage(parsing: bytes), bytes) } catch {}
    }
}

private func check(_ image: ELFImage, _ bytes: borrowing RawSpan) throws(ImageError) {
    expect(!image.segments.isEmpty, "there is something to load")
    for segment in image.segments {
        expect(segment.file.upperBound <= bytes.byteCount, "a segment lies in the file")
        expect(segment.memorySize >= UInt64(segment.file.count), "a segment has room for its bytes")
        expect(
            segment.physicalAddress.rawValue <= UInt64.max - segment.memorySize, "a segment's end has an address")
    }
    expect(
        image.segments.contains {
            image.entry >= $0.physicalAddress.rawValue && image.entry - $0.physicalAddress.rawValue < $0.memorySize
        }, "the entry is loaded")
    for segment in image.notes {
        var reader = ELFNoteReader(segment)
        while let note = try reader.next(in: bytes) {
            expect(note.name.upperBound <= segment.file.upperBound, "a note's name lies in its segment")
            expect(note.descriptor.upperBound <= segment.file.upperBound, "a note lies in its segment")
        }
    }
}
