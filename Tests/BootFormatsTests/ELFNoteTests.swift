// SPDX-License-Identifier: MIT
import BootFormats
import Testing

@Suite struct ELFNoteTests {
    private func note(_ name: String, _ descriptor: [UInt8], type: UInt32 = 1, alignment: Int = 4) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendLittle(UInt32(name.utf8.count + 1))
        bytes.appendLittle(UInt32(descriptor.count))
        bytes.appendLittle(type)
        bytes += Array(name.utf8) + [0]
        bytes.pad(to: alignment)
        bytes += descriptor
        bytes.pad(to: alignment)
        return bytes
    }

    private func executable(notes: [UInt8], alignment: UInt64 = 4) -> ELFBuilder {
        ELFBuilder(
            headers: [
                .init(type: 4, memorySize: UInt64(notes.count), alignment: alignment, contents: notes),
                .init(physicalAddress: 0x100_0000),
            ])
    }

    @Test(arguments: [4, 8])
    func readsNotesOneByOne(alignment: Int) throws {
        // The program headers end on a multiple of 8, so both alignments count from the segment's start.
        let notes =
            note("Xen", [1, 2, 3, 4], type: 18, alignment: alignment)
            + note("Linux", [5, 6, 7], type: 0, alignment: alignment)
        let builder = executable(notes: notes, alignment: UInt64(alignment))
        let bytes = builder.bytes
        let image = try #require(builder.image)
        var reader = ELFNoteReader(try #require(image.notes.first))
        let first = try #require(try reader.next(in: bytes.span.bytes))
        #expect(String(decoding: bytes[first.name], as: UTF8.self) == "Xen")
        #expect(Array(bytes[first.descriptor]) == [1, 2, 3, 4])
        #expect(first.type == 18)
        let second = try #require(try reader.next(in: bytes.span.bytes))
        #expect(String(decoding: bytes[second.name], as: UTF8.self) == "Linux")
        #expect(Array(bytes[second.descriptor]) == [5, 6, 7])
        #expect(try reader.next(in: bytes.span.bytes) == nil)
    }

    /// Debian's kernels have all of these; those of others may have one only.
    @Test(arguments: [("Linux", UInt32(0x100), "4.19"), ("Linux", 0x101, ""), ("Xen", 6, "linux")])
    func knowsALinuxKernelByANoteOfIts(_ name: String, _ type: UInt32, _ text: String) throws {
        let notes = note("GNU", [1], type: 3) + note(name, Array(text.utf8) + [0], type: type)
        #expect(try #require(executable(notes: notes).image).isLinux)
        var narrow = executable(notes: notes)
        (narrow.isWide, narrow.machine) = (false, 3)
        #expect(try #require(narrow.image).isLinux)
        var sharedObject = executable(notes: notes)
        sharedObject.type = 3
        #expect(try #require(sharedObject.image).isLinux)
    }

    /// mkelfimage's programs, other guests of Xen, what a compiler leaves, and notes that end where the name does.
    @Test(arguments: [
        ("ELFBoot", UInt32(1), "Linux"), ("Xen", 6, "NetBSD"), ("Xen", 6, ""), ("Xen", 5, "linux"), ("xen", 6, "linux"),
        ("GNU", 1, "linux"), ("Linux2", 0x100, ""), ("Linu", 0x100, ""), ("", 6, "linux"),
    ]) func takesNothingElseForLinux(_ name: String, _ type: UInt32, _ text: String) throws {
        #expect(!(try #require(executable(notes: note(name, Array(text.utf8), type: type)).image).isLinux))
    }

    @Test(arguments: [(true, UInt64(0xffff_ffff_8000_0000)), (false, 0xc000_0000), (false, 0x8000_0000)])
    func seesWhatIsLinkedAsLinuxIs(_ isWide: Bool, _ map: UInt64) throws {
        var builder = ELFBuilder(headers: [.init(virtualAddress: map + 0x100_0000, physicalAddress: 0x100_0000)])
        (builder.isWide, builder.machine) = (isWide, isWide ? 62 : 3)
        let image = try #require(builder.image)
        #expect(image.isLinkedAsLinux && !image.isLinux)
        builder.headers[0].virtualAddress = nil
        #expect(try #require(builder.image).isLinkedAsLinux == false)
    }

    @Test func refusesNotesBeyondTheFile() {
        var builder = executable(notes: note("x", []))
        builder.headers[0].offset = 1 << 40
        #expect(
            builder.refusal
                == .partBeyondEnd("PT_NOTE", at: 1 << 40, size: 16, available: builder.bytes.count))
    }

    @Test(arguments: [0, 4])
    func refusesANoteThatGoesBeyondItsSegment(offset: Int) {
        var notes = note("abc", [1, 2, 3, 4])
        notes.store(UInt32.max, at: offset)
        guard case .badValue(let field, _, let size, .atMost(let room))? = executable(notes: notes).refusal else {
            Issue.record("accepted")
            return
        }
        #expect(field == (offset == 0 ? "n_namesz" : "n_descsz"))
        #expect(size == UInt64(UInt32.max))
        #expect(room == (offset == 0 ? 8 : 4))
    }

    @Test func refusesMegabytesOfNotes() {
        let notes = [UInt8](repeating: 0, count: 1 << 20)
        #expect(executable(notes: notes).refusal == nil)
        guard case .badValue("PT_NOTE", _, _, .atMost(1 << 20))? = executable(notes: notes + [0]).refusal else {
            Issue.record("accepted")
            return
        }
    }
}
