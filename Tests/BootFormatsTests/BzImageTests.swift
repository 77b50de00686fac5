// SPDX-License-Identifier: MIT
import BootFormats
import Testing

@Suite struct BzImageTests {
    @Test func readsEveryFieldALoaderNeeds() throws {
        let image = try #require(BzImageBuilder(appended: 1472).image)
        let header = image.header
        #expect(header.version == 0x20f)
        #expect(header.setupSectors == 2)
        #expect(header.systemSize == 0x1000)
        #expect(header.videoMode == 0xffff)
        #expect(header.kernelVersion == "6.1.0-test (x@y) #1")
        #expect(header.code32Start == 0x10_0000)
        #expect(header.heapEnd == 0x5be0)
        #expect(header.initrdAddressMaximum == 0x7fff_ffff)
        #expect(header.kernelAlignment == 0x20_0000)
        #expect(header.minimumAlignment == 0x20_0000)
        #expect(header.isRelocatable)
        #expect(header.has64BitEntry && header.canBeLoadedAbove4G && header.supports5LevelPaging)
        #expect(header.commandLineSize == 2047)
        #expect(header.preferredAddress == 0x100_0000)
        #expect(header.initSize == 0x4000)
        #expect(header.handoverOffset == 0xb0)
        #expect(header.kernelInfoOffset == 0xc0)
        #expect(image.setupSize == 1536)
        #expect(image.setupHeader == 0x1f1..<0x26c)
        #expect(image.protectedModeKernel == 1536..<1536 + 0x1000, "what follows syssize is not loaded")
        #expect(image.payload == 1536 + 0x300..<1536 + 0xb00)
    }

    @Test func countsNoSetupSectorsAsFour() throws {
        let image = try #require(BzImageBuilder(setupSectors: 0).image)
        #expect(image.setupSize == 5 * 512)
    }

    @Test func takesTheHeaderUpToItsJumpButNotIntoTheDisks() throws {
        let image = try #require(BzImageBuilder().patched(UInt8(0xff), at: 0x201).image)
        #expect(image.setupHeader == 0x1f1..<0x290)
    }

