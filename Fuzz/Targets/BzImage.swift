// SPDX-License-Identifier: MIT
// The setup header of a bzImage. The input stands from 0x1f0 on, so that no byte is spent on the boot sector.
// runs: 3
import BootFormats
import ImagePromises

/// Reused by every run: nothing is allocated but what the parser allocates.
nonisolated(unsafe) private let image = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 14, alignment: 16)

func fuzzBzImage(_ input: UnsafeRawBufferPointer) {
    let used = min(input.count, image.count - 0x1f0)
    guard used > 0 else { return }
    UnsafeMutableRawBufferPointer(rebasing: image[0x1f0...])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<used]))
    let bytes = UnsafeRawBufferPointer(rebasing: image[..<(0x1f0 + used)]).bytes
    guard let parsed = try? BzImage(parsing: bytes) else { return }
    let broken = KernelImage.bzImage(parsed).brokenPromise(in: bytes)
    expect(broken == nil, broken ?? "")
    checkZeroPage(parsed, bytes)
}

/// In boot_params the header is as in the file, but for who loaded it and how.
private func checkZeroPage(_ image: BzImage, _ bytes: borrowing RawSpan) {
    var page = BootParameters()
    page.setHeader(image.setupHeader.map { bytes.byte(at: $0) ?? 0 })
    var expected = [UInt8](repeating: 0, count: BootParameters.size)
    expected.store(image.setupHeader.map { bytes.byte(at: $0) ?? 0 }, at: 0x1f1)
    expected[0x210] = BootParameters.kexecLoaderType
    expected[0x211] = 0
    expect(page.bytes == expected, "a header is handed over as it was read, and nothing else")
}
