// SPDX-License-Identifier: MIT
import Hardware

/// The processor's own interrupt controller, by its registers in memory (Intel SDM, volume 3, "Advanced Programmable
/// Interrupt Controller").
struct LocalAPIC {
    private static let baseRegister: UInt32 = 0x1b  // IA32_APIC_BASE
    private let base: UInt

    /// nil where it is switched off. One that is in x2APIC mode goes back to the mode that firmware knows; nil, and as it
    /// is, where it cannot.
    init?() {
        var value = read_msr(Self.baseRegister)
        guard value & APICBase.isEnabled != 0 else { return nil }
        switch HardwareProcessor().x2APICMode {
        case .off: break
        case .stays: return nil
        case .canBeLeft:
            // From x2APIC mode the only way leads through "off".
            value &= ~(APICBase.isEnabled | APICBase.isX2)
            write_msr(Self.baseRegister, value)
            value |= APICBase.isEnabled
            write_msr(Self.baseRegister, value)
        }
        base = UInt(truncatingIfNeeded: value & 0xffff_f000)
    }

    /// Virtual wire mode: what the 8259 signals goes straight to the processor.
    func passLegacyInterrupts() {
        write(0x1ff, to: 0xf0)  // spurious vector, enabled
        write(0x1_0000, to: 0x320)  // timer: masked
        write(0x8700, to: 0x350)  // LINT0: ExtINT
        write(0x8400, to: 0x360)  // LINT1: NMI
        write(0, to: 0x80)  // task priority
        write(0, to: 0xb0)  // end of interrupt
    }

    func read(_ register: UInt) -> UInt32 { device_load32(base &+ register) }
    private func write(_ value: UInt32, to register: UInt) { device_store32(base &+ register, value) }
}

/// Masks every input of the I/O APIC at its usual place: interrupts come by the 8259 from here on.
func maskIOAPIC() {
    let select: UInt = 0xfec0_0000
    let window: UInt = 0xfec0_0010
    device_store32(select, 1)
    let version = device_load32(window)
    guard version != 0xffff_ffff else { return }
    var input: UInt32 = 0
    while input <= version &>> 16 & 0xff {
        device_store32(select, 0x10 &+ 2 &* input)
        device_store32(window, device_load32(window) | 1 << 16)
        input &+= 1
    }
}
