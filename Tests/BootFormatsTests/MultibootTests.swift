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
}

@Suite struct ELFSectionTableTests {
    /// A section in a segment, one without bytes, symbols and names.
    private func builder(isWide: Bool) -> MultibootBuilder {
        MultibootBuilder.one().with {
            $0.isWide = isWide
            $0.sections = [
                (1, 0x10_0000, [1, 2, 3, 4]), (8, 0, [5, 6]), (2, 0, [UInt8](repeating: 7, count: 24)),
                (3, 0, Array("names\0".utf8)),
            ]
        }
    }

    @Test(arguments: [false, true]) func findsWhatIsNotLoaded(isWide: Bool) throws {
        let builder = builder(isWide: isWide)
        let bytes = builder.bytes
        #expect(builder.image?.isLoadedAsELF == true)
        let found = ELFSectionTable(of: bytes.span.bytes)
        let sections = try #require(found)
        #expect(sections.count == 5 && sections.entrySize == (isWide ? 64 : 40) && sections.nameIndex == 4)
        #expect(sections.others == 4096..<4096 + 36)
        var headers = Array(bytes[sections.table])
        #expect(headers == Array(bytes.suffix(5 * Int(sections.entrySize))))
        sections.store(PhysicalAddress(0x80_0000), in: &headers, of: bytes.span.bytes)
        let size = Int(sections.entrySize)
        #expect(headers.count == 5 * size)
        let addresses = (0..<5).map { headers.loadLittle(UInt32.self, at: $0 * size + (isWide ? 16 : 12)) }
        #expect(addresses == [0, 0x10_0000, 0, 0x80_0006, 0x80_001e])
    }

    @Test(arguments: [false, true]) func aTableThatCannotBeIsNotTold(isWide: Bool) {
        let bytes = builder(isWide: isWide).bytes
        func sections(_ change: (inout [UInt8]) -> Void) -> ELFSectionTable? {
            var changed = bytes
            change(&changed)
            return ELFSectionTable(of: changed.span.bytes)
        }
        let sizes = isWide ? 0x3a : 0x2e
        #expect(sections { _ in } != nil)
        #expect(sections { $0.store(UInt16(0), at: sizes + 2) } == nil)
        #expect(sections { $0.store(UInt16(39), at: sizes) } == nil)
        #expect(sections { $0.store(UInt16.max, at: sizes + 2) } == nil)
        #expect(sections { $0.store(UInt32.max, at: isWide ? 0x28 : 0x20) } == nil)
        #expect(sections { $0.removeLast() } == nil)
        // A section that lies beyond the end is not loaded; the others are.
        let last = bytes.count - (isWide ? 64 : 40)
        #expect(sections { $0.store(UInt32.max, at: last + (isWide ? 24 : 16)) }?.others == 4096..<4096 + 30)
        let size = isWide ? 32 : 20
        #expect(sections { $0.store(UInt32.max, at: last + size) }?.others == 4096..<4096 + 30)
    }

    @Test func whatIsLoadedByAddressesHasNone() {
        let addressed = builder(isWide: false).with {
            $0.flags = 1 << 16
            $0.addresses = [0x20_0000, 0x20_0000, 0x20_0100, 0, 0x20_0040]
        }
        #expect(addressed.image?.isLoadedAsELF == false)
    }
}

@Suite struct ACPIRootPointerTests {
    static func bytes(revision: UInt8 = 2, table: UInt32 = 0x3f77_d000) -> [UInt8] {
        var bytes = Array("RSD PTR ".utf8) + [0] + Array("BOCHS ".utf8) + [revision]
        bytes.appendLittle(table)
        bytes.appendLittle(UInt32(36))
        bytes.appendLittle(UInt64(0x3f77_d0e8))
        bytes.appendLittle(UInt32(0))
        bytes[8] = 0 &- bytes[..<20].reduce(0, &+)
        bytes[32] = 0 &- bytes.reduce(0, &+)
        return bytes
    }