    @Test func refusesAJumpIntoTheFieldsOfItsProtocol() {
        #expect(
            BzImageBuilder().patched(UInt8(0x69), at: 0x201).refusal
                == .badValue("jump", at: 0x201, found: 0x69, needed: .atLeast(0x6a)))
    }

    struct Defaults: Sendable {
        var version: UInt16
        var initrdMaximum: UInt32 = 0x7fff_ffff
        var alignment: UInt32 = 0x20_0000
        var lineSize: UInt32 = 2047
        var preferred: UInt64 = 0x10_0000
        var hasPayload = true
        var is64Bit = false
    }

    @Test(arguments: [
        Defaults(version: 0x200, initrdMaximum: 0x37ff_ffff, alignment: 4096, lineSize: 255, hasPayload: false),
        Defaults(version: 0x202, initrdMaximum: 0x37ff_ffff, alignment: 4096, lineSize: 255, hasPayload: false),
        Defaults(version: 0x203, alignment: 4096, lineSize: 255, hasPayload: false),
        Defaults(version: 0x204, alignment: 4096, lineSize: 255, hasPayload: false),
        Defaults(version: 0x205, lineSize: 255, hasPayload: false), Defaults(version: 0x206, hasPayload: false),
        Defaults(version: 0x207, hasPayload: false), Defaults(version: 0x208), Defaults(version: 0x209),
        Defaults(version: 0x20a, preferred: 0x100_0000), Defaults(version: 0x20b, preferred: 0x100_0000),
        Defaults(version: 0x20c, preferred: 0x100_0000, is64Bit: true),
        Defaults(version: 0x20f, preferred: 0x100_0000, is64Bit: true),
        Defaults(version: 0x2ff, preferred: 0x100_0000, is64Bit: true),
    ])
    func assumesWhatTheProtocolSaysOfFieldsItDoesNotHave(defaults: Defaults) throws {
        let image = try #require(BzImageBuilder(version: defaults.version).image)
        #expect(image.header.initrdAddressMaximum == defaults.initrdMaximum)
        #expect(image.header.kernelAlignment == defaults.alignment)
        #expect(image.header.commandLineSize == defaults.lineSize)
        #expect(image.header.preferredAddress == defaults.preferred)
        #expect((image.payload != nil) == defaults.hasPayload)
        #expect(image.header.has64BitEntry == defaults.is64Bit)
        #expect(KernelImage.bzImage(image).kind == (defaults.is64Bit ? .bzImage64 : .bzImage))
        #expect(image.header.initSize >= UInt64(image.protectedModeKernel.count))
    }

    @Test func reservesRoomToUnpackWhereTheProtocolDoesNotSay() throws {
        let packed: UInt64 = 0x1000
        let blind = try #require(BzImageBuilder(version: 0x207).image)
        #expect(blind.header.initSize == 7 * packed)
        let telling = try #require(BzImageBuilder(version: 0x209, unpackedSize: 0x1_0001).image)
        #expect(telling.header.initSize >= 0x1_8000 + packed)
        #expect(telling.header.initSize % 4096 == 0)
    }

    @Test func readsAnOldSizeOnlyWhereItCanBeTrue() throws {
        // 16 bits before 2.04: 0x100 units, and rubbish in the upper half.
        let old = BzImageBuilder(version: 0x203, appended: 512).patched(UInt16(0xffff), at: 0x1f6)
        #expect(try #require(old.image).protectedModeKernel.count == 0x1000 + 512, "to the end of the file")
        let low = old.patched(UInt8(0), at: 0x211)
        #expect(try #require(low.image).protectedModeKernel.count == 0x1000, "a zImage has less than 64 KiB units")
        #expect(try #require(low.image).header.isLoadedHigh == false)
    }

    @Test(arguments: [0x204, 0x207] as [UInt16])
    func takesOldKernelsThatLackThePaddingOfTheirLastUnit(version: UInt16) throws {
        let bytes = BzImageBuilder(version: version).bytes
        guard case .success(.bzImage(let image)) = recognised(Array(bytes.dropLast(15))) else {
            Issue.record("refused")
            return
        }
        #expect(image.protectedModeKernel.upperBound == bytes.count - 15)
        #expect(throws: ImageError.self) { try recognised(Array(bytes.dropLast(16))).get() }
    }

    /// memtest86+ 6.10 lacks 8 bytes.
    @Test func takesOtherProjectsImagesThatLackThePaddingOfTheirLastUnit() throws {
        let bytes = BzImageBuilder(version: 0x20c, payload: (0, 0)).bytes
        #expect(throws: Never.self) { try recognised(Array(bytes.dropLast(15))).get() }
        #expect(throws: ImageError.self) { try recognised(Array(bytes.dropLast(16))).get() }
    }

    @Test(
        arguments: [
            [0x1f, 0x8b, 8, 0], [0x42, 0x5a, 0x68, 0x39], [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], [0x89, 0x4c, 0x5a, 0x4f],
            [2, 0x21, 0x4c, 0x18], [0x28, 0xb5, 0x2f, 0xfd], [0x7f, 0x45, 0x4c, 0x46],
            [0x5d, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ] as [[UInt8]])
    func takesEveryFormatThatLinuxIsPackedWith(magic: [UInt8]) {
        #expect(BzImageBuilder(payloadMagic: magic).refusal == nil)
    }

    /// Bare-metal programs in the shape of a bzImage have payloads of their own kinds.
    @Test func takesAnyPayloadOfAnImageThatNamesNoLinuxVersion() {
        let image = BzImageBuilder(payloadMagic: [9, 9, 9, 9], unpackedSize: 0)
        #expect(image.refusal == .badPayload(at: 1536 + 0x300))
        #expect(image.patched(UInt16(0), at: 0x20e).refusal == nil)
    }

    @Test func anInitSizeThatIsJustEnoughIsEnough() throws {
        let unpacked = BzImageBuilder().patched(UInt32(0x3000), at: 0x260)
        #expect(try #require(unpacked.image).header.initSize == 0x3000)
        let packed = BzImageBuilder(payload: (0, 0)).patched(UInt32(0x1000), at: 0x260)
        #expect(try #require(packed.image).header.initSize == 0x1000)
    }

    @Test func aPayloadMayEndWithTheKernelAndBeginAtItsLastByte() throws {
        let whole = BzImageBuilder(payload: (0x300, 0xd00))
        #expect(try #require(whole.image).payload == 1536 + 0x300..<1536 + 0x1000)
        let first = BzImageBuilder(payload: (0, 0x1000), unpackedSize: 0x2000)
        #expect(try #require(first.image).payload == 1536..<1536 + 0x1000)
        // No Linux, which would have to be packed in it.
        let other = BzImageBuilder(payload: (0, 0)).patched(UInt16(0), at: 0x20e)
        let last = other.patched(UInt32(0xfff), at: 0x248).patched(UInt32(1), at: 0x24c)
        #expect(try #require(last.image).payload == 1536 + 0xfff..<1536 + 0x1000)
        #expect(
            last.patched(UInt32(0x1000), at: 0x248).refusal
                == .badValue("payload_offset", at: 0x248, found: 0x1000, needed: .atMost(0xfff)))
        #expect(
            last.patched(UInt32(2), at: 0x24c).refusal
                == .badValue("payload_length", at: 0x24c, found: 2, needed: .atMost(1)))
        #expect(
            last.patched(UInt32(0), at: 0x24c).refusal
                == .badValue("payload_length", at: 0x24c, found: 0, needed: .atLeast(1)))
        #expect(
            last.patched(UInt32(0), at: 0x248).patched(UInt32(0x1001), at: 0x24c).refusal
                == .badValue("payload_length", at: 0x24c, found: 0x1001, needed: .atMost(0x1000)))
    }

    @Test(
        arguments: [(0x7ff, false), (0x800, true), (0x800 * 64, true), (0x800 * 64 + 1, false)] as [(UInt32, Bool)])
    func aKernelIsNotSmallerThanItsPayloadAndNot65TimesAsLarge(size: UInt32, isTaken: Bool) {
        let builder = BzImageBuilder(unpackedSize: size).patched(UInt32.max, at: 0x260)
        #expect(
            builder.refusal
                == (isTaken ? nil : .badPayloadSize(at: 1536 + 0xafc, found: size, packed: 0x800)))
    }

    @Test func a64BitEntryNeedsAByteOfItsOwn() throws {
        let least = BzImageBuilder(kernelSize: 0x210, payload: (0, 0))
        #expect(least.image != nil)
        #expect(BzImageBuilder(kernelSize: 0x200, payload: (0, 0)).patched(UInt16(0), at: 0x236).image != nil)
        // An odd byte, which only the end of the file cuts.
        let bytes = BzImageBuilder(version: 0x20c, kernelSize: 0x210, payload: (0, 0)).bytes
        #expect(throws: Never.self) { try recognised(Array(bytes.dropLast(15))).get() }
    }

    @Test func onlyAPEHeaderTellsOfSections() {
        let cut = BzImageBuilder.withSections()
        let size = 0x80 + 24 + 0x70 + 16
        #expect(cut.refusal != nil)
        for other in [
            cut.patched(UInt16(0), at: 0), cut.patched(UInt32(0x4551), at: 0x80), cut.patched(UInt16(0), at: 0x86),
            cut.patched(UInt32(0), at: size), cut.patched(UInt16(0), at: 0x20e),
        ] {
            #expect(other.refusal == nil)
        }
        // The upper half of the header's place is not looked at.
        #expect(cut.patched(UInt16(0xffff), at: 0x3e).refusal != nil)
        for (more, units) in [(0, 0x100), (1, 0x101), (16, 0x101), (17, 0x102)] as [(Int, UInt64)] {
            #expect(
                cut.patched(UInt32(cut.kernelSize + more), at: size).refusal
                    == .badValue("syssize", at: 0x1f4, found: 0xff, needed: .atLeast(units)))
        }
    }

    @Test func looksAt16Sections() {
        // Section headers where nothing else of the setup code is.
        let table = 0x330
        var builder = BzImageBuilder.withSections().patched(UInt16(17), at: 0x86)
            .patched(UInt16(table - 0x80 - 24), at: 0x94)
        builder.patches.append((table, [UInt8](repeating: 0, count: 17 * 40)))
        for index in 0..<17 {
            let section = table + 40 * index
            let cut = builder.patched(UInt32(builder.kernelSize), at: section + 16)
                .patched(UInt32(builder.setupSize), at: section + 20)
            #expect((cut.refusal != nil) == (index < 16), "section \(index)")
        }
    }

    @Test func takesAKernelCutByNoneOfItsSections() {
        #expect(BzImageBuilder.withSections(kernelUnits: 0x100).refusal == nil)
    }

    @Test func takesAKernelThatCannotMoveWhateverItsAlignment() throws {
        let fixed = BzImageBuilder().patched(UInt8(0), at: 0x234).patched(UInt32(0), at: 0x230)
        #expect(try #require(fixed.image).header.kernelAlignment == 4096)
    }

    @Test func saysNothingOfAVersionThatIsNoText() throws {
        #expect(try #require(BzImageBuilder().patched(UInt8(7), at: 0x302).image).header.kernelVersion == nil)
        #expect(try #require(BzImageBuilder().patched(UInt16(0xfff0), at: 0x20e).image).header.kernelVersion == nil)
        #expect(try #require(BzImageBuilder().patched(UInt16(0), at: 0x20e).image).header.kernelVersion == nil)
    }

    struct Lie: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var builder: BzImageBuilder
        var error: ImageError
    }

    @Test(arguments: [
        Lie(
            testDescription: "protocol before 2.00", builder: BzImageBuilder(version: 0x1ff),
            error: .protocolTooOld(found: 0x1ff, needed: 0x200, at: 0x206)),
        Lie(
            testDescription: "no boot signature", builder: BzImageBuilder().patched(UInt16(0), at: 0x1fe),
            error: .badValue("boot_flag", at: 0x1fe, found: 0, needed: .exactly(0xaa55))),
        Lie(
            testDescription: "alignment no power of two",
            builder: BzImageBuilder().patched(UInt32(0x20_0001), at: 0x230),
            error: .badValue("kernel_alignment", at: 0x230, found: 0x20_0001, needed: .powerOfTwo)),
        Lie(
            testDescription: "alignment 0", builder: BzImageBuilder().patched(UInt32(0), at: 0x230),
            error: .badValue("kernel_alignment", at: 0x230, found: 0, needed: .powerOfTwo)),
        Lie(
            testDescription: "alignment below a page", builder: BzImageBuilder().patched(UInt32(512), at: 0x230),
            error: .badValue("kernel_alignment", at: 0x230, found: 512, needed: .atLeast(4096))),
        Lie(
            testDescription: "minimum alignment beyond 31 bits",
            builder: BzImageBuilder().patched(UInt8(32), at: 0x235),
            error: .badValue("min_alignment", at: 0x235, found: 32, needed: .atMost(31))),
        Lie(
            testDescription: "init_size 0", builder: BzImageBuilder().patched(UInt32(0), at: 0x260),
            error: .badValue("init_size", at: 0x260, found: 0, needed: .atLeast(1))),
        Lie(
            testDescription: "init_size below the packed kernel",
            builder: BzImageBuilder(payload: (0, 0)).patched(UInt32(0xfff), at: 0x260),
            error: .badValue("init_size", at: 0x260, found: 0xfff, needed: .atLeast(0x1000))),
        Lie(
            testDescription: "init_size below the unpacked kernel",
            builder: BzImageBuilder().patched(UInt32(0x2fff), at: 0x260),
            error: .badValue("init_size", at: 0x260, found: 0x2fff, needed: .atLeast(0x3000))),
        Lie(
            testDescription: "pref_address wraps", builder: BzImageBuilder().patched(UInt64.max - 0x4000, at: 0x258),
            error: .badValue(
                "pref_address", at: 0x258, found: .max - 0x4000, needed: .sumBelow(bits: 64, with: "init_size"))),
        Lie(
            testDescription: "syssize beyond the file", builder: BzImageBuilder().patched(UInt32(0x101), at: 0x1f4),
            error: .partBeyondEnd("syssize", at: 1536, size: 0x1010, available: 1536 + 0x1000)),
        Lie(
            testDescription: "greatest syssize", builder: BzImageBuilder().patched(UInt32.max, at: 0x1f4),
            error: .partBeyondEnd("syssize", at: 1536, size: 0xf_ffff_fff0, available: 1536 + 0x1000)),
        Lie(
            testDescription: "setup sectors beyond the file",
            builder: BzImageBuilder().patched(UInt8(255), at: 0x1f1),
            error: .partBeyondEnd("setup_sects", at: 0, size: 256 * 512, available: 1536 + 0x1000)),
        Lie(
            testDescription: "payload beyond the kernel", builder: BzImageBuilder().patched(UInt32(0xd01), at: 0x24c),
            error: .badValue("payload_length", at: 0x24c, found: 0xd01, needed: .atMost(0xd00))),
        Lie(
            testDescription: "payload offset wraps", builder: BzImageBuilder().patched(UInt32.max, at: 0x248),
            error: .badValue("payload_offset", at: 0x248, found: 0xffff_ffff, needed: .atMost(0xfff))),
        Lie(
            testDescription: "no payload length", builder: BzImageBuilder().patched(UInt32(0), at: 0x24c),
            error: .badValue("payload_length", at: 0x24c, found: 0, needed: .atLeast(1))),
        Lie(
            testDescription: "syssize without the payload's end",
            builder: BzImageBuilder().patched(UInt32(0xa0), at: 0x1f4),
            error: .badValue("payload_length", at: 0x24c, found: 0x800, needed: .atMost(0x700))),
        Lie(
            testDescription: "payload of zeros", builder: BzImageBuilder(payloadMagic: [0, 0, 0, 0]),
            error: .badPayload(at: 1536 + 0x300)),
        Lie(
            testDescription: "a setup sector too few", builder: BzImageBuilder().patched(UInt8(1), at: 0x1f1),
            error: .badPayload(at: 1024 + 0x300)),
        Lie(
            testDescription: "payload ends in zeros", builder: BzImageBuilder(unpackedSize: 0),
            error: .badPayloadSize(at: 1536 + 0xafc, found: 0, packed: 0x800)),
        Lie(
            testDescription: "payload length too small", builder: BzImageBuilder().patched(UInt32(0x7ff), at: 0x24c),
            error: .badPayloadSize(at: 1536 + 0xafb, found: 0x30_0090, packed: 0x7ff)),
        Lie(
            testDescription: "syssize without the last PE section", builder: BzImageBuilder.withSections(),
            error: .badValue("syssize", at: 0x1f4, found: 0xff, needed: .atLeast(0x100))),
        Lie(
            testDescription: "nothing behind the setup code",
            builder: BzImageBuilder(kernelSize: 0, payload: (0, 0)),
            error: .endsInside("protected-mode kernel", at: 1536, needed: 1, available: 0)),
        Lie(
            testDescription: "no room for the 64-bit entry",
            builder: BzImageBuilder(kernelSize: 0x200, payload: (0, 0)),
            error: .endsInside("64-bit entry point", at: 1536 + 0x200, needed: 1, available: 0)),
    ])
    func refusesALie(lie: Lie) {
        #expect(lie.builder.refusal == lie.error)
    }
}
