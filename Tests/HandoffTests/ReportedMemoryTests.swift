// SPDX-License-Identifier: MIT
import Handoff
import Testing

private struct Table: BIOSMemoryTable {
    var entries: [BIOSMemoryEntry]
    var count: Int { entries.count }
    subscript(index: Int) -> BIOSMemoryEntry { entries[index] }
}

private final class Bytes: DiskMemory {
    var bytes = [UInt8](repeating: 0xcc, count: 0x1_0000)
    func byte(at address: UInt32) -> UInt8 { bytes[Int(address)] }
    func set(_ byte: UInt8, at address: UInt32) { bytes[Int(address)] = byte }
    func readSectors(_ first: UInt32, count: UInt32, to address: UInt32) -> Bool { false }
    func writeSectors(_ first: UInt32, count: UInt32, from address: UInt32) -> Bool { false }
    func number(_ address: Int, _ size: Int) -> UInt64 {
        (0..<size).reduce(0) { $0 | UInt64(bytes[address + $1]) << UInt64(8 * $1) }
    }
}

struct ReportedMemoryTests {
    /// A PC with 512 MiB, as SeaBIOS tells of it.
    private static let pc = Table(entries: [
        BIOSMemoryEntry(start: 0, size: 0x9fc00, type: 1), BIOSMemoryEntry(start: 0x9fc00, size: 0x400, type: 2),
        BIOSMemoryEntry(start: 0xf0000, size: 0x10000, type: 2),
        BIOSMemoryEntry(start: 0x10_0000, size: 0x1fee_0000, type: 1),
        BIOSMemoryEntry(start: 0x1ffe_0000, size: 0x2_0000, type: 2),
        BIOSMemoryEntry(start: 0x1_0000_0000, size: 0x4000_0000, type: 1),
    ])
    private let none: Range<UInt64> = 0..<0
    private let bytes = Bytes()

    private func reported(_ resident: [3 of Range<UInt64>]) -> ReportedMemory<Table> {
        ReportedMemory(table: Self.pc, resident: resident)
    }

    private func all(_ memory: ReportedMemory<Table>) -> [BIOSMemoryEntry] {
        var entries: [BIOSMemoryEntry] = []
        while let entry = memory.entry(entries.count) { entries.append(entry) }
        return entries
    }

