// SPDX-License-Identifier: MIT

extension Compression {
    /// Whether Linux' own decoders, which know less than those of programs, take the stream at `offset`.
    func isForInitrds(_ bytes: borrowing RawSpan, at offset: Int) -> Bool {
        func byte(_ index: Int) -> UInt8 { bytes.byte(at: offset + index) ?? 0xff }
        switch self {
        // A name, and nothing else that is optional (RFC 1952, FLG).
        case .gzip: return byte(3) & ~0x09 == 0
        // CRC32 or no check, and LZMA2 alone: the number of filters, less 1, is in the flags of the first block.
        case .xz: return byte(6) == 0 && byte(7) <= 1 && byte(12) != 0 && byte(13) & 0x3f == 0
        // Known by two bytes.
        case .lzma: return byte(1) == 0
        case .bzip2: return true
        case .lz4: return bytes.little(UInt32.self, at: offset) == LZ4Magic.legacy
        case .zstd: return Self.hasSmallWindow(bytes, at: offset)
        }
    }

    /// A frame of zstd, none to skip, without a dictionary and with a window of up to 128 MiB (RFC 8878, 3.1.1.1).
    private static func hasSmallWindow(_ bytes: borrowing RawSpan, at offset: Int) -> Bool {
        guard bytes.little(UInt32.self, at: offset) == 0xfd2f_b528, let flags = bytes.byte(at: offset + 4),
            flags & 0x0b == 0
        else { return false }
        guard flags & 0x20 != 0 else {
            guard let window = bytes.byte(at: offset + 5) else { return false }
            return window <= 17 << 3
        }
        // All of the contents are the window.
        let size: UInt64? =
            switch flags >> 6 {
            case 0, 1: 0
            case 2: bytes.little(UInt32.self, at: offset + 5).map { UInt64($0) }
            default: bytes.little(UInt64.self, at: offset + 5)
            }
        return size.map { $0 <= 1 << 27 } ?? false
    }
}
