// SPDX-License-Identifier: MIT
import BootFormats
import PhysicalMemory
import Testing

@Suite struct ACPIRootPointerTests {
    static func bytes(revision: UInt8 = 2, table: UInt32 = 0x3f77_d000) -> [UInt8] {
        var bytes = Array("RSD PTR ".utf8) + [0] + Array("BOCHS ".utf8) + [revision]
        bytes.appendLittle(table)
        bytes.appendLittle(UInt32(36))
        bytes.appendLittle(UInt64(0x3f77_d0e8))
        bytes.appendLittle(UInt32(0))
        bytes[8] = 0 &- bytes[..<20].reduce(0, &+)
        bytes[32] = 0 &- bytes.reduce(0, &+)
        return bytes
    }

    @Test func givesBothForms() throws {
        let pointer = try #require(ACPIRootPointer(Self.bytes()))
        #expect(pointer.new == Self.bytes())
        #expect(pointer.old == Array(Self.bytes(revision: 0)[..<20]))
        let old = try #require(ACPIRootPointer(Self.bytes(revision: 0)))
        #expect(old.new == nil && old.old == Array(Self.bytes(revision: 0)[..<20]))
        #expect(ACPIRootPointer(Self.bytes(table: 0))?.old == nil, "there is no RSDT")
    }

    @Test func refusesWhatIsNone() {
        for index in Self.bytes().indices {
            var damaged = Self.bytes()
            damaged[index] ^= 0x40
            #expect(ACPIRootPointer(damaged) == nil, "byte \(index)")
        }
        #expect(ACPIRootPointer(Array(Self.bytes().dropLast())) == nil && ACPIRootPointer([]) == nil)
        #expect(ACPIRootPointer([UInt8](repeating: 0, count: 36)) == nil)
    }
}

@Suite struct MultibootInformationTests {
    private var information: MultibootInformation {
        let ram = [(0, 0x9_fc00), (0x10_0000, 0x3ffd_0000)].map {
            E820Entry(range: PhysicalRange(from: PhysicalAddress($0.0), to: PhysicalAddress($0.1)), type: .ram)
        }
        let odd = E820Entry(
            range: PhysicalRange(from: PhysicalAddress(0x3ffd_0000), to: PhysicalAddress(0x4000_0000)),
            type: .softReserved)
        var information = MultibootInformation(
            commandLine: "k a=b", bootLoaderName: "us", memoryMap: MemoryMap(ram + [odd]))
        information.modules = [
            .init(range: PhysicalRange(from: PhysicalAddress(0x3000), to: PhysicalAddress(0x3005)), text: "/m 1"),
            .init(range: PhysicalRange(from: PhysicalAddress(0x5000), to: PhysicalAddress(0x5001)), text: "/n"),
        ]
        return information
    }

    private func text(_ bytes: [UInt8], at offset: Int) -> String {
        String(decoding: bytes[offset...].prefix { $0 != 0 }, as: UTF8.self)
    }

    @Test func firstVersionHoldsWhatItsFlagsSay() throws {
        let base: UInt32 = 0x80_0000
        let bytes = information.encoded(.one, at: PhysicalAddress(UInt64(base)))
        func word(_ offset: Int) -> UInt32 { bytes.loadLittle(UInt32.self, at: offset) ?? 0 }
        func pointer(_ offset: Int) -> Int { Int(word(offset) - base) }
        #expect(word(0) == 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9)
        #expect(word(4) == 639 && word(8) == (0x3ffd_0000 - 0x10_0000) / 1024)
        #expect(text(bytes, at: pointer(16)) == "k a=b")
        #expect(text(bytes, at: pointer(64)) == "us")
        #expect(word(20) == 2)
        let modules = pointer(24)
        #expect(word(modules) == 0x3000 && word(modules + 4) == 0x3005 && word(modules + 12) == 0)
        #expect(text(bytes, at: pointer(modules + 8)) == "/m 1" && text(bytes, at: pointer(modules + 24)) == "/n")
        #expect(word(44) == 72)
        let map = pointer(48)
        #expect(map == 116, "behind the last field")
        #expect(word(map) == 20 && word(map + 12) == 0x9_fc00 && word(map + 20) == 1)
        #expect(word(map + 68) == 2, "what the specification does not know is reserved")
    }

