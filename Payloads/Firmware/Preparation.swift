// SPDX-License-Identifier: MIT
import Hardware

/// Puts the machine back as firmware left it, as far as its services need it: to be done once, before the first of them is
/// called. The one place for what every payload that calls a BIOS has to do.
func prepareFirmware(_ words: CommandLine) {
    let ports = HardwarePorts()
    resetInterruptControllers(ports)
    startTick(ports)
    enableA20(ports)
    if let apic = LocalAPIC() { apic.passLegacyInterrupts() }
    maskIOAPIC()
    putBackFunctions(words)
}

/// The PCI functions, by the record that the loader has left below 4 GiB, if there is one.
/// - Parameter words: of the payload's command line; `firmware-state=` is the record's address.
func putBackFunctions(_ words: CommandLine) {
    let address = UInt(truncatingIfNeeded: words.value(of: "firmware-state")?.number ?? 0)
    // All of the first 4 GiB are mapped; what lies there and is no record counts for none.
    let record = unsafe memory_at(address)
    let isGiven = address > 0 && address < 0xffff_0000
    let stated = unsafe record.loadUnaligned(as: FirmwareStateHeader.self).totalSize
    let size = isGiven ? min(stated, FirmwareStateHeader.maximumSize) : 0
    let bytes = unsafe RawSpan(_unsafeStart: record, byteCount: Int(size))
    PCICare(machine: HardwareMachine()).putBack(bytes, scratch: UInt64(address) &+ UInt64(size))
}
