// SPDX-License-Identifier: MIT
import Hardware

/// Puts the machine back as firmware left it, as far as its services need it: interrupts by the two 8259, a tick from the
/// 8254, A20 on, the processor's APIC out of the way, PCI functions and disk controllers. Linux has changed all of that; the
/// BIOS's memory it leaves alone.
///
/// To be done once, before the first service is called, by every payload that calls a BIOS, or leaves to what does.
/// - Parameter record: the address of a record of firmware's state, below 4 GiB; 0 for none.
func prepareFirmware(record: UInt64) {
    let ports = HardwarePorts()
    resetInterruptControllers(ports)
    startTick(ports)
    enableA20(ports)
    if let apic = LocalAPIC() { apic.passLegacyInterrupts() }
    maskIOAPIC()
    putBackFunctions(record: record)
}

/// The last step alone.
func putBackFunctions(record address: UInt64) {
    // All of the first 4 GiB are mapped; what lies there and is no record counts for none.
    let isGiven = address > 0 && address < 0xffff_0000
    let record = unsafe memory_at(isGiven ? UInt(address) : 0)
    let stated = unsafe record.loadUnaligned(as: FirmwareStateHeader.self).totalSize
    let size = isGiven ? min(stated, FirmwareStateHeader.maximumSize) : 0
    let bytes = unsafe RawSpan(_unsafeStart: record, byteCount: Int(size))
    PCICare(machine: HardwareMachine()).putBack(bytes, scratch: address &+ UInt64(size))
}
