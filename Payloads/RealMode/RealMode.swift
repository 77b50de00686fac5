// SPDX-License-Identifier: MIT
import Hardware
import RealModeAssembly

// Firmware's services and what calls them find the machine as firmware left it: interrupts by the two 8259, a tick from
// the 8254, A20 on, the processor's APIC out of the way. Linux has changed all of that; the BIOS's memory it leaves alone.
//
// On entry: entry.S has set up a stack; interrupts are off.
// On exit:  entry.S goes down to real mode.

@c(real_mode_main)
public func main() {
    checkLayout()
    mapFirst4GiB()
    let ports = HardwarePorts()
    resetInterruptControllers(ports)
    startTick(ports)
    enableA20(ports)
    if let apic = LocalAPIC() { apic.passLegacyInterrupts() }
    maskIOAPIC()
    putBackFunctions()
}

/// The PCI functions, by the loader's record where there is one.
private func putBackFunctions() {
    // entry.S keeps them as the loader filled them in.
    guard let start = unsafe parameters() else { return }
    let address = unsafe start.loadUnaligned(as: RealModeParameters.self).firmwareState
    let care = PCICare(machine: HardwareMachine())
    // The loader has checked the record that it put there, and purgatory that it is still the same.
    guard address != 0, let record = unsafe UnsafeRawPointer(bitPattern: UInt(address)) else {
        let none = unsafe RawSpan(_unsafeStart: start, byteCount: 0)
        return care.putBack(none, scratch: 0)
    }
    let size = min(
        unsafe record.loadUnaligned(as: FirmwareStateHeader.self).totalSize, FirmwareStateHeader.maximumSize)
    let bytes = unsafe RawSpan(_unsafeStart: record, byteCount: Int(size))
    care.putBack(bytes, scratch: address &+ UInt64(size))
}

/// Maps what 32 bits can address to itself: the devices below need not be in the map that was found.
///
///     pages of the image   0-3 page directories   4 page directory pointers   5 fourth level   6 fifth level
private func mapFirst4GiB() {
    let isPresentAndWritable: UInt64 = 3
    let isLarge: UInt64 = 0x80
    // entry.S reserves seven pages.
    guard let start = unsafe page_tables() else { return }
    let tables = unsafe start.assumingMemoryBound(to: UInt64.self)
    let base = UInt64(UInt(bitPattern: start))
    var index = 0
    while index < 7 * 512 {
        let value: UInt64
        switch index {
        case ..<2048: value = UInt64(index) << 21 | isLarge | isPresentAndWritable
        case 2048..<2052: value = base &+ UInt64(index &- 2048) << 12 | isPresentAndWritable
        case 5 * 512: value = base &+ 4 << 12 | isPresentAndWritable
        case 6 * 512: value = base &+ 5 << 12 | isPresentAndWritable
        default: value = 0
        }
        unsafe tables[index] = value
        index &+= 1
    }
    let has5Levels = read_cr4() & 1 << 12 != 0
    write_cr3(base &+ (has5Levels ? 6 : 5) << 12)
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
