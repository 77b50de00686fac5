// SPDX-License-Identifier: MIT
import BootFormats
import ImagePromises
import PhysicalMemory
import Testing

@Suite struct UnpackedLinuxTests {
    private typealias Builder = VmlinuxBuilder
    /// Where the lists begin: behind the section headers and the first 0.
    private let start = VmlinuxBuilder.tableStart + 4
    /// A word of the segments, 2 MiB further up.
    private let movedUp: UInt32 = 0x1131_1111

    @Test func findsThreeListsAsLinuxHasThemUpTo612() throws {
        let relocations = try #require(Builder().image?.relocations)
        #expect(relocations.wide == start..<start + 4)
        #expect(relocations.inverse == start + 8..<start + 12)
        #expect(relocations.narrow == start + 16..<start + 24)
    }

    @Test func findsTwoListsAsLinuxHasThemFrom72On() throws {
        let relocations = try #require(Builder(lists: [[0x8100_0010], [0x8100_0030]]).image?.relocations)
        #expect(relocations.wide == start..<start + 4 && relocations.narrow == start + 8..<start + 12)
        #expect(relocations.inverse.isEmpty)
    }

    @Test func takesAnEmptyInverseListForOne() throws {
        let relocations = try #require(Builder(lists: [[0x8100_0010], [], [0x8100_0030]]).image?.relocations)
        #expect(relocations.wide.count == 4 && relocations.inverse.isEmpty && relocations.narrow.count == 4)
        #expect(relocations.narrow.lowerBound == start + 12)
    }

    @Test func aKernelWithoutATableCannotBeMoved() throws {
        let image = try #require(Builder(hasTable: false).image)
        #expect(image.relocations == nil && image.segments.count == 2)
    }

    @Test(arguments: [
        [0x8100_0010], [0, 0x8100_0010], [0, 1, 0, 2, 0, 3, 0, 4], [0x8100_0010, 0, 1, 0, 2],
        [0, 1, 0, 2, 0, 3, 0, 4, 0],
    ])
    func refusesATableOfAnyOtherLayout(_ table: [UInt32]) throws {
        guard case .badValue("relocation table", at: VmlinuxBuilder.tableStart, _, _)? = Builder(table: table).refusal
        else {
            Issue.record("\(String(describing: Builder(table: table).refusal))")
            return
        }
    }

    @Test func refusesATableThatIsNoWholeNumberOfWords() {
        let bytes = Builder().bytes + [0x10]
        #expect(throws: ImageError.self) { try UnpackedLinux(parsing: bytes.span.bytes, linkedAt: Builder.place) }
    }

