// SPDX-License-Identifier: MIT
// Multiboot headers of both versions. The checksum is made right where a magic number stands, else little would be read.
// runs: 2
import BootFormats
import PhysicalMemory

@_cdecl("LLVMFuzzerTestOneInput")
public func readMultiboot(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var image = Array(UnsafeBufferPointer(start: start, count: count))
    for (magic, fields, step) in [(0x1bad_b002, 2, 4), (0xe852_50d6, 3, 8)] as [(UInt32, Int, Int)] {
        for offset in stride(from: 0, to: min(image.count, 4096), by: step)
        where image.loadLittle(UInt32.self, at: offset) == magic {
            var sum: UInt32 = 0
            for field in 0..<fields { sum &+= image.loadLittle(UInt32.self, at: offset + 4 * field) ?? 0 }
            image.store(0 &- sum, at: offset + 4 * fields)
            break
        }
    }
    image.withUnsafeBytes { buffer in
        let bytes = buffer.bytes
        do throws(ImageError) {
            for version in [MultibootImage.Version.two, .one] {
                if let image = try MultibootImage(version, in: bytes) { check(image, bytes.byteCount) }
            }
        } catch {}
        // The same by its own choice of a version, and what is told of its sections.
        guard case .multiboot(let image)? = try? KernelImage(recognizing: bytes) else { return }
        check(image, bytes.byteCount)
        guard let sections = ELFSectionTable(of: bytes) else { return }
        expect(sections.others.upperBound <= bytes.byteCount, "sections lie in the file")
        var headers = [UInt8](repeating: 0, count: sections.table.count)
        sections.store(PhysicalAddress(0x100_0000), in: &headers, of: bytes)
        expect(headers.count == Int(sections.count * sections.entrySize), "each has a header")
    }
    return 0
}

private func check(_ image: MultibootImage, _ count: Int) {
    expect(!image.program.segments.isEmpty, "there is something to load")
    for segment in image.program.segments {
        expect(segment.file.upperBound <= count, "a segment lies in the file")
        expect(segment.memorySize >= UInt64(segment.file.count), "a segment has room for its bytes")
    }
    expect(image.range.end <= .fourGiB, "all of it lies below 4 GiB")
    expect(image.range.contains(PhysicalAddress(image.program.entry)), "the entry is loaded")
    if let relocation = image.relocation {
        expect(!relocation.bounds.isEmpty && relocation.alignment.isPowerOfTwo, "it can be moved")
    }
}
