// SPDX-License-Identifier: MIT
import Hardware

/// The real memory and PCI configuration space: the latter by ports 0xcf8 and 0xcfc, which reach all buses of
/// segment 0 and the first 256 bytes of each function.
struct HardwareMachine: MachineAccess {
    @inline(never) func configuration(_ address: PCIAddress, _ offset: UInt8) -> UInt32 {
        select(address, offset)
        return port_read32(0xcfc)
    }

    @inline(never) func setConfiguration(_ value: UInt32, _ address: PCIAddress, _ offset: UInt8) {
        select(address, offset)
        port_write32(0xcfc, value)
    }

    private func select(_ address: PCIAddress, _ offset: UInt8) {
        let place = UInt32(address.bus) << 16 | UInt32(address.deviceAndFunction) << 8 | UInt32(offset)
        port_write32(0xcf8, 1 << 31 | place)
    }

    @inline(never) func read(_ address: UInt64, _ width: RegisterWidth) -> UInt32 {
        let address = UInt(truncatingIfNeeded: address)
        switch width {
        case .byte: return UInt32(device_load8(address))
        case .half: return UInt32(device_load16(address))
        case .word: return device_load32(address)
        }
    }

    @inline(never) func write(_ value: UInt32, _ address: UInt64, _ width: RegisterWidth) {
        let address = UInt(truncatingIfNeeded: address)
        switch width {
        case .byte: device_store8(address, UInt8(truncatingIfNeeded: value))
        case .half: device_store(address, UInt16(truncatingIfNeeded: value))
        case .word: device_store32(address, value)
        }
    }

    func copy(from source: UInt64, to destination: UInt64, count: UInt64) {
        let (source, destination) = (UInt(truncatingIfNeeded: source), UInt(truncatingIfNeeded: destination))
        unsafe memory_at(destination).copyMemory(from: memory_at(source), byteCount: Int(count))
    }

    func fence() { device_fence() }

    /// As long as a write to port 0x80 takes.
    func pause() { port_write(0x80, 0) }
}
