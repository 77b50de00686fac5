// SPDX-License-Identifier: MIT
import Handoff
import Testing

/// The first megabyte, and a disk of which each sector is filled with its number.
private final class FakeMemory: DiskMemory {
    var bytes = [UInt8](repeating: 0, count: 0x11_0000)
    var disk: [UInt8]
    /// Its controller does nothing any more.
    var fails = false

    init(sectors: Int) {
        disk = (0..<sectors).flatMap { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: 512) }
    }

    func byte(at address: UInt32) -> UInt8 { bytes[Int(address)] }
    func set(_ byte: UInt8, at address: UInt32) { bytes[Int(address)] = byte }
    func readSectors(_ first: UInt32, count: UInt32, to address: UInt32) -> Bool {
        let (from, to, size) = (Int(first) * 512, Int(address), Int(count) * 512)
        bytes.replaceSubrange(to..<to + size, with: disk[from..<from + size])
        return !fails
    }
    func writeSectors(_ first: UInt32, count: UInt32, from address: UInt32) -> Bool {
        let (to, from, size) = (Int(first) * 512, Int(address), Int(count) * 512)
        disk.replaceSubrange(to..<to + size, with: bytes[from..<from + size])
        return !fails
    }

    func word(_ address: Int) -> Int { Int(bytes[address]) | Int(bytes[address + 1]) << 8 }
    func double(_ address: Int) -> Int { word(address) | word(address + 2) << 16 }

    /// A packet of int 13h, function 42h.
    func setPacket(at address: Int, count: UInt8, segment: UInt16, offset: UInt16, sector: UInt64) {
        bytes[address..<address + 16] = [
            16, 0, count, 0, UInt8(offset & 255), UInt8(offset >> 8), UInt8(segment & 255), UInt8(segment >> 8),
            0, 0, 0, 0, 0, 0, 0, 0,
        ]
        for index in 0..<8 { bytes[address + 8 + index] = UInt8(truncatingIfNeeded: sector >> (8 * UInt64(index))) }
    }
}

struct DiskServiceTests {
    private static let sectors = 2880
    private let memory = FakeMemory(sectors: sectors)
    private var floppy: DiskService<FakeMemory>
    private var hardDisk: DiskService<FakeMemory>

    init() throws {
        let geometry = try #require(DiskGeometry(floppyWith: UInt32(Self.sectors)))
        floppy = DiskService(memory: memory, geometry: geometry, sectorCount: UInt32(Self.sectors), driveCount: 1)
        hardDisk = DiskService(
            memory: memory, geometry: DiskGeometry(cylinders: 5, heads: 16, sectors: 36), sectorCount: 2880,
            driveCount: 3)
    }

    private func call(_ ax: UInt32, bx: UInt32 = 0, cx: UInt32 = 0, dx: UInt32 = 0, es: UInt16 = 0) -> ServiceRegisters
    {
        var registers = ServiceRegisters()
        (registers.eax, registers.ebx, registers.ecx, registers.edx) = (ax, bx, cx, dx)
        registers.es = es
        return registers
    }

    @Test mutating func leavesCDsTheirNumbers() {
        var registers = call(0x4200, dx: 0xe0)
        #expect(hardDisk.answer(&registers) == .passedOn)
    }

    @Test mutating func saysThatTheControllerHasFailed() {
        memory.fails = true
        var registers = call(0x0201, bx: 0x7c00, cx: 1, dx: 0x80)
        #expect(hardDisk.answer(&registers) == .answered)
        #expect(registers.carry && registers.eax == 0x2000)
    }

    @Test func hidesTheBIOSsDisksWhereItMayBeOneOfThem() {
        var alone = DiskService(
            memory: memory, geometry: DiskGeometry(cylinders: 5, heads: 16, sectors: 36), sectorCount: 2880,
            driveCount: 1, hidesOthers: true)
        var other = call(0x0201, cx: 1, dx: 0x81)
        #expect(alone.answer(&other) == .answered)
        #expect(other.carry && other.eax >> 8 == 1)
        var floppy = call(0x0201, cx: 1, dx: 0)
        #expect(alone.answer(&floppy) == .passedOn)
    }

    @Test func readsByCylinderHeadAndSector() {
        var service = floppy
        // Cylinder 2, head 1, sector 3 of 18: (2 * 2 + 1) * 18 + 2.
        var registers = call(0x0202, bx: 0x200, cx: 0x0203, dx: 0x0100, es: 0x1000)
        #expect(service.answer(&registers) == .answered)
        #expect(!registers.carry)
        #expect(registers.eax == 0x0002)
        #expect(memory.bytes[0x10200] == 92)
        #expect(memory.bytes[0x10400] == 93)
        #expect(memory.bytes[0x10600] == 0)
    }