    @Test func movesEveryPlaceByItsOwnRule() throws {
        let before = Builder().bytes
        let after = try #require(Builder().moved(by: 0xffff_ffff_0020_0000))
        func place(_ address: Int) -> Int {
            address < 0x8100_2000 ? address - 0x8100_0000 + Builder.first : address - 0x8100_2000 + Builder.second
        }
        let wide = try #require(before.loadLittle(UInt64.self, at: place(0x8100_0010)))
        #expect(after.loadLittle(UInt64.self, at: place(0x8100_0010)) == wide &+ 0xffff_ffff_0020_0000)
        #expect(after.loadLittle(UInt32.self, at: place(0x8100_0020)) == 0x1111_1111 &- 0x20_0000)
        #expect(after.loadLittle(UInt32.self, at: place(0x8100_0030)) == movedUp)
        #expect(after.loadLittle(UInt32.self, at: place(0x8100_2040)) == movedUp)
        let changed = before.indices.filter { before[$0] != after[$0] }
        let places = [(0x8100_0010, 8), (0x8100_0020, 4), (0x8100_0030, 4), (0x8100_2040, 4)]
        #expect(
            changed.allSatisfy { offset in places.contains { (place($0.0)..<place($0.0) + $0.1).contains(offset) } })
    }

    @Test func findsPlacesByPhysicalAddressForTheVirtualOnesOfPerCPUDataBeginAtZero() throws {
        let builder = Builder(secondVirtualAddress: 0)
        let after = try #require(builder.moved(by: 0x20_0000))
        #expect(after.loadLittle(UInt32.self, at: Builder.second + 0x40) == movedUp)
    }

    @Test(
        arguments: [0x8100_0400, 0x8100_03f9, 0x80ff_fffe, 0x8100_22f9, 0x8100_2300, 0x7fff_ffff, 1, 0xffff_ffff]
            as [UInt32])
    func movesNothingThatIsInNoSegment(_ address: UInt32) {
        let builder = Builder(lists: [[address], [0x8100_0030]])
        #expect(builder.image != nil && builder.moved(by: 0x20_0000) == nil)
    }

    @Test func anEntryOfATableMayLieWhereverOthersDo() throws {
        let builder = Builder(lists: [[], [], [0x8100_2000, 0x8100_0000, 0x8100_2004]])
        let after = try #require(builder.moved(by: 1))
        for offset in [Builder.first, Builder.second, Builder.second + 4] {
            #expect(after.loadLittle(UInt32.self, at: offset) == 0x1111_1112)
        }
    }

    @Test func cutsWhatTheKernelClearsItself() throws {
        let image = try #require(Builder().image)
        #expect(image.segments[1].file == Builder.second..<Builder.second + Builder.bssOffset)
        #expect(image.segments[1].memorySize == UInt64(Builder.bssOffset))
        #expect(image.segments[0].memorySize == UInt64(Builder.size))
    }

    @Test func cutsNothingThatIsNotZeroOrNotDotBSS() throws {
        for builder in [Builder(bss: 1), Builder(bssName: ".bss2"), Builder(bssName: "bss")] {
            #expect(try #require(builder.image).segments[1].file.count == Builder.size)
        }
    }

    /// Eight words are looked at together, and what is left byte by byte.
    @Test(arguments: [0x400, 0x3f5, 0x33f, 0x301]) func cutsNothingWhereOneByteIsNotZero(size: Int) throws {
        let sizes = 64 + 56 + 32
        let builder = Builder().patched(UInt64(size), at: sizes)
        let uncut = Builder.second..<Builder.second + size, cut = Builder.second..<Builder.second + Builder.bssOffset
        #expect(try #require(builder.image).segments[1].file == cut)
        for offset in Builder.second + Builder.bssOffset..<Builder.second + size {
            #expect(try #require(builder.patched(UInt8(1), at: offset).image).segments[1].file == uncut, "\(offset)")
        }
        // A byte behind the segment is none of its own.
        #expect(try #require(builder.patched(UInt8(1), at: Builder.second + size).image).segments[1].file == cut)
    }

    @Test func cutsAtTheEndOfTheFile() throws {
        let builder = Builder(hasTable: false)
        let end = builder.bytes.count
        var contents = [UInt8](repeating: 0x11, count: Builder.bssOffset)
        contents.pad(to: Builder.size)
        let bytes = builder.patched(UInt64(end), at: 64 + 56 + 8).bytes + contents
        let image = try UnpackedLinux(parsing: bytes.span.bytes, linkedAt: Builder.place)
        #expect(image.segments[1].file == end..<end + Builder.bssOffset)
    }

    @Test func refusesAnEntryInWhatIsCut() {
        let entry = 0x100_2000 + UInt64(Builder.bssOffset)
        #expect(
            Builder(entry: entry).refusal
                == .badValue("e_entry", at: 0x18, found: entry, needed: .insideLoadedPart))
    }

    @Test func refusesSegmentsThatLeaveInitSizeOrBeginInAPage() {
        let header = 64 + 56 + 24
        for address in [0xff_d000, 0x100_2010, 0x120_0000] as [UInt64] {
            #expect(
                Builder(entry: 0x100_0100).patched(address, at: header).refusal
                    == .badValue("p_paddr", at: Builder.second, found: address, needed: .insideInitSize))
        }
    }

    @Test func refusesSectionHeadersBeyondTheEnd() {
        #expect(Builder().patched(UInt16(0xffff), at: 0x3c).refusal != nil)
        #expect(Builder().patched(UInt64.max - 8, at: 0x28).refusal != nil)
        #expect(Builder().patched(UInt16(63), at: 0x3a).refusal != nil)
    }

    @Test func aDamagedNameTableOnlyCostsTheCut() throws {
        for builder in [
            Builder().patched(UInt16(0xfff0), at: 0x3e), Builder().patched(UInt64.max, at: Builder.sections + 0x18),
        ] {
            #expect(try #require(builder.image).segments[1].file.count == Builder.size)
        }
    }

    @Test func everyCutOfTheFileIsRefusedOrAKernel() {
        let bytes = Builder().bytes
        for count in 0..<bytes.count {
            let part = Array(bytes.prefix(count))
            if let image = try? UnpackedLinux(parsing: part.span.bytes, linkedAt: Builder.place) {
                #expect(image.brokenPromise(linkedAt: Builder.place, in: part.span.bytes) == nil, "\(count) bytes")
            }
        }
    }

    /// Headers, section headers, and the table.
    @Test(arguments: [Builder(), Builder(lists: [[0x8100_0010], [0x8100_0030]]), Builder(hasTable: false)])
    func keepsItsPromisesWhateverByteChanges(builder: VmlinuxBuilder) {
        let bytes = builder.bytes
        var changed = bytes
        for offset in bytes.indices where offset < Builder.first || offset >= Builder.names {
            for value in [0, 1, 0x40, 0x7f, 0x80, 0xff] as [UInt8] {
                changed[offset] = value
                let span = changed.span.bytes
                guard let image = try? UnpackedLinux(parsing: span, linkedAt: Builder.place) else { continue }
                let broken = image.brokenPromise(linkedAt: Builder.place, in: span)
                if let broken { Issue.record("\(broken): offset \(offset), \(value)") }
            }
            changed[offset] = bytes[offset]
        }
    }
}
