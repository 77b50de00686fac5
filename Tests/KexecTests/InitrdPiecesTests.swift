// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Testing

private typealias Builder = InitrdBuilder

/// All pieces up to the end, or up to what is unknown; streams end with `streamSizes`.
private func pieces(_ bytes: [UInt8], streamSizes: [Int] = []) -> [InitrdPiece] {
    let span = bytes.span.bytes
    let pieces = InitrdPieces(of: span)
    var found: [InitrdPiece] = []
    var sizes = streamSizes[...]
    var offset = 0
    while true {
        let piece = pieces.piece(of: span, from: offset)
        found.append(piece)
        switch piece {
        case .archive(let range): offset = range.upperBound
        case .stream(_, let start):
            guard let size = sizes.popFirst() else { return found }
            offset = start + size
        case .end, .unknown: return found
        }
    }
}

private func contents(_ bytes: [UInt8], from start: Int = 0) -> InitrdContents {
    InitrdContents(of: bytes.span.bytes, from: start)
}

@Suite struct InitrdPiecesTests {
    // MARK: Pieces

    @Test func takesArchivesWithTheZerosBetweenForOnePiece() {
        let bytes = Builder.archive("a") + [UInt8](repeating: 0, count: 4096) + Builder.archive("b", padding: 4)
        #expect(pieces(bytes) == [.archive(0..<bytes.count), .end])
    }

