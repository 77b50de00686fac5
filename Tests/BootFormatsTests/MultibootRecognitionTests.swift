// SPDX-License-Identifier: MIT
import BootFormats
import Testing

@Suite struct MultibootRecognitionTests {
    private func kind(_ bytes: [UInt8], as wanted: ImageKind) -> Result<ImageKind, ImageError> {
        do throws(ImageError) { return .success(try KernelImage(bytes.span.bytes, as: wanted).kind) } catch {
            return .failure(error)
        }
    }

    private func found(_ builder: MultibootBuilder) -> ImageKind? {
        if case .success(let image) = recognised(builder.bytes) { image.kind } else { nil }
    }

    @Test func aHeaderSaysHowToEnterWhateverTheELFClass() throws {
        for isWide in [false, true] {
            #expect(found(.one().with { $0.isWide = isWide }) == .multibootX86)
            #expect(found(.two().with { $0.isWide = isWide }) == .multiboot2X86)
        }
        #expect(found(.one(flags: 1 << 16, isELF: false)) == .multibootX86)
        #expect(recognised(ELFBuilder().bytes).map(\.kind) == .success(.elfX86_64))
        let wide = try #require(MultibootBuilder.one().with { $0.isWide = true }.image)
        #expect(wide.program.elfClass == .elf64 && wide.program.entry == 0x10_0040)
        // The header's own addresses prevail over the file's.
        let addressed = MultibootBuilder.one(flags: 1 << 16).with {
            $0.isWide = true
            $0.addresses = [0x20_0078, 0x20_0000, 0, 0, 0x20_0080]
        }
        #expect(addressed.image?.program.entry == 0x20_0080)
    }

