// SPDX-License-Identifier: MIT
import BootFormats
import PhysicalMemory
import Testing

@Suite struct ELFTests {
    @Test(arguments: [ELFBuilder(), .narrow])
    func readsAStaticExecutable(builder: ELFBuilder) throws {
        let image = try #require(builder.image)
        #expect(image.elfClass == (builder.isWide ? .elf64 : .elf32))
        #expect(KernelImage.elf(image).kind == (builder.isWide ? .elfX86_64 : .elfX86))
        #expect(image.machine == builder.machine)
        #expect(image.entry == 0x100_0000)
        let start = builder.dataOffset
        #expect(
            image.segments == [
                ELFLoadSegment(
                    file: start..<start + 0x100, physicalAddress: PhysicalAddress(0x100_0000), memorySize: 0x100,
                    virtualAddress: 0x100_0000),
                ELFLoadSegment(
                    file: start + 0x100..<start + 0x200, physicalAddress: PhysicalAddress(0x200_0000),
                    memorySize: 0x1000, virtualAddress: 0x200_0000),
            ])
    }

    @Test func translatesAnEntryThatIsVirtual() throws {
        var builder = ELFBuilder()
        builder.headers[1].virtualAddress = 0xffff_ffff_8100_0000
        builder.entry = 0xffff_ffff_8100_0042
        #expect(try #require(builder.image).entry == 0x200_0042)
    }

    @Test func prefersAPhysicalEntryAsVmlinuxHas() throws {
        var builder = ELFBuilder()
        builder.headers[1].virtualAddress = 0x100_0000
        #expect(try #require(builder.image).entry == 0x100_0000)
    }

    @Test func leavesOutSegmentsWithoutMemory() throws {
        let builder = ELFBuilder(
            headers: [
                .init(physicalAddress: 0x100_0000, fileSize: 0, memorySize: 0), .init(physicalAddress: 0x100_0000),
            ])
        #expect(try #require(builder.image).segments.count == 1)
    }

    @Test func takesFortySegments() throws {
        let headers = (0..<40).map { ELFBuilder.Header(physicalAddress: 0x100_0000 + UInt64($0) * 0x1000) }
        #expect(try #require(ELFBuilder(headers: headers).image).segments.count == 40)
    }

    @Test func takesAPositionIndependentProgramWithoutInterpreter() {
        #expect(ELFBuilder(type: 3).image != nil)
    }

    struct Lie: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var builder: ELFBuilder
        var error: ImageError
    }

    static let size = ELFBuilder().bytes.count

    @Test(arguments: [
        Lie(
            testDescription: "dynamic", builder: ELFBuilder(type: 3, headers: [.init(type: 3)]),
            error: .needsInterpreter),
        Lie(
            testDescription: "arm64", builder: ELFBuilder(machine: 183), error: .otherMachine(ELFMachine(rawValue: 183))
        ),
        Lie(
            testDescription: "x32", builder: ELFBuilder(isWide: false),
            error: .badValue(
                "e_machine", at: 0x12, found: 62, needed: .oneOf("EM_386 (3), EM_486 (6) in an ELF32 file"))),
        Lie(
            testDescription: "big endian", builder: ELFBuilder().patched(UInt8(2), at: 5),
            error: .badValue("EI_DATA", at: 5, found: 2, needed: .oneOf("ELFDATA2LSB (1), little-endian"))),
        Lie(
            testDescription: "no class", builder: ELFBuilder().patched(UInt8(3), at: 4),
            error: .badValue("EI_CLASS", at: 4, found: 3, needed: .oneOf("ELFCLASS32 (1), ELFCLASS64 (2)"))),
        Lie(
            testDescription: "object file", builder: ELFBuilder(type: 1),
            error: .badValue("e_type", at: 0x10, found: 1, needed: .oneOf("ET_EXEC (2), ET_DYN (3)"))),
        Lie(
            testDescription: "core dump", builder: ELFBuilder(type: 4),
            error: .badValue("e_type", at: 0x10, found: 4, needed: .oneOf("ET_EXEC (2), ET_DYN (3)"))),
        Lie(
            testDescription: "e_phoff wraps", builder: ELFBuilder().patched(UInt64.max - 8, at: 0x20),
            error: .partBeyondEnd("e_phoff", at: .max - 8, size: 112, available: size)),
        Lie(
            testDescription: "e_phoff beyond the end", builder: ELFBuilder().patched(UInt64(size - 111), at: 0x20),
            error: .partBeyondEnd("e_phoff", at: UInt64(size - 111), size: 112, available: size)),
        Lie(
            testDescription: "e_phentsize", builder: ELFBuilder().patched(UInt16(57), at: 0x36),
            error: .badValue("e_phentsize", at: 0x36, found: 57, needed: .exactly(56))),
        Lie(
            testDescription: "65535 program headers", builder: ELFBuilder().patched(UInt16.max, at: 0x38),
            error: .badValue("e_phnum", at: 0x38, found: 65535, needed: .atMost(1000))),
        Lie(testDescription: "no program headers", builder: ELFBuilder(headers: []), error: .nothingToLoad),
        Lie(testDescription: "no PT_LOAD", builder: .wide([.init(type: 6)]), error: .nothingToLoad),
        Lie(
            testDescription: "p_offset wraps",
            builder: .wide([.init(offset: .max - 0x10, physicalAddress: 0x100_0000)]),
            error: .partBeyondEnd("PT_LOAD", at: .max - 0x10, size: 0x100, available: 64 + 56 + 0x100)),
        Lie(
            testDescription: "p_filesz beyond the end",
            builder: .wide([.init(physicalAddress: 0x100_0000, fileSize: 0x101, memorySize: 0x101)]),
            error: .partBeyondEnd("PT_LOAD", at: 120, size: 0x101, available: 64 + 56 + 0x100)),
        Lie(
            testDescription: "p_filesz above p_memsz",
            builder: .wide([.init(physicalAddress: 0x100_0000, memorySize: 0xff)]),
            error: .badValue("p_memsz", at: 64 + 40, found: 0xff, needed: .atLeast(0x100))),
        Lie(
            testDescription: "p_paddr wraps", builder: .wide([.init(physicalAddress: .max - 0x1000)]),
            error: .badValue(
                "p_paddr", at: 64 + 24, found: .max - 0x1000, needed: .sumBelow(bits: 64, with: "p_memsz"))),
        Lie(
            testDescription: "p_memsz wraps",
            builder: .wide([.init(physicalAddress: 0x100_0000, memorySize: .max)]),
            error: .badValue(
                "p_paddr", at: 64 + 24, found: 0x100_0000, needed: .sumBelow(bits: 64, with: "p_memsz"))),
        Lie(
            testDescription: "beyond 32 bits",
            builder: ELFBuilder(isWide: false, machine: 3, headers: [.init(physicalAddress: 0xffff_ff01)]),
            error: .badValue(
                "p_paddr", at: 52 + 12, found: 0xffff_ff01, needed: .sumBelow(bits: 32, with: "p_memsz"))),
        Lie(
            testDescription: "overlap",
            builder: .wide([.init(physicalAddress: 0x100_00ff), .init(physicalAddress: 0x100_0000)]),
            error: .partsOverlap("PT_LOAD", first: 0, second: 1, at: 0x100_00ff)),
        Lie(
            testDescription: "entry nowhere", builder: ELFBuilder(entry: 0x100_0100),
            error: .badValue("e_entry", at: 0x18, found: 0x100_0100, needed: .insideLoadedPart)),
        Lie(
            testDescription: "entry in the zeros behind the file's part", builder: ELFBuilder(entry: 0x200_0100),
            error: .badValue("e_entry", at: 0x18, found: 0x200_0100, needed: .insideLoadedPart)),
    ])
    func refusesALie(lie: Lie) {
        #expect(lie.builder.refusal == lie.error)
    }
}
