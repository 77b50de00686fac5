// SPDX-License-Identifier: MIT
import FirmwareAssembly
import Hardware
import StandaloneAssembly

/// Where a BIOS puts boot sectors, and enters them.
private let bootAddress: UInt = 0x7c00
/// Where the boot code of a disk's first sector, which moves down to 0x600, has its partition table.
private let tableAddress: UInt = 0x7be

/// Starts a drive's boot sector, or the one that is the ram disk.
func bootSector(_ handover: Handover, _ bios: inout BIOS) -> Never {
    let words = handover.words
    let sector = words.value(of: "lba")?.number ?? 0
    var drive = UInt8(truncatingIfNeeded: words.value(of: "drive")?.number ?? 0x80)
    if handover.ramdisk.size > 0 {
        let payload = UInt(bitPattern: unsafe payload_start())
        let end = payload < bios.gateStart ? payload : bios.gateStart
        guard handover.ramdisk.size <= UInt64(end &- bootAddress) else {
            bios.ending.giveUp("the ram disk is too large for a boot sector")
        }
        copy(from: handover.ramdisk.start, to: bootAddress, count: UInt(handover.ramdisk.size))
    } else {
        if words.value(of: "drive") == nil, let sum = words.value(of: "sum")?.number {
            drive = findDrive(sum, sector, &bios)
        }
        _ = bios.read(sector, of: drive, to: UInt32(bootAddress))
    }
    var registers = RealModeRegisters()
    registers.edx = UInt32(drive)
    if sector > 0 {
        let first = BIOS.buffer &+ 512
        _ = bios.read(0, of: drive, to: UInt32(first))
        registers.esi = layPartitionTable(of: first, for: sector)
    }
    start(registers, &bios)
}

/// Leaves for the boot sector at its place, if it is one.
func start(_ registers: RealModeRegisters, _ bios: inout BIOS) -> Never {
    guard BIOS.word16(bootAddress &+ 510) == 0xaa55 else {
        bios.ending.giveUp("the boot sector does not end with 55 aa")
    }
    var registers = registers
    registers.flags = 0x202  // interrupts on
    let entry = RealModePointer(segment: 0, offset: UInt16(bootAddress))
    bios.gate.leave(to: entry, stack: entry, registers)
}

/// The first hard disk whose sector has this sum.
private func findDrive(_ sum: UInt64, _ sector: UInt64, _ bios: inout BIOS) -> UInt8 {
    var drive: UInt8 = 0x80
    let count = BIOS.word16(0x475) & 0xff
    while UInt(drive) < 0x80 &+ max(min(count, 0x20), 1) {
        if bios.read(sector, of: drive, to: UInt32(bootAddress), mayFail: true),
            sectorSum(sectorBytes(at: bootAddress)) == sum
        {
            return drive
        }
        drive &+= 1
    }
    // It may be the one that cannot be read.
    if bios.failure.drive != 0 { bios.giveUpDrive() }
    bios.ending.giveUp("none of the BIOS's hard disks has the boot sector that Linux has read")
}

/// Code of a partition expects at ds:si its entry of the table, which the disk's first sector has in memory then.
/// - Parameter first: the address of that sector.
/// - Returns: the entry's address.
func layPartitionTable(of first: UInt, for sector: UInt64) -> UInt32 {
    unsafe memory_at(tableAddress).copyMemory(from: memory_at(first &+ 0x1be), byteCount: 64)
    let bytes = sectorBytes(at: first)
    for index in 0..<4 {
        let entry = PartitionEntry(index, of: bytes)
        if entry.type != 0, UInt64(entry.start) == sector { return UInt32(tableAddress) &+ 16 &* UInt32(index) }
    }
    // None of the four: one made up for it, active, of a type that nobody has.
    let entry = unsafe memory_at(tableAddress)
    unsafe entry.storeBytes(of: 0x80, as: UInt64.self)
    unsafe entry.storeBytes(of: sector, toByteOffset: 8, as: UInt64.self)
    return UInt32(tableAddress)
}

/// The 512 bytes of a sector.
@_lifetime(immortal) func sectorBytes(at address: UInt) -> RawSpan {
    let bytes = unsafe RawSpan(_unsafeStart: memory_at(address), byteCount: 512)
    // Memory that is always there.
    return unsafe _overrideLifetime(bytes, copying: ())
}
