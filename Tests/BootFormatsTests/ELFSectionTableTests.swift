// SPDX-License-Identifier: MIT
import BootFormats
import PhysicalMemory
import Testing

@Suite struct ELFSectionTableTests {
    /// A section in a segment, one without bytes, symbols and names.
    private func builder(isWide: Bool) -> MultibootBuilder {
        MultibootBuilder.one().with {
            $0.isWide = isWide
            $0.sections = [
                (1, 0x10_0000, [1, 2, 3, 4]), (8, 0, [5, 6]), (2, 0, [UInt8](repeating: 7, count: 24)),
                (3, 0, Array("names\0".utf8)),
            ]
        }
    }

    @Test(arguments: [false, true]) func findsWhatIsNotLoaded(isWide: Bool) throws {
        let builder = builder(isWide: isWide)
        let bytes = builder.bytes
        #expect(builder.image?.isLoadedAsELF == true)
        let found = ELFSectionTable(of: bytes.span.bytes)
        let sections = try #require(found)
        #expect(sections.count == 5 && sections.entrySize == (isWide ? 64 : 40) && sections.nameIndex == 4)
        #expect(sections.others == 4096..<4096 + 36)
        var headers = Array(bytes[sections.table])
        #expect(headers == Array(bytes.suffix(5 * Int(sections.entrySize))))
        sections.store(PhysicalAddress(0x80_0000), in: &headers, of: bytes.span.bytes)
        let size = Int(sections.entrySize)
        #expect(headers.count == 5 * size)
        let addresses = (0..<5).map { headers.loadLittle(UInt32.self, at: $0 * size + (isWide ? 16 : 12)) }
        #expect(addresses == [0, 0x10_0000, 0, 0x80_0006, 0x80_001e])
    }

    /// Of the types only those count that have no bytes: the first section's is 0 also where its size stands for a number that is
    /// too large for the ELF header.
    @Test(arguments: [false, true], [0, 1, 2, 3, 7, 8, 9, 11] as [UInt32])
    func sectionsWithoutBytesAreNoneOfThose(isWide: Bool, type: UInt32) {
        let builder = MultibootBuilder.one().with {
            $0.isWide = isWide
            $0.sections = [(1, 0x10_0000, [1, 2, 3, 4]), (type, 0, [5, 6])]
        }
        let bytes = builder.bytes
        let others = ELFSectionTable(of: bytes.span.bytes)?.others
        #expect(others == ([0, 8].contains(type) ? 0..<0 : 4096..<4096 + 6))
    }

    @Test(arguments: [false, true]) func onlySectionsWithoutAnAddressAreOfThose(isWide: Bool) {
        for address in [0, 1, 0x10_0000] as [UInt32] {
            let bytes = MultibootBuilder.one().with {
                $0.isWide = isWide
                $0.sections = [(1, address, [1, 2, 3, 4])]
            }.bytes
            #expect(
                ELFSectionTable(of: bytes.span.bytes)?.others == (address == 0 ? 4096..<4096 + 4 : 0..<0))
        }
    }

    @Test(arguments: [false, true]) func aTableThatCannotBeIsNotTold(isWide: Bool) {
        let bytes = builder(isWide: isWide).bytes
        func sections(_ change: (inout [UInt8]) -> Void) -> ELFSectionTable? {
            var changed = bytes
            change(&changed)
            return ELFSectionTable(of: changed.span.bytes)
        }
        let sizes = isWide ? 0x3a : 0x2e
        #expect(sections { _ in } != nil)
        #expect(sections { $0.store(UInt16(0), at: sizes + 2) } == nil)
        #expect(sections { $0.store(UInt16(39), at: sizes) } == nil)
        #expect(sections { $0.store(UInt16.max, at: sizes + 2) } == nil)
        #expect(sections { $0.store(UInt32.max, at: isWide ? 0x28 : 0x20) } == nil)
        #expect(sections { $0.removeLast() } == nil)
        // A section that lies beyond the end is not loaded; the others are.
        let last = bytes.count - (isWide ? 64 : 40)
        #expect(sections { $0.store(UInt32.max, at: last + (isWide ? 24 : 16)) }?.others == 4096..<4096 + 30)
        let size = isWide ? 32 : 20
        #expect(sections { $0.store(UInt32.max, at: last + size) }?.others == 4096..<4096 + 30)
    }

    @Test func whatIsLoadedByAddressesHasNone() {
        let addressed = builder(isWide: false).with {
            $0.flags = 1 << 16
            $0.addresses = [0x20_0000, 0x20_0000, 0x20_0100, 0, 0x20_0040]
        }
        #expect(addressed.image?.isLoadedAsELF == false)
    }
}
