// SPDX-License-Identifier: MIT

/// What a stream of an initrd becomes when it is unpacked.
public enum InitrdContents: Hashable, Sendable {
    case archive
    /// The beginning of one: the rest is missing.
    case cut
    /// No cpio archive, or not all of one: Linux does not take it, or not from the initramfs.
    case other
    /// It has files that Linux would look for, and find, in an archive that is not compressed.
    case early

    /// Tells what `bytes` from `start` on, a multiple of 4, are. Of an archive only the headers are read.
    public init(of bytes: borrowing RawSpan, from start: Int) {
        self = .archive
        var offset = start
        repeat {
            guard offset % 4 == 0, let entry = CPIOEntry(parsing: bytes, at: offset, before: bytes.byteCount),
                let next = bytes.zerosEnd(from: entry.end, to: bytes.byteCount)
            else {
                self = CPIOEntry.isCut(bytes, at: offset) ? .cut : .other
                return
            }
            for folder in Self.earlyFolders where bytes.holds(folder, at: entry.name.lowerBound) { self = .early }
            offset = next
        } while offset < bytes.byteCount
        // At its end, where it has no trailer: in a stream Linux does not look for that.
        if !InitrdPieces(of: bytes).bootconfig.isEmpty { self = .other }
    }

    /// Whether no archive begins at `start`; false as long as its first bytes are not there.
    public static func isOther(_ bytes: borrowing RawSpan, from start: Int) -> Bool {
        bytes.byteCount - start >= 6 && !CPIOEntry.isMagic(bytes, at: start)
    }

    /// What `find_cpio_data` is asked for on x86.
    private static let earlyFolders: [StaticString] = ["kernel/x86/microcode/", "kernel/firmware/acpi/"]
}
