// SPDX-License-Identifier: MIT

/// One file of a cpio archive in the format "newc", with or without checksums, as Linux reads it (kernel documentation
/// `driver-api/early-userspace/buffer-format.rst`).
///
/// Stricter than Linux, which passes over some entries that it cannot use: what is found here, it unpacks.
public struct CPIOEntry: Hashable, Sendable {
    /// Without the NUL.
    public var name: Range<Int>
    /// Behind the contents and their padding.
    public var end: Int

    private static let headerSize = 110
    /// `PATH_MAX`: of names, and of what a symbolic link holds.
    private static let longestPath: UInt64 = 4096

    /// Reads the entry at `start`, a multiple of 4.
    /// - Parameters:
    ///   - bytes: of a file that has an archive in it.
    ///   - start: where the entry's header begins.
    ///   - limit: where the archive has to end.
    /// - Returns: nil where there is none, or not all of it.
    public init?(parsing bytes: borrowing RawSpan, at start: Int, before limit: Int) {
        guard Self.isMagic(bytes, at: start), let mode = bytes.hexadecimal32(at: start + 14),
            let size = bytes.hexadecimal32(at: start + 54), let nameSize = bytes.hexadecimal32(at: start + 94),
            nameSize > 0, nameSize <= Self.longestPath, Self.mayHold(size, mode: mode)
        else { return nil }
        // A file has less than 2^63 bytes, and these are 32 bits.
        let name = UInt64(start + Self.headerSize)
        let contents = (name + nameSize + 3) & ~3
        let end = (contents + size + 3) & ~3
        guard end <= UInt64(limit), bytes.byte(at: Int(name + nameSize) - 1) == 0 else { return nil }
        self.name = Int(name)..<Int(name + nameSize) - 1
        self.end = Int(end)
    }

    /// Whether an entry begins at `start` and goes on behind the last byte, and not only with padding, of which Linux
    /// complains when it has the file.
    static func isCut(_ bytes: borrowing RawSpan, at start: Int) -> Bool {
        guard start % 4 == 0, start < bytes.byteCount else { return false }
        guard bytes.byteCount - start >= headerSize else { return bytes.byte(at: start) == 0x30 }
        guard isMagic(bytes, at: start), let size = bytes.hexadecimal32(at: start + 54),
            let nameSize = bytes.hexadecimal32(at: start + 94)
        else { return false }
        let nameEnd = UInt64(start + headerSize) + nameSize
        return (size == 0 ? nameEnd : (nameEnd + 3) & ~3 + size) > UInt64(bytes.byteCount)
    }

    /// "070701", or "070702" with checksums. Linux refuses the older "070707".
    static func isMagic(_ bytes: borrowing RawSpan, at offset: Int) -> Bool {
        bytes.holds("070701", at: offset) || bytes.holds("070702", at: offset)
    }

    /// Where other files have contents Linux loses count.
    private static func mayHold(_ size: UInt64, mode: UInt64) -> Bool {
        switch mode & 0o170000 {
        case 0o100000: true
        case 0o120000: size <= longestPath
        default: size == 0
        }
    }
}

extension RawSpan {
    /// Eight hexadecimal digits; nil where there are other bytes, or fewer.
    fileprivate func hexadecimal32(at offset: Int) -> UInt64? {
        var value: UInt64 = 0
        for index in 0..<8 {
            guard let byte = byte(at: offset + index) else { return nil }
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt64(byte & 15)
            case 0x41...0x46, 0x61...0x66: value = value << 4 | UInt64(byte & 15 + 9)
            default: return nil
            }
        }
        return value
    }
}
