// SPDX-License-Identifier: MIT
import FirmwareAssembly

/// The three ways in which the BIOS tells of memory, against each other.
func checkMemoryServices(_ bios: inout BIOS, _ report: inout Report) {
    report.begin("int 15h, E820")
    guard let map = readMemoryMap(bios, &report) else { return }
    report.judge(
        map.conventionalEnd >= UInt64(BIOS.conventionalMemory) &* 1024 && map.extendedEnd > 0x10_0000,
        else: "it does not agree with int 12h, or has no memory above 1 MiB")
    report.count("entries", map.count)
    report.fact("low", map.conventionalEnd)
    report.fact("high", map.extendedEnd)

    report.begin("int 15h, E801")
    if let registers = ask(bios, 0x15, 0xe801, &report) {
        if registers.carry {
            report.skip("not present")
        } else {
            // Some BIOSes answer in ax and bx, some in cx and dx, most in both.
            let hasPair = registers.ecx & 0xffff != 0 || registers.edx & 0xffff != 0
            let below16 = UInt64(hasPair ? registers.ecx : registers.eax) & 0xffff
            let above16 = UInt64(hasPair ? registers.edx : registers.ebx) & 0xffff
            let end = above16 > 0 ? 0x100_0000 &+ above16 &* 0x1_0000 : 0x10_0000 &+ below16 &* 1024
            compare(end, map, &report)
            report.fact("end", end)
        }
    }
    report.begin("int 15h, 88h")
    if let registers = ask(bios, 0x15, 0x8800, &report) {
        if registers.carry {
            report.skip("not present")
        } else {
            compare(0x10_0000 &+ UInt64(registers.ax) &* 1024, map, &report)
            report.count("KiB", registers.ax)
        }
    }
}

/// Where E820 has the memory from 1 MiB on in several pieces, the older services tell of them as one.
private func compare(_ end: UInt64, _ map: MemoryMap, _ report: inout Report) {
    if end <= map.extendedEnd {
        report.pass()
    } else {
        report.warn("beyond the piece of memory that E820 has at 1 MiB")
    }
}

private struct MemoryMap {
    var count: UInt32 = 0
    /// The end of the RAM that begins at 0.
    var conventionalEnd: UInt64 = 0
    /// The end of the RAM that holds the byte at 1 MiB.
    var extendedEnd: UInt64 = 0
}

private func readMemoryMap(_ bios: BIOS, _ report: inout Report) -> MemoryMap? {
    let signature: UInt32 = 0x534d_4150  // "SMAP"
    var map = MemoryMap()
    var next: UInt32 = 0
    repeat {
        var registers = RealModeRegisters(service: 0xe820)
        registers.ebx = next
        registers.ecx = 24
        registers.edx = signature
        registers.es = UInt16(BIOS.buffer >> 4)
        guard bios.call(0x15, &registers) else {
            report.fail("the call does not return")
            return nil
        }
        if registers.carry && map.count > 0 { return map }
        guard !registers.carry, registers.eax == signature, registers.ecx >= 20 else {
            report.fail("it gives no map")
            return nil
        }
        let start = UInt64(BIOS.word(BIOS.buffer)) | UInt64(BIOS.word(BIOS.buffer &+ 4)) << 32
        let size = UInt64(BIOS.word(BIOS.buffer &+ 8)) | UInt64(BIOS.word(BIOS.buffer &+ 12)) << 32
        if BIOS.word(BIOS.buffer &+ 16) == 1 {
            if start == 0 { map.conventionalEnd = size }
            if start <= 0x10_0000, start &+ size > 0x10_0000 { map.extendedEnd = start &+ size }
        }
        map.count &+= 1
        next = registers.ebx
        if map.count > 128 {
            report.fail("it has no end")
            return nil
        }
    } while next != 0
    return map
}
