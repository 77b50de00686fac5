// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Testing

@testable import Kexec

private typealias Builder = InitrdBuilder

/// What an initrd becomes, or why it stays as it is.
private func unpack(_ bytes: [UInt8], limit: UInt64 = 1 << 24) -> Result<[UInt8], UnpackingObstacle> {
    do throws(UnpackingObstacle) {
        let initrd = try UnpackedInitrd(bytes.span.bytes, limit: limit)
        return .success(initrd.map.bytes.withUnsafeBytes { Array($0) })
    } catch { return .failure(error) }
}

@Suite struct UnpackedInitrdTests {
    private let front = Builder.archive("front")
    private let archive = Builder.archive("main", padding: 4)

    @Test(arguments: PackedArchive.all)
    func unpacksEveryFormatOfLinux(packed: PackedArchive) throws {
        #expect(unpack(packed.bytes) == .success(PackedArchive.contents))
        #expect(unpack(front + packed.bytes) == .success(front + PackedArchive.contents))
        #expect(unpack(packed.bytes + [0, 0, 0, 0, 0]) == .success(PackedArchive.contents))
        let compression = try UnpackedInitrd((front + packed.bytes).span.bytes, limit: 1 << 20).compression
        #expect(compression == packed.compression)
    }

    @Test(arguments: PackedArchive.all)
    func unpacksStreamAfterStream(packed: PackedArchive) {
        let contents = PackedArchive.contents
        #expect(unpack(packed.bytes + packed.bytes) == .success(contents + contents))
        let zeros: [UInt8] = [0, 0, 0, 0, 0]
        #expect(unpack(packed.bytes + zeros + Builder.gzip(archive)) == .success(contents + archive))
        #expect(unpack(Builder.gzip(archive) + packed.bytes) == .success(archive + contents))
    }

    @Test func keepsEveryArchiveOnAMultipleOf4() {
        let odd = archive + [0]
        let padded: [UInt8] = odd + [0, 0, 0]
        #expect(unpack(Builder.gzip(odd) + Builder.gzip(archive)) == .success(padded + archive))
        var packed = Builder.gzip(odd)
        packed.pad(to: 4)
        #expect(unpack(packed + front) == .success(padded + front))
        #expect(unpack(front + [0] + Builder.gzip(archive)) == .success(front + [0, 0, 0, 0] + archive))
    }

