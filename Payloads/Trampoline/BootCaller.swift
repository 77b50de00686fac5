// SPDX-License-Identifier: MIT

// Also compiled for the host, where the tests put an array in the place of memory.

/// Physical memory, or what a test puts in its place. Words are little-endian, and aligned to nothing.
protocol MemoryAccess {
    func load(_ address: UInt32) -> UInt32
    func loadByte(_ address: UInt32) -> UInt8
    mutating func store(_ value: UInt32, at address: UInt32)
    mutating func storeByte(_ value: UInt8, at address: UInt32)
}

/// Who loaded the image, by what the registers hold, and where it says what it knows.
enum BootCaller: Equatable {
    /// Multiboot 0.6.96, section 3.2: the address of the information.
    case multiboot(UInt32)
    /// Xen's "x86/HVM direct boot ABI", <xen/arch-x86/hvm/start_info.h>: the address of `hvm_start_info`.
    case pvh(UInt32)
    /// A boot loader that knows Linux: the address of a boot_params.
    case linux(UInt32)
    case unknown

    init(eax: UInt32, ebx: UInt32, esi: UInt32, memory: some MemoryAccess) {
        if eax == 0x2bad_b002 {
            self = .multiboot(ebx)
        } else if memory.load(ebx) == 0x336e_c578 {
            self = .pvh(ebx)
        } else if memory.load(esi &+ 0x202) == 0x5372_6448 {  // HdrS
            self = .linux(esi)
        } else {
            self = .unknown
        }
    }
}

/// What came of filling a boot_params.
enum Handover: Equatable {
    case complete
    /// More than 128 ranges: those behind them are lost.
    case cut
    case noMemoryMap
    case unknownCaller
}