    @Test(
        arguments: [
            // Count 0 and above 128; sector 0 and above 18; head 2; beyond cylinder 79; the end of the disk inside; a segment's end.
            (0x0200, 0, 0x0001, 0, 0x01), (0x0281, 0, 0x0001, 0, 0x01), (0x0201, 0, 0x0000, 0, 0x04),
            (0x0201, 0, 0x0013, 0, 0x04), (0x0201, 0, 0x0001, 0x0200, 0x04), (0x0201, 0, 0x5001, 0, 0x04),
            (0x0202, 0, 0x4f12, 0x0100, 0x04), (0x0202, 0xfd00, 0x0001, 0, 0x09), (0x0500, 0, 0x0001, 0, 0x01),
            (0x4b01, 0, 0, 0, 0x01), (0x4200, 0, 0, 0, 0x01), (0x4100, 0x55aa, 0, 0, 0x01),
        ] as [(UInt32, UInt32, UInt32, UInt32, UInt32)])
    func refusesByTheBIOSsCodes(ax: UInt32, bx: UInt32, cx: UInt32, dx: UInt32, status: UInt32) {
        var service = floppy
        let before = memory.bytes
        var registers = call(ax, bx: bx, cx: cx, dx: dx)
        #expect(service.answer(&registers) == .answered)
        #expect(registers.carry)
        #expect(registers.eax >> 8 == status)
        #expect(memory.bytes == before)
        // Function 01h tells the status again, and then it is told.
        var again = call(0x0100)
        #expect(service.answer(&again) == .answered)
        #expect(again.eax >> 8 == status)
        #expect(again.carry)
        var reset = call(0)
        #expect(service.answer(&reset) == .answered)
        #expect(!reset.carry)
    }

    @Test func aTransferMayEndWhereItsSegmentDoes() {
        var service = floppy
        var registers = call(0x0280, cx: 0x0001)
        #expect(service.answer(&registers) == .answered)
        #expect(!registers.carry)
        #expect(memory.bytes[0xffff] == 127)
    }

    @Test func writesAndVerifies() {
        var service = hardDisk
        memory.bytes[0x8000..<0x8200] = ArraySlice(repeating: 0xee, count: 512)
        var write = call(0x0301, bx: 0x8000, cx: 0x0002, dx: 0x80)
        #expect(service.answer(&write) == .answered)
        #expect(!write.carry)
        #expect(memory.disk[512..<1024].allSatisfy { $0 == 0xee })
        #expect(memory.disk[1024] == 2)
        var verify = call(0x0403, bx: 0xff00, cx: 0x0001, dx: 0x80)
        #expect(service.answer(&verify) == .answered)
        #expect(!verify.carry)
    }

    @Test func tellsItsGeometry() {
        var service = floppy
        memory.bytes[0x78..<0x7c] = [0xc7, 0xef, 0x00, 0xf0]
        var registers = call(0x0800)
        #expect(service.answer(&registers) == .answered)
        #expect((registers.ebx, registers.ecx, registers.edx) == (4, 0x4f12, 0x0101))
        #expect((registers.es, registers.edi) == (0xf000, 0xefc7))
        var other = hardDisk
        registers = call(0x0800, dx: 0x80)
        #expect(other.answer(&registers) == .answered)
        #expect((registers.ebx, registers.ecx, registers.edx) == (0, 0x0424, 0x0f03))
        registers = call(0x1500, dx: 0x80)
        #expect(other.answer(&registers) == .answered)
        #expect((registers.eax, registers.ecx, registers.edx) == (0x0300, 0, 2880))
    }

    @Test func geometryOf1024CylindersFillsTheHighBits() {
        var service = DiskService(
            memory: memory, geometry: DiskGeometry(cylinders: 4000, heads: 255, sectors: 63), sectorCount: 1 << 26,
            driveCount: 1)
        var registers = call(0x0800, dx: 0x80)
        #expect(service.answer(&registers) == .answered)
        #expect(registers.ecx == 0xffff)
        registers = call(0x1500, dx: 0x80)
        #expect(service.answer(&registers) == .answered)
        #expect((registers.ecx, registers.edx) == (1 << 10, 0))
    }