    @Test func givesBothForms() throws {
        let pointer = try #require(ACPIRootPointer(Self.bytes()))
        #expect(pointer.new == Self.bytes())
        #expect(pointer.old == Array(Self.bytes(revision: 0)[..<20]))
        let old = try #require(ACPIRootPointer(Self.bytes(revision: 0)))
        #expect(old.new == nil && old.old == Array(Self.bytes(revision: 0)[..<20]))
        #expect(ACPIRootPointer(Self.bytes(table: 0))?.old == nil, "there is no RSDT")
    }

    @Test func refusesWhatIsNone() {
        for index in Self.bytes().indices {
            var damaged = Self.bytes()
            damaged[index] ^= 0x40
            #expect(ACPIRootPointer(damaged) == nil, "byte \(index)")
        }
        #expect(ACPIRootPointer(Array(Self.bytes().dropLast())) == nil && ACPIRootPointer([]) == nil)
        #expect(ACPIRootPointer([UInt8](repeating: 0, count: 36)) == nil)
    }
}

@Suite struct MultibootInformationTests {
    private var information: MultibootInformation {
        let ram = [(0, 0x9_fc00), (0x10_0000, 0x3ffd_0000)].map {
            E820Entry(range: PhysicalRange(from: PhysicalAddress($0.0), to: PhysicalAddress($0.1)), type: .ram)
        }
        let odd = E820Entry(
            range: PhysicalRange(from: PhysicalAddress(0x3ffd_0000), to: PhysicalAddress(0x4000_0000)),
            type: .softReserved)
        var information = MultibootInformation(
            commandLine: "k a=b", bootLoaderName: "us", memoryMap: MemoryMap(ram + [odd]))
        information.modules = [
            .init(range: PhysicalRange(from: PhysicalAddress(0x3000), to: PhysicalAddress(0x3005)), text: "/m 1"),
            .init(range: PhysicalRange(from: PhysicalAddress(0x5000), to: PhysicalAddress(0x5001)), text: "/n"),
        ]
        return information
    }

    private func text(_ bytes: [UInt8], at offset: Int) -> String {
        String(decoding: bytes[offset...].prefix { $0 != 0 }, as: UTF8.self)
    }

    @Test func firstVersionHoldsWhatItsFlagsSay() throws {
        let base: UInt32 = 0x80_0000
        let bytes = information.encoded(.one, at: PhysicalAddress(UInt64(base)))
        func word(_ offset: Int) -> UInt32 { bytes.loadLittle(UInt32.self, at: offset) ?? 0 }
        func pointer(_ offset: Int) -> Int { Int(word(offset) - base) }
        #expect(word(0) == 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9)
        #expect(word(4) == 639 && word(8) == (0x3ffd_0000 - 0x10_0000) / 1024)
        #expect(text(bytes, at: pointer(16)) == "k a=b")
        #expect(text(bytes, at: pointer(64)) == "us")
        #expect(word(20) == 2)
        let modules = pointer(24)
        #expect(word(modules) == 0x3000 && word(modules + 4) == 0x3005 && word(modules + 12) == 0)
        #expect(text(bytes, at: pointer(modules + 8)) == "/m 1" && text(bytes, at: pointer(modules + 24)) == "/n")
        #expect(word(44) == 72)
        let map = pointer(48)
        #expect(word(map) == 20 && word(map + 12) == 0x9_fc00 && word(map + 20) == 1)
        #expect(word(map + 68) == 2, "what the specification does not know is reserved")
    }

    @Test func firstVersionTellsOfTheSections() throws {
        var information = information
        let headers = (0..<80).map { UInt8($0) }
        information.sections = .init(count: 2, entrySize: 40, nameIndex: 1, headers: headers)
        let bytes = information.encoded(.one, at: PhysicalAddress(0x80_0000))
        func word(_ offset: Int) -> UInt32 { bytes.loadLittle(UInt32.self, at: offset) ?? 0 }
        #expect(word(0) & 1 << 5 != 0 && word(28) == 2 && word(32) == 40 && word(40) == 1)
        let place = Int(word(36) - 0x80_0000)
        #expect(place % 4 == 0 && Array(bytes[place..<place + 80]) == headers)
    }

