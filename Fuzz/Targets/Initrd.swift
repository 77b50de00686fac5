// SPDX-License-Identifier: MIT
// An initrd: its pieces, what its streams are, and all of it unpacked.
// runs: 2
import BootFormats
@testable import Kexec

private let limit: UInt64 = 1 << 18

func fuzzInitrd(_ input: UnsafeRawBufferPointer) {
    let bytes = input.bytes
    checkPieces(bytes)
    guard let initrd = try? UnpackedInitrd(bytes, limit: limit) else { return }
    checkUnpacked(initrd, bytes)
}

private func checkPieces(_ bytes: borrowing RawSpan) {
    let pieces = InitrdPieces(of: bytes)
    expect(pieces.end == pieces.bootconfig.lowerBound, "archives end where a bootconfig begins")
    expect(pieces.bootconfig.upperBound == bytes.byteCount, "a bootconfig is at the end")
    checkFault(pieces, bytes)
    var offset = 0
    while offset < bytes.byteCount {
        switch pieces.piece(of: bytes, from: offset) {
        case .archive(let range):
            expect(range.lowerBound >= offset && range.upperBound <= pieces.end, "an archive lies in the initrd")
            expect(range.lowerBound % 4 == 0 && !range.isEmpty, "an archive begins on a multiple of 4")
            checkEntries(range, pieces, bytes)
            offset = range.upperBound
        case .stream(let compression, let start):
            expect(start >= offset && start < pieces.end, "a stream lies in the initrd")
            expect(Compression.format(of: bytes, at: start) == compression, "a stream is of its format")
            offset = start + 1
        case .unknown(let start):
            expect(start >= offset && start < pieces.end, "what is unknown is there")
            return
        case .end:
            for place in offset..<pieces.end { expect(bytes.byte(at: place) == 0, "only zeros end an initrd") }
            return
        }
    }
}

/// An archive consists of whole files, with zeros between them.
private func checkEntries(_ range: Range<Int>, _ pieces: InitrdPieces, _ bytes: borrowing RawSpan) {
    var offset = range.lowerBound
    while offset < range.upperBound {
        guard bytes.byte(at: offset) != 0 else {
            offset += 1
            continue
        }
        guard let entry = CPIOEntry(parsing: bytes, at: offset, before: pieces.end) else {
            return expect(false, "an archive consists of files")
        }
        expect(offset % 4 == 0 && entry.end % 4 == 0, "a file begins and ends on a multiple of 4")
        expect(entry.name.lowerBound == offset + 110, "a name follows its header")
        expect(bytes.byte(at: entry.name.upperBound) == 0, "a NUL follows the name")
        expect(entry.end > entry.name.upperBound && entry.end <= range.upperBound, "a file lies in its archive")
        offset = entry.end
    }
}

/// Linux is said to refuse only what nobody here unpacks.
private func checkFault(_ pieces: InitrdPieces, _ bytes: borrowing RawSpan) {
    _ = InitrdFault(of: bytes, at: bytes.byteCount)
    guard pieces.fault(of: bytes) != nil else { return }
    expect((try? UnpackedInitrd(bytes, limit: limit)) == nil, "what Linux refuses is not unpacked")
}

/// What comes out has nothing to be unpacked, and ends as the initrd did.
private func checkUnpacked(_ initrd: borrowing UnpackedInitrd, _ packed: borrowing RawSpan) {
    let bytes = initrd.map.bytes
    expect(bytes.byteCount <= Int(limit), "the limit holds")
    let pieces = InitrdPieces(of: bytes)
    expect(pieces.bootconfig.count >= InitrdPieces(of: packed).bootconfig.count, "a bootconfig stays")
    var offset = 0
    while true {
        switch pieces.piece(of: bytes, from: offset) {
        case .archive(let range):
            expect(offset > 0 || range.lowerBound == 0, "an archive begins at once")
            checkEntries(range, pieces, bytes)
            offset = range.upperBound
        case .end: return
        default: return expect(false, "all of it are archives")
        }
    }
}