    @Test func isTheTableWhereNothingStays() { #expect(all(reported([none, none, none])) == Self.pc.entries) }

    @Test func cutsOutWhatStays() {
        let entries = all(reported([0x9_d000..<0xa_0000, 0x1800_0000..<0x1900_0000, 0x1900_0000..<0x1a00_0000]))
        let ram = entries.filter { $0.type == 1 }.map { $0.start..<$0.start + $0.size }
        #expect(
            ram == [0..<0x9_d000, 0x10_0000..<0x1800_0000, 0x1a00_0000..<0x1ffe_0000, 0x1_0000_0000..<0x1_4000_0000])
        #expect(entries[1] == BIOSMemoryEntry(start: 0x9_d000, size: 0x2c00, type: 2))
        // Nothing is lost, and nothing is there twice.
        let sorted = entries.sorted { $0.start < $1.start }
        for (one, next) in zip(sorted, sorted.dropFirst()) { #expect(one.start + one.size <= next.start) }
        #expect(entries.reduce(0) { $0 + $1.size } == Self.pc.entries.reduce(0) { $0 + $1.size })
    }

    @Test func cutsAtBothEndsOfAnEntry() {
        let entries = all(reported([0x10_0000..<0x20_0000, 0x1ff0_0000..<0x1ffe_0000, none]))
        #expect(entries.filter { $0.type == 1 }.map(\.start) == [0, 0x20_0000, 0x1_0000_0000])
    }

    @Test func followsRAMFromEntryToEntryInAnyOrder() {
        let table = Table(entries: [
            BIOSMemoryEntry(start: 0x30_0000, size: 0x10_0000, type: 1),
            BIOSMemoryEntry(start: 0x20_0000, size: 0x10_0000, type: 1),
            BIOSMemoryEntry(start: 0x10_0000, size: 0x10_0000, type: 1),
            BIOSMemoryEntry(start: 0x50_0000, size: 0x10_0000, type: 1),
        ])
        let memory = ReportedMemory(table: table, resident: [none, none, none])
        #expect(memory.endOfRAM(from: 0x10_0000) == 0x40_0000 && memory.endOfRAM(from: 0x2f_ffff) == 0x40_0000)
        #expect(memory.endOfRAM(from: 0x40_0000) == 0x40_0000 && memory.endOfRAM(from: 0x50_0000) == 0x60_0000)
    }

    @Test func findsTheHighestRoomBelow4GiB() {
        let memory = reported([0x1f00_0000..<0x1ffe_0000, none, none])
        #expect(memory.highestRoom(for: 0x1001) == 0x1eff_e000)
        #expect(memory.highestRoom(for: 0x1e00_0000) == 0x100_0000)
        #expect(memory.highestRoom(for: 0x1e00_0001) == nil)
    }

    @Test func answersE820EntryByEntry() {
        let memory = reported([0x9_d000..<0xa_0000, none, none])
        var registers = ServiceRegisters()
        var types: [UInt64] = []
        repeat {
            (registers.eax, registers.ecx, registers.edx, registers.edi) = (0xe820, 24, 0x534d_4150, 0x7000)
            #expect(memory.answer(&registers, memory: bytes))
            #expect((registers.eax, registers.ecx, registers.carry) == (0x534d_4150, 24, false))
            types.append(bytes.number(0x7010, 4))
            if types.count == 2 { #expect(bytes.number(0x7000, 8) == 0x9_d000 && bytes.number(0x7008, 8) == 0x2c00) }
            #expect(bytes.number(0x7014, 4) == 1)
        } while registers.ebx != 0
        #expect(types == [1, 2, 2, 2, 1, 2, 1])
    }

    /// ES:DI, and no more than 16 bits of EDI.
    @Test func writesWhereSegmentAndOffsetSay() {
        var registers = ServiceRegisters()
        (registers.eax, registers.ecx, registers.edx) = (0xe820, 20, 0x534d_4150)
        (registers.es, registers.edi) = (0x123, 0xabcd_0045)
        #expect(reported([none, none, none]).answer(&registers, memory: bytes))
        #expect(bytes.number(0x1275, 8) == 0 && bytes.number(0x127d, 8) == 0x9fc00 && bytes.number(0x1285, 4) == 1)
        #expect(bytes.bytes.count { $0 != 0xcc } == 20)
    }

    @Test func refusesWhatIsNoE820Call() {
        let memory = reported([none, none, none])
        for (signature, size, index): (UInt32, UInt32, UInt32) in [
            (0, 24, 0), (0x534d_4150, 19, 0), (0x534d_4150, 24, 6),
        ] {
            var registers = ServiceRegisters()
            (registers.eax, registers.ebx, registers.ecx, registers.edx) = (0xe820, index, size, signature)
            #expect(memory.answer(&registers, memory: bytes))
            #expect(registers.carry)
        }
        var registers = ServiceRegisters()
        (registers.eax, registers.ecx, registers.edx, registers.edi) = (0xe820, 20, 0x534d_4150, 0x7000)
        #expect(memory.answer(&registers, memory: bytes))
        #expect(registers.ecx == 20 && bytes.bytes[0x7014] == 0xcc)
    }

    @Test func olderCallsEndWhereTheFirstHoleDoes() {
        var registers = ServiceRegisters()
        registers.eax = 0xe801
        #expect(reported([none, none, none]).answer(&registers, memory: bytes))
        #expect((registers.eax, registers.ebx, registers.ecx, registers.edx) == (0x3c00, 0x1efe, 0x3c00, 0x1efe))
        registers.eax = 0x8800
        #expect(reported([none, none, none]).answer(&registers, memory: bytes))
        #expect(registers.eax == 0xfc00)
        registers.eax = 0xe801
        #expect(reported([0x180_0000..<0x190_0000, none, none]).answer(&registers, memory: bytes))
        #expect((registers.eax, registers.ebx) == (0x3c00, 0x80))
        registers.eax = 0x2400
        #expect(!reported([none, none, none]).answer(&registers, memory: bytes))
    }
}
