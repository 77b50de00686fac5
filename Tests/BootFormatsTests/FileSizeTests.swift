// SPDX-License-Identifier: MIT
import Testing

@testable import BootFormats

/// How long an image's file is, by its head.
@Suite struct FileSizeTests {
    /// - Parameter bytes: a whole file, of which the head is looked at.
    private func size(_ bytes: [UInt8]) -> UInt64? { KernelImage.fileSize(of: Array(bytes.prefix(1 << 16)).span.bytes) }

    @Test func ofABzImageIsWhatTheSetupHeaderSays() {
        var builder = BzImageBuilder()
        #expect(size(builder.bytes) == UInt64(builder.fullSize))
        builder.appended = 100
        #expect(size(builder.bytes) == UInt64(builder.fullSize))
        #expect(size(builder.patched(UInt32(0x1000_0000), at: 0x1f4).bytes) == UInt64(builder.setupSize) + 1 << 32)
        #expect(size(builder.patched(UInt32(0), at: 0x1f4).bytes) == nil)
        builder.version = 0x203
        #expect(size(builder.bytes) == nil, "syssize has 16 bits")
    }

    @Test func ofASignedBzImageGoesToTheEndOfItsSignatures() {
        let builder = BzImageBuilder.withSections().patched(UInt16(0x20b), at: 0x98)
            .patched(UInt32(0x12340), at: 0x80 + 24 + 112 + 32).patched(UInt32(0x560), at: 0x80 + 24 + 112 + 36)
        #expect(size(builder.bytes) == 0x12340 + 0x560)
        #expect(size(builder.patched(UInt32.max, at: 0x3c).bytes) == UInt64(builder.setupSize) + 0xff0)
    }

    @Test(arguments: [true, false]) func ofAnELFFileGoesToTheLastSegmentOrTheSectionHeaders(isWide: Bool) {
        let builder = isWide ? ELFBuilder() : ELFBuilder.narrow
        let count = builder.bytes.count
        #expect(size(builder.bytes) == UInt64(count))
        let (table, words) = isWide ? (0x28, 0x3a) : (0x20, 0x2e)
        let withSections = builder.patched(UInt32(0x5_0000), at: table).patched(UInt16(64), at: words)
            .patched(UInt16(3), at: words + 2)
        #expect(size(withSections.bytes) == 0x5_0000 + 192)
        #expect(size(withSections.patched(UInt32(0x40), at: table).bytes) == nil, "sections may lie behind it")
        #expect(size(withSections.patched(UInt16(0), at: words + 2).bytes) == nil)
        #expect(size(builder.patched(UInt16(0xffff), at: isWide ? 0x38 : 0x2c).bytes) == nil)
    }

    @Test func neverOverflows() {
        let offset = ELFBuilder().tableOffset + 8
        #expect(size(ELFBuilder().patched(UInt64.max, at: offset).bytes) == nil)
        #expect(size(ELFBuilder().patched(UInt64.max, at: offset + 24).bytes) == nil)
        let sections = ELFBuilder().patched(UInt64.max, at: 0x28).patched(UInt16.max, at: 0x3a)
        #expect(size(sections.patched(UInt16.max, at: 0x3c).bytes) == nil)
    }

    @Test func ofMultibootKernelsIsThatOfTheirAddressesOrTheirELFFile() {
        var builder = MultibootBuilder.one(flags: 0x1_0003, isELF: false, distance: 8)
        builder.addresses = [0x10_0008, 0x10_0000, 0x18_0000, 0, 0x10_0020]
        #expect(size(builder.bytes) == 0x8_0000)
        builder.addresses[2] = 0
        #expect(size(builder.bytes) == nil, "the whole file")
        builder = .one()
        #expect(size(builder.bytes) == UInt64(builder.bytes.count))
        builder = .two(.words(2, 0x10_0000, 0x10_0000, 0x12_0000, 0), .words(3, 0x10_0000), isELF: false)
        #expect(size(builder.bytes) == 0x2_0000)
        // Tags begin at multiples of 8, however long the one before is.
        let addresses = MultibootBuilder.Tag.words(2, 0x10_0000, 0x10_0000, 0x12_0000, 0)
        for earlier in [MultibootBuilder.Tag.words(3), .words(3, 1), .words(3, 1, 2), .words(3, 1, 2, 3)] {
            #expect(size(MultibootBuilder.two(earlier, addresses, isELF: false).bytes) == 0x2_0000)
        }
        #expect(size(MultibootBuilder.two(isELF: false).bytes) == nil)
        #expect(size(MultibootBuilder.two().bytes) == UInt64(MultibootBuilder.two().bytes.count))
    }

    @Test func ofANetworkBootImageIsTheSumOfItsRecords() {
        for builder in [NBIBuilder.linux, .relative] {
            #expect(size(builder.bytes) == UInt64(builder.bytes.count))
            #expect(size(builder.with { $0.marksLast = false }.bytes) == nil)
        }
        #expect(size(Array(NBIBuilder.linux.bytes.prefix(20))) == nil)
    }

    @Test func ofWhatIsNoKernelIsNotKnown() {
        #expect(size([]) == nil && size([UInt8](repeating: 0, count: 1 << 16)) == nil)
    }

    @Test func ofEveryImageCoversAllThatIsLoaded() throws {
        for bytes in [BzImageBuilder().bytes, ELFBuilder().bytes, NBIBuilder.linux.bytes, MultibootBuilder.one().bytes]
        {
            let end = try #require(size(bytes))
            let cut = Array(bytes.prefix(Int(end)))
            #expect(try KernelImage(recognizing: cut.span.bytes) == KernelImage(recognizing: bytes.span.bytes))
        }
    }
}
