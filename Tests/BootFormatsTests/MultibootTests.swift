// SPDX-License-Identifier: MIT
import BootFormats
import ImagePromises
import PhysicalMemory
import Testing

@Suite struct MultibootHeaderTests {
    @Test(arguments: [MultibootBuilder.one(), .two()])
    func loadsAnELFFileWhereItsHeadersSay(builder: MultibootBuilder) throws {
        let image = try #require(builder.image)
        #expect(image.version == builder.version)
        #expect(image.program.segments.map(\.physicalAddress.rawValue) == [0x10_0000])
        #expect(image.program.entry == 0x10_0044)
        #expect(image.range == PhysicalRange(from: PhysicalAddress(0x10_0000), to: PhysicalAddress(0x10_2000)))
        #expect(image.relocation == nil && !image.needsFramebuffer)
    }

    @Test func loadsByTheAddressesOfTheHeader() throws {
        let builder = MultibootBuilder.one(flags: 1 << 16, isELF: false, distance: 0x20).with {
            $0.addresses = [0x20_0020, 0x20_0010, 0x20_0080, 0x20_0400, 0x20_0040]
        }
        let segment = try #require(builder.image?.program.segments.first)
        #expect(segment.file == 0x10..<0x80)
        #expect(segment.physicalAddress.rawValue == 0x20_0010 && segment.memorySize == 0x3f0)
        #expect(builder.image?.program.entry == 0x20_0040)
        // 0: to the end of the file, and no bss.
        let whole = builder.with { $0.addresses = [0x20_0020, 0x20_0010, 0, 0, 0x20_0040] }
        #expect(whole.image?.program.segments.first?.file == 0x10..<0x100)
        #expect(whole.image?.program.segments.first?.memorySize == 0xf0)
    }

