// SPDX-License-Identifier: MIT
import BootFormats
import Testing

/// What the boot protocol's table of fields says: since which version each is there, and where a header ends.
@Suite struct SetupHeaderTests {
    struct Field: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var since: UInt16
        /// Of a builder's image that has it, and what to assume of one that has not.
        var found: UInt64
        var assumed: UInt64
        var read: @Sendable (SetupHeader) -> UInt64
    }

    private static let versions = [UInt16](0x200...0x210)

    @Test(arguments: [
        Field(testDescription: "heap_end_ptr", since: 0x201, found: 0x5be0, assumed: 0) { UInt64($0.heapEnd) },
        Field(testDescription: "initrd_addr_max", since: 0x203, found: 0x7fff_ffff, assumed: 0x37ff_ffff) {
            UInt64($0.initrdAddressMaximum)
        },
        Field(testDescription: "kernel_alignment", since: 0x205, found: 0x20_0000, assumed: 4096) {
            UInt64($0.kernelAlignment)
        },
        Field(testDescription: "relocatable_kernel", since: 0x205, found: 1, assumed: 0) { $0.isRelocatable ? 1 : 0 },
        Field(testDescription: "cmdline_size", since: 0x206, found: 2047, assumed: 255) { UInt64($0.commandLineSize) },
        Field(testDescription: "hardware_subarch", since: 0x207, found: 3, assumed: 0) {
            UInt64($0.hardwareSubarchitecture)
        },
        Field(testDescription: "payload_offset", since: 0x208, found: 0x300, assumed: 0) { UInt64($0.payloadOffset) },
        Field(testDescription: "payload_length", since: 0x208, found: 0x800, assumed: 0) { UInt64($0.payloadLength) },
        Field(testDescription: "pref_address", since: 0x20a, found: 0x100_0000, assumed: 0x10_0000) {
            $0.preferredAddress
        },
        Field(testDescription: "handover_offset", since: 0x20b, found: 0xb0, assumed: 0) { UInt64($0.handoverOffset) },
        Field(testDescription: "xloadflags", since: 0x20c, found: 0x3f, assumed: 0) { UInt64($0.extendedLoadFlags) },
        Field(testDescription: "kernel_info_offset", since: 0x20f, found: 0xc0, assumed: 0) {
            UInt64($0.kernelInfoOffset)
        },
    ])
    func aFieldIsReadFromTheVersionOnThatHasIt(field: Field) throws {
        for version in Self.versions {
            let image = try #require(BzImageBuilder(version: version).patched(UInt32(3), at: 0x23c).image)
            let expected = version >= field.since ? field.found : field.assumed
            #expect(field.read(image.header) == expected, "version \(version)")
        }
    }

    @Test func theSmallestAlignmentIsItsExponentOf2SinceVersion210() throws {
        for version in Self.versions where version >= 0x205 {
            let builder = BzImageBuilder(version: version).patched(UInt8(16), at: 0x235)
            let expected: UInt32 = version >= 0x20a ? 0x1_0000 : 0x20_0000
            #expect(try #require(builder.image).header.minimumAlignment == expected, "version \(version)")
            // Less than a page is a page; what cannot be moved has its own alignment.
            let small = builder.patched(UInt8(11), at: 0x235)
            #expect(try #require(small.image).header.minimumAlignment == (version >= 0x20a ? 4096 : 0x20_0000))
            let fixed = builder.patched(UInt8(0), at: 0x234)
            #expect(try #require(fixed.image).header.minimumAlignment == 0x20_0000)
        }
        #expect(try #require(BzImageBuilder().patched(UInt8(31), at: 0x235).image).header.minimumAlignment == 1 << 31)
    }

    @Test func takesAPageAsAlignmentOfAKernelThatMovesAndLessOfOneThatDoesNot() throws {
        let page = BzImageBuilder().patched(UInt32(4096), at: 0x230)
        #expect(try #require(page.image).header.kernelAlignment == 4096)
        let less = BzImageBuilder().patched(UInt32(2048), at: 0x230)
        #expect(less.refusal == .badValue("kernel_alignment", at: 0x230, found: 2048, needed: .atLeast(4096)))
        #expect(try #require(less.patched(UInt8(0), at: 0x234).image).header.kernelAlignment == 4096)
        let more = BzImageBuilder().patched(UInt8(0), at: 0x234).patched(UInt32(8192), at: 0x230)
        #expect(try #require(more.image).header.kernelAlignment == 8192)
        #expect(more.patched(UInt32(3), at: 0x230).refusal != nil)
    }

    /// The end of the last field of each version.
    @Test(
        arguments: [
            (0x200, 0x224), (0x201, 0x226), (0x202, 0x22c), (0x203, 0x230), (0x204, 0x230), (0x205, 0x235),
            (0x206, 0x23c), (0x207, 0x248), (0x208, 0x250), (0x209, 0x258), (0x20a, 0x264), (0x20b, 0x268),
            (0x20c, 0x268), (0x20d, 0x268), (0x20e, 0x268), (0x20f, 0x26c), (0x210, 0x26c),
        ] as [(UInt16, Int)])
    func aHeaderEndsBehindTheLastFieldOfItsVersionOrLater(version: UInt16, end: Int) throws {
        let builder = BzImageBuilder(version: version)
        let image = try #require(builder.patched(UInt8(end - 0x202), at: 0x201).image)
        #expect(image.setupHeader == 0x1f1..<end)
        #expect(
            builder.patched(UInt8(end - 0x203), at: 0x201).refusal
                == .badValue("jump", at: 0x201, found: UInt64(end - 0x203), needed: .atLeast(UInt64(end - 0x202))))
    }

    @Test func aHeaderIsAllInTheFile() {
        let bytes = BzImageBuilder().bytes
        for (count, isWhole) in [(0x26c, true), (0x26b, false)] {
            let beyondHeader = ImageError.partBeyondEnd("setup_header", at: 0x1f1, size: 0x7b, available: count)
            let result = recognised(Array(bytes.prefix(count)))
            #expect((result == .failure(beyondHeader)) != isWhole)
        }
    }

    @Test func takesTheTextOfTheVersionUpToItsZeroAndIn256Bytes() throws {
        func text(_ pointer: UInt16, _ bytes: [UInt8]) throws -> String? {
            var builder = BzImageBuilder().patched(pointer, at: 0x20e)
            builder.patches.append((0x200 + Int(pointer), bytes))
            return try #require(builder.image).header.kernelVersion
        }
        // The setup code has two sectors behind the boot sector.
        #expect(try text(0x200, Array(" ~\0x".utf8)) == " ~")
        #expect(try text(0x200, [0x1f, 0]) == nil)
        #expect(try text(0x200, [0x41, 0x7f, 0]) == nil)
        #expect(try text(0x200, [0]) == nil)
        #expect(try text(0x200, [UInt8](repeating: 0x61, count: 300))?.count == 256)
        #expect(try text(0x3ff, [0x62, 0]) == "b")
        #expect(try text(0x400, [0x62, 0]) == nil, "behind the setup code")
    }

    @Test func theHighestPreferredAddressLeavesRoomToRoundUp() throws {
        let highest = UInt64.max - 0x4000 - 4096
        #expect(try #require(BzImageBuilder().patched(highest, at: 0x258).image).header.preferredAddress == highest)
        #expect(
            BzImageBuilder().patched(highest + 1, at: 0x258).refusal
                == .badValue(
                    "pref_address", at: 0x258, found: highest + 1, needed: .sumBelow(bits: 64, with: "init_size")))
    }

    @Test(
        arguments: [
            (0, [false, false, false, false, false]), (1, [true, false, false, false, false]),
            (2, [false, true, false, false, false]), (4, [false, false, false, false, false]),
            (8, [false, false, false, false, false]), (16, [false, false, true, false, false]),
            (32, [false, false, false, true, false]), (64, [false, false, false, false, true]),
            (0xff80, [false, false, false, false, false]),
        ] as [(UInt16, [Bool])])
    func eachExtendedLoadFlagIsOneBit(flags: UInt16, expected: [Bool]) throws {
        let header = try #require(BzImageBuilder().patched(flags, at: 0x236).image).header
        let found = [
            header.has64BitEntry, header.canBeLoadedAbove4G, header.supportsEFIKexec, header.supports5LevelPaging,
            header.prefers5LevelPaging,
        ]
        #expect(found == expected)
    }
}
