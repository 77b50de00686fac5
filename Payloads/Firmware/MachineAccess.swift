// SPDX-License-Identifier: MIT
#if canImport(Handoff)
    import Handoff
#endif

/// The machine as the care for its PCI functions sees it, or what a test puts in its place.
protocol MachineAccess {
    func configuration(_ address: PCIAddress, _ offset: UInt8) -> UInt32
    func setConfiguration(_ value: UInt32, _ address: PCIAddress, _ offset: UInt8)
    func read(_ address: UInt64, _ width: RegisterWidth) -> UInt32
    func write(_ value: UInt32, _ address: UInt64, _ width: RegisterWidth)
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
