// SPDX-License-Identifier: MIT
import FirmwareAssembly
import Hardware

/// Every hard disk that the BIOS counts, and the floppy drive: asked, and read from.
func checkDisks(_ bios: inout BIOS, _ report: inout Report) {
    let count = min(BIOS.byte(0x475), 16)
    if count == 0 {
        report.begin("int 13h")
        report.skip("the BIOS knows no hard disk")
    }
    for index in 0..<count { checkDisk(bios, 0x80 &+ index, &report) }
    checkFloppy(bios, &report)
}

private func checkFloppy(_ bios: BIOS, _ report: inout Report) {
    report.begin("int 13h, floppy drive")
    guard BIOS.byte(0x410) & 1 != 0 else { return report.skip("the BIOS knows none") }
    // A drive needs no disk in it for this.
    guard let type = call(bios, 0x1500, 0x00, &report) else { return }
    report.pass()
    report.fact("type", UInt8(truncatingIfNeeded: type.eax >> 8))
}

/// One disk; the first call that fails ends it, for what follows would wait as long again.
private func checkDisk(_ bios: BIOS, _ drive: UInt8, _ report: inout Report) {
    guard bios.countPerTick > 0 else {
        report.begin("int 13h")
        return report.skip("no tick to end a call that hangs")
    }
    report.begin("int 13h, reset")
    guard succeeds(bios, 0x0000, drive, &report) != nil else { return }
    report.begin("int 13h, parameters")
    guard let parameters = succeeds(bios, 0x0800, drive, &report) else { return }
    report.count("heads", parameters.edx >> 8 & 0xff &+ 1)
    report.count("sectors", parameters.ecx & 0x3f)
    report.begin("int 13h, type")
    guard let type = succeeds(bios, 0x1500, drive, &report) else { return }
    report.fact("type", UInt8(truncatingIfNeeded: type.eax >> 8))

    report.begin("int 13h, read by cylinder")
    guard read(bios, cylinderZero: drive, &report) else { return }
    let sum = sectorSum()
    report.fact("sum", sum)
    report.begin("int 13h, extensions")
    guard let size = extendedSize(bios, drive, &report) else { return }

    report.begin("int 13h, read LBA 0")
    guard read(bios, 0, drive, &report) else { return }
    let again = sectorSum()
    report.judge(again == sum, else: "not the sector that was read by cylinder")
    report.fact("sum", again)
    report.begin("int 13h, read LBA 0 again")
    guard read(bios, 0, drive, &report) else { return }
    report.judge(sectorSum() == again, else: "other data than the first time")
    report.begin("int 13h, read the middle")
    guard read(bios, size / 2, drive, &report) else { return }
    report.pass()
    report.fact("sum", sectorSum())
    report.begin("int 13h, read the last sector")
    guard read(bios, size &- 1, drive, &report) else { return }
    report.pass()
    report.fact("sum", sectorSum())
}

/// Sectors of the disk, by the extensions; nil, and the verdict is given, where there are none or they fail.
private func extendedSize(_ bios: BIOS, _ drive: UInt8, _ report: inout Report) -> UInt64? {
    var registers = RealModeRegisters(service: 0x4100)
    registers.ebx = 0x55aa
    registers.edx = UInt32(drive)
    guard bios.call(0x13, &registers) else {
        failToReturn(0x4100, drive, &report)
        return nil
    }
    guard !registers.carry, registers.ebx & 0xffff == 0xaa55, registers.ecx & 1 != 0 else {
        report.skip("not present")
        return nil
    }
    unsafe memory_at(BIOS.buffer).storeBytes(of: 0x1a, as: UInt32.self)
    registers = RealModeRegisters(service: 0x4800)
    registers.edx = UInt32(drive)
    registers.ds = UInt16(BIOS.buffer >> 4)
    guard bios.call(0x13, &registers) else {
        failToReturn(0x4800, drive, &report)
        return nil
    }
    let size = UInt64(BIOS.word(BIOS.buffer &+ 0x10)) | UInt64(BIOS.word(BIOS.buffer &+ 0x14)) << 32
    guard !registers.carry, size > 0 else {
        report.fail("the disk's size is not told")
        report.fact("ax", registers.ax)
        return nil
    }
    report.pass()
    report.fact("drive", drive)
    report.fact("LBAs", size)
    return size
}

