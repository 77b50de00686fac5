// SPDX-License-Identifier: MIT
// What a bzImage's payload becomes: segments, sections, the relocation table; and the kernel moved by it.
// runs: 3
import BootFormats
import PhysicalMemory

private let place = PhysicalRange(from: PhysicalAddress(0x100_0000), to: PhysicalAddress(0x120_0000))

@_cdecl("LLVMFuzzerTestOneInput")
public func readUnpackedLinux(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    withSpan(start, count) { bytes in
        do throws(ImageError) {
            let kernel = try UnpackedLinux(parsing: bytes, linkedAt: place)
            check(kernel, bytes)
            var copy = bytes.withUnsafeBytes { Array($0) }
            var span = copy.mutableSpan
            var raw = span.mutableBytes
            try kernel.relocations?.apply(0x20_0000, to: &raw, kernel.segments)
            // Only what is in the segments changes.
            let table = kernel.segments.reduce(0) { max($0, $1.file.upperBound) }
            for offset in table..<copy.count {
                expect(copy[offset] == bytes.byte(at: offset), "the table stays as it is")
            }
        } catch {}
    }
}

private func check(_ kernel: UnpackedLinux, _ bytes: borrowing RawSpan) {
    for segment in kernel.segments {
        expect(segment.file.upperBound <= bytes.byteCount, "a segment lies in the file")
        expect(UInt64(segment.file.count) <= segment.memorySize, "a segment has room for its bytes")
        let extent = PhysicalRange(start: segment.physicalAddress, size: segment.memorySize)
        expect(extent.map { place.contains($0) } == true, "a segment lies in init_size")
    }
    expect(
        kernel.segments.contains {
            kernel.entry >= $0.physicalAddress.rawValue
                && kernel.entry - $0.physicalAddress.rawValue < UInt64($0.file.count)
        }, "the entry is loaded")
    guard let relocations = kernel.relocations else { return }
    for list in [relocations.wide, relocations.inverse, relocations.narrow] {
        expect(list.upperBound <= bytes.byteCount && list.count % 4 == 0, "a list is words of the file")
    }
}
