// SPDX-License-Identifier: MIT
import FirmwareAssembly
import Hardware
import RealModeAssembly

// Firmware's services and what calls them find the machine as firmware left it.
//
// On entry: entry.S has set up a stack; interrupts are off.
// On exit:  real mode, registers and segments as the parameters say, interrupts off; or back to purgatory.

@c(real_mode_main)
public func main() {
    checkLayout()
    unsafe mapFirst4GiB(by: page_tables())
    // entry.S keeps them as the loader filled them in; it has checked the record, and purgatory that it is still the same.
    let parameters = unsafe parameters().loadUnaligned(as: RealModeParameters.self)
    prepareFirmware(record: parameters.firmwareState)
    if parameters.returns { return }
    var registers = RealModeRegisters()
    registers.eax = parameters.eax
    registers.ebx = parameters.ebx
    registers.ecx = parameters.ecx
    registers.edx = parameters.edx
    registers.esi = parameters.esi
    registers.edi = parameters.edi
    registers.ebp = parameters.ebp
    registers.ds = parameters.dataSegment
    registers.es = parameters.dataSegment
    RealModeGate().leave(
        to: RealModePointer(segment: parameters.codeSegment, offset: parameters.instructionPointer),
        stack: RealModePointer(segment: parameters.stackSegment, offset: parameters.stackPointer), registers)
}

/// Folded to nothing by the optimiser; what remains of it where the numbers differ cannot be linked.
@inline(__always) private func checkLayout() {
    if MemoryLayout<RealModeParameters>.size != Int(REAL_MODE_PARAMETERS_SIZE)
        || RealModeParameters.size != Int(REAL_MODE_PARAMETERS_SIZE)
        || RealModeParameters.currentVersion != UInt32(REAL_MODE_PARAMETERS_VERSION)
    {
        real_mode_h_disagrees_with_real_mode_parameters()
    }
}
