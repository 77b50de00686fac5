// SPDX-License-Identifier: MIT
// An initrd: its pieces, what its streams are, and all of it unpacked.
// runs: 2
import BootFormats
@testable import Kexec

private let limit: UInt64 = 1 << 18

@_cdecl("LLVMFuzzerTestOneInput")
public func readInitrd(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    withSpan(start, count) { bytes in
        checkPieces(bytes)
        do throws(UnpackingObstacle) { checkUnpacked(try UnpackedInitrd(bytes, limit: limit), bytes) } catch {}
    }
}

private func checkPieces(_ bytes: borrowing RawSpan) {
    let pieces = InitrdPieces(of: bytes)
    expect(pieces.bootconfig.upperBound == bytes.byteCount, "a bootconfig is at the end")
    _ = pieces.fault(of: bytes)
    _ = InitrdFault(of: bytes, at: 0)
    var offset = 0
    while offset < bytes.byteCount {
        switch pieces.piece(of: bytes, from: offset) {
        case .archive(let range):
            expect(range.lowerBound >= offset && range.upperBound <= pieces.end, "an archive lies in the initrd")
            expect(range.lowerBound % 4 == 0 && !range.isEmpty, "an archive begins on a multiple of 4")
            offset = range.upperBound
        case .stream(_, let start):
            expect(start >= offset && start < pieces.end, "a stream lies in the initrd")
            offset = start + 1
        case .unknown(let start):
            expect(start >= offset && start < pieces.end, "what is unknown is there")
            return
        case .end: return
        }
    }
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
            offset = range.upperBound
        case .end: return
        default: return expect(false, "all of it are archives")
        }
    }
}