/// Reads one sector into the buffer.
/// - Returns: false, and the verdict is given, where that fails.
private func read(_ bios: BIOS, _ sector: UInt64, _ drive: UInt8, _ report: inout Report) -> Bool {
    // A disk address packet, behind the sector.
    let packet = BIOS.buffer &+ 0x1000
    clearSector()
    unsafe memory_at(packet).storeBytes(of: 0x0001_0010, as: UInt32.self)
    unsafe memory_at(packet &+ 4).storeBytes(of: UInt32(BIOS.buffer >> 4) << 16, as: UInt32.self)
    unsafe memory_at(packet &+ 8).storeBytes(of: sector, as: UInt64.self)
    var registers = RealModeRegisters(service: 0x4200)
    registers.edx = UInt32(drive)
    registers.ds = UInt16(packet >> 4)
    guard bios.call(0x13, &registers) else {
        failToReturn(0x4200, drive, &report)
        return false
    }
    return judgeRead(registers, drive, &report)
}

/// Cylinder 0, head 0, sector 1.
private func read(_ bios: BIOS, cylinderZero drive: UInt8, _ report: inout Report) -> Bool {
    clearSector()
    var registers = RealModeRegisters(service: 0x0201)
    registers.ecx = 1
    registers.edx = UInt32(drive)
    registers.es = UInt16(BIOS.buffer >> 4)
    guard bios.call(0x13, &registers) else {
        failToReturn(0x0201, drive, &report)
        return false
    }
    guard judgeRead(registers, drive, &report) else { return false }
    report.pass()
    return true
}

private func judgeRead(_ registers: RealModeRegisters, _ drive: UInt8, _ report: inout Report) -> Bool {
    guard registers.carry else { return true }
    report.fail("the BIOS cannot read the disk")
    report.fact("drive", drive)
    report.fact("ax", registers.ax)
    return false
}

/// Other than what a disk has: a call that says it has read, and has not, is found out.
private func clearSector() {
    for offset: UInt in 0..<128 {
        unsafe memory_at(BIOS.buffer &+ offset &* 4).storeBytes(of: 0xdead_5ec7, as: UInt32.self)
    }
}

private func sectorSum() -> UInt32 {
    var sum: UInt32 = 0
    for offset: UInt in 0..<128 { sum = (sum << 1 | sum >> 31) &+ BIOS.word(BIOS.buffer &+ offset &* 4) }
    return sum
}

private func succeeds(_ bios: BIOS, _ service: UInt32, _ drive: UInt8, _ report: inout Report) -> RealModeRegisters? {
    guard let registers = call(bios, service, drive, &report) else { return nil }
    guard !registers.carry else {
        report.fail("the BIOS refuses")
        report.fact("drive", drive)
        report.fact("ax", registers.ax)
        return nil
    }
    report.pass()
    report.fact("drive", drive)
    return registers
}

private func call(_ bios: BIOS, _ service: UInt32, _ drive: UInt8, _ report: inout Report) -> RealModeRegisters? {
    var registers = RealModeRegisters(service: service)
    registers.edx = UInt32(drive)
    guard bios.call(0x13, &registers) else {
        failToReturn(service, drive, &report)
        return nil
    }
    return registers
}

private func failToReturn(_ service: UInt32, _ drive: UInt8, _ report: inout Report) {
    report.fail(
        "the call does not return: a Linux driver has had the disk's controller, and its state was not given back")
    report.fact("drive", drive)
    report.fact("ax", service)
}
