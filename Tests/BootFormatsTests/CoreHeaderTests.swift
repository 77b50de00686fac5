// SPDX-License-Identifier: MIT
import PhysicalMemory
import Testing

@testable import BootFormats

@Suite struct CoreHeaderTests {
    private func range(_ start: UInt64, _ end: UInt64) -> PhysicalRange {
        PhysicalRange(from: PhysicalAddress(start), to: PhysicalAddress(end))
    }

    private func header(_ elfClass: ELFClass) -> CoreHeader {
        var header = CoreHeader(elfClass: elfClass, machine: .x86_64)
        header.notes = [range(0x1234_5000, 0x1234_5170)]
        header.loads = [
            CoreHeader.Load(memory: range(0x10_0000, 0x4000_0000), virtualAddress: 0xffff_8880_0010_0000)
        ]
        return header
    }

    @Test func describesMemoryByAnELF64Core() {
        let bytes = header(.elf64).encoded
        #expect(bytes.count == 64 + 2 * 56)
        #expect(bytes.prefix(16) == [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect([0x10, 0x12].map { bytes.loadLittle(UInt16.self, at: $0) } == [4, 62])
        #expect(bytes.loadLittle(UInt64.self, at: 0x20) == 64)
        #expect([0x34, 0x36, 0x38].map { bytes.loadLittle(UInt16.self, at: $0) } == [64, 56, 2])
        #expect([64, 68].map { bytes.loadLittle(UInt32.self, at: $0) } == [4, 0])
        #expect(words(bytes, from: 72) == [0x1234_5000, 0, 0x1234_5000, 0x170, 0x170, 0])
        #expect([120, 124].map { bytes.loadLittle(UInt32.self, at: $0) } == [1, 7])
        #expect(
            words(bytes, from: 128)
                == [0x10_0000, 0xffff_8880_0010_0000, 0x10_0000, 0x3ff0_0000, 0x3ff0_0000, 0])
    }

    @Test func describesMemoryByAnELF32Core() {
        let bytes = header(.elf32).encoded
        #expect(bytes.count == 52 + 2 * 32)
        #expect(bytes[4] == 1)
        #expect(bytes.loadLittle(UInt32.self, at: 0x1c) == 52)
        #expect([0x28, 0x2a, 0x2c].map { bytes.loadLittle(UInt16.self, at: $0) } == [52, 32, 2])
        let entries = (0..<16).map { bytes.loadLittle(UInt32.self, at: 52 + 4 * $0) }
        #expect(entries[..<8] == [4, 0x1234_5000, 0, 0x1234_5000, 0x170, 0x170, 0, 0])
        #expect(entries[8...] == [1, 0x10_0000, 0x10_0000, 0x10_0000, 0x3ff0_0000, 0x3ff0_0000, 7, 0])
    }

    private func words(_ bytes: [UInt8], from offset: Int) -> [UInt64?] {
        (0..<6).map { bytes.loadLittle(UInt64.self, at: offset + 8 * $0) }
    }
}
