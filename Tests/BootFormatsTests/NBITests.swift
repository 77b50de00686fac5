// SPDX-License-Identifier: MIT
import BootFormats
import PhysicalMemory
import Testing

@Suite struct NBITests {
    private func program(_ builder: NBIBuilder, end: UInt64 = 0x4000_0000) -> Result<ELFImage, ImageError> {
        guard let image = builder.image else { return .failure(builder.refusal ?? .empty) }
        do throws(ImageError) {
            return .success(try image.program(in: builder.bytes.span.bytes, endOfMemory: PhysicalAddress(end)))
        } catch {
            return .failure(error)
        }
    }

    @Test func loadsTheHeaderAndTheRecordsWhereTheySay() throws {
        let program = try program(.linux).get()
        #expect(program.segments.map(\.physicalAddress.rawValue) == [0x9_2000, 0x9_2200, 0x10_0000])
        #expect(program.segments.map(\.file) == [0..<512, 512..<1024, 1024..<1792])
        #expect(program.segments.map(\.memorySize) == [0x200, 0x1000, 0x300])
        #expect(program.entry == 0x9_2200)
        #expect(NBIBuilder.linux.image?.isLinear == false)
    }

    @Test func countsAddressesFromTheRecordBeforeAndFromTheEndOfMemory() throws {
        #expect(NBIBuilder.relative.image?.isLinear == true)
        let program = try program(.relative).get()
        #expect(program.segments.map(\.physicalAddress.rawValue) == [0x1_0000, 0x1_0200, 0xf000, 0x3fff_f000])
        #expect(program.segments.map(\.file) == [0..<512, 512..<640, 640..<672, 672..<736])
    }

    @Test func countsBackAsFarAsAddressZero() throws {
        let builder = NBIBuilder.relative.with { $0.records[2].address = 0x4000_0000 }
        let program = try program(builder).get()
        #expect(program.segments.map(\.physicalAddress.rawValue) == [0x1_0000, 0x1_0200, 0xf000, 0])
    }

    /// Without the machine's end of memory nothing is known of what lies where, and nothing is refused for it.
    @Test func comparesNoPlacesThatItDoesNotKnow() throws {
        let builder = NBIBuilder.relative.with { $0.entry = 0x3fff_f010 }
        let image = try #require(builder.image)
        #expect(try program(builder).get().entry == 0x3fff_f010)
        #expect(throws: ImageError.self) { try program(builder, end: 0x2000_0000).get() }
        #expect(throws: Never.self) { try image.program(in: builder.bytes.span.bytes, endOfMemory: nil) }
        // Where no record counts from there, all of it is known.
        #expect(NBIBuilder.linux.with { $0.entry = 0x5000_0000 }.refusal != nil)
    }

    @Test func letsBytesWinOverTheZerosOfAnother() throws {
        let builder = NBIBuilder.linux.with { $0.records[0].memoryLength = 0x7_0000 }
        let segments = try program(builder).get().segments
        #expect(segments.map(\.memorySize) == [0x200, 0x6_de00, 0x2200])
        let short = try program(builder.with { $0.records[0].memoryLength = 0x6_de10 }).get().segments
        #expect(short.map(\.memorySize) == [0x200, 0x6_de00, 0x300])
    }

    @Test func takesWhatFollowsTheLastRecordForNobodys() {
        let bytes = NBIBuilder.linux.bytes + [1, 2, 3]
        #expect(throws: Never.self) { try NBIImage(parsing: bytes.span.bytes) }
    }

    static let bad: [(NBIBuilder, ImageError)] = [
        (
            .linux.with { $0.flags = 3 },
            .badValue("flags, bits 0 to 3", at: 4, found: 3, needed: .atLeast(4))
        ),
        (
            .linux.with { $0.records[1].sizes = 0 },
            .badValue("flags, bits 0 to 3", at: 0x24, found: 0, needed: .atLeast(4))
        ),
        (
            .linux.with { $0.marksLast = false },
            .badValue("flags, bits 0 to 3", at: 0x34, found: 0, needed: .atLeast(4))
        ),
        (
            .linux.with { $0.records = Array(repeating: $0.records[1], count: 40) },
            .badValue("end of the records", at: 0x200, found: 0x210, needed: .atMost(0x200))
        ),
        (
            .linux.with { $0.records[0].memoryLength = 0x1ff },
            .badValue("memory length", at: 0x1c, found: 0x1ff, needed: .atLeast(0x200))
        ),
        (
            .linux.with {
                $0.records[1].imageLength = 0x301; $0.records[1].memoryLength = 0x301
            },
            .partBeyondEnd("image length", at: 1024, size: 0x301, available: 1792)
        ),
        (
            .linux.with { $0.records[1].address = 0xffff_ff00 },
            .badValue("memory length", at: 0x30, found: 0x300, needed: .sumBelow(bits: 32, with: "load address"))
        ),
        (
            .linux.with { $0.records[1].address = 0x9_2300 },
            .partsOverlap("record", first: 1, second: 2, at: 0x9_2300)
        ),
        (
            .linux.with { $0.records[0].address = 0x9_21ff },
            .partsOverlap("record", first: 0, second: 1, at: 0x9_21ff)
        ),
        (
            .linux.with { $0.records[1].placing = 3 },
            .badValue("load address", at: 0x28, found: 0x10_0000, needed: .atMost(0x9_2200))
        ),
        (
            .linux.with { $0.entry = 0x9220_0200 },
            .badValue("execute address", at: 12, found: 0x9_2400, needed: .insideLoadedPart)
        ),
        (
            .linux.with { $0.flags |= 1 << 31 },
            .badValue("execute address", at: 12, found: 0x9220_0000, needed: .insideLoadedPart)
        ),
    ]

    @Test(arguments: bad) func refusesWhatCannotBe(builder: NBIBuilder, error: ImageError) {
        #expect(builder.refusal == error)
    }

    @Test func refusesAnImageCutAnywhere() {
        let bytes = NBIBuilder.linux.bytes
        for size in 4..<bytes.count {
            let cut = Array(bytes[..<size])
            #expect(throws: ImageError.self, "\(size) bytes") { try KernelImage(recognizing: cut.span.bytes) }
        }
    }

    @Test func isRecognisedAndCanBeAskedFor() throws {
        let bytes = NBIBuilder.linux.bytes
        #expect(try KernelImage(recognizing: bytes.span.bytes).kind == .nbiX86)
        #expect(try KernelImage(bytes.span.bytes, as: .nbiX86).kind == .nbiX86)
        #expect(throws: ImageError.otherKind(wanted: .bzImage, found: .nbiX86)) {
            try KernelImage(bytes.span.bytes, as: .bzImage)
        }
        let other = BzImageBuilder().bytes
        #expect(throws: ImageError.otherKind(wanted: .nbiX86, found: .bzImage64)) {
            try KernelImage(other.span.bytes, as: .nbiX86)
        }
    }
}