    @Test func loadsByTheAddressTag() throws {
        let entry = MultibootBuilder.Tag.words(3, 0x20_0050)
        let image = try #require(
            MultibootBuilder.two(.words(2, 0x20_0000, 0x20_0000, 0x20_0080, 0), entry, isELF: false).image)
        #expect(image.program.segments.map(\.file) == [0..<0x80])
        #expect(image.program.entry == 0x20_0050)
        let whole = MultibootBuilder.two(.words(2, 0x20_0000, .max, 0, 0), entry, isELF: false)
        #expect(whole.image?.range.start.rawValue == 0x20_0000)
    }

    @Test func takesTheEntryTag() {
        #expect(MultibootBuilder.two(.words(3, 0x10_0030)).image?.program.entry == 0x10_0030)
    }

    @Test func readsWhereItMayBePut() throws {
        let relocation = try #require(
            MultibootBuilder.two(.relocatable(0x20_0000, 0xffff_ffff, 0x1000, 2)).image?.relocation)
        #expect(relocation.bounds == PhysicalRange(from: PhysicalAddress(0x20_0000), to: .fourGiB))
        #expect(relocation.alignment == 0x1000 && relocation.preference == .highest)
    }

    @Test func movesAsAWhole() throws {
        let moved = try #require(MultibootBuilder.two().image).moved(to: PhysicalAddress(0x200_0000))
        #expect(moved.range.start.rawValue == 0x200_0000 && moved.program.entry == 0x200_0044)
    }

    @Test func takesRequiredTagsThatItKnows() throws {
        let image = try #require(
            MultibootBuilder.two(
                .words(1, 1, 2, 3, 4, 6, 8, 9, 11, 12, 14, 15, 17, 21), .words(4, 3), .words(5, 1024, 768, 32),
                .words(6),
                .words(7),
                .words(8, 0x10_0030), .words(9, 0x10_0030), .words(99, 1, isOptional: true)
            ).image)
        #expect(image.needsFramebuffer && image.program.entry == 0x10_0044)
        #expect(image.wantsBootServices && image.takesText && image.takesPixels)
        #expect(MultibootBuilder.two(.words(1, 18, 10, isOptional: true)).image != nil)
    }

    @Test(arguments: [
        (MultibootBuilder.two(), false, true, false), (.two(.words(4, 1)), true, false, false),
        (.two(.words(4, 3)), true, true, false), (.two(.words(4, 2)), false, true, false),
        (.two(.words(4, 1, isOptional: true)), false, false, false),
        (.two(.words(5, 0, 0, 0)), true, true, true), (.two(.words(5, 0, 0, 0, isOptional: true)), false, true, true),
        (.one(flags: 4), true, true, true), (.one(), false, true, true),
    ])
    func readsWhatScreenItNeeds(builder: MultibootBuilder, isNeeded: Bool, text: Bool, pixels: Bool) throws {
        let image = try #require(builder.image)
        #expect([image.needsFramebuffer, image.takesText, image.takesPixels] == [isNeeded, text, pixels])
    }

    @Test func looksNoFurtherThanTheSpecificationsSay() {
        #expect(MultibootBuilder.one(flags: 3, distance: 8192).image == nil)
        #expect(MultibootBuilder.one(flags: 3, distance: 8000).image != nil)
        #expect(MultibootBuilder.two().with { $0.distance = 32768 }.image == nil)
        #expect(MultibootBuilder.two().with { $0.distance = 32000 }.image != nil)
        #expect(MultibootBuilder.two().with { $0.distance = 4 }.image == nil, "on a multiple of 8")
        #expect(MultibootBuilder.one(distance: 4).image != nil)
        #expect(MultibootBuilder.one(flags: 1 << 16, isELF: false, distance: 2).image == nil, "on a multiple of 4")
    }

    /// All of a header's first fields lie in the part that is looked at.
    @Test func looksAsFarAsTheSpecificationsSay() {
        func first(_ distance: Int) -> MultibootBuilder {
            MultibootBuilder.one(flags: 1 << 16, isELF: false, distance: distance).with {
                $0.addresses = [0x20_0000, 0x20_0000, 0, 0, 0x20_0000]
            }
        }
        #expect(first(8192 - 12).image != nil && first(8192 - 8).image == nil)
        let second = MultibootBuilder.two(.words(3, 0), isELF: false)
        #expect(
            second.with { $0.distance = 32768 - 16 }.refusal
                == .badValue("header_length", at: 32768 - 8, found: 40, needed: .atMost(16)))
        guard case .success(nil) = second.with({ $0.distance = 32768 - 8 }).result else {
            Issue.record("found behind the end")
            return
        }
        // The whole header lies there, too.
        let tags = MultibootBuilder.two(.words(2, 0x20_0000, 0x20_0000, 0, 0), .words(3, 0x20_0000), isELF: false)
        let size = tags.header.count
        #expect(tags.with { $0.distance = 32768 - size }.image != nil)
        #expect(tags.with { $0.distance = 32768 - size + 8 }.refusal != nil)
    }

    @Test func everyBitOfTheLowHalfOfTheFlagsAsksForSomething() {
        for bit in 0..<32 as Range<UInt32> {
            let flags: UInt32 = 1 << bit
            let expected: ImageError? =
                (3..<16).contains(bit)
                ? .badValue("flags, bits 0 to 15", at: 0x5c, found: UInt64(flags), needed: .atMost(7)) : nil
            let builder = MultibootBuilder.one(flags: flags).with {
                // For bit 16.
                $0.addresses = [0x10_0058, 0x10_0000, 0, 0, 0x10_0058]
            }
            #expect(builder.refusal == expected, "bit \(bit)")
            #expect(expected != nil || builder.image?.isLoadedAsELF == (bit != 16))
            #expect(expected != nil || builder.image?.needsFramebuffer == (bit == 2))
        }
        #expect(MultibootBuilder.one(flags: 7).image != nil)
    }

    @Test func aFileThatIsLoadedByATagOfAddressesIsNoELFFile() throws {
        let addresses = MultibootBuilder.Tag.words(2, 0x20_0058, 0x20_0000, 0, 0)
        let image = try #require(MultibootBuilder.two(addresses, .words(3, 0x20_0058)).image)
        #expect(!image.isLoadedAsELF && image.range.start.rawValue == 0x20_0000)
        #expect(try #require(MultibootBuilder.two().image).isLoadedAsELF)
        #expect(try #require(MultibootBuilder.one(flags: 0).image).isLoadedAsELF)
    }

    @Test(arguments: [
        (
            MultibootBuilder.one(flags: 0x13),
            ImageError.badValue("flags, bits 0 to 15", at: 0x5c, found: 0x13, needed: .atMost(7))
        ),
        (.one(isELF: false), .needsAddresses), (.two(isELF: false), .needsAddresses),
        (.two(.words(2, 0, 0, 0, 0)), .needsAddresses),
        (.two().with { $0.architecture = 4 }, .badValue("architecture", at: 0x5c, found: 4, needed: .exactly(0))),
        (.two().with { $0.headerLength = 16 }, .badValue("header_length", at: 0x60, found: 16, needed: .atLeast(24))),
        (
            .two().with { $0.headerLength = 0x7ff0 },
            .badValue("header_length", at: 0x60, found: 0x7ff0, needed: .atMost(0x7fa8))
        ),
        (
            .two().with { $0.headerLength = 0x7000 },
            .partBeyondEnd("header_length", at: 0x58, size: 0x7000, available: 0x158)
        ),
        (
            .two(.words(6)).with { $0.tags.removeLast() },
            .badValue("header_length", at: 0x60, found: 24, needed: .atLeast(32))
        ),
        (.two(.init(type: 6, size: 0)), .badValue("size", at: 0x6c, found: 0, needed: .atLeast(8))),
        (.two(.init(type: 6, size: 0xffff_fff8)), .badValue("size", at: 0x6c, found: 0xffff_fff8, needed: .atMost(16))),
        (.two(.words(3)), .badValue("size", at: 0x6c, found: 8, needed: .atLeast(12))),
        (.two(.words(3, 0x20_0000)), .badValue("entry_addr", at: 0x70, found: 0x20_0000, needed: .insideLoadedPart)),
        (.two(.words(11)), .unmetDemand(.headerTag(11), at: 0x68)),
        (.two(.words(1, 4, 18)), .unmetDemand(.information(18), at: 0x74)),
        (.two(.words(1, 5)), .unmetDemand(.information(5), at: 0x70)),
        (.two(.words(1, 22)), .unmetDemand(.information(22), at: 0x70)),
        (.two(.words(1, 38)), .unmetDemand(.information(38), at: 0x70)),
        (.two(.words(1, .max)), .unmetDemand(.information(.max), at: 0x70)),
        (.two(.words(4)), .badValue("size", at: 0x6c, found: 8, needed: .atLeast(12))),
        (.two(.relocatable(2, 1, 1, 0)), .badValue("max_addr", at: 0x74, found: 1, needed: .atLeast(2))),
        (.two(.relocatable(0, 1, 3, 0)), .badValue("align", at: 0x78, found: 3, needed: .powerOfTwo)),
        (.two(.relocatable(0, 1, 1, 3)), .badValue("preference", at: 0x7c, found: 3, needed: .atMost(2))),
    ])
    func refusesHeadersThatContradictThemselves(builder: MultibootBuilder, error: ImageError) {
        #expect(builder.refusal == error)
    }

    @Test(
        arguments: [
            (
                [0x10_0000, 0x10_0010, 0, 0, 0x10_0020],
                ImageError.badValue("header_addr", at: 12, found: 0x10_0000, needed: .atLeast(0x10_0010))
            ),
            (
                [0x10_0010, 0x10_0000, 0, 0, 0x10_0020],
                .badValue("load_addr", at: 16, found: 0x10_0000, needed: .atLeast(0x10_0010))
            ),
            (
                [0x10_0000, 0x10_0000, 0xf_ffff, 0, 0x10_0020],
                .badValue("load_end_addr", at: 20, found: 0xf_ffff, needed: .atLeast(0x10_0001))
            ),
            (
                [0x10_0000, 0x10_0000, 0x10_0000, 0, 0x10_0000],
                .badValue("load_end_addr", at: 20, found: 0x10_0000, needed: .atLeast(0x10_0001))
            ),
            (
                [0x10_0000, 0x10_0000, 0x10_0101, 0, 0x10_0020],
                .partBeyondEnd("load_end_addr", at: 0, size: 0x101, available: 0x100)
            ),
            (
                [0x10_0000, 0x10_0000, 0, 0x10_00ff, 0x10_0020],
                .badValue("bss_end_addr", at: 24, found: 0x10_00ff, needed: .atLeast(0x10_0100))
            ),
            (
                [0x10_0000, 0x10_0000, 0, 0, 0x10_0100],
                .badValue("entry_addr", at: 28, found: 0x10_0100, needed: .insideLoadedPart)
            ),
            (
                [.max - 3, .max - 3, 0, 0, .max - 3],
                .badValue("load_addr", at: 16, found: 0xffff_fffc, needed: .sumBelow(bits: 32, with: "the file's size"))
            ),
        ] as [([UInt32], ImageError)])
    func refusesAddressesThatContradictThemselves(addresses: [UInt32], error: ImageError) {
        #expect(MultibootBuilder.one(flags: 1 << 16, isELF: false).with { $0.addresses = addresses }.refusal == error)
    }

    @Test func takesAddressesThatAreJustConsistent() throws {
        func image(_ addresses: [UInt32], distance: Int = 0) -> MultibootImage? {
            MultibootBuilder.one(flags: 1 << 16, isELF: false, distance: distance).with { $0.addresses = addresses }
                .image
        }
        let byte = try #require(image([0x10_0000, 0x10_0000, 0x10_0001, 0x10_0001, 0x10_0000]))
        #expect(byte.program.segments.map(\.file) == [0..<1] && byte.program.segments[0].memorySize == 1)
        let whole = try #require(image([0x10_0000, 0x10_0000, 0x10_0100, 0x10_0100, 0x10_00ff]))
        #expect(whole.program.segments.map(\.file) == [0..<0x100])
        let bss = try #require(image([0x10_0000, 0x10_0000, 0x10_0080, 0x10_0081, 0x10_007f]))
        #expect(bss.program.segments[0].memorySize == 0x81)
        let front = try #require(image([0x10_0010, 0x10_0000, 0, 0, 0x10_0000], distance: 0x10))
        #expect(front.program.segments.map(\.file) == [0..<0x100])
        let top: UInt32 = 0xffff_ff00
        #expect(image([top, top, 0, 0, top]) != nil, "up to 4 GiB")
        #expect(image([top + 1, top + 1, 0, 0, top + 1]) == nil)
    }

    @Test func refusesWhatIsAbove4GiB() {
        var elf = ELFBuilder()
        elf.headers[0].physicalAddress = 1 << 32
        elf.headers[0].contents = MultibootBuilder.two().header
        #expect(
            recognised(elf.bytes)
                == .failure(
                    .badValue("p_paddr", at: 0x58, found: 1 << 32, needed: .sumBelow(bits: 32, with: "p_memsz"))))
    }

    @Test(arguments: [
        MultibootBuilder.one(flags: 1 << 16, isELF: false),
        .two(.words(2, 0x10_0000, 0x10_0000, 0, 0), .words(3, 0x10_0000), isELF: false),
        .two(.relocatable(0, .max, 8, 1)),
    ])
    func keepsItsPromisesWhereItIsCutOrAByteChanges(builder: MultibootBuilder) {
        let bytes = builder.bytes
        for size in 0..<bytes.count {
            let cut = Array(bytes[..<size])
            guard case .success(let image) = recognised(cut) else { continue }
            #expect(image.brokenPromise(in: cut.span.bytes) == nil, "\(size) bytes")
        }
        var changed = bytes
        for offset in bytes.indices {
            for value in [0, 1, 0x7f, 0x80, 0xff] as [UInt8] {
                changed[offset] = value
                // The checksum is made right again, else nothing would be read.
                var fixed = changed
                let start = builder.isELF ? 0x58 : 0
                let fields = builder.version == .one ? 2 : 3
                let sum = (0..<fields).reduce(UInt32(0)) {
                    $0 &+ (fixed.loadLittle(UInt32.self, at: start + 4 * $1) ?? 0)
                }
                fixed.store(0 &- sum, at: start + 4 * fields)
                if case .success(let image) = recognised(fixed), let broken = image.brokenPromise(in: fixed.span.bytes)
                {
                    Issue.record("\(broken): \(value) at \(offset)")
                }
            }
            changed[offset] = bytes[offset]
        }
    }
}
