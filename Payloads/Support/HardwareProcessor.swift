// SPDX-License-Identifier: MIT
import Hardware

/// The processor's real registers.
struct HardwareProcessor: ProcessorAccess {
    func register(_ number: UInt32) -> UInt64 { read_msr(number) }

    func facts(_ leaf: UInt32) -> (eax: UInt32, edx: UInt32) {
        let facts = processor_facts(leaf, 0)
        return (facts.eax, facts.edx)
    }
}
