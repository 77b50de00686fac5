// SPDX-License-Identifier: MIT

// Also compiled for the host: see BootCaller.swift.

/// Completes a boot_params, made by mkelfimage, with what the caller says of the machine; offsets as in
/// <asm/bootparam.h>.
struct MachineFacts<Memory: MemoryAccess> {
    var memory: Memory
    /// The address of the boot_params to complete.
    let target: UInt32
    /// Ranges written; `e820_table` has room for 128.
    private var count: UInt32 = 0
    private var isCut = false

    init(target: UInt32, memory: Memory) {
        self.target = target
        self.memory = memory
    }

    mutating func take(from caller: BootCaller) -> Handover {
        switch caller {
        case .multiboot(let address): takeMultiboot(address)
        case .pvh(let address): takePVH(address)
        case .linux(let address): takeLinux(address)
        case .unknown: return .unknownCaller
        }
        memory.storeByte(UInt8(truncatingIfNeeded: count), at: target &+ 0x1e8)
        return count == 0 ? .noMemoryMap : isCut ? .cut : .complete
    }

    /// Multiboot 0.6.96, section 3.3: `mmap_*` (flag 6), else `mem_lower` and `mem_upper` (flag 0), in KiB.
    private mutating func takeMultiboot(_ information: UInt32) {
        let flags = memory.load(information)
        if flags & 1 << 6 != 0 {
            var left = memory.load(information &+ 44)
            var entry = memory.load(information &+ 48)
            // The size of an entry does not count its own field.
            while left >= 24 {
                let size = memory.load(entry)
                guard size >= 20, size <= left &- 4 else { return }
                add(range: entry &+ 4, type: memory.load(entry &+ 20))
                entry = entry &+ 4 &+ size
                left = left &- 4 &- size
            }
        } else if flags & 1 != 0 {
            addRAM(start: 0, kibibytes: memory.load(information &+ 4))
            addRAM(start: 0x10_0000, kibibytes: memory.load(information &+ 8))
        }
    }

    /// `rsdp_paddr` at 32; from version 1 on `memmap_paddr` at 40, `memmap_entries` at 48. Its types are E820's.
    private mutating func takePVH(_ information: UInt32) {
        store(memory.load(information &+ 32), at: 0x70)
        store(memory.load(information &+ 36), at: 0x74)
        var entry = memory.load(information &+ 40)
        guard memory.load(information &+ 4) >= 1, memory.load(information &+ 44) == 0 else { return }
        var left = memory.load(information &+ 48)
        while left > 0, !isCut {
            add(range: entry, type: memory.load(entry &+ 16))
            entry = entry &+ 24
            left = left &- 1
        }
    }

    /// All that is not the setup header: screen, RSDP, EFI, disks, memory map. Addresses of the caller's initrd and
    /// command line are not ours, nor is a page that begins with zeros for the kernel to clear (`sentinel`).
    private mutating func takeLinux(_ old: UInt32) {
        copy(old, 0..<0xc0)
        copy(old, 0xcc..<0x1e8)
        copy(old, 0x1e8..<0x1ec)
        memory.storeByte(memory.loadByte(old &+ 0x1ec), at: target &+ 0x1ec)
        copy(old, 0x290..<0xeec)
        count = UInt32(memory.loadByte(old &+ 0x1e8))
        // What is left of the list (more ranges, EFI's tables, a seed), from protocol 2.09 on; its address is the caller's.
        guard memory.load(old &+ 0x206) & 0xffff >= 0x209, memory.load(target &+ 0x206) & 0xffff >= 0x209 else {
            return
        }
        store(memory.load(old &+ 0x250), at: 0x250)
        store(memory.load(old &+ 0x254), at: 0x254)
    }

    private mutating func copy(_ old: UInt32, _ fields: Range<UInt32>) {
        var offset = fields.lowerBound
        while offset < fields.upperBound {
            store(memory.load(old &+ offset), at: offset)
            offset = offset &+ 4
        }
    }

    private mutating func store(_ value: UInt32, at offset: UInt32) { memory.store(value, at: target &+ offset) }

    /// - Parameter range: the address of start and size, 64 bits each.
    private mutating func add(range: UInt32, type: UInt32) {
        add(
            memory.load(range), memory.load(range &+ 4), memory.load(range &+ 8), memory.load(range &+ 12), type)
    }

    private mutating func addRAM(start: UInt32, kibibytes: UInt32) {
        guard kibibytes != 0 else { return }
        add(start, 0, kibibytes &<< 10, kibibytes &>> 22, 1)
    }

    @inline(never)
    private mutating func add(_ start: UInt32, _ startHigh: UInt32, _ size: UInt32, _ sizeHigh: UInt32, _ type: UInt32)
    {
        guard count < 128 else {
            isCut = true
            return
        }
        let entry = 0x2d0 &+ count &* 20
        store(start, at: entry)
        store(startHigh, at: entry &+ 4)
        store(size, at: entry &+ 8)
        store(sizeHigh, at: entry &+ 12)
        store(type, at: entry &+ 16)
        count = count &+ 1
    }
}
