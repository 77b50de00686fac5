// SPDX-License-Identifier: MIT
import Handoff
import Kexec
import Testing

struct PurgatoryImageTests {
    /// A header with 1152 bytes of parameters right behind it.
    private func file(
        offset: UInt32 = 32, fileSize: UInt32 = 1184, memory: UInt32 = 0x6000, version: UInt32 = 1
    ) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 8) + Array("SWKXPRG1".utf8)
        for word in [offset, fileSize, memory, 0, version] { withUnsafeBytes(of: word) { bytes += $0 } }
        return bytes + [UInt8](repeating: 0xee, count: 1184 - bytes.count)
    }

    @Test func readsTheBuiltInImage() throws {
        let image = try PurgatoryImage.x86_64()
        let contents = image.contents(PurgatoryParameters())
        #expect(image.memorySize > UInt64(contents.count))
        #expect(contents.count <= 9216)
    }

    @Test func patchesTheParametersAndNothingElse() throws {
        let image = try PurgatoryImage(file())
        var parameters = PurgatoryParameters()
        parameters.entry = 0x1122_3344_5566_7788
        parameters.registers.rsi = 0x99
        let contents = image.contents(parameters)
        #expect(contents.count == 1184)
        #expect(Array(contents[0..<32]) == Array(file()[0..<32]))
        #expect(Array(contents[40..<48]) == [0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11])
        #expect(Array(contents[32...]) == withUnsafeBytes(of: parameters) { Array($0) })
    }

    @Test(arguments: [0, 16, 31]) func refusesAnImageCutInsideItsHeader(size: Int) {
        #expect(throws: PurgatoryImageError.tooShort(found: size, needed: 32)) {
            try PurgatoryImage(Array(file()[0..<size]))
        }
    }

    @Test func refusesAnotherMagic() {
        var bytes = file()
        bytes[15] = UInt8(ascii: "2")
        #expect(throws: PurgatoryImageError.wrongMagic(found: 0x3247_5250_584b_5753)) { try PurgatoryImage(bytes) }
    }

    @Test func refusesAnImageOfAnotherSizeThanItSays() {
        #expect(throws: PurgatoryImageError.wrongFileSize(found: 1184, stated: 1185)) {
            try PurgatoryImage(file(fileSize: 1185))
        }
    }

    @Test func refusesLessMemoryThanFile() {
        #expect(throws: PurgatoryImageError.memorySmallerThanFile(memory: 1183, file: 1184)) {
            try PurgatoryImage(file(memory: 1183))
        }
    }

    @Test(arguments: [33, 1184, 0xffff_ffff] as [UInt32]) func refusesParametersBeyondTheFile(offset: UInt32) {
        #expect(throws: PurgatoryImageError.parametersOutside(offset: offset, file: 1184)) {
            try PurgatoryImage(file(offset: offset))
        }
    }

    @Test func refusesParametersOfAnotherVersion() {
        #expect(throws: PurgatoryImageError.wrongParameterVersion(found: 7, needed: 1)) {
            try PurgatoryImage(file(version: 7))
        }
    }

    @Test func checksABuiltSegmentByItsBytes() {
        let contents: [UInt8] = [1, 2, 3]
        let segment = CheckedSegment(name: "boot_params", start: 0x1000, bytes: contents.span.bytes, kind: .sha256)
        #expect(segment.byteCount == 3)
        #expect(segment.digest == SegmentDigest(.sha256, of: contents.span.bytes))
    }
}
