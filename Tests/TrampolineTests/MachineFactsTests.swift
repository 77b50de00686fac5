// SPDX-License-Identifier: MIT
import Testing

@testable import TrampolineLogic

/// 64 KiB of memory from address 0 on; what lies beyond reads as zeros.
final class TestMemory: MemoryAccess {
    var bytes = [UInt8](repeating: 0, count: 65536)

    func loadByte(_ address: UInt32) -> UInt8 { address < 65536 ? bytes[Int(address)] : 0 }
    func load(_ address: UInt32) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(loadByte(address &+ $1)) << (8 * $1) }
    }
    func storeByte(_ value: UInt8, at address: UInt32) { if address < 65536 { bytes[Int(address)] = value } }
    func store(_ value: UInt32, at address: UInt32) {
        for index in 0..<4 as Range<UInt32> {
            storeByte(UInt8(truncatingIfNeeded: value >> (8 * index)), at: address &+ index)
        }
    }
    func store(_ words: [UInt32], at address: UInt32) {
        for (index, word) in words.enumerated() { store(word, at: address + 4 * UInt32(index)) }
    }
}

struct MachineFactsTests {
    let memory = TestMemory()
    /// Where boot_params are made.
    let target: UInt32 = 0x1000

    func take(_ caller: BootCaller) -> Handover {
        var facts = MachineFacts(target: target, memory: memory)
        return facts.take(from: caller)
    }

    /// The table as words, five an entry.
    func table() -> [[UInt32]] {
        (0..<UInt32(memory.loadByte(target + 0x1e8))).map { entry in
            (0..<5).map { memory.load(target + 0x2d0 + 20 * entry + 4 * $0) }
        }
    }

    @Test func callersAreToldApartByTheirRegisters() {
        memory.store(0x336e_c578, at: 0x2000)
        memory.store(0x5372_6448, at: 0x3202)
        #expect(BootCaller(eax: 0x2bad_b002, ebx: 0x2000, esi: 0x3000, memory: memory) == .multiboot(0x2000))
        #expect(BootCaller(eax: 0, ebx: 0x2000, esi: 0x3000, memory: memory) == .pvh(0x2000))
        #expect(BootCaller(eax: 0, ebx: 0, esi: 0x3000, memory: memory) == .linux(0x3000))
        #expect(BootCaller(eax: 0x36d7_6289, ebx: 0, esi: 0, memory: memory) == .unknown)
        #expect(BootCaller(eax: 0, ebx: .max, esi: .max, memory: memory) == .unknown)
        #expect(BootCaller(eax: 0x2bad_b003, ebx: 0, esi: 0, memory: memory) == .unknown)
        for wrong in [0x336e_c577, 0x336e_c579] as [UInt32] {
            memory.store(wrong, at: 0x2000)
            #expect(BootCaller(eax: 0, ebx: 0x2000, esi: 0, memory: memory) == .unknown)
        }
        for wrong in [0x5372_6447, 0x5372_6449] as [UInt32] {
            memory.store(wrong, at: 0x3202)
            #expect(BootCaller(eax: 0, ebx: 0, esi: 0x3000, memory: memory) == .unknown)
        }
        #expect(take(.unknown) == .unknownCaller)
    }

    @Test func multibootMapsHaveEntriesOfAnySize() {
        memory.store(1 << 6, at: 0x2000)
        memory.store([24 + 32, 0x4000], at: 0x2000 + 44)
        memory.store([20, 0, 0, 0x9fc00, 0, 1], at: 0x4000)
        memory.store([28, 0, 1, 0x1000, 2, 2, 7, 7], at: 0x4018)
        #expect(take(.multiboot(0x2000)) == .complete)
        #expect(table() == [[0, 0, 0x9fc00, 0, 1], [0, 1, 0x1000, 2, 2]])
    }

    @Test func aMultibootMapHasNoMoreEntriesThanItsLengthSays() {
        memory.store(1 << 6, at: 0x2000)
        memory.store([4 * 24, 0x4000], at: 0x2000 + 44)
        for entry in 0..<6 as Range<UInt32> {
            memory.store([20, entry << 20, 0, 0x1000, 0, 1], at: 0x4000 + 24 * entry)
        }
        #expect(take(.multiboot(0x2000)) == .complete)
        #expect(table().map(\.first) == [0, 0x10_0000, 0x20_0000, 0x30_0000])
    }