    @Test func secondVersionIsAListOfTags() throws {
        var information = information
        information.sections = .init(count: 2, entrySize: 40, nameIndex: 1, headers: [UInt8](repeating: 5, count: 80))
        information.rootPointer = ACPIRootPointer(ACPIRootPointerTests.bytes())
        information.loadBase = PhysicalAddress(0x20_0000)
        information.efi = .init(
            isWide: true, systemTable: 0x1_2345_6789, descriptorSize: 48, descriptorVersion: 1,
            memoryMap: [UInt8](repeating: 7, count: 48))
        let bytes = information.encoded(.two, at: PhysicalAddress(0x80_0000))
        #expect(bytes.loadLittle(UInt32.self, at: 0) == UInt32(bytes.count))
        var found: [UInt32] = []
        var offset = 8
        while offset < bytes.count {
            let type = try #require(bytes.loadLittle(UInt32.self, at: offset))
            let size = Int(try #require(bytes.loadLittle(UInt32.self, at: offset + 4)))
            found.append(type)
            switch type {
            case 1: #expect(text(bytes, at: offset + 8) == "k a=b" && size == 14)
            case 12: #expect(bytes.loadLittle(UInt64.self, at: offset + 8) == 0x1_2345_6789)
            case 6: #expect(size == 16 + 3 * 24)
            case 9:
                #expect(
                    size == 20 + 80 && bytes.loadLittle(UInt32.self, at: offset + 8) == 2 && bytes[offset + 20] == 5)
            case 14: #expect(size == 28 && bytes[offset + 8] == UInt8(ascii: "R"))
            case 15: #expect(size == 44 && Array(bytes[offset + 8..<offset + 44]) == ACPIRootPointerTests.bytes())
            case 21: #expect(bytes.loadLittle(UInt32.self, at: offset + 8) == 0x20_0000)
            default: break
            }
            offset = (offset + size + 7) & ~7
        }
        #expect(offset == bytes.count)
        #expect(found == [1, 2, 3, 3, 4, 6, 9, 12, 17, 14, 15, 21, 0])
    }

    @Test func tellsTheScreenThatTheRunningKernelGot() throws {
        var old = [UInt8](repeating: 0, count: 4096)
        #expect(MultibootFramebuffer(old) == nil)
        #expect(MultibootFramebuffer([1]) == nil)
        old[0x0f] = 1
        old[0x07] = 80
        old[0x0e] = 25
        var information = information
        information.framebuffer = MultibootFramebuffer(old)
        let text = information.encoded(.one, at: .zero)
        #expect(text.loadLittle(UInt32.self, at: 0).map { $0 & 1 << 12 } == 1 << 12)
        #expect(text.loadLittle(UInt64.self, at: 88) == 0xb_8000)
        #expect(text.loadLittle(UInt32.self, at: 96) == 160 && text[108] == 16 && text[109] == 2)
        old[0x0f] = 0x70
        old.store(UInt16(1024), at: 0x12)
        old.store(UInt16(768), at: 0x14)
        old.store(UInt16(32), at: 0x16)
        old.store(UInt32(0xc000_0000), at: 0x18)
        old.store(UInt16(4096), at: 0x24)
        old.store([8, 16, 8, 8, 8, 0] as [UInt8], at: 0x26)
        information.framebuffer = MultibootFramebuffer(old)
        let linear = information.encoded(.one, at: .zero)
        #expect(linear.loadLittle(UInt64.self, at: 88) == 0xc000_0000 && linear.loadLittle(UInt32.self, at: 96) == 4096)
        #expect(Array(linear[108..<116]) == [32, 1, 16, 8, 8, 8, 0, 8])
    }
}