    /// Decoders copy in large pieces, and leave rubbish behind the end.
    @Test func padsWithZerosWhateverADecoderLeaves() {
        let contents = [UInt8](repeating: 0, count: 5) + [UInt8](repeating: 7, count: 40)
        let archive = Builder.archive("main", contents)
        let five = [UInt8](repeating: 0, count: 5)
        let distance = archive.count - (archive.firstIndex(of: 7) ?? 0) + 5
        let packed = Builder.lz4(archive, repeating: 5, from: distance)
        #expect(unpack(packed) == .success(archive + five + [0, 0, 0]))
        #expect(
            unpack(packed + [0, 0, 0, 0] + Builder.gzip(front)) == .success(archive + five + [0, 0, 0] + front))
    }

    @Test func keepsABootconfigAtTheEnd() {
        let config = Builder.bootconfig("key = value\n") + [0]
        #expect(unpack(Builder.gzip(archive) + config) == .success(archive + config))
        #expect(unpack(Builder.gzip(archive + [0]) + [0] + config) == .success(archive + [0, 0, 0, 0] + config))
    }

    @Test func leavesAloneWhatIsNotCompressed() {
        #expect(unpack(front, limit: 0) == .failure(.nothingPacked), "and asks for no memory")
        #expect(unpack(front + archive) == .failure(.nothingPacked))
        #expect(unpack([0, 0]) == .failure(.nothingPacked))
    }

    @Test func leavesAloneWhatHasAnythingUnknownInIt() {
        let packed = Builder.gzip(archive)
        let rubbish: [UInt8] = [1, 2, 3, 4]
        #expect(unpack(rubbish) == .failure(.unknownPiece(at: 0)))
        #expect(unpack(front + rubbish + packed) == .failure(.unknownPiece(at: front.count)))
        #expect(unpack(packed + rubbish) == .failure(.unknownPiece(at: packed.count)))
        // An archive behind a stream has to begin on a multiple of 4, too.
        #expect(packed.count % 4 != 0)
        #expect(unpack(packed + front) == .failure(.unknownPiece(at: packed.count)))
        #expect(unpack(packed + Builder.bootconfig("k=v", change: 1)) == .failure(.unknownPiece(at: packed.count)))
    }

    @Test func lz4EndsAtZerosOnlyOrAtTheEnd() {
        let packed = Builder.lz4(archive)
        #expect(unpack(packed) == .success(archive) && unpack(packed + [0, 0, 0]) == .success(archive))
        #expect(unpack(packed + [0, 0, 0, 0] + Builder.gzip(archive)) == .success(archive + archive))
        #expect(unpack(packed + front) == .failure(.unknownPiece(at: packed.count)))
        #expect(unpack(packed + packed) == .success(archive + archive))
        var size: [UInt8] = []
        size.appendLittle(UInt32(archive.count))
        if case .success = unpack(packed + size) { Issue.record("a size is for kernels") }
    }

    @Test func leavesAloneWhatIsNoArchive() {
        #expect(unpack(Builder.gzip([UInt8](repeating: 0, count: 9000))) == .failure(.notArchive(.gzip)))
        #expect(unpack(Builder.gzip([])) == .failure(.notArchive(.gzip)))
        #expect(unpack(Builder.gzip(archive + [1])) == .failure(.notArchive(.gzip)))
        #expect(unpack(Builder.gzip(archive.dropLast(1) + [])) == .failure(.notArchive(.gzip)))
        #expect(unpack(Builder.gzip(archive) + Builder.lz4(archive + [7])) == .failure(.notArchive(.lz4)))
        #expect(unpack(Builder.gzip(Builder.archive("kernel/firmware/acpi/a"))) == .failure(.earlyFile))
        #expect(
            unpack(Builder.archive("kernel/firmware/acpi/a") + Builder.gzip(archive)).isSuccess, "in front it may be")
    }

    /// As of `cat a.gz b.gz` where both are parts of one archive: Linux wants an archive to end with each stream.
    @Test func tellsAnArchiveThatGoesOnInAnotherStream() {
        for place in stride(from: 1, to: archive.count, by: 1) {
            let (first, second) = (Builder.gzip(Array(archive[..<place])), Builder.gzip(Array(archive[place...])))
            guard case .failure(let obstacle) = unpack(first + second) else { continue }
            // Where only padding is missing, all of the file is there.
            #expect(
                obstacle == .splitArchive(.gzip) || archive[place] == 0 && obstacle == .notArchive(.gzip), "\(place)")
        }
        #expect(unpack(Builder.gzip(archive + archive.prefix(100))) == .failure(.splitArchive(.gzip)))
    }

    @Test(arguments: CompressedSample.all)
    func theFirstBytesDecideWhetherItIsUnpacked(sample: CompressedSample) {
        // Far less than all of it, so that to unpack it would end otherwise.
        guard case .failure(let obstacle) = unpack(sample.bytes, limit: 20_000) else {
            Issue.record("unpacked")
            return
        }
        switch obstacle {
        case .notArchive(sample.compression), .unknownPiece(at: 0): break
        // These are unpacked in blocks of their own, which are larger.
        case .memoryShort where sample.compression == .lz4 || sample.compression == .zstd: break
        default: Issue.record("\(obstacle)")
        }
    }

    @Test func stopsAtTheLimit() {
        let large = Builder.archive("main", [UInt8](repeating: 1, count: 100_000))
        let packed = front + PackedArchive.all[0].bytes
        let needed = UInt64(front.count + PackedArchive.contents.count)
        #expect(unpack(packed, limit: needed).isSuccess)
        for limit in [needed - 1, 1000, UInt64(packed.count)] {
            guard case .failure(.memoryShort(let needed, limit)) = unpack(packed, limit: limit), needed > limit else {
                Issue.record("not refused at \(limit)")
                continue
            }
        }
        let size = UInt64(Builder.gzip(large).count)
        #expect(unpack(Builder.gzip(large), limit: 5000) == .failure(.memoryShort(needed: size, available: 5000)))
    }

    @Test(arguments: PackedArchive.all)
    func refusesDamageByName(packed: PackedArchive) {
        let cut = Array(packed.bytes.dropLast(packed.compression == .lzma ? 8 : 1))
        guard case .failure(.payload(.truncated(packed.compression, _))) = unpack(cut) else {
            Issue.record("\(unpack(cut))")
            return
        }
    }

    @Test(arguments: PackedArchive.all)
    func tellsHowFarItIs(packed: PackedArchive) throws {
        var told: [UInt64] = []
        let progress = Progress { work, bytes in
            #expect(work == .unpackingInitrd)
            told.append(bytes)
        }
        _ = try UnpackedInitrd(packed.bytes.span.bytes, limit: 1 << 20, progress: progress)
        #expect(told == told.sorted() && told.last == UInt64(PackedArchive.contents.count), "\(told)")
    }

    @Test(arguments: PackedArchive.all)
    func whatIsUnpackedIsAnArchiveWhateverByteChanges(packed: PackedArchive) {
        for offset in packed.bytes.indices {
            var changed = packed.bytes
            changed[offset] ^= 0x10
            guard case .success(let contents) = unpack(changed) else { continue }
            // Without a checksum a name or a letter may differ; what there is stays an archive.
            #expect(InitrdContents(of: contents.span.bytes, from: 0) != .other, "offset \(offset)")
        }
    }

    @Test func unpacksSeveralFilesTogether() throws {
        let folder = NSTemporaryDirectory()
        let paths = try [front, Builder.gzip(archive, flags: 8), PackedArchive.all[1].bytes].map { bytes in
            let path = folder + "/kexec-initrd-" + UUID().uuidString
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            return path
        }
        defer { for path in paths { try? FileManager.default.removeItem(atPath: path) } }
        let source = try ImageSource(initrds: paths.map { ByteString($0) })
        let initrd = try UnpackedInitrd(source.bytes, limit: 1 << 20)
        #expect(initrd.map.bytes.withUnsafeBytes { Array($0) } == front + archive + PackedArchive.contents)
    }
}

extension Result {
    fileprivate var isSuccess: Bool { if case .success = self { true } else { false } }
}
