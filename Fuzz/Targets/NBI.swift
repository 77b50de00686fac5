// SPDX-License-Identifier: MIT
// Network boot images. The magic number is put there, else little would be read.
import BootFormats
import PhysicalMemory

@_cdecl("LLVMFuzzerTestOneInput")
public func readNBI(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var file = Array(UnsafeBufferPointer(start: start, count: count))
    file.store(UInt32(0x1b03_1336), at: 0)
    file.withUnsafeBytes { buffer in
        let bytes = buffer.bytes
        do throws(ImageError) {
            let image = try NBIImage(parsing: bytes)
            check(try image.program(in: bytes, endOfMemory: PhysicalAddress(0x2000_0000)), bytes.byteCount)
        } catch {}
    }
    return 0
}

private func check(_ program: ELFImage, _ count: Int) {
    expect(program.segments.count > 1, "there is something to load")
    var taken: [PhysicalRange] = []
    for segment in program.segments {
        expect(segment.file.upperBound <= count, "a segment lies in the file")
        expect(segment.memorySize >= UInt64(segment.file.count), "a segment has room for its bytes")
        let start = segment.physicalAddress
        let range = PhysicalRange(from: start, to: PhysicalAddress(start.rawValue + segment.memorySize))
        expect(range.end <= .fourGiB, "all of it lies below 4 GiB")
        for other in taken { expect(!range.overlaps(other), "no two segments share a place") }
        taken.append(range)
    }
}
