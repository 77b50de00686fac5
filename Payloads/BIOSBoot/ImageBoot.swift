// SPDX-License-Identifier: MIT
import BIOSBootMemory
import FirmwareAssembly
import Hardware
import StandaloneAssembly

/// What stays when a boot sector has begun: real-mode code finds the image behind int 13h, and int 15h tells of the memory
/// that is left. Both come by the gate to `answer`, in 64-bit mode.
///
///     below the EBDA       the gate, 8 KiB              int 12h ends here
///     from 16 MiB on       the payload, the image       reserved, says int 15h
private struct Resident {
    let gate: RealModeGate
    var disk: DiskService<ImageMemory>
    let memory: ReportedMemory<KeptMemoryMap>

    /// - Returns: whether this is the answer; else it is the BIOS's turn.
    @inline(never) mutating func answer() -> Bool {
        // The gate's memory, in the first megabyte; both types have the same layout.
        let registers = unsafe UnsafeMutableRawPointer(gate.registers).assumingMemoryBound(to: ServiceRegisters.self)
        if gate.vector == 0x15 { return unsafe memory.answer(&registers.pointee, memory: ImageMemory()) }
        switch unsafe disk.answer(&registers.pointee) {
        case .answered: return true
        case .passedOn: return false
        case .passedOnAs(let drive):
            ask(drive)
            return true
        }
    }

    /// Asks the BIOS for its drive, which has another number for the caller.
    private func ask(_ drive: UInt8) {
        var registers = unsafe gate.registers.pointee
        let (called, function) = (registers.edx, registers.ax >> 8)
        registers.edx = called & 0xffff_ff00 | UInt32(drive)
        gate.callOldDiskService(&registers)
        // Function 08h tells how many drives there are, function 15h how many sectors; all others leave the number.
        if function == 0x08, !registers.carry {
            registers.edx = registers.edx & 0xffff_ff00 | (registers.edx &+ 1) & 0xff
        } else if function != 0x15 {
            registers.edx = registers.edx & 0xffff_ff00 | called & 0xff
        }
        unsafe gate.registers.pointee = registers
    }
}

/// Set before the vectors lead here.
nonisolated(unsafe) private var resident: Resident?

/// Called by the gate for int 13h and int 15h.
/// - Returns: 1 where this was the answer.
@c(answer_service)
public func answerService() -> UInt32 {
    // One processor, and no interrupts.
    unsafe resident?.answer() == true ? 1 : 0
}

/// The image, and the first megabyte.
private struct ImageMemory: DiskMemory {
    var image: UInt = 0

    func byte(at address: UInt32) -> UInt8 { unsafe memory_at(UInt(address)).load(as: UInt8.self) }
    func set(_ byte: UInt8, at address: UInt32) { unsafe memory_at(UInt(address)).storeBytes(of: byte, as: UInt8.self) }
    func readSectors(_ first: UInt32, count: UInt32, to address: UInt32) {
        move(from: image &+ UInt(first) &* 512, to: UInt(address), count: UInt(count) &* 512)
    }
    func writeSectors(_ first: UInt32, count: UInt32, from address: UInt32) {
        move(from: UInt(address), to: image &+ UInt(first) &* 512, count: UInt(count) &* 512)
    }
}

/// Puts the disk image that the ram disk is behind int 13h, and starts its boot sector.
func bootImage(_ handover: Handover, _ bios: inout BIOS) -> Never {
    let size = handover.ramdisk.size
    guard size >= 512, size % 512 == 0, size < 1 << 32 else {
        bios.ending.giveUp("the ram disk is no disk image: its size is no number of sectors")
    }
    let map = KeptMemoryMap(&bios)
    let image = settleForGood(handover, map, &bios)
    let count = UInt32(size / 512)
    let memory = ImageMemory(image: UInt(image.lowerBound))
    let first = unsafe RawSpan(_unsafeStart: memory_at(memory.image), byteCount: 512)
    let geometry = geometry(handover.words, count, first)
    let isFloppy = geometry.floppyType != 0
    let drives = isFloppy ? addFloppy() : addHardDisk()
    let disk = DiskService(memory: memory, geometry: geometry, sectorCount: count, driveCount: drives)
    let payload = UInt64(UInt(bitPattern: unsafe payload_start()))
    let own: [3 of Range<UInt64>] = [
        UInt64(bios.gateStart)..<0xa_0000, payload..<payload &+ UInt64(payload_memory_size()) &+ 4096,
        image.lowerBound..<(image.upperBound &+ 4095) & ~4095,
    ]
    unsafe resident = Resident(gate: bios.gate, disk: disk, memory: ReportedMemory(table: map, resident: own))
    // What int 12h tells, in KiB.
    unsafe memory_at(0x413).storeBytes(of: UInt16(bios.gateStart / 1024), as: UInt16.self)
    bios.gate.hook(handler: service_address(), stack: service_stack())
    memory.readSectors(0, count: 1, to: 0x7c00)
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
