// SPDX-License-Identifier: MIT

/// The processor's registers that tell the mode of its interrupt controller, or what a test puts in their place.
public protocol ProcessorAccess {
    /// A model-specific register; one that the processor does not have is an exception.
    func register(_ number: UInt32) -> UInt64
    /// `eax` and `edx` of CPUID, subleaf 0.
    func facts(_ leaf: UInt32) -> (eax: UInt32, edx: UInt32)
}

/// Whether the processor's APIC is in x2APIC mode, in which registers are no memory (Intel SDM, volume 3, "Extended XAPIC
/// (x2APIC)"), and can be put back to the mode that every kernel knows.
public enum X2APICMode: Sendable {
    case off, canBeLeft
    /// It stays as it is: the processor holds it in this mode, where the change is an exception, or the processor's ID does
    /// not fit into the 8 bits of the other mode.
    case stays
}

extension ProcessorAccess {
    public var x2APICMode: X2APICMode {
        let base = register(0x1b)  // IA32_APIC_BASE
        guard base & APICBase.isX2 != 0 else { return .off }
        // The other mode's 0xff means all processors, and its registers have to be within reach of 32-bit code.
        guard base >> 32 == 0, register(0x802) < 0xff else { return .stays }
        // IA32_ARCH_CAPABILITIES is there where CPUID says so; IA32_XAPIC_DISABLE_STATUS, where that one does.
        guard facts(0).eax >= 7, facts(7).edx & 1 << 29 != 0, register(0x10a) & 1 << 21 != 0 else { return .canBeLeft }
        return register(0xbd) & 1 != 0 ? .stays : .canBeLeft
    }
}

/// Bits of IA32_APIC_BASE.
public enum APICBase {
    public static let isEnabled: UInt64 = 1 << 11
    public static let isX2: UInt64 = 1 << 10
}