    @Test func aWideFileIsLoadedBelow4GiBOrRefused() {
        var elf = ELFBuilder(entry: 0x1_0010_0040)
        elf.headers = [.init(physicalAddress: 1 << 32, memorySize: 0x2000, contents: MultibootBuilder.one().contents)]
        #expect(
            recognised(elf.bytes)
                == .failure(
                    .badValue("p_paddr", at: 0x58, found: 1 << 32, needed: .sumBelow(bits: 32, with: "p_memsz"))))
        // A kernel that runs in the upper half has its entry's physical address by its segment.
        elf.headers[0].physicalAddress = 0x10_0000
        elf.headers[0].virtualAddress = 0xffff_ffff_8010_0000
        elf.entry = 0xffff_ffff_8010_0040
        #expect(recognised(elf.bytes).map(entry) == .success(0x10_0040))
        elf.entry = 0xffff_ffff_9000_0000
        #expect(
            recognised(elf.bytes)
                == .failure(.badValue("e_entry", at: 0x18, found: 0xffff_ffff_9000_0000, needed: .insideLoadedPart)))
    }

    private func entry(_ image: KernelImage) -> UInt64 {
        if case .multiboot(let image) = image { image.program.entry } else { 0 }
    }

    /// GRUB's lnxboot.img and core.img in one file: the second has a Multiboot header.
    @Test(arguments: [MultibootImage.Version.one, .two], [0x400, 0x800])
    func aLinuxHeaderAtItsPlaceComesBeforeTheSearch(version: MultibootImage.Version, distance: Int) {
        var builder = BzImageBuilder(version: 0x203, payload: (0, 0))
        let header =
            version == .one
            ? MultibootBuilder.one(flags: 1 << 16, isELF: false) : .two(.words(2, 0, 0, 0, 0), .words(3, 0))
        builder.patches.append((distance, header.header))
        #expect(recognised(builder.bytes).map(\.kind) == .success(.bzImage))
        #expect(kind(builder.bytes, as: version == .one ? .multibootX86 : .multiboot2X86) != .success(.bzImage))
        // Without the boot flag the four letters are no header.
        let chance = builder.patched(UInt16(0), at: 0x1fe)
        #expect(recognised(chance.bytes).map(\.kind) != .success(.bzImage))
    }

    @Test func aNetworkBootImageComesBeforeTheSearch() {
        var bytes = NBIBuilder.linux.bytes
        bytes.store(MultibootBuilder.one(flags: 1 << 16, isELF: false).header, at: 512)
        #expect(recognised(bytes).map(\.kind) == .success(.nbiX86))
        bytes.store([UInt8](repeating: 0, count: 64), at: 512)
        bytes.store(MultibootBuilder.two().header, at: 1024)
        #expect(recognised(bytes).map(\.kind) == .success(.nbiX86))
        // Its header ends with a boot flag, too, and the setup code of a Linux kernel can follow at once.
        bytes.store(UInt16(0xaa55), at: 0x1fe)
        bytes.store("HdrS".utf8, at: 0x202)
        #expect(recognised(bytes).map(\.kind) == .success(.nbiX86))
    }

    /// As GNU Mach's amd64-smp kernels ask, and then for more.
    @Test(arguments: [
        (MultibootBuilder.Tag.words(1, 6, 4, 1, 3, 9, 14, 15, 12), nil as ImageError?),
        (.words(1, 6, 18), .unmetDemand(.information(18), at: 0x74)),
        (.words(1, 6, 18, isOptional: true), nil), (.words(99), .unmetDemand(.headerTag(99), at: 0x68)),
        (.words(99, isOptional: true), nil),
    ])
    func whereTheSecondVersionCannotBeHonouredTheFirstIsTaken(tag: MultibootBuilder.Tag, error: ImageError?) throws {
        let both = MultibootBuilder.two(tag).with { $0.behind = MultibootBuilder.one().header }
        guard case .multiboot(let image) = try recognised(both.bytes).get() else {
            Issue.record("no Multiboot kernel")
            return
        }
        #expect(image.version == (error == nil ? .two : .one))
        let bytes = both.bytes
        var wantsBootServices = false
        let objection = MultibootImage.objection(
            to: .two, in: bytes.span.bytes, wantsBootServices: &wantsBootServices)
        #expect(objection == error && !wantsBootServices)
        // Whoever names the version gets no other.
        #expect(kind(both.bytes, as: .multiboot2X86) == (error.map { .failure($0) } ?? .success(.multiboot2X86)))
        #expect(kind(both.bytes, as: .multibootX86) == .success(.multibootX86))
        // A header that is no way in either is not the one to complain of.
        let bad = both.with { $0.behind = MultibootBuilder.one(flags: 8).header }
        #expect(recognised(bad.bytes).map(\.kind) == (error.map { .failure($0) } ?? .success(.multiboot2X86)))
        let alone = MultibootBuilder.two(tag)
        #expect(recognised(alone.bytes).map(\.kind) == (error.map { .failure($0) } ?? .success(.multiboot2X86)))
    }

    @Test func takesTheTypeThatIsForced() {
        let one = MultibootBuilder.one().bytes
        #expect(kind(one, as: .elfX86) == .success(.elfX86))
        #expect(kind(one, as: .multibootX86) == .success(.multibootX86))
        #expect(kind(one, as: .multiboot2X86) == .failure(.otherKind(wanted: .multiboot2X86, found: .multibootX86)))
        #expect(
            kind(MultibootBuilder.one().with { $0.isWide = true }.bytes, as: .multibootX86) == .success(.multibootX86))
        #expect(
            kind(BzImageBuilder().bytes, as: .multibootX86)
                == .failure(.otherKind(wanted: .multibootX86, found: .bzImage64)))
    }

    @Test func aWrongChecksumIsNoHeaderUnlessTheTypeIsForced() {
        let one = MultibootBuilder.one().with { $0.checksumError = 1 }
        #expect(found(one) == .elfX86)
        #expect(
            kind(one.bytes, as: .multibootX86)
                == .failure(.badValue("checksum", at: 0x60, found: 0xe452_4ffc, needed: .exactly(0xe452_4ffb))))
        let two = MultibootBuilder.two().with { $0.checksumError = 1 }
        #expect(found(two) == .elfX86)
        #expect(throws: ImageError.self) { try kind(two.bytes, as: .multiboot2X86).get() }
    }

    @Test func looksForAWrongChecksumWhereAHeaderCouldBe() {
        func wrong(_ builder: MultibootBuilder, _ distance: Int) -> MultibootBuilder {
            builder.with {
                ($0.isELF, $0.checksumError, $0.distance) = (false, 1, distance)
                $0.addresses = []
            }
        }
        for (builder, wanted, end, size) in [
            (MultibootBuilder.one(), ImageKind.multibootX86, 8192, 12), (.two(), .multiboot2X86, 32768, 16),
        ] {
            let last = wrong(builder, end - size)
            guard case .failure(.badValue("checksum", let offset, _, _)) = kind(last.bytes, as: wanted) else {
                Issue.record("\(kind(last.bytes, as: wanted))")
                continue
            }
            #expect(offset == end - 4)
            for bytes in [wrong(builder, end - size + 8).bytes, [UInt8](repeating: 0x90, count: end)] {
                #expect(kind(bytes, as: wanted) == .failure(.unrecognised(looksLike: .text)))
            }
            // Cut in its fields.
            let start = wrong(builder, 16).bytes
            for count in 4..<size {
                #expect(
                    kind(Array(start.prefix(16 + count)), as: wanted)
                        == .failure(
                            .endsInside("checksum", at: 16 + size - 4, needed: 4, available: count)))
            }
        }
    }
}
