// SPDX-License-Identifier: MIT

/// One `PT_NOTE` of an ELF file: a run of notes.
public struct ELFNoteSegment: Hashable, Sendable {
    /// All of its notes, in the file.
    public var file: Range<Int>
    /// Names and descriptors begin on multiples of it: 4, or 8 where `p_align` is 8.
    public var alignment: Int

    public init(file: Range<Int>, alignment: Int) {
        self.file = file
        self.alignment = alignment
    }
}

/// A note: who made it says what its type means.
///
///     0        4        8      12
///     +--------+--------+------+---------------+-- - - -+--------------------+
///     | namesz | descsz | type | name, with NUL| padding| descriptor         |
///     +--------+--------+------+---------------+-- - - -+--------------------+
public struct ELFNote: Hashable, Sendable {
    /// `n_type`
    public var type: UInt32
    /// Where in the file the maker's name is, without its NUL.
    public var name: Range<Int>
    /// Where in the file the contents are, without padding.
    public var descriptor: Range<Int>

    /// Whether only a Linux kernel has it: `LINUX_ELFNOTE_BUILD_SALT` (since 4.19) or another of Linux's, or
    /// `XEN_ELFNOTE_GUEST_OS` with its name.
    func isLinux(in bytes: borrowing RawSpan) -> Bool {
        // The name with its NUL; the second from the type on, with the descriptor.
        bytes.holds("Linux\0", at: name.lowerBound)
            || bytes.holds("\u{6}\0\0\0Xen\0linux", at: name.lowerBound - 4)
    }
}

/// Goes through the notes of one segment, in order.
public struct ELFNoteReader: Sendable {
    private var offset: Int
    private let end: Int
    private let alignment: Int

    public init(_ segment: ELFNoteSegment) {
        offset = segment.file.lowerBound
        end = segment.file.upperBound
        alignment = segment.alignment == 8 ? 8 : 4
    }

    /// The next note of `bytes`; nil at the end.
    /// - Throws: `.endsInside` or `.badValue` where a note does not end before its segment.
    public mutating func next(in bytes: borrowing RawSpan) throws(ImageError) -> ELFNote? {
        // What is left may be padding that is too small for a note.
        guard end - offset >= 12 else { return nil }
        let nameSize = try bytes.little(UInt32.self, at: offset, "n_namesz")
        let descriptorSize = try bytes.little(UInt32.self, at: offset + 4, "n_descsz")
        let type = try bytes.little(UInt32.self, at: offset + 8, "n_type")
        let name = try part("n_namesz", at: offset, size: nameSize, from: offset + 12)
        let descriptor = try part("n_descsz", at: offset + 4, size: descriptorSize, from: aligned(name.upperBound))
        offset = min(end, aligned(descriptor.upperBound))
        let hasNUL = bytes.byte(at: name.upperBound - 1) == 0 && !name.isEmpty
        return ELFNote(
            type: type, name: name.lowerBound..<name.upperBound - (hasNUL ? 1 : 0), descriptor: descriptor)
    }

    /// - Parameter offset: of the field that tells the size.
    private func part(
        _ field: FieldName, at offset: Int, size: UInt32, from start: Int
    ) throws(ImageError) -> Range<Int> {
        // `aligned` may have gone beyond the end.
        let start = min(start, end)
        guard UInt64(size) <= UInt64(end - start) else {
            throw .badValue(field, at: offset, found: UInt64(size), needed: .atMost(UInt64(end - start)))
        }
        return start..<start + Int(size)
    }

    /// Offsets are those of a file in memory: seven more still fit.
    private func aligned(_ offset: Int) -> Int { (offset + alignment - 1) & ~(alignment - 1) }
}
