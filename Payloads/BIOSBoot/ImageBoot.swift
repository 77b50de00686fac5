// SPDX-License-Identifier: MIT
import FirmwareAssembly
import Hardware

/// Puts the disk image that the ram disk is behind int 13h, and starts its boot sector.
func bootImage(_ handover: Handover, _ bios: inout BIOS) -> Never {
    let size = handover.ramdisk.size
    guard size >= 512, size % 512 == 0, size < 1 << 32 else {
        bios.ending.giveUp("the ram disk is no disk image: its size is no number of sectors")
    }
    let map = KeptMemoryMap(&bios)
    let given = handover.ramdisk.start..<handover.ramdisk.start &+ size
    let image = settleForGood(given, copying: true, handover.words, map, &bios)
    let count = UInt32(size / 512)
    let memory = ServedMemory(image: UInt(image.lowerBound))
    let first = unsafe RawSpan(_unsafeStart: memory_at(memory.image), byteCount: 512)
    let geometry = geometry(handover.words, count, first)
    let isFloppy = geometry.floppyType != 0
    let drives = isFloppy ? addFloppy() : addHardDisk()
    let disk = DiskService(memory: memory, geometry: geometry, sectorCount: count, driveCount: drives)
    stay(disk, keeping: image, map, &bios)
    _ = memory.readSectors(0, count: 1, to: 0x7c00)
    var registers = RealModeRegisters()
    registers.edx = UInt32(disk.drive)
    start(registers, &bios)
}

private func geometry(_ words: CommandLine, _ count: UInt32, _ first: RawSpan) -> DiskGeometry {
    let drive = words.value(of: "drive")?.number
    var geometry = DiskGeometry(hardDiskWith: count, firstSector: first)
    if drive != 0x80, let floppy = DiskGeometry(floppyWith: count) {
        geometry = floppy
    } else if drive == 0 {
        geometry = DiskGeometry(cylinders: 80, heads: 2, sectors: 18, floppyType: 4)
    }
    if let heads = words.value(of: "heads")?.number, 1...255 ~= heads { geometry.heads = UInt32(heads) }
    if let sectors = words.value(of: "sectors")?.number, 1...63 ~= sectors { geometry.sectors = UInt32(sectors) }
    geometry.countCylinders(of: count)
    return geometry
}

/// One hard disk more in the BIOS's data area.
/// - Returns: how many there are.
private func addHardDisk() -> UInt8 {
    let count = unsafe memory_at(0x475).load(as: UInt8.self) &+ 1
    unsafe memory_at(0x475).storeBytes(of: count, as: UInt8.self)
    return count
}

/// The same for floppy disks: in the equipment word bit 0 says that there are any, bits 6 and 7 how many more than one.
private func addFloppy() -> UInt8 {
    let equipment = UInt16(BIOS.word16(0x410))
    let before = equipment & 1 == 0 ? 0 : (equipment >> 6 & 3) &+ 1
    let more = min(before, 3)
    unsafe memory_at(0x410).storeBytes(of: equipment & ~0xc1 | 1 | more << 6, as: UInt16.self)
    return UInt8(more &+ 1)
}
