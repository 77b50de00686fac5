// SPDX-License-Identifier: MIT
import BootFormats
import Testing

@Suite struct RecognitionTests {
    /// Bytes with `parts` at their offsets, otherwise of a kind that is nothing.
    private static func bytes(_ count: Int = 0x9000, _ parts: (Int, [UInt8])...) -> [UInt8] {
        var bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 3) }
        for (offset, part) in parts { bytes.store(part, at: offset) }
        return bytes
    }

    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// So many frames to skip, of which zstd's format and lz4's have the same.
    private static func skipped(_ frames: Int) -> [UInt8] {
        (0..<frames).flatMap { _ in [0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7] as [UInt8] }
    }

    @Test(
        arguments: [
            (text("root:x:0:0:root:/root:/bin/bash\n"), .text), (text("#!/bin/sh\necho\n"), .script),
            (text("é ü\n"), .text), (bytes(), .unknown), ([UInt8](repeating: 0, count: 9000), .zeros),
            (bytes(0x9000, (0, text("MZ")), (0x3c, [0x80, 0, 0, 0]), (0x80, text("PE\0\0"))), .portableExecutable),
            (bytes(0x9000, (0, text("MZ")), (0x3c, [0xff, 0xff, 0xff, 0xff])), .dosExecutable),
            (text("MZ"), .dosExecutable),
            (bytes(0x9000, (0, text("MZ")), (0x38, text("ARMd"))), .arm64Image),
            (bytes(0x9000, (0, text("MZ")), (0x38, text("RSC\u{5}"))), .riscvImage),
            (bytes(0x9000, (0x24, [0x18, 0x28, 0x6f, 0x01])), .armImage),
            (bytes(0x9000, (0, [0x27, 5, 0x19, 0x56])), .uImage),
            (bytes(0x9000, (0, [0xd0, 0x0d, 0xfe, 0xed])), .deviceTree), (text("070701000000"), .cpio),
            (bytes(64, (0, [0xc7, 0x71])), .cpio), (text("!<arch>\ndebian"), .archive),
            (bytes(0x9000, (257, text("ustar"))), .archive), (text("PK\u{3}\u{4}"), .archive),
            (bytes(64, (0, [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c])), .archive),
            (bytes(0x9000, (0x8001, text("CD001"))), .diskImage), (bytes(0x9000, (0x438, [0x53, 0xef])), .diskImage),
            (bytes(0x9000, (0, text("hsqs"))), .diskImage), (bytes(0x9000, (0, text("QFI"))), .diskImage),
            (bytes(512, (510, [0x55, 0xaa])), .bootSector), (bytes(64, (0, [0x1f, 0x8b, 8])), .compressed(.gzip)),
        ] as [([UInt8], UnknownContent)])
    func tellsWhatAFileIsThatIsNoKernel(bytes: [UInt8], content: UnknownContent) {
        #expect(recognised(bytes) == .failure(.unrecognised(looksLike: content)))
    }

    @Test func refusesAnEmptyFile() {
        #expect(recognised([]) == .failure(.empty))
    }

    @Test(
        arguments: [
            ([0x1f, 0x8b, 8, 0], .gzip), ([0x1f, 0x8b, 7, 0], nil),
            ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], .xz), ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 1], nil),
            ([0x28, 0xb5, 0x2f, 0xfd], .zstd),
            ([0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9, 0x28, 0xb5, 0x2f, 0xfd], .zstd),
            ([0x50, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff, 9, 0x28, 0xb5, 0x2f, 0xfd], nil),
            ([0x04, 0x22, 0x4d, 0x18], .lz4), ([0x02, 0x21, 0x4c, 0x18], .lz4), (Array("BZh9".utf8), .bzip2),
            (Array("BZh0".utf8), nil), ([0x5d, 0, 0, 0x80, 0] + [UInt8](repeating: 0xff, count: 8), .lzma),
            ([0x5d, 0, 0, 0xc0, 0, 1, 2, 3, 0, 0, 0, 0, 0], .lzma),
            ([0x5d, 0, 0, 0xa0, 0, 1, 2, 3, 0, 0, 0, 0, 0], nil),
            ([0x5d, 0, 0, 0x80, 0, 1, 2, 3, 0, 1, 0, 0, 0], .lzma),
            ([0x5d, 0, 0, 0x80, 0, 1, 2, 3, 0, 0x40, 0, 0, 0], nil), ([0x1f, 0x8b, 8], nil), ([], nil),
            ([0x5d, 0, 0, 0x80, 0, 0, 0, 0, 0, 0x40, 0, 0, 0], nil),
            ([0x5d, 0, 0, 0x80, 0, 0xff, 0xff, 0xff, 0xff, 0x3f, 0, 0, 0], .lzma),
            ([0x5d, 0, 0, 0x80, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], nil),
            ([0x5d, 0, 0, 0x80, 0, 1, 2, 3, 0, 0, 0, 0], nil), ([0x5d, 0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0], nil),
            ([0x5d, 0, 0, 0xb0, 0, 1, 2, 3, 0, 0, 0, 0, 0], nil),
            ([0x5d, 0, 0, 0xe0, 0, 1, 2, 3, 0, 0, 0, 0, 0], nil),
            ([0x5c, 0, 0, 0x80, 0, 1, 2, 3, 0, 0, 0, 0, 0], nil),
            (Array("BZh1".utf8), .bzip2), (Array("BZh:".utf8), nil), (Array("BYh9".utf8), nil),
            ([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0, 0x28, 0xb5, 0x2f, 0xfd], .zstd),
            ([0x5f, 0x2a, 0x4d, 0x18, 0, 0, 0, 0, 0x28, 0xb5, 0x2f, 0xfd], .zstd),
            ([0x60, 0x2a, 0x4d, 0x18, 0, 0, 0, 0, 0x28, 0xb5, 0x2f, 0xfd], nil),
            (skipped(15) + [0x28, 0xb5, 0x2f, 0xfd], .zstd), (skipped(16) + [0x28, 0xb5, 0x2f, 0xfd], nil),
            (skipped(1) + [0x04, 0x22, 0x4d, 0x18], nil), (skipped(1), nil),
        ] as [([UInt8], Compression?)])
    func tellsCompressionsByTheirFirstBytes(bytes: [UInt8], compression: Compression?) {
        #expect(Compression(recognizing: bytes.span.bytes) == compression)
    }

    private func kind(_ bytes: [UInt8], as wanted: ImageKind) -> Result<ImageKind, ImageError> {
        do throws(ImageError) { return .success(try KernelImage(bytes.span.bytes, as: wanted).kind) } catch {
            return .failure(error)
        }
    }

    @Test func takesAForcedTypeOnlyWhereTheFileIsOfIt() {
        let bzImage = BzImageBuilder().bytes
        let old = BzImageBuilder(version: 0x206).bytes
        let elf = ELFBuilder().bytes
        #expect(kind(bzImage, as: .bzImage64) == .success(.bzImage64))
        #expect(kind(bzImage, as: .bzImage) == .success(.bzImage64), "it has the older entries, too")
        #expect(kind(bzImage, as: .elfX86_64) == .failure(.otherKind(wanted: .elfX86_64, found: .bzImage64)))
        #expect(kind(old, as: .bzImage64) == .failure(.otherKind(wanted: .bzImage64, found: .bzImage)))
        #expect(kind(elf, as: .elfX86_64) == .success(.elfX86_64))
        #expect(kind(elf, as: .elfX86) == .failure(.otherKind(wanted: .elfX86, found: .elfX86_64)))
        #expect(kind(Array("text".utf8), as: .elfX86) == .failure(.unrecognised(looksLike: .text)))
    }
}