    @Test(arguments: [0, 19, 0xffff_fffc, 0x1000] as [UInt32]) func aMultibootMapThatIsDamagedEnds(size: UInt32) {
        memory.store(1 << 6, at: 0x2000)
        memory.store([100, 0x4000], at: 0x2000 + 44)
        memory.store([20, 0, 0, 0x9fc00, 0, 1, size], at: 0x4000)
        #expect(take(.multiboot(0x2000)) == .complete)
        #expect(table().count == 1)
    }

    @Test func multibootWithoutAMapTellsTwoSizes() {
        memory.store([1, 639, 0x7f_ffff], at: 0x2000)
        #expect(take(.multiboot(0x2000)) == .complete)
        #expect(table() == [[0, 0, 639 << 10, 0, 1], [0x10_0000, 0, 0xffff_fc00, 1, 1]])
    }

    @Test func noMapIsNoHandover() {
        #expect(take(.multiboot(0x2000)) == .noMemoryMap)
        #expect(take(.pvh(0x2000)) == .noMemoryMap)
        #expect(take(.linux(0x2000)) == .noMemoryMap)
    }

    @Test func pvhTellsTheRSDPAndItsMap() {
        memory.store([0x336e_c578, 1], at: 0x2000)
        memory.store([0xe_0010, 0, 0x4000, 0, 2], at: 0x2000 + 32)
        memory.store([0, 0, 0x9fc00, 0, 1, 0], at: 0x4000)
        memory.store([0x10_0000, 0, 0, 1, 2, 0], at: 0x4018)
        #expect(take(.pvh(0x2000)) == .complete)
        #expect(memory.load(target + 0x70) == 0xe_0010)
        #expect(table() == [[0, 0, 0x9fc00, 0, 1], [0x10_0000, 0, 0, 1, 2]])
    }

    @Test func pvhBeforeItsFirstVersionHasNoMap() {
        memory.store([0x336e_c578, 0], at: 0x2000)
        memory.store([0, 0, 0x4000, 0, 2], at: 0x2000 + 32)
        #expect(take(.pvh(0x2000)) == .noMemoryMap)
    }

    @Test func whatDoesNotFitIsCutAndSaid() {
        memory.store([0x336e_c578, 1], at: 0x2000)
        memory.store([0, 0, 0x4000, 0, 129], at: 0x2000 + 32)
        #expect(take(.pvh(0x2000)) == .cut)
        #expect(table().count == 128)
        #expect(memory.bytes[Int(target) + 0xcd0..<Int(target) + 0xd00].allSatisfy { $0 == 0 })
        memory.store(128, at: 0x2000 + 48)
        #expect(take(.pvh(0x2000)) == .complete)
    }

    @Test func linuxHandsOnAllButTheSetupHeader() {
        for offset in 0..<4096 { memory.bytes[0x2000 + offset] = UInt8(offset % 251) + 1 }
        memory.storeByte(2, at: 0x2000 + 0x1e8)
        memory.storeByte(0, at: 0x2000 + 0x1ef)
        memory.store(0x020f, at: 0x2000 + 0x206)
        memory.store(0x020f, at: target + 0x206)
        #expect(take(.linux(0x2000)) == .complete)
        #expect(table().count == 2)
        func bytes(at place: UInt32, _ fields: Range<Int>) -> [UInt8] {
            Array(memory.bytes[Int(place) + fields.lowerBound..<Int(place) + fields.upperBound])
        }
        for copied in [0..<0xc0, 0xcc..<0x1ed, 0x250..<0x258, 0x290..<0xeec] {
            #expect(bytes(at: target, copied) == bytes(at: 0x2000, copied))
        }
        // Addresses of initrd and line, the sentinel, the header, what follows the last field.
        for left in [0xc0..<0xcc, 0x1ed..<0x206, 0x208..<0x250, 0x258..<0x290, 0xeec..<4096] {
            #expect(bytes(at: target, left).allSatisfy { $0 == 0 })
        }
    }

    @Test func linuxBeforeProtocol209HasNoList() {
        memory.storeByte(1, at: 0x2000 + 0x1e8)
        memory.store(0x0206, at: 0x2000 + 0x206)
        memory.store(0x020f, at: target + 0x206)
        memory.store(0x1234, at: 0x2000 + 0x250)
        #expect(take(.linux(0x2000)) == .complete)
        #expect(memory.load(target + 0x250) == 0)
    }
}
