// SPDX-License-Identifier: MIT
import Hardware

/// ACPI's tables, as far as the way off leads through them.
struct PowerOff {
    var port: UInt16 = 0
    /// What switches the machine off, without the bit that says "now".
    var sleepType: UInt16 = 0
    /// Hands the registers to whoever asks: 0 where nothing has to be done.
    var enablePort: UInt16 = 0
    var enableValue: UInt8 = 0
}

/// ACPI's root pointer, where a BIOS machine has it, with its sums; and what is needed to switch off.
func checkACPI(_ report: inout Report) -> PowerOff? {
    report.begin("ACPI")
    guard let root = rootPointer() else {
        report.skip("no root pointer in the BIOS's memory")
        return nil
    }
    let list = UInt(BIOS.word(root &+ 16))
    guard hasName(list, 0x5444_5352), sum(list, UInt(BIOS.word(list &+ 4))) == 0 else {  // "RSDT"
        report.fail("its root table is damaged")
        report.fact("at", list)
        return nil
    }
    report.pass()
    report.fact("root", root)
    return powerOff(list)
}

private func rootPointer() -> UInt? {
    let start = BIOS.extendedDataArea
    return rootPointer(start..<start &+ 1024) ?? rootPointer(0xe_0000..<0x10_0000)
}

private func rootPointer(_ range: Range<UInt>) -> UInt? {
    var address = range.lowerBound
    while address < range.upperBound {
        // "RSD PTR "
        if BIOS.word(address) == 0x2044_5352, BIOS.word(address &+ 4) == 0x2052_5450, sum(address, 20) == 0 {
            return address
        }
        address &+= 16
    }
    return nil
}

private func hasName(_ table: UInt, _ name: UInt32) -> Bool { table >= 0x400 && BIOS.word(table) == name }

private func sum(_ start: UInt, _ size: UInt) -> UInt8 {
    var sum: UInt8 = 0
    var offset: UInt = 0
    while offset < min(size, 1 << 20) {
        sum &+= BIOS.byte(start &+ offset)
        offset &+= 1
    }
    return sum
}

private func powerOff(_ list: UInt) -> PowerOff? {
    var offset: UInt = 36
    while offset &+ 4 <= UInt(BIOS.word(list &+ 4)), offset < 4096 {
        let table = UInt(BIOS.word(list &+ offset))
        if hasName(table, 0x5043_4146) { return powerOff(fixedDescription: table) }  // "FACP"
        offset &+= 4
    }
    return nil
}

/// The name `_S5_` in the differentiated table: a package whose first number is the sleep type.
private func powerOff(fixedDescription table: UInt) -> PowerOff? {
    var way = PowerOff()
    way.port = UInt16(truncatingIfNeeded: BIOS.word(table &+ 64))
    way.enablePort = UInt16(truncatingIfNeeded: BIOS.word(table &+ 48))
    way.enableValue = BIOS.byte(table &+ 52)
    let code = UInt(BIOS.word(table &+ 40))
    guard way.port != 0, hasName(code, 0x5444_5344) else { return nil }  // "DSDT"
    let end = code &+ min(UInt(BIOS.word(code &+ 4)), 1 << 20)
    var address = code &+ 36
    while address &+ 12 < end {
        if BIOS.word(address) == 0x5f35_535f, BIOS.byte(address &+ 4) == 0x12 {  // "_S5_", a package
            // A length of one to four bytes, the number of elements, then the first: a byte, 0 or 1.
            var element = address &+ 5 &+ UInt(BIOS.byte(address &+ 5) >> 6) &+ 2
            if BIOS.byte(element) == 0x0a { element &+= 1 }
            way.sleepType = UInt16(BIOS.byte(element) & 7) << 10
            return way
        }
        address &+= 1
    }
    return nil
}

/// Ends as the command line says: off, where it says nothing.
func end(_ words: CommandLine, _ way: PowerOff?, _ console: inout Console) -> Never {
    let word = words.value(of: "end")
    if let word, word == "reboot" { reset(frequency: 0) }
    let halts = if let word { word == "halt" } else { false }
    if !halts {
        if let way { switchOff(way) }
        console.put("kexec_test: no way to switch off is known\n")
    }
    console.put("kexec_test: halted\n")
    while true { processor_halt() }
}

private func switchOff(_ way: PowerOff) {
    // Linux has done this; other loaders may not have.
    if way.enablePort != 0, way.enableValue != 0, port_read16(way.port) & 1 == 0 {
        port_write(way.enablePort, way.enableValue)
        wait(seconds: 1, frequency: 0)
    }
    port_write16(way.port, way.sleepType | 1 << 13)
    wait(seconds: 2, frequency: 0)
}
