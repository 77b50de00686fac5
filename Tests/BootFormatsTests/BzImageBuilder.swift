// SPDX-License-Identifier: MIT
import BootFormats

/// Builds small bzImages: headers as Linux has them, with any field changed, before a kernel of 0x90 bytes.
struct BzImageBuilder {
    var version: UInt16 = 0x20f
    var setupSectors: UInt8 = 2
    /// Of the protected-mode kernel, a multiple of 16.
    var kernelSize = 0x1000
    /// Offset in the protected-mode kernel, and length.
    var payload: (offset: UInt32, length: UInt32) = (0x300, 0x800)
    /// The payload's first bytes and last four.
    var payloadMagic: [UInt8] = [0x1f, 0x8b, 8, 0]
    var unpackedSize: UInt32 = 0x3000
    /// Bytes behind the kernel, as signatures are.
    var appended = 0
    /// Changes made last.
    var patches: [(offset: Int, bytes: [UInt8])] = []

    /// With a PE header whose one section ends where the kernel does, and a `syssize` that may say otherwise.
    static func withSections(kernelUnits: UInt32 = 0xff) -> BzImageBuilder {
        let builder = BzImageBuilder()
        return builder.patched(UInt32(0x80), at: 0x3c).patched(UInt32(0x4550), at: 0x80).patched(UInt16(1), at: 0x86)
            .patched(UInt16(0x70), at: 0x94).patched(UInt32(builder.kernelSize), at: 0x80 + 24 + 0x70 + 16)
            .patched(UInt32(builder.setupSize), at: 0x80 + 24 + 0x70 + 20).patched(kernelUnits, at: 0x1f4)
    }

    /// Bytes of boot sector and setup code.
    var setupSize: Int { (Int(setupSectors == 0 ? 4 : setupSectors) + 1) * 512 }
    /// Where the image is complete.
    var fullSize: Int { setupSize + kernelSize }

    /// Puts a little-endian value at an offset of the file.
    func patched<Value: FixedWidthInteger>(_ value: Value, at offset: Int) -> BzImageBuilder {
        var copy = self
        var bytes: [UInt8] = []
        bytes.appendLittle(value)
        copy.patches.append((offset, bytes))
        return copy
    }

    var bytes: [UInt8] {
        var bytes = [UInt8](repeating: 0x90, count: fullSize + appended)
        bytes.store([UInt8](repeating: 0, count: 0x310 - 0x1f1), at: 0x1f1)
        bytes.store("MZ".utf8, at: 0)
        bytes.store(setupSectors, at: 0x1f1)
        bytes.store(UInt32(kernelSize / 16), at: 0x1f4)
        bytes.store(UInt16(0xffff), at: 0x1fa)
        bytes.store(UInt16(0xaa55), at: 0x1fe)
        bytes.store([0xeb, 0x6a], at: 0x200)
        bytes.store("HdrS".utf8, at: 0x202)
        bytes.store(version, at: 0x206)
        bytes.store(UInt16(0x100), at: 0x20e)
        bytes.store("6.1.0-test (x@y) #1\0".utf8, at: 0x300)
        bytes.store(UInt8(1), at: 0x211)
        bytes.store(UInt32(0x10_0000), at: 0x214)
        bytes.store(UInt16(0x5be0), at: 0x224)
        bytes.store(UInt32(0x7fff_ffff), at: 0x22c)
        bytes.store(UInt32(0x20_0000), at: 0x230)
        bytes.store([1, 21], at: 0x234)
        bytes.store(UInt16(0x3f), at: 0x236)
        bytes.store(UInt32(2047), at: 0x238)
        bytes.store(payload.offset, at: 0x248)
        bytes.store(payload.length, at: 0x24c)
        bytes.store(UInt64(0x100_0000), at: 0x258)
        bytes.store(UInt32(0x4000), at: 0x260)
        bytes.store(UInt32(0xb0), at: 0x264)
        bytes.store(UInt32(0xc0), at: 0x268)
        let start = setupSize + Int(payload.offset)
        if payload.length > 0 {
            bytes.store(payloadMagic, at: start)
            bytes.store(unpackedSize, at: start + Int(payload.length) - 4)
        }
        for patch in patches { bytes.store(patch.bytes, at: patch.offset) }
        return bytes
    }
}

/// The result of recognising bytes.
func recognised(_ bytes: [UInt8]) -> Result<KernelImage, ImageError> {
    do throws(ImageError) { return .success(try KernelImage(recognizing: bytes.span.bytes)) } catch {
        return .failure(error)
    }
}

extension BzImageBuilder {
    /// Why the image is refused; nil where it is not.
    var refusal: ImageError? {
        if case .failure(let error) = recognised(bytes) { error } else { nil }
    }

    /// The image as read; nil where it is refused.
    var image: BzImage? {
        if case .success(.bzImage(let image)) = recognised(bytes) { image } else { nil }
    }
}