    @Test func firstVersionTellsOfTheSections() throws {
        var information = information
        let headers = (0..<80).map { UInt8($0) }
        information.sections = .init(count: 2, entrySize: 40, nameIndex: 1, headers: headers)
        let bytes = information.encoded(.one, at: PhysicalAddress(0x80_0000))
        func word(_ offset: Int) -> UInt32 { bytes.loadLittle(UInt32.self, at: offset) ?? 0 }
        #expect(word(0) == 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 9)
        #expect(word(28) == 2 && word(32) == 40 && word(40) == 1)
        let place = Int(word(36) - 0x80_0000)
        #expect(place % 4 == 0 && Array(bytes[place..<place + 80]) == headers)
    }

    @Test func secondVersionIsAListOfTags() throws {
        var information = information
        information.sections = .init(count: 2, entrySize: 40, nameIndex: 1, headers: [UInt8](repeating: 5, count: 80))
        information.rootPointer = ACPIRootPointer(ACPIRootPointerTests.bytes())
        information.loadBase = PhysicalAddress(0x20_0000)
        information.efi = .init(
            isWide: true, systemTable: 0x1_2345_6789, descriptorSize: 48, descriptorVersion: 1,
            memoryMap: [UInt8](repeating: 7, count: 48))
        let bytes = information.encoded(.two, at: PhysicalAddress(0x80_0000))
        #expect(bytes.loadLittle(UInt32.self, at: 0) == UInt32(bytes.count))
        var found: [UInt32] = []
        var offset = 8
        while offset < bytes.count {
            let type = try #require(bytes.loadLittle(UInt32.self, at: offset))
            let size = Int(try #require(bytes.loadLittle(UInt32.self, at: offset + 4)))
            found.append(type)
            switch type {
            case 1: #expect(text(bytes, at: offset + 8) == "k a=b" && size == 14)
            case 12: #expect(bytes.loadLittle(UInt64.self, at: offset + 8) == 0x1_2345_6789)
            case 6: #expect(size == 16 + 3 * 24)
            case 9:
                #expect(
                    size == 20 + 80 && bytes.loadLittle(UInt32.self, at: offset + 8) == 2 && bytes[offset + 20] == 5)
            case 14: #expect(size == 28 && bytes[offset + 8] == UInt8(ascii: "R"))
            case 15: #expect(size == 44 && Array(bytes[offset + 8..<offset + 44]) == ACPIRootPointerTests.bytes())
            case 21: #expect(bytes.loadLittle(UInt32.self, at: offset + 8) == 0x20_0000)
            default: break
            }
            offset = (offset + size + 7) & ~7
        }
        #expect(offset == bytes.count)
        #expect(found == [1, 2, 3, 3, 4, 6, 9, 12, 17, 14, 15, 21, 0])
    }

    @Test func tellsTheScreenThatTheRunningKernelGot() throws {
        var old = [UInt8](repeating: 0, count: 4096)
        #expect(MultibootFramebuffer(old) == nil)
        #expect(MultibootFramebuffer([1]) == nil)
        old[0x0f] = 1
        old[0x07] = 80
        old[0x0e] = 25
        var information = information
        information.framebuffer = MultibootFramebuffer(old)
        let text = information.encoded(.one, at: .zero)
        let flags: UInt32 = 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9 | 1 << 12
        #expect(text.loadLittle(UInt32.self, at: 0) == flags)
        #expect(text.loadLittle(UInt64.self, at: 88) == 0xb_8000)
        #expect((0..<3).map { text.loadLittle(UInt32.self, at: 96 + 4 * $0) } == [160, 80, 25])
        #expect(Array(text[108..<116]) == [16, 2, 0, 0, 0, 0, 0, 0])
        #expect(try #require(information.framebuffer).isText)
        old[0x0f] = 0x70
        old.store(UInt16(1024), at: 0x12)
        old.store(UInt16(768), at: 0x14)
        old.store(UInt16(32), at: 0x16)
        old.store(UInt32(0xc000_0000), at: 0x18)
        old.store(UInt16(4096), at: 0x24)
        old.store([8, 16, 8, 8, 8, 0] as [UInt8], at: 0x26)
        information.framebuffer = MultibootFramebuffer(old)
        let linear = information.encoded(.one, at: .zero)
        #expect(linear.loadLittle(UInt64.self, at: 88) == 0xc000_0000 && linear.loadLittle(UInt32.self, at: 96) == 4096)
        #expect(Array(linear[108..<116]) == [32, 1, 16, 8, 8, 8, 0, 8])
    }

