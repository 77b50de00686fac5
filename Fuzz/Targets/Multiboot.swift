// SPDX-License-Identifier: MIT
// Multiboot headers of both versions. The checksum is made right where a magic number stands, else little would be read.
// runs: 2
import BootFormats
import ImagePromises
import PhysicalMemory

func fuzzMultiboot(_ input: UnsafeRawBufferPointer) {
    var image = Array(input)
    for (magic, fields, step) in [(0x1bad_b002, 2, 4), (0xe852_50d6, 3, 8)] as [(UInt32, Int, Int)] {
        for offset in stride(from: 0, to: min(image.count, 4096), by: step)
        where image.loadLittle(UInt32.self, at: offset) == magic {
            var sum: UInt32 = 0
            for field in 0..<fields { sum &+= image.loadLittle(UInt32.self, at: offset + 4 * field) ?? 0 }
            image.store(0 &- sum, at: offset + 4 * fields)
            break
        }
    }
    image.withUnsafeBytes { read($0.bytes) }
}

private func read(_ bytes: borrowing RawSpan) {
    for version in [MultibootImage.Version.two, .one] {
        if let image = try? MultibootImage(version, in: bytes) { check(image, bytes) }
    }
    // The same by its own choice of a version, and what is told of its sections.
    guard case .multiboot(let image)? = try? KernelImage(recognizing: bytes) else { return }
    check(image, bytes)
    guard let sections = ELFSectionTable(of: bytes) else { return }
    checkSections(sections, bytes)
}

private func check(_ image: MultibootImage, _ bytes: borrowing RawSpan) {
    let broken = image.brokenPromise(in: bytes)
    expect(broken == nil, broken ?? "")
}

private func checkSections(_ sections: ELFSectionTable, _ bytes: borrowing RawSpan) {
    expect(sections.table.upperBound <= bytes.byteCount, "the headers lie in the file")
    expect(sections.others.upperBound <= bytes.byteCount, "sections lie in the file")
    expect(sections.others.lowerBound % 4096 == 0, "sections keep their places in a page")
    expect(sections.table.count == Int(sections.count * sections.entrySize), "each has a header")
    let original = sections.table.map { bytes.byte(at: $0) ?? 0 }
    var headers = original
    sections.store(.zero, in: &headers, of: bytes)
    let address = sections.entrySize == 64 ? 0x10..<0x14 : 0x0c..<0x10
    for offset in headers.indices where !address.contains(offset % Int(sections.entrySize)) {
        expect(headers[offset] == original[offset], "only addresses change")
    }
}