    @Test func readsByNumber() {
        var service = hardDisk
        var asked = call(0x4100, bx: 0x55aa, dx: 0x80)
        #expect(service.answer(&asked) == .answered)
        #expect((asked.ebx, asked.ecx & 1, asked.carry) == (0xaa55, 1, false))
        memory.setPacket(at: 0x20600, count: 3, segment: 0x3000, offset: 0x10, sector: 7)
        var registers = call(0x4200, dx: 0x80)
        (registers.ds, registers.esi) = (0x2000, 0x600)
        #expect(service.answer(&registers) == .answered)
        #expect(!registers.carry)
        #expect(memory.bytes[0x30010] == 7)
        #expect(memory.bytes[0x30410] == 9)
        #expect(memory.word(0x20602) == 3)
    }

    /// Function 44h verifies, and moves nothing; those beside the three are none of a hard disk's.
    @Test(arguments: [(UInt32(0x43), false), (0x44, false), (0x45, true), (0x46, true)])
    func knowsThreeFunctionsThatTakeAPacket(function: UInt32, isRefused: Bool) {
        var service = hardDisk
        memory.setPacket(at: 0x600, count: 1, segment: 0x3000, offset: 0, sector: 5)
        var registers = call(function << 8, dx: 0x80)
        registers.esi = 0x600
        #expect(service.answer(&registers) == .answered)
        #expect(registers.carry == isRefused && registers.eax >> 8 & 0xff == (isRefused ? 1 : 0))
        #expect(memory.bytes[0x3_0000] == 0)
        #expect(memory.disk[5 * 512] == (function == 0x43 ? 0 : 5))
    }

