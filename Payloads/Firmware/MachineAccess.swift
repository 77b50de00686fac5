// SPDX-License-Identifier: MIT
#if canImport(Handoff)
    import Handoff
#endif

/// The machine as the care for its PCI functions and the driver of NVMe disks see it, or what a test puts in its place.
protocol MachineAccess {
    func configuration(_ address: PCIAddress, _ offset: UInt8) -> UInt32
    func setConfiguration(_ value: UInt32, _ address: PCIAddress, _ offset: UInt8)
    func read(_ address: UInt64, _ width: RegisterWidth) -> UInt32
    func write(_ value: UInt32, _ address: UInt64, _ width: RegisterWidth)
    /// Copies memory; a device that reads or writes it as well is told to, or asked whether it has, across a `fence`.
    func copy(from source: UInt64, to destination: UInt64, count: UInt64)
    /// Neither is an access before it made later, nor one behind it earlier. Without it `read` and `write` keep their order
    /// among themselves, but `copy` keeps none with them.
    func fence()
    /// About a microsecond.
    func pause()
}

extension MachineAccess {
    /// Waits until `isDone`, half a second at most: what AHCI's specification gives a port to stop.
    /// - Returns: whether it came to that.
    @discardableResult @inline(never)
    func wait(until isDone: () -> Bool) -> Bool {
        var left = 500_000
        while left > 0 {
            if isDone() { return true }
            pause()
            left &-= 1
        }
        return false
    }
}

/// One function of the machine.
struct MachineFunction<Machine: MachineAccess>: PCIConfiguration {
    let machine: Machine
    let address: PCIAddress

    func word(at offset: UInt8) -> UInt32 { machine.configuration(address, offset) }

    /// The status in the same word is cleared by ones only.
    @inline(never) func setCommand(_ command: UInt16) { machine.setConfiguration(UInt32(command), address, 0x04) }
}
