// SPDX-License-Identifier: MIT

/// What an initrd consists of.
public enum InitrdPiece: Hashable, Sendable {
    /// Files that are not compressed, with the zeros between and behind them.
    case archive(Range<Int>)
    /// Its end is where its decoder finds it.
    case stream(Compression, at: Int)
    case end
    /// Nothing that Linux takes, or nothing that is known to be taken by all of them.
    case unknown(at: Int)
}

/// The pieces of an initrd, as Linux reads them one after the other (`unpack_to_rootfs` in `init/initramfs.c`).
///
///     | cpio archive | zeros | compressed cpio archive | zeros | … | bootconfig |
///
/// A header lies on a multiple of 4 bytes, a compressed stream anywhere. What is in the archives before the first stream
/// is also looked for before there is a file system: processors' microcode and ACPI tables.
public struct InitrdPieces: Hashable, Sendable {
    /// Where the archives end.
    public let end: Int
    /// A bootconfig, which Linux looks for at the very end, and cuts off; with up to three bytes behind it.
    public let bootconfig: Range<Int>

    /// Reads the last bytes only.
    public init(of bytes: borrowing RawSpan) {
        bootconfig = Self.bootconfig(of: bytes)
        end = bootconfig.lowerBound
    }

    /// The piece that begins at `offset`, behind zeros: where the one before it ends. Of an archive only the headers are
    /// read.
    public func piece(of bytes: borrowing RawSpan, from offset: Int) -> InitrdPiece {
        guard let start = zerosEnd(bytes, from: offset) else { return .unknown(at: offset) }
        if start == end { return .end }
        if bytes.byte(at: start) == Self.headerStart { return archive(bytes, at: start) }
        guard let compression = Compression.format(of: bytes, at: start),
            compression.isForInitrds(bytes, at: start)
        else { return .unknown(at: start) }
        return .stream(compression, at: start)
    }

    /// Whether a stream that its decoder finds to end at `offset` ends there for Linux, too: lz4's old format has no end
    /// mark, and is read up to four zeros.
    public func canEnd(_ compression: Compression, at offset: Int, in bytes: borrowing RawSpan) -> Bool {
        compression != .lz4 || end - offset < 4 || bytes.little(UInt32.self, at: offset) == 0
    }

    /// "0"
    private static let headerStart: UInt8 = 0x30

    private func archive(_ bytes: borrowing RawSpan, at start: Int) -> InitrdPiece {
        var offset = start
        while offset < end, offset % 4 == 0, bytes.byte(at: offset) == Self.headerStart {
            guard let entry = CPIOEntry(parsing: bytes, at: offset, before: end) else { return .unknown(at: offset) }
            guard let next = zerosEnd(bytes, from: entry.end) else { return .archive(start..<entry.end) }
            offset = next
        }
        return offset > start ? .archive(start..<offset) : .unknown(at: start)
    }

    private func zerosEnd(_ bytes: borrowing RawSpan, from offset: Int) -> Int? {
        bytes.zerosEnd(from: offset, to: end)
    }

    private static let magic: StaticString = "#BOOTCONFIG\n"
    /// Size and checksum, in 4 bytes each, come before it.
    private static let sumsSize = 8

    /// An empty range at the end where there is none, or where it is one that Linux refuses.
    private static func bootconfig(of bytes: borrowing RawSpan) -> Range<Int> {
        let count = bytes.byteCount
        for padding in 0..<4 {
            let sums = count - padding - magic.utf8CodeUnitCount - sumsSize
            guard bytes.holds(magic, at: sums + sumsSize) else { continue }
            guard let size = bytes.little(UInt32.self, at: sums), UInt64(size) <= UInt64(sums) else { break }
            let start = sums - Int(size)
            var sum: UInt32 = 0
            for offset in start..<sums { sum &+= UInt32(bytes.byte(at: offset) ?? 0) }
            return sum == bytes.little(UInt32.self, at: sums + 4) ? start..<count : count..<count
        }
        return count..<count
    }
}

extension RawSpan {
    /// Where zeros end that begin at `offset`; nil where they are more than any padding: a file is not read to its end
    /// for zeros.
    func zerosEnd(from offset: Int, to end: Int) -> Int? {
        let limit = Swift.min(end, offset + 1 << 20)
        var place = offset
        while limit - place >= 8, little(UInt64.self, at: place) == 0 { place += 8 }
        while place < limit, byte(at: place) == 0 { place += 1 }
        return place < end && place == limit ? nil : place
    }
}
