// SPDX-License-Identifier: MIT

/// Puts the machine back as firmware left it, as far as its services need it: to be done once, before the first of them is
/// called. The one place for what every payload that calls a BIOS has to do.
/// - Parameter words: of the payload's command line; they say where more is known of the machine.
func prepareFirmware(_ words: CommandLine) {
    let ports = HardwarePorts()
    resetInterruptControllers(ports)
    startTick(ports)
    enableA20(ports)
    if let apic = LocalAPIC() { apic.passLegacyInterrupts() }
    maskIOAPIC()
}
