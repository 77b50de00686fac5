// SPDX-License-Identifier: MIT

/// A number by which the BIOS's drives are told apart: of the sector that Linux reads from a disk, and of the one that the
/// BIOS reads (FNV-1a, 64 bits).
public func sectorSum(_ sector: RawSpan) -> UInt64 {
    var sum: UInt64 = 0xcbf2_9ce4_8422_2325
    for offset in 0..<sector.byteCount {
        // The loop keeps to the bounds.
        sum = (sum ^ UInt64(unsafe sector.unsafeLoad(fromByteOffset: offset, as: UInt8.self))) &* 0x100_0000_01b3
    }
    return sum
}
