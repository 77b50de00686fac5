// SPDX-License-Identifier: MIT

/// The compressed formats that kernels come in.
public enum Compression: String, CaseIterable, Hashable, Sendable {
    case gzip, xz, lzma, zstd, lz4, bzip2

    /// "gzip", "xz".
    public var name: String { rawValue }

    /// What `bytes` are compressed with, by their first bytes; nil where by none of these.
    public init?(recognizing bytes: borrowing RawSpan) {
        guard let found = Self.format(of: bytes, at: 0) else { return nil }
        self = found
    }

    /// The format of the compressed stream that begins at `offset`.
    public static func format(of bytes: borrowing RawSpan, at offset: Int) -> Compression? {
        guard let magic = bytes.little(UInt32.self, at: offset) else { return nil }
        // gzip: RFC 1952, method 8 is the only one there is.
        if magic & 0x00ff_ffff == 0x0008_8b1f { return .gzip }
        if magic == 0xfd2f_b528 || magic & 0xffff_fff0 == LZ4Magic.skippable, hasZstdFrame(bytes, offset) {
            return .zstd
        }
        if magic == LZ4Magic.frame || magic == LZ4Magic.legacy { return .lz4 }
        if magic == 0x587a_37fd, bytes.little(UInt16.self, at: offset + 4) == 0x005a { return .xz }
        if isBzip2(magic) { return .bzip2 }
        return isLZMA(bytes, offset) ? .lzma : nil
    }

    /// zstd may begin with frames to skip, whose magic it shares with lz4.
    private static func hasZstdFrame(_ bytes: borrowing RawSpan, _ start: Int) -> Bool {
        var offset = start
        for _ in 0..<16 {
            guard let magic = bytes.little(UInt32.self, at: offset) else { return false }
            if magic == 0xfd2f_b528 { return true }
            guard magic & 0xffff_fff0 == LZ4Magic.skippable, let size = bytes.little(UInt32.self, at: offset + 4),
                let size = Int(exactly: size), size <= bytes.byteCount - offset - 8
            else { return false }
            offset += 8 + size
        }
        return false
    }

    /// "BZh" and the block size, a digit from 1 to 9.
    private static func isBzip2(_ magic: UInt32) -> Bool {
        magic & 0x00ff_ffff == 0x0068_5a42 && (0x31...0x39).contains(magic >> 24)
    }

    /// The old lzma format has no magic: properties that encoders write, a dictionary size that is a power of two or
    /// one and a half of it, and a size that is unknown (all ones) or below 256 GiB.
    private static func isLZMA(_ bytes: borrowing RawSpan, _ offset: Int) -> Bool {
        guard bytes.byte(at: offset) == 0x5d, let dictionary = bytes.little(UInt32.self, at: offset + 1),
            let size = bytes.little(UInt64.self, at: offset + 5)
        else { return false }
        let isPlausible = dictionary.nonzeroBitCount == 1 || (dictionary & (dictionary >> 1)).nonzeroBitCount == 1
        return isPlausible && dictionary.nonzeroBitCount <= 2 && (size == .max || size < 1 << 38)
    }
}

/// The magic numbers of lz4's two formats, and of frames to skip; in the file little-endian, 4 bytes.
public enum LZ4Magic {
    /// The format that `lz4` writes by itself (LZ4 Frame Format Description).
    public static let frame: UInt32 = 0x184d_2204
    /// The older format, `lz4 -l`, which Linux packs itself with: blocks of 8 MiB, no checksums.
    public static let legacy: UInt32 = 0x184c_2102
    /// The lowest four bits are the user's.
    public static let skippable: UInt32 = 0x184d_2a50
}
