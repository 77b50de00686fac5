// SPDX-License-Identifier: MIT
import FirmwareAssembly
import Hardware

/// The controllers as Linux left them, and whether they take what the BIOS wants.
func checkInterruptControllers(_ report: inout Report) {
    let ports = HardwarePorts()
    report.begin("8259")
    let (first, second) = (ports.read(0x21), ports.read(0xa1))
    resetInterruptControllers(ports)
    report.judge(ports.read(0x21) == 0xb8 && ports.read(0xa1) == 0x8e, else: "its masks do not stay")
    report.fact("mask1", first)
    report.fact("mask2", second)

    report.begin("local APIC")
    let base = read_msr(0x1b)
    if let apic = LocalAPIC() {
        let (spurious, line0, line1) = (apic.read(0xf0), apic.read(0x350), apic.read(0x360))
        apic.passLegacyInterrupts()
        report.judge(
            apic.read(0xf0) & 0x1ff == 0x1ff && apic.read(0x350) & 0x1_0700 == 0x700, else: "it takes no virtual wire")
        report.fact("spurious", spurious)
        report.fact("lint0", line0)
        report.fact("lint1", line1)
    } else {
        report.skip("it is off, or stays in x2APIC mode")
    }
    report.fact("base", base)

    report.begin("8254")
    startTick(ports)
    maskIOAPIC()
    report.judge(timerCounts(ports), else: "its first channel stands still")
}

/// Whether channel 0 goes down while it is looked at.
private func timerCounts(_ ports: HardwarePorts) -> Bool {
    var first: UInt16?
    // A count lasts 0.8 microseconds, a port access about one.
    for _ in 0..<1000 {
        ports.write(0, to: 0x43)
        let count = UInt16(ports.read(0x40)) | UInt16(ports.read(0x40)) << 8
        if let first, first != count { return true }
        first = count
    }
    return false
}

/// Three ticks of the BIOS's timer: by it all calls are limited from here on.
func checkTick(_ bios: inout BIOS, _ report: inout Report) {
    report.begin("timer tick")
    // No clock is known yet. 4 GHz stand for the counter's: the limit is rather too long than too short.
    let limit: UInt64 = 4_000_000_000
    let start = time_stamp()
    let (begin, end) = (nextTick(bios, from: BIOS.ticks, by: start &+ limit), start &+ limit)
    guard let begin, let after = ticks(3, bios, by: end) else {
        report.fail("the BIOS's timer is dead")
        return
    }
    bios.countPerTick = (after &- begin) / 3
    report.pass()
    report.count("kHz", bios.countPerTick &* 182 / 10_000)
}

private func ticks(_ count: Int, _ bios: BIOS, by end: UInt64) -> UInt64? {
    var time: UInt64?
    for _ in 0..<count {
        time = nextTick(bios, from: BIOS.ticks, by: end)
        if time == nil { return nil }
    }
    return time
}

/// The time of the next tick; nil where it did not come by `end`.
///
/// Interrupts come in real mode only: whatever service is called, it is the way there and back that counts.
private func nextTick(_ bios: BIOS, from now: UInt32, by end: UInt64) -> UInt64? {
    while time_stamp() < end {
        var registers = RealModeRegisters()
        _ = bios.call(0x12, &registers)
        if BIOS.ticks != now { return time_stamp() }
    }
    return nil
}
