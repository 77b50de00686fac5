// SPDX-License-Identifier: MIT
import FirmwareAssembly

/// What does not say a thing about disks or memory: screen, equipment, keyboard, system descriptor, APM.
func checkServices(_ bios: inout BIOS, _ report: inout Report) {
    checkScreen(&bios, &report)
    report.begin("int 11h")
    if let registers = ask(bios, 0x11, 0, &report) {
        report.judge(registers.ax == UInt16(truncatingIfNeeded: BIOS.word(0x410)), else: "not what the data area says")
        report.fact("equipment", registers.ax)
    }
    report.begin("int 12h")
    if let registers = ask(bios, 0x12, 0, &report) {
        report.judge(UInt(registers.ax) == BIOS.conventionalMemory, else: "not what the data area says")
        report.count("KiB", registers.ax)
    }
    report.begin("int 16h")
    if ask(bios, 0x16, 0x0100, &report) != nil, let shift = ask(bios, 0x16, 0x0200, &report),
        ask(bios, 0x16, 0x0305, &report) != nil
    {
        report.judge(UInt8(truncatingIfNeeded: shift.eax) == BIOS.byte(0x417), else: "not what the data area says")
        report.fact("shift", UInt8(truncatingIfNeeded: shift.eax))
    }
    report.begin("int 15h, system descriptor")
    if let registers = ask(bios, 0x15, 0xc000, &report) {
        let table = UInt(registers.es) << 4 &+ UInt(registers.ebx & 0xffff)
        if registers.carry {
            report.skip("not present")
        } else {
            report.judge(BIOS.word(table) & 0xffff >= 8, else: "its table is too short")
            report.fact("at", table)
            report.fact("model", BIOS.byte(table &+ 2))
        }
    }
    report.begin("int 15h, APM")
    if let registers = ask(bios, 0x15, 0x5300, &report) {
        if registers.carry || registers.ebx & 0xffff != 0x504d {  // "PM"
            report.skip("not present")
        } else {
            report.pass()
            report.fact("version", registers.ax)
            report.fact("flags", registers.ecx & 0xffff)
        }
    }
}

private func checkScreen(_ bios: inout BIOS, _ report: inout Report) {
    report.begin("int 10h")
    guard let mode = ask(bios, 0x10, 0x0f00, &report) else { return }
    guard mode.ax != 0x0f00 else { return report.skip("no video BIOS answers") }
    guard let cursor = ask(bios, 0x10, 0x0300, &report), let adapter = ask(bios, 0x10, 0x1a00, &report) else { return }
    report.judge(
        UInt8(truncatingIfNeeded: mode.eax) & 0x7f == BIOS.byte(0x449) & 0x7f, else: "not the data area's mode")
    report.fact("mode", UInt8(truncatingIfNeeded: mode.eax))
    report.fact("cursor", cursor.edx & 0xffff)
    report.fact("adapter", adapter.ebx & 0xffff)

    report.begin("int 10h, VBE")
    var registers = RealModeRegisters(service: 0x4f00)
    registers.es = UInt16(BIOS.buffer >> 4)
    guard bios.call(0x10, &registers) else { return report.fail("the call does not return") }
    guard registers.ax == 0x004f else { return report.skip("not present") }
    report.judge(BIOS.word(BIOS.buffer) == 0x4153_4556, else: "its block has no signature")  // "VESA"
    report.fact("version", BIOS.word(BIOS.buffer &+ 4) & 0xffff)
}

/// A call that needs nothing but its number in ax; nil, and the verdict is given, where it does not return.
func ask(_ bios: BIOS, _ vector: UInt8, _ service: UInt32, _ report: inout Report) -> RealModeRegisters? {
    var registers = RealModeRegisters(service: service)
    guard bios.call(vector, &registers) else {
        report.fail("the call does not return")
        report.fact("ax", service)
        return nil
    }
    return registers
}
