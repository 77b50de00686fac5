// SPDX-License-Identifier: MIT
// The setup header of a bzImage. The input stands from 0x1f0 on, so that no byte is spent on the boot sector.
// runs: 3
import BootFormats

/// Reused by every run: nothing is allocated but what the parser allocates.
nonisolated(unsafe) private let image = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 14, alignment: 16)

@_cdecl("LLVMFuzzerTestOneInput")
public func readBzImage(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let used = min(count, image.count - 0x1f0)
    guard let start, used > 0 else { return 0 }
    UnsafeMutableRawBufferPointer(rebasing: image[0x1f0...])
        .copyMemory(from: UnsafeRawBufferPointer(start: start, count: used))
    let bytes = UnsafeRawBufferPointer(rebasing: image[..<(0x1f0 + used)])
    guard let parsed = parse(bytes.bytes) else { return 0 }
    let header = parsed.header
    expect(parsed.setupSize < parsed.protectedModeKernel.upperBound, "the kernel has bytes")
    expect(parsed.protectedModeKernel.upperBound <= bytes.count, "the kernel lies in the file")
    expect(parsed.setupHeader.upperBound <= min(0x290, bytes.count), "the header fits in boot_params")
    if let payload = parsed.payload {
        expect(parsed.protectedModeKernel.contains(payload.lowerBound) || payload.isEmpty, "the payload is inside")
        expect(payload.upperBound <= parsed.protectedModeKernel.upperBound, "the payload ends inside")
    }
    expect(header.initSize >= UInt64(parsed.protectedModeKernel.count), "init_size holds the kernel")
    expect(header.preferredAddress <= UInt64.max - header.initSize, "the kernel's end has an address")
    expect(header.kernelAlignment.nonzeroBitCount == 1 && header.kernelAlignment >= 4096, "alignment")
    return 0
}

private func parse(_ bytes: borrowing RawSpan) -> BzImage? {
    do throws(ImageError) { return try BzImage(parsing: bytes) } catch { return nil }
}
