// SPDX-License-Identifier: MIT
import Hardware
import StandaloneAssembly

/// The way to real mode leads through 32-bit code, and the BIOS's first megabyte: an image that was loaded higher than 4
/// GiB starts itself again from below.
///
/// Of all memory the first megabyte is the one where a Linux that jumped here keeps no page tables.
func settleBelow4GiB(_ parameters: UnsafeRawPointer) {
    let start = UInt(bitPattern: unsafe payload_start())
    guard UInt64(start) &+ UInt64(payload_memory_size()) > 1 << 32 else { return }
    let home = unsafe firstRoom(for: UInt(payload_memory_size()) &+ 4096, in: parameters)
    guard home != 0 else { triple_fault() }
    // The loader's memory map says that this is RAM, and nothing that was handed over lies there.
    unsafe memory_at(home).copyMemory(from: payload_start(), byteCount: Int(payload_file_size()))
    unsafe enter_copy(home &+ entry_again_offset(), parameters)
}

/// An address below 640 KiB, above what the BIOS and boot_params use; 0 where there is none.
private func firstRoom(for size: UInt, in parameters: UnsafeRawPointer) -> UInt {
    let lowest: UInt64 = 0x2_0000
    let end: UInt64 = 0xa_0000
    var index = 0
    while index < Int(unsafe parameters.load(fromByteOffset: 0x1e8, as: UInt8.self)) {
        let entry = unsafe parameters + (0x2d0 &+ 20 &* index)
        let start = max(unsafe entry.loadUnaligned(as: UInt64.self), lowest)
        let stop = min(
            unsafe entry.loadUnaligned(as: UInt64.self) &+ entry.loadUnaligned(fromByteOffset: 8, as: UInt64.self), end)
        let isRAM = unsafe entry.loadUnaligned(fromByteOffset: 16, as: UInt32.self) == 1
        if isRAM, start < stop, stop &- start >= UInt64(size) { return UInt(start) }
        index &+= 1
    }
    return 0
}
