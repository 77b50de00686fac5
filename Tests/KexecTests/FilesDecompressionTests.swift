// SPDX-License-Identifier: MIT
import BootFormats
import Testing

@testable import Kexec

/// What unpacking leads to: the bytes, or the problem.
private func unpack(
    _ bytes: [UInt8], _ compression: Compression, limit: UInt64 = 1 << 24
) -> Result<[UInt8], FileProblem> {
    do throws(FileProblem) {
        var output = try MemoryFile(limit: limit)
        try unpack(bytes.span.bytes, compression, .payload, into: &output)
        let file = try output.finished()
        return .success(file.bytes.withUnsafeBytes { Array($0) })
    } catch { return .failure(error) }
}

@Suite struct FilesDecompressionTests {
    @Test(arguments: CompressedSample.all)
    func unpacks(sample: CompressedSample) {
        #expect(Compression(recognizing: sample.bytes.span.bytes) == sample.compression)
        #expect(unpack(sample.bytes, sample.compression) == .success(CompressedSample.contents))
    }

    @Test(arguments: CompressedSample.all.filter { $0.compression != .lzma })
    func stopsWhereNoKernelCanComeOfIt(sample: CompressedSample) throws {
        let streams = Array(repeatElement(sample.bytes, count: 20).joined())
        let unpacked = try unpack(streams, sample.compression).get()
        #expect(unpacked.count >= 1 << 20 && unpacked.count < 10 * CompressedSample.contents.count)
    }

    @Test(arguments: CompressedSample.all)
    func refusesAStreamCutAnywhere(sample: CompressedSample) {
        let bytes = sample.bytes
        // Up to its first four bytes a file is not even recognised.
        for size in 4..<bytes.count {
            switch unpack(Array(bytes[..<size]), sample.compression) {
            case .failure(.truncated(sample.compression, size: size)): break
            case .success([]) where sample.hasNoEnd && size == 4: break
            case let other: Issue.record("\(size) bytes: \(other)")
            }
        }
    }

    @Test(arguments: CompressedSample.all)
    func takesNoChangeOfAByteThatAChecksumCovers(sample: CompressedSample) {
        let bytes = sample.bytes
        for offset in bytes.indices {
            for change: UInt8 in [0x01, 0x10, 0x80, 0xff] {
                var changed = bytes
                changed[offset] ^= change
                guard case .success(let contents) = unpack(changed, sample.compression) else { continue }
                let isHarmless = contents == CompressedSample.contents || contents.isEmpty
                #expect(isHarmless || !sample.hasChecksum, "offset \(offset), \(change)")
            }
        }
    }

    @Test(arguments: CompressedSample.all)
    func unpacksWhatFitsExactlyAndNamesWhatDoesNot(sample: CompressedSample) {
        let size = UInt64(CompressedSample.contents.count)
        // Without a size in the file, a whole block more than there turns out to be may be asked for.
        if sample.testDescription != "zstd without a size" {
            #expect(unpack(sample.bytes, sample.compression, limit: size) == .success(CompressedSample.contents))
        }
        for limit in [size - 1, 4096, 1] {
            guard
                case .failure(.memoryShort(let needed, let available)) = unpack(
                    sample.bytes, sample.compression, limit: limit)
            else {
                Issue.record("not refused at \(limit)")
                continue
            }
            #expect(needed > limit && available <= limit)
        }
    }

    @Test(arguments: CompressedSample.all)
    func tellsOtherBytesAfterTheEnd(sample: CompressedSample) {
        let bytes = sample.bytes
        let unpacked = unpack(bytes + [0x11, 0x22, 0x33, 0x44, 0x55], sample.compression)
        if sample.hasNoEnd {
            // It has no end: what follows counts as a block.
            #expect(throws: FileProblem.self) { try unpacked.get() }
        } else {
            #expect(unpacked == .failure(.trailingBytes(sample.compression, at: bytes.count, count: 5)))
        }
    }

    @Test(arguments: CompressedSample.all)
    func takesPaddingAndTheSizeThatLinuxAppends(sample: CompressedSample) {
        var trailer: [UInt8] = []
        trailer.appendLittle(UInt32(CompressedSample.contents.count))
        #expect(unpack(sample.bytes + trailer, sample.compression) == .success(CompressedSample.contents))
        let padding = [UInt8](repeating: 0, count: 512)
        #expect(unpack(sample.bytes + padding, sample.compression) == .success(CompressedSample.contents))
    }

    @Test(arguments: CompressedSample.all)
    func unpacksStreamAfterStream(sample: CompressedSample) {
        let twice = unpack(sample.bytes + sample.bytes, sample.compression)
        if sample.compression == .lzma {
            let count = sample.bytes.count
            #expect(twice == .failure(.trailingBytes(.lzma, at: count, count: count)), "lzma has no magic")
        } else {
            #expect(twice == .success(CompressedSample.contents + CompressedSample.contents))
        }
    }

    @Test func skipsFramesMadeToBeSkipped() throws {
        let skipped: [UInt8] = [0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]
        for sample in CompressedSample.all where [.lz4, .zstd].contains(sample.compression) {
            #expect(
                unpack(sample.bytes + skipped, sample.compression) == .success(CompressedSample.contents))
        }
    }

    @Test func namesAFilterThatItDoesNotKnow() {
        func checked(_ bytes: [UInt8]) -> [UInt8] {
            let sum = bytes.withUnsafeBytes { CyclicChecksum.crc32.checksum(of: $0, after: 0) }
            return bytes + (0..<4).map { UInt8(truncatingIfNeeded: sum >> ($0 * 8)) }
        }
        // A stream with CRC32; its block has a filter of a number that is not given away.
        let bytes = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0] + checked([0, 1]) + checked([2, 0, 0x3f, 0, 0, 0, 0, 0])
        #expect(unpack(bytes, .xz) == .failure(.unknownFilter(.xz)))
    }

    @Test func refusesADictionaryThatWouldTakeAllMemory() throws {
        // lzma-alone with a dictionary of 2 GiB; the size that follows is unknown.
        var bytes: [UInt8] = [0x5d, 0, 0, 0, 0x80] + [UInt8](repeating: 0xff, count: 8)
        bytes += [UInt8](repeating: 0, count: 32)
        guard case .failure(.dictionaryTooLarge(.lzma, _)) = unpack(bytes, .lzma) else {
            Issue.record("accepted")
            return
        }
    }

    @Test(
        arguments: [([], 0x02cc_5d05), ([0x61], 0x550d_7456), (Array("abc".utf8), 0x32d1_53ff)] as [([UInt8], UInt32)])
    func checksumsAsXXHashSays(bytes: [UInt8], expected: UInt32) {
        #expect(bytes.withUnsafeBytes { xxHash32($0) } == expected)
    }
}

extension CompressedSample: CustomTestStringConvertible {
    /// lz4's old format ends where its file does: cut behind its magic number, it is complete.
    fileprivate var hasNoEnd: Bool { testDescription == "lz4, the old format" }
}
