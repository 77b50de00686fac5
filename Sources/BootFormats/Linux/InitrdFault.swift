// SPDX-License-Identifier: MIT

/// Why Linux' own decoders refuse what an initrd is packed with, where programs unpack it: the next kernel would come up
/// without the files in it, and panic.
///
/// Each was tried with Linux 6.1 and 7.x, which behave alike.
public enum InitrdFault: Hashable, Sendable {
    /// xz with a check other than none and CRC32. The number of the check: 4 is CRC64, 10 SHA-256.
    case xzCheck(UInt8)
    /// xz with a filter other than LZMA2 and that for x86 code. The filter's number.
    case xzFilter(UInt8)
    /// gzip with an optional field (RFC 1952, FLG) other than a name: extra, comment or header CRC.
    case gzipField(flags: UInt8)
    /// The format that `lz4` writes by itself.
    case lz4Frame
    /// zstd or lz4 data that begins with a frame to skip.
    case skippableFrame
    /// zstd with a dictionary, or a window of more than 128 MiB.
    case zstdWindow
    /// cpio's formats "odc" and "bin".
    case oldArchive
    /// An archive goes on in another stream: Linux wants one to end with each.
    case splitArchive(Compression)

    /// nil where what begins at `offset` is not known to be one of these: it may be no archive at all, which a kernel with
    /// another use for it takes.
    public init?(of bytes: borrowing RawSpan, at offset: Int) {
        func byte(_ index: Int) -> UInt8 { bytes.byte(at: offset + index) ?? 0 }
        let magic = bytes.little(UInt32.self, at: offset) ?? 0
        if bytes.holds("070707", at: offset) || magic & 0xffff == 0o070707 {
            self = .oldArchive
            return
        }
        if magic & 0xffff_fff0 == LZ4Magic.skippable {
            // Linux complains of one at the very end, too, but has unpacked all that there is.
            let end = UInt64(offset) + 8 + UInt64(bytes.little(UInt32.self, at: offset + 4) ?? .max)
            guard end < UInt64(bytes.byteCount) else { return nil }
            self = .skippableFrame
            return
        }
        guard let compression = Compression.format(of: bytes, at: offset), !compression.isForInitrds(bytes, at: offset)
        else { return nil }
        switch compression {
        case .gzip: self = .gzipField(flags: byte(3))
        case .lz4: self = .lz4Frame
        case .zstd: self = .zstdWindow
        case .xz:
            if byte(7) > 1 {
                self = .xzCheck(byte(7))
                return
            }
            let filter = Self.firstFilter(of: bytes, block: offset + 12)
            // 0x21 is LZMA2, 4 the filter for x86 code.
            guard let filter, filter != 0x21, filter != 4 else { return nil }
            self = .xzFilter(filter)
        case .lzma, .bzip2: return nil
        }
    }

    /// - Parameter start: of the first block's header (The .xz File Format, 3.1), where the stream is not empty.
    private static func firstFilter(of bytes: borrowing RawSpan, block start: Int) -> UInt8? {
        guard let size = bytes.byte(at: start), size != 0, let flags = bytes.byte(at: start + 1) else { return nil }
        let end = start + 4 * (Int(size) + 1)
        var place = start + 2
        // Two sizes may come first, in bytes whose highest bit says that another one follows.
        for flag: UInt8 in [0x40, 0x80] where flags & flag != 0 {
            while place < end, let byte = bytes.byte(at: place), byte & 0x80 != 0 { place += 1 }
            place += 1
        }
        return place < end ? bytes.byte(at: place) : nil
    }
}

extension InitrdPieces {
    /// What Linux refuses of the first that is compressed, by its first bytes; of what is in front only headers are read.
    public func fault(of bytes: borrowing RawSpan) -> InitrdFault? {
        var piece = piece(of: bytes, from: 0)
        if case .archive(let front) = piece { piece = self.piece(of: bytes, from: front.upperBound) }
        guard case .unknown(let start) = piece else { return nil }
        return InitrdFault(of: bytes, at: start)
    }
}
