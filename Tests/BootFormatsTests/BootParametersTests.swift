// SPDX-License-Identifier: MIT
import BootFormats
import PhysicalMemory
import Testing

/// Each field at its offset of <asm/bootparam.h>, and not a byte beside it.
@Suite struct BootParametersTests {
    private var parameters = BootParameters()

    /// What the bytes are that are not zero, by the offset of the first of a run.
    private func runs() -> [Int: [UInt8]] {
        var result: [Int: [UInt8]] = [:], start = 0
        for (offset, byte) in parameters.bytes.enumerated() {
            if byte == 0 {
                start = offset + 1
            } else {
                result[start, default: []].append(byte)
            }
        }
        return result
    }

    private let high = PhysicalAddress(0x1122_3344_5566_7788)

    @Test func beginAsZeros() {
        #expect(parameters.bytes == [UInt8](repeating: 0, count: 4096))
        #expect(BootParameters.size == 4096 && BootParameters.maximumE820Entries == 128)
    }

    @Test mutating func takeBothHalvesOfTheCommandLinesAddress() {
        parameters.setCommandLine(high)
        #expect(runs() == [0x228: [0x88, 0x77, 0x66, 0x55], 0x0c8: [0x44, 0x33, 0x22, 0x11]])
    }

    @Test mutating func takeBothHalvesOfTheInitrdsAddressAndSize() {
        parameters.setInitrd(high, size: 0x99aa_bbcc_ddee_ff01)
        #expect(
            runs() == [
                0x218: [0x88, 0x77, 0x66, 0x55, 0x01, 0xff, 0xee, 0xdd],
                0x0c0: [0x44, 0x33, 0x22, 0x11, 0xcc, 0xbb, 0xaa, 0x99],
            ])
    }

    @Test mutating func takeAddressesAndNumbersAtTheirOffsets() {
        parameters.setRSDP(0x0102_0304_0506_0708)
        parameters.setSetupData(high)
        parameters.setSecureBoot(3)
        parameters.setHardwareSubarchitecture(0x0a0b_0c0d)
        #expect(
            runs() == [
                0x070: [8, 7, 6, 5, 4, 3, 2, 1], 0x250: [0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11],
                0x1ec: [3], 0x23c: [0x0d, 0x0c, 0x0b, 0x0a],
            ])
    }

    @Test mutating func takeTheHeaderAndSayWhoLoadedIt() {
        parameters.setHeader([UInt8](repeating: 0xee, count: 0x7b))
        let header = [UInt8](repeating: 0xee, count: 0x1f)
        #expect(runs() == [0x1f1: header + [0xd0], 0x212: [UInt8](repeating: 0xee, count: 0x5a)])
        parameters.setRandomised()
        #expect(parameters.bytes[0x211] == 2)
        parameters.setRandomised()
        #expect(parameters.bytes[0x211] == 2)
    }

    @Test mutating func haveAHeaderForAnImageThatHasNone() {
        parameters.setHeaderForELF()
        #expect(runs() == [0x1fe: [0x55, 0xaa], 0x202: Array("HdrS".utf8) + [0x0f, 0x02], 0x210: [0xd0]])
    }

    @Test mutating func takeTheScreenButForItsMemorySize() {
        parameters.setScreenInfo((1...0x50).map { UInt8($0) })
        #expect(runs() == [0: [1, 2], 4: (5...0x40).map { UInt8($0) }])
    }

    @Test mutating func takeWhereEFIIs() {
        let info = EFIInfo(
            loaderSignature: 0x3436_4c45, systemTable: 0x1111_2222_3333_4444, descriptorSize: 0x5555_5555,
            descriptorVersion: 0x6666_6666, memoryMap: 0x7777_8888_9999_aaaa, memoryMapSize: 0xbbbb_bbbb)
        parameters.setEFIInfo(info)
        let bytes: [UInt8] =
            Array("EL64".utf8) + [0x44, 0x44, 0x33, 0x33] + [UInt8](repeating: 0x55, count: 4)
            + [UInt8](repeating: 0x66, count: 4) + [0xaa, 0xaa, 0x99, 0x99] + [UInt8](repeating: 0xbb, count: 4)
            + [0x22, 0x22, 0x11, 0x11, 0x88, 0x88, 0x77, 0x77]
        #expect(runs() == [0x1c0: bytes])
        #expect(EFIInfo(in: parameters.bytes) == info)
        #expect(EFIInfo(in: Array(parameters.bytes[..<0x1e0])) == info)
        #expect(EFIInfo(in: Array(parameters.bytes[..<0x1df])) == nil)
        #expect(EFIInfo(in: BootParameters().bytes) == nil)
    }

    private func map(_ entries: [(start: UInt64, end: UInt64)]) -> MemoryMap {
        MemoryMap(
            entries.map { start, end in
                E820Entry(range: PhysicalRange(from: PhysicalAddress(start), to: PhysicalAddress(end)), type: .ram)
            })
    }

    @Test mutating func takeTheMemoryMapAndItsCount() {
        let rest = parameters.setMemoryMap(map([(0x1000, 0x2000), (0x8000_0000, 0x1_8000_0000)]))
        #expect(rest == [])
        #expect(parameters.bytes[0x1e8] == 2)
        let entries: [UInt8] =
            [0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
            + [0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
        #expect(Array(parameters.bytes[0x2d0..<0x2f8]) == entries)
        #expect(parameters.bytes[0x2f8...].allSatisfy { $0 == 0 })
    }

    @Test(arguments: [127, 128, 129, 130]) mutating func takeAtMost128Entries(count: Int) {
        let map = map((0..<UInt64(count)).map { (0x1000_0000 + $0 << 16, 0x1000_8000 + $0 << 16) })
        #expect(parameters.setMemoryMap(map) == Array(map.entries.dropFirst(128)))
        #expect(parameters.bytes[0x1e8] == min(count, 128))
    }

    /// KiB from 1 MiB to the entry's last byte, where it has that MiB in it: in 16 bits at most 63 MiB.
    @Test(arguments: [
        (start: UInt64(0x10_0000), end: UInt64(0x20_0000), short: UInt16(1023), long: UInt32(1023)),
        (0, 0x20_0401, 1025, 1025), (0x10_0000, 0x10_0001, 0, 0), (0x10_0000, 0x10_0802, 2, 2),
        (0x10_0001, 0x20_0000, 0, 0), (0x10_0000, 0x400_0000, 0xfbff, 0xfbff),
        (0x10_0000, 0x400_0401, 0xfc00, 0xfc01), (0x10_0000, 0x400_0001, 0xfc00, 0xfc00),
        (0x10_0000, 0x500_0000_0000, 0xfc00, 0xffff_ffff),
    ])
    mutating func sayHowMuchLiesAboveOneMebibyte(start: UInt64, end: UInt64, short: UInt16, long: UInt32) {
        _ = parameters.setMemoryMap(map([(start, end)]))
        #expect(parameters.bytes.loadLittle(UInt16.self, at: 0x002) == short)
        #expect(parameters.bytes.loadLittle(UInt32.self, at: 0x1e0) == long)
    }

    @Test mutating func copyWhatTheBIOSSaidOfDisks() {
        let old = (0..<4096).map { UInt8(truncatingIfNeeded: $0 * 7 + 1) | 1 }
        parameters.copyDisks(from: old)
        #expect(
            runs() == [
                0x1e9: Array(old[0x1e9...0x1ea]), 0x290: Array(old[0x290..<0x2d0]), 0xd00: Array(old[0xd00..<0xeec]),
            ])
        parameters = BootParameters()
        parameters.copyDisks(from: Array(old.dropLast()))
        #expect(runs() == [:])
    }
}
