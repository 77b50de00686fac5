// SPDX-License-Identifier: MIT
internal import BootFormats

/// What the header of an lz4 frame says ("LZ4 Frame Format Description", version 1.6).
struct LZ4Frame {
    /// What a block unpacks to at most, in bytes.
    var blockSize: Int
    var hasIndependentBlocks: Bool
    var hasBlockChecksums: Bool
    var hasContentChecksum: Bool
    /// Bytes of the whole frame's contents; nil where it does not tell.
    var contentSize: UInt64?
    /// Where the header ends in the file.
    var end: Int
}

extension LZ4Decoder {
    /// Reads the header whose flags stand at `start`, behind the magic number.
    func frameHeader(at start: Int) throws(FileProblem) -> LZ4Frame {
        guard let flags = input.byte(at: start), let blocks = input.byte(at: start + 1) else { throw input.truncated }
        let hasSize = flags & 0x08 != 0
        let sizeCode = Int(blocks >> 4 & 7)
        // Version 1, reserved bits 0, no dictionary (bit 0), and blocks of 64 KiB to 4 MiB.
        guard flags >> 6 == 1, flags & 0x03 == 0, blocks & 0x8f == 0, sizeCode >= 4 else {
            throw .corrupt(.lz4, at: start)
        }
        var contentSize: UInt64?
        if hasSize {
            guard let low = input.little32(at: start + 2), let high = input.little32(at: start + 6) else {
                throw input.truncated
            }
            contentSize = UInt64(low) | UInt64(high) << 32
        }
        let checksumOffset = start + (hasSize ? 10 : 2)
        guard let checksum = input.byte(at: checksumOffset) else { throw input.truncated }
        // The bytes up to the checksum were read just now; its second byte is what the format takes.
        let expected = UInt8(truncatingIfNeeded: unsafe xxHash32(input.part(start..<checksumOffset)) >> 8)
        guard checksum == expected else { throw .corrupt(.lz4, at: checksumOffset) }
        return LZ4Frame(
            blockSize: 1 << (8 + 2 * sizeCode), hasIndependentBlocks: flags & 0x20 != 0,
            hasBlockChecksums: flags & 0x10 != 0, hasContentChecksum: flags & 0x04 != 0, contentSize: contentSize,
            end: checksumOffset + 1)
    }
}