    @Test(
        arguments: [
            (16, 128, 0, 1), (10, 1, 0, 1), (16, 1, 2880, 4), (16, 2, 2879, 4), (16, 1, 1 << 32, 4), (16, 1, .max, 4),
        ] as [(UInt8, UInt8, UInt64, UInt32)])
    func refusesPacketsByTheBIOSsCodes(size: UInt8, count: UInt8, sector: UInt64, status: UInt32) {
        var service = hardDisk
        memory.setPacket(at: 0x600, count: count, segment: 0x3000, offset: 0, sector: sector)
        memory.bytes[0x600] = size
        var registers = call(0x4200, dx: 0x80)
        registers.esi = 0x600
        #expect(service.answer(&registers) == .answered)
        #expect(registers.carry)
        #expect(registers.eax >> 8 & 0xff == status)
        if status == 4 { #expect(memory.word(0x602) == 0) }
    }

    @Test(arguments: [(2879, 0), (2880, 4), (1 << 32, 4), (1 << 32 | 2880, 4), (.max, 4)] as [(UInt64, UInt32)])
    func seeksAndVerifiesOnlyWhereItHasSectors(sector: UInt64, status: UInt32) {
        var service = hardDisk
        for function in [0x4400, 0x4700] as [UInt32] {
            memory.setPacket(at: 0x600, count: 1, segment: 0x3000, offset: 0, sector: sector)
            var registers = call(function, dx: 0x80)
            registers.esi = 0x600
            #expect(service.answer(&registers) == .answered)
            #expect(registers.carry == (status != 0) && registers.eax >> 8 & 0xff == status)
        }
    }

    @Test func describesItselfByTheExtensions() {
        var service = hardDisk
        for offset in 0x602..<0x620 { memory.bytes[offset] = 0xff }
        memory.bytes[0x600] = 30
        var registers = call(0x4800, dx: 0x80)
        registers.esi = 0x600
        #expect(service.answer(&registers) == .answered)
        #expect(!registers.carry)
        #expect(memory.word(0x600) == 26)
        #expect([4, 8, 12, 16, 20].map { memory.double(0x600 + $0) } == [5, 16, 36, 2880, 0])
        #expect(memory.word(0x602) == 2 && memory.word(0x618) == 512 && memory.word(0x61a) == 0xffff)
        memory.bytes[0x600] = 25
        registers.eax = 0x4800
        #expect(service.answer(&registers) == .answered)
        #expect(registers.carry)
    }

    @Test func otherDrivesAreTheBIOSs() {
        var (first, second) = (floppy, hardDisk)
        var registers = call(0x0201, dx: 0x80)
        #expect(first.answer(&registers) == .passedOn)
        registers = call(0x0201, dx: 0x01)
        #expect(first.answer(&registers) == .passedOnAs(0))
        registers = call(0x0201, dx: 0x00)
        #expect(second.answer(&registers) == .passedOn)
        registers = call(0x0201, dx: 0x82)
        #expect(second.answer(&registers) == .passedOnAs(0x81))
    }

    @Test func theRegistersAreLaidOutAsTheGateHasThem() { #expect(MemoryLayout<ServiceRegisters>.size == 36) }
}

struct DiskGeometryTests {
    @Test(
        arguments: [
            (160, 40, 1, 8, 1), (180, 40, 1, 9, 1), (320, 40, 2, 8, 1), (360, 40, 2, 9, 1), (720, 80, 2, 9, 3),
            (1200, 80, 2, 15, 2), (1440, 80, 2, 18, 4), (1680, 80, 2, 21, 4), (2880, 80, 2, 36, 5),
        ] as [(UInt32, UInt32, UInt32, UInt32, UInt8)])
    func knowsFloppyDisksByTheirSize(kib: UInt32, cylinders: UInt32, heads: UInt32, sectors: UInt32, type: UInt8) {
        let geometry = DiskGeometry(cylinders: cylinders, heads: heads, sectors: sectors, floppyType: type)
        #expect(DiskGeometry(floppyWith: kib * 2) == geometry)
        #expect(cylinders * heads * sectors == kib * 2)
    }

    @Test func knowsNoOtherFloppyDisks() {
        for count: UInt32 in [0, 1, 319, 2881, 16384] { #expect(DiskGeometry(floppyWith: count) == nil) }
    }

    private func sector(_ entries: [[UInt8]]) -> [UInt8] {
        var sector = [UInt8](repeating: 0, count: 512)
        for (index, entry) in entries.enumerated() {
            sector.replaceSubrange((446 + 16 * index)..<(462 + 16 * index), with: entry)
        }
        return sector
    }

    private func entry(end: [UInt8], start: UInt32, count: UInt32) -> [UInt8] {
        [0x80, 0, 0, 0, 0x83] + end
            + [start, count].flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    }

    private func geometry(_ count: UInt32, _ sector: [UInt8]) -> DiskGeometry {
        sector.withUnsafeBytes { DiskGeometry(hardDiskWith: count, firstSector: $0.bytes) }
    }

    @Test func takesTheGeometryOfThePartitionTable() {
        // 4 heads, 17 sectors: the partition from sector 17 to the end of cylinder 99.
        let table = sector([entry(end: [3, 17, 99], start: 17, count: 100 * 4 * 17 - 17)])
        #expect(geometry(6800, table) == DiskGeometry(cylinders: 100, heads: 4, sectors: 17))
    }

    /// The upper two bits of the cylinder stand above the sector's number.
    @Test(arguments: [255, 256, 511, 700, 1023] as [UInt32])
    func takesCylindersOfTenBits(last: UInt32) {
        let end = [3, UInt8(17 | (last >> 8) << 6), UInt8(last & 0xff)]
        let table = sector([entry(end: end, start: 17, count: (last + 1) * 4 * 17 - 17)])
        #expect(geometry(200_000, table) == DiskGeometry(cylinders: 200_000 / 68, heads: 4, sectors: 17))
    }

    @Test func takesNoGeometryThatContradictsTheSectorNumbers() {
        let wrong = sector([entry(end: [3, 17, 99], start: 17, count: 1000)])
        #expect(geometry(6800, wrong) == DiskGeometry(cylinders: 6, heads: 16, sectors: 63))
        // Beyond cylinder 1023 the table says nothing; 254 heads and 63 sectors are what it says there.
        let large = sector([entry(end: [254, 0xff, 0xff], start: 2048, count: 40_000_000)])
        #expect(geometry(40_002_048, large) == DiskGeometry(cylinders: 2490, heads: 255, sectors: 63))
    }

    @Test(
        arguments: [(0, 1, 16), (63, 1, 16), (16384, 16, 16), (1_032_193, 512, 32), (20_000_000, 1244, 255)]
            as [(UInt32, UInt32, UInt32)])
    func makesOneUpBySize(count: UInt32, cylinders: UInt32, heads: UInt32) {
        #expect(geometry(count, sector([])) == DiskGeometry(cylinders: cylinders, heads: heads, sectors: 63))
    }

    @Test func neverTraps() {
        var state: UInt64 = 7
        for _ in 0..<2000 {
            let bytes = (0..<512).map { _ -> UInt8 in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(truncatingIfNeeded: state >> 40)
            }
            let found = geometry(UInt32(truncatingIfNeeded: state >> 20), bytes)
            #expect((1...255).contains(found.heads) && (1...63).contains(found.sectors) && found.cylinders > 0)
        }
    }
}