    @Test func findsStreamsAnywhereAndArchivesBehindThem() {
        let front = Builder.archive("a")
        let stream: [UInt8] = Builder.gzip(Builder.archive("b")) + [0x55]
        var bytes: [UInt8] = front + [0] + stream
        bytes.pad(to: 4)
        let start = bytes.count
        bytes += Builder.archive("c")
        #expect(
            pieces(bytes, streamSizes: [stream.count])
                == [
                    .archive(0..<front.count + 1), .stream(.gzip, at: front.count + 1), .archive(start..<bytes.count),
                    .end,
                ])
    }

    @Test func refusesAnArchiveThatDoesNotBeginOnAMultipleOf4() {
        #expect(pieces([0, 0] + Builder.archive("a")) == [.unknown(at: 2)])
        let bytes = Builder.archive("a") + [0, 0] + Builder.archive("b")
        #expect(pieces(bytes) == [.archive(0..<514), .unknown(at: 514)])
    }

    @Test(arguments: ["junk", "070707", "07070", "\u{4c}\u{18}", "ustar"])
    func refusesWhatIsNeitherArchiveNorStream(_ text: String) {
        #expect(pieces(Builder.archive("a") + Array(text.utf8)).last == .unknown(at: 512))
        #expect(pieces(Array(text.utf8)) == [.unknown(at: 0)])
    }

    @Test func takesNoFileForZerosOnly() {
        #expect(pieces([]) == [.end])
        #expect(pieces([UInt8](repeating: 0, count: 5)) == [.end])
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        #expect(pieces(zeros) == [.end], "a mebibyte may be padding")
        #expect(pieces(zeros + [0]) == [.unknown(at: 0)], "more is not read")
        let archive = Builder.entry("a")
        #expect(pieces(zeros + zeros.prefix(16) + archive) == [.unknown(at: 0)], "nor passed over")
        #expect(pieces(archive + zeros + [0]) == [.archive(0..<archive.count), .unknown(at: archive.count)])
    }

    /// The page of the contents cannot be read.
    @Test func readsNothingOfAnArchiveButItsHeaders() throws {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let head = Builder.entry("a", size: 3 * page - 112), tail = Builder.archive("b")
        let base = try #require(mmap(nil, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        defer { munmap(base, 4 * page) }
        UnsafeMutableRawBufferPointer(start: base, count: page).copyBytes(from: head)
        UnsafeMutableRawBufferPointer(start: base + 3 * page, count: page).copyBytes(from: tail)
        try #require(mprotect(base + page, 2 * page, PROT_NONE) == 0)
        let size = 3 * page + tail.count
        let bytes = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: base, count: size))
        let piece = InitrdPieces(of: bytes).piece(of: bytes, from: 0)
        #expect(piece == .archive(0..<size))
    }

    // MARK: Entries

    private func read(_ entry: [UInt8]) -> CPIOEntry? {
        CPIOEntry(parsing: entry.span.bytes, at: 0, before: entry.count)
    }

    private func isTaken(_ entry: [UInt8]) -> Bool { read(entry) != nil }

    @Test func readsNamesAndWhereEntriesEnd() throws {
        for length in 1...9 {
            let bytes = Builder.entry(String(repeating: "n", count: length), [UInt8](repeating: 7, count: length))
            let entry = try #require(read(bytes))
            #expect(entry.name == 110..<110 + length && entry.end == bytes.count)
        }
    }

    /// Every one of the eight digits counts, and no other character is one.
    @Test(arguments: 0..<8) func readsSizesToTheirLastDigit(digit: Int) {
        let bytes = Builder.entry("a", [1, 2, 3])
        for field in [54, 94] {
            for character in ["f", "F", "8"] as [Unicode.Scalar] where digit < 7 {
                var longer = bytes
                longer[field + digit] = UInt8(ascii: character)
                #expect(!isTaken(longer), "\(field) \(digit)")
            }
            for character in ["g", "G", "/", ":", "@", "`"] as [Unicode.Scalar] {
                var other = bytes
                other[field + digit] = UInt8(ascii: character)
                #expect(!isTaken(other), "\(field) \(digit) \(character)")
            }
        }
    }

    @Test func takesWhatLinuxTakesForAFile() {
        #expect(isTaken(Builder.entry("a", [1], magic: "070702")))
        #expect(isTaken(Builder.entry("a", mode: Builder.folder)))
        #expect(isTaken(Builder.entry("a", Array("target".utf8), mode: Builder.link)))
        #expect(isTaken(Builder.entry(String(repeating: "a", count: 4095))))
        #expect(isTaken(Builder.entry("a", [UInt8](repeating: 1, count: 4096), mode: Builder.link)))
    }

    @Test func refusesEntriesAtWhichLinuxLosesCount() {
        #expect(!isTaken(Builder.entry("a", magic: "070707")))
        #expect(!isTaken(Builder.entry("a", nameSize: 0)))
        #expect(!isTaken(Builder.entry("a", nameSize: 1)), "no NUL")
        #expect(!isTaken(Builder.entry(String(repeating: "a", count: 4096))))
        #expect(!isTaken(Builder.entry("a", [1], mode: Builder.folder)))
        #expect(!isTaken(Builder.entry("a", [1], mode: 0o020600)))
        #expect(!isTaken(Builder.entry("a", [UInt8](repeating: 1, count: 4097), mode: Builder.link)))
        #expect(!isTaken(Builder.entry("a", [1], size: 5)), "beyond the end")
        #expect(!isTaken(Builder.entry("a", size: 0xffff_ffff)))
        for field in [14, 54, 94] {
            var bytes = Builder.entry("a")
            bytes[field + 7] = 0x67
            #expect(!isTaken(bytes), "no digit at \(field)")
        }
        #expect(!isTaken(Array(Builder.entry("a").dropLast())))
    }

    // MARK: Streams

    @Test(arguments: PackedArchive.all)
    func knowsTheFormatsOfLinux(archive: PackedArchive) {
        #expect(pieces(archive.bytes) == [.stream(archive.compression, at: 0)])
    }

    @Test(arguments: PackedArchive.refused)
    func refusesWhatLinuxItselfDoesNotUnpack(archive: PackedArchive) {
        #expect(Compression(recognizing: archive.bytes.span.bytes) == archive.compression)
        #expect(pieces(archive.bytes) == [.unknown(at: 0)])
    }

    @Test(
        arguments: [(0, true), (1, true), (8, true), (9, true), (2, false), (4, false), (16, false), (32, false)]
            as [(UInt8, Bool)])
    func takesAGzipHeaderWithNothingButAName(flags: UInt8, isTaken: Bool) {
        #expect((pieces(Builder.gzip([1], flags: flags)) == [.stream(.gzip, at: 0)]) == isTaken)
    }

    /// The frame's flags, then the window (17 << 3 is 128 MiB) or the size of the contents.
    @Test(
        arguments: [
            ([0x00, 17 << 3], true), ([0x04, 0x58], true), ([0x00, 17 << 3 | 1], false), ([0x01, 0x58], false),
            ([0x08, 0x58], false), ([0x20, 1], true), ([0x60, 1, 0], true), ([0xa0, 0, 0, 0, 8], true),
            ([0xa0, 1, 0, 0, 8], false), ([0xe0, 0, 0, 0, 8, 0, 0, 0, 0], true),
            ([0xe0, 0, 0, 0, 0, 1, 0, 0, 0], false),
            ([0xa0, 0, 0], false),
        ] as [([UInt8], Bool)])
    func takesAZstdFrameWithASmallWindow(header: [UInt8], isTaken: Bool) {
        let bytes = [0x28, 0xb5, 0x2f, 0xfd] + header
        #expect((pieces(bytes) == [.stream(.zstd, at: 0)]) == isTaken)
        #expect(pieces([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0] + bytes) == [.unknown(at: 0)], "frames to skip")
    }

    @Test func endsLZ4AtFourZerosOrTheEnd() {
        func canEnd(_ tail: [UInt8], _ compression: Compression = .lz4) -> Bool {
            let bytes = [1] + tail
            return InitrdPieces(of: bytes.span.bytes).canEnd(compression, at: 1, in: bytes.span.bytes)
        }
        #expect(canEnd([]) && canEnd([0, 0, 0]) && canEnd([0, 0, 0, 0, 1]))
        #expect(!canEnd([0, 0, 0, 1]) && !canEnd(Array("0707".utf8)))
        #expect(canEnd([0, 0, 0, 1], .xz))
    }

    // MARK: Bootconfig

    @Test(arguments: 0..<4)
    func findsABootconfigAtTheVeryEnd(padding: Int) {
        let archive = Builder.archive("a"), config = Builder.bootconfig("key = value\n")
        let bytes = archive + config + [UInt8](repeating: 0, count: padding)
        let found = InitrdPieces(of: bytes.span.bytes)
        #expect(found.end == archive.count && found.bootconfig == archive.count..<bytes.count)
        #expect(pieces(bytes) == [.archive(0..<archive.count), .end])
    }

    @Test func aBootconfigThatLinuxRefusesIsRubbish() {
        let archive = Builder.archive("a"), config = Builder.bootconfig("key = value\n")
        let damaged: [[UInt8]] = [
            archive + Builder.bootconfig("key = value\n", change: 1), archive + config + [0, 0, 0, 0],
            Array(config.suffix(20)), Array(config.suffix(19)), Array(config.suffix(12)),
        ]
        for bytes in damaged {
            let found = InitrdPieces(of: bytes.span.bytes)
            #expect(found.bootconfig.isEmpty)
            if case .unknown? = pieces(bytes).last {} else { Issue.record("not refused") }
        }
    }

    // MARK: Contents

    @Test func tellsAWholeArchive() {
        let archive = Builder.archive("a")
        #expect(contents(archive) == .archive)
        #expect(contents(Builder.entry("a")) == .archive, "no trailer is needed")
        #expect(contents(archive + archive) == .archive)
        #expect(contents(archive + [0]) == .archive)
        #expect(contents([9, 9, 9, 9] + archive, from: 4) == .archive)
    }

    @Test func tellsWhatIsNoArchiveOrNotAllOfOne() {
        let archive = Builder.archive("a", padding: 4)
        let first = Builder.entry("a", [1, 2, 3]).count
        for size in 1..<archive.count where size != first {
            // Only padding is missing behind the file's three bytes and the trailer's name.
            let hasAll = size == first - 1 || size >= archive.count - 3
            #expect(contents(Array(archive[..<size])) == (hasAll ? .other : .cut), "\(size) bytes")
        }
        #expect(contents([]) == .other)
        #expect(contents([0, 0, 0, 0] + archive) == .other)
        #expect(contents(archive + [1]) == .other)
        #expect(contents(archive + [0, 0] + archive) == .other)
        #expect(contents([UInt8](repeating: 0, count: 2048)) == .other)
        #expect(contents(Builder.entry("a", Builder.bootconfig("k=v"))) == .other, "it would be cut off")
        #expect(contents(Builder.archive("a", Builder.bootconfig("k=v"))) == .archive)
    }

    @Test func tellsFilesThatLinuxLooksForWhereNothingIsCompressed() {
        for name in ["kernel/x86/microcode/GenuineIntel.bin", "kernel/firmware/acpi/dsdt.aml"] {
            #expect(contents(Builder.entry("a") + Builder.entry(name) + Builder.entry("b")) == .early)
            #expect(contents(Builder.entry("x" + name)) == .archive)
        }
        #expect(contents(Builder.entry("kernel/x86", mode: Builder.folder)) == .archive)
        #expect(contents(Builder.entry("kernel/x86/microcode/A") + [1]) == .other)
    }

    @Test func theFirstSixBytesDecide() {
        func isOther(_ bytes: [UInt8], _ start: Int) -> Bool { InitrdContents.isOther(bytes.span.bytes, from: start) }
        #expect(!isOther([], 0) && !isOther([1, 2, 3, 4, 5], 0) && !isOther([1, 2, 3, 4, 5, 6], 1))
        #expect(
            isOther([1, 2, 3, 4, 5, 6], 0) && isOther(Array("0707010".utf8), 1) && isOther(Array("070707".utf8), 0))
        #expect(!isOther(Array("070701".utf8), 0) && !isOther(Array("x070702".utf8), 1))
    }

    // MARK: Damage

    /// All of them are in the initrd, in order, and streams are where their formats are.
    private func expectInside(_ bytes: [UInt8], streamSizes: [Int] = []) {
        let all = InitrdPieces(of: bytes.span.bytes)
        #expect(all.end == all.bootconfig.lowerBound && all.bootconfig.upperBound == bytes.count)
        var end = 0
        for piece in pieces(bytes, streamSizes: streamSizes) {
            switch piece {
            case .archive(let range):
                #expect(range.lowerBound >= end && range.upperBound <= all.end && range.lowerBound % 4 == 0)
                #expect(CPIOEntry(parsing: bytes.span.bytes, at: range.lowerBound, before: range.upperBound) != nil)
                end = range.upperBound
            case .stream(let compression, let start):
                #expect(start >= end && Compression.format(of: bytes.span.bytes, at: start) == compression)
                end = start
            // What a made-up stream ends with may lie behind the end.
            case .unknown(let start): #expect(start >= end && (start <= all.end || !streamSizes.isEmpty))
            case .end: #expect(bytes[min(end, all.end)..<all.end].allSatisfy { $0 == 0 } || !streamSizes.isEmpty)
            }
        }
    }

    @Test func piecesLieInTheInitrdWhereAByteChangesOrItIsCut() {
        let bytes = Builder.archive("a", padding: 4) + Builder.gzip([1]) + Builder.bootconfig("k=v")
        for offset in bytes.indices {
            for change: UInt8 in [0x01, 0x10, 0x80, 0xff] {
                var changed = bytes
                changed[offset] ^= change
                expectInside(changed, streamSizes: [24])
                #expect(contents(changed) != .archive, "there is a stream in it")
            }
            expectInside(Array(bytes[..<offset]), streamSizes: [24])
            expectInside(Array(bytes[offset...]))
        }
    }
}

extension PackedArchive: CustomTestStringConvertible {}
