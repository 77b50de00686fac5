// SPDX-License-Identifier: MIT
import FirmwareAssembly
import Hardware
import StandaloneAssembly

@c(payload_main)
public func main(_ parameters: UnsafeRawPointer) {
    unsafe settleBelow4GiB(parameters)
    let handover = unsafe Handover(parameters)
    mapFirst4GiB()
    var console = Console(handover.words)
    console.put("kexec_test: entered in mode ")
    console.putDecimal(handover.entry.kind)
    console.put("\n")
    let ports = HardwarePorts()
    resetInterruptControllers(ports)
    startTick(ports)
    enableA20(ports)
    if let apic = LocalAPIC() { apic.passLegacyInterrupts() }
    maskIOAPIC()
    guard let gate = RealModeGate(at: 0x9_d000) else { return }
    var registers = RealModeRegisters()
    let ok = gate.call(0x12, &registers)
    console.putDecimal(registers.eax)
    console.put(ok ? " ok\n" : " no\n")
    var registers2 = RealModeRegisters(service: 0xe820)
    registers2.edx = 0x534d_4150
    registers2.ecx = 24
    registers2.es = 0
    registers2.edi = 0x8000
    let ok2 = gate.call(0x15, &registers2, ticks: 18)
    console.putHexadecimal(UInt64(registers2.eax))
    console.put(ok2 && !registers2.carry ? " ok\n" : " no\n")
}
