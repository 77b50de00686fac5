// SPDX-License-Identifier: MIT
import FirmwareAssembly
import Hardware

/// Address line 20: what lies at 1 MiB is not what lies at 0.
func checkA20(_ report: inout Report) {
    report.begin("A20")
    let ports = HardwarePorts()
    let before = ports.read(0x92)
    enableA20(ports)
    // Far from the images that begin at 1 MiB, as this one may.
    let (low, high) = (UInt(0x7_0600), UInt(0x17_0600))
    let (kept, keptAbove) = (BIOS.word(low), BIOS.word(high))
    unsafe memory_at(low).storeBytes(of: 0x1234_5678, as: UInt32.self)
    unsafe memory_at(high).storeBytes(of: 0x8765_4321, as: UInt32.self)
    let isOn = BIOS.word(low) == 0x1234_5678
    unsafe memory_at(high).storeBytes(of: keptAbove, as: UInt32.self)
    unsafe memory_at(low).storeBytes(of: kept, as: UInt32.self)
    report.judge(isOn, else: "it is off and stays so")
    report.fact("port92", before)
}

/// The keyboard controller answers when it is asked for its configuration.
func checkKeyboardController(_ report: inout Report) {
    report.begin("keyboard controller")
    let ports = HardwarePorts()
    guard ports.read(0x64) != 0xff else { return report.skip("there is none") }
    var left = 100
    // What was typed is not lost on anybody here.
    while ports.read(0x64) & 1 != 0, left > 0 {
        _ = ports.read(0x60)
        left &-= 1
    }
    guard waitFor(ports, 2, 0) else { return report.fail("it takes no command") }
    ports.write(0x20, to: 0x64)
    guard waitFor(ports, 1, 1) else { return report.fail("it does not answer") }
    report.pass()
    report.fact("configuration", ports.read(0x60))
}

/// Waits until the bits `mask` of the status are `value`; about a tenth of a second at most.
private func waitFor(_ ports: HardwarePorts, _ mask: UInt8, _ value: UInt8) -> Bool {
    for _ in 0..<100_000 where ports.read(0x64) & mask == value { return true }
    return false
}

/// The clock goes, and the BIOS reads it.
func checkClock(_ bios: inout BIOS, _ report: inout Report) {
    report.begin("int 1Ah, clock")
    var registers = RealModeRegisters(service: 0x0200)
    guard bios.call(0x1a, &registers) else { return report.fail("the call does not return") }
    guard !registers.carry else { return report.fail("the BIOS says that the clock stands") }
    let (hour, minute, second) = (registers.ecx >> 8 & 0xff, registers.ecx & 0xff, registers.edx >> 8 & 0xff)
    report.judge(isDecimal(hour, 0x23) && isDecimal(minute, 0x59) && isDecimal(second, 0x59), else: "no time of day")
    report.fact("hour", hour)
    report.fact("minute", minute)
    report.fact("second", second)

    report.begin("CMOS clock")
    guard bios.countPerTick > 0 else { return report.skip("no tick to time it by") }
    let ports = HardwarePorts()
    let first = cmos(ports, 0)
    // A second and a half.
    let end = time_stamp() &+ bios.countPerTick &* 27
    while time_stamp() < end, cmos(ports, 0) == first {}
    report.judge(cmos(ports, 0) != first, else: "its second does not change")
}

private func cmos(_ ports: HardwarePorts, _ register: UInt8) -> UInt8 {
    // Bit 7 keeps non-maskable interrupts off: in 64-bit mode nobody takes them.
    ports.write(0x80 | register, to: 0x70)
    return ports.read(0x71)
}

/// Whether `value` is two decimal digits, at most `limit`.
private func isDecimal(_ value: UInt32, _ limit: UInt32) -> Bool { value & 15 < 10 && value <= limit }

/// The PCI BIOS finds what the configuration ports find.
func checkPCI(_ bios: inout BIOS, _ report: inout Report) {
    report.begin("int 1Ah, PCI BIOS")
    var registers = RealModeRegisters(service: 0xb101)
    guard bios.call(0x1a, &registers) else { return report.fail("the call does not return") }
    guard !registers.carry, registers.edx == 0x2049_4350 else { return report.skip("not present") }  // "PCI "
    let version = registers.ebx & 0xffff
    registers = RealModeRegisters(service: 0xb10a)  // read a word of configuration space: 00:00.0, offset 0
    guard bios.call(0x1a, &registers) else { return report.fail("the call does not return") }
    port_write32(0xcf8, 0x8000_0000)
    report.judge(
        !registers.carry && registers.ecx == port_read32(0xcfc),
        else: "it reads another identity of 00:00.0 than the ports")
    report.fact("version", version)
    report.fact("identity", registers.ecx)
}