    @Test func tellsOfNoScreenThatHasNoSizeOrNoColours() {
        var text = [UInt8](repeating: 0, count: 4096)
        (text[0x0f], text[0x07], text[0x0e]) = (1, 1, 1)
        #expect(MultibootFramebuffer(text) != nil && MultibootFramebuffer(Array(text.dropLast())) == nil)
        for offset in [0x07, 0x0e] {
            var changed = text
            changed[offset] = 0
            #expect(MultibootFramebuffer(changed) == nil)
        }
        func linear(_ kind: UInt8, depth: UInt16, low: UInt32 = 1, capabilities: UInt32 = 0) -> MultibootFramebuffer? {
            var old = [UInt8](repeating: 0, count: 4096)
            old[0x0f] = kind
            old.store(depth, at: 0x16)
            old.store(low, at: 0x18)
            old.store(capabilities, at: 0x36)
            old.store(UInt32(2), at: 0x3a)
            return MultibootFramebuffer(old)
        }
        for kind in 0...0xff as ClosedRange<UInt8> {
            #expect((linear(kind, depth: 32) != nil) == (kind == 0x23 || kind == 0x70), "\(kind)")
        }
        for depth in 0...64 as ClosedRange<UInt16> {
            #expect((linear(0x23, depth: depth) != nil) == (15...32).contains(depth), "\(depth) bits")
        }
        #expect(linear(0x23, depth: 32)?.isText == false)
        // The upper half of the address counts where a capability says so.
        for (capabilities, hasUpperHalf) in [(0, false), (1, false), (2, true), (3, true), (4, false)]
            as [(UInt32, Bool)]
        {
            #expect((linear(0x70, depth: 32, low: 0, capabilities: capabilities) != nil) == hasUpperHalf)
            var information = information
            information.framebuffer = linear(0x70, depth: 32, capabilities: capabilities)
            let bytes = information.encoded(.one, at: .zero)
            #expect(bytes.loadLittle(UInt64.self, at: 88) == (hasUpperHalf ? 0x2_0000_0001 : 1))
        }
    }

    @Test func everyPlaceIsTheOneThatIsNamed() throws {
        var information = information
        information.sections = .init(count: 1, entrySize: 40, nameIndex: 0, headers: [UInt8](repeating: 5, count: 40))
        let low = information.encoded(.one, at: PhysicalAddress(0x1000))
        let high = information.encoded(.one, at: PhysicalAddress(0x9000))
        #expect(low.count == high.count)
        // The command line, the modules and each one's text, the sections, the map, the loader's name.
        let list = try #require(low.loadLittle(UInt32.self, at: 24)).advanced(by: -0x1000)
        let pointers = [16, 24, 36, 48, 64, Int(list) + 8, Int(list) + 24]
        for offset in stride(from: 0, to: low.count - 3, by: 4) {
            let moved = low.loadLittle(UInt32.self, at: offset) != high.loadLittle(UInt32.self, at: offset)
            #expect(moved == pointers.contains(offset), "offset \(offset)")
        }
    }

    @Test func tellsOfTheFirst640KiBAndUpToTheFirstHole() {
        func memory(_ ranges: [(UInt64, UInt64)]) -> [UInt32?] {
            var information = information
            information.memoryMap = MemoryMap(
                ranges.map {
                    E820Entry(
                        range: PhysicalRange(from: PhysicalAddress($0.0), to: PhysicalAddress($0.1)), type: .ram)
                })
            let bytes = information.encoded(.one, at: .zero)
            return [4, 8].map { bytes.loadLittle(UInt32.self, at: $0) }
        }
        #expect(memory([(0, 0xa_0000), (0x10_0000, 0x10_0400)]) == [640, 1])
        #expect(memory([(0, 0x4000_0000)]) == [640, 0x4000_0000 / 1024 - 1024])
        #expect(memory([(0xa_0000, 0x10_0000), (0x10_0400, 0x20_0000)]) == [0, 0])
        #expect(memory([(0x9_fc00, 0xa_0000)]) == [640, 0])
        #expect(memory([(0x10_0000, 0x1000_0010_0000)]) == [0, .max])
    }

    @Test(
        arguments: [
            (0, 2), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 2), (7, 2), (12, 2), (.max, 2),
        ] as [(UInt32, UInt32)])
    func bothVersionsKnowTheTypesOfMemoryFrom1To5(type: UInt32, told: UInt32) {
        var information = information
        information.memoryMap = MemoryMap([
            E820Entry(
                range: PhysicalRange(from: PhysicalAddress(0x1000), to: PhysicalAddress(0x2000)),
                type: E820Type(rawValue: type))
        ])
        #expect(information.encoded(.one, at: .zero).loadLittle(UInt32.self, at: 116 + 20) == told)
    }

    @Test func theEntryFindsItsVersionsMagicNumber() {
        #expect(MultibootInformation.magic(.one) == 0x2bad_b002 && MultibootInformation.magic(.two) == 0x36d7_6289)
    }
}
