// SPDX-License-Identifier: MIT
import BIOSBootMemory
import FirmwareAssembly
import Hardware
import StandaloneAssembly

/// What stays when a boot sector has begun: real-mode code finds the image behind int 13h, and int 15h tells of the memory
/// that is left. Both come by the gate to `answer`, in 64-bit mode.
///
///     below the EBDA       the gate, 8 KiB              int 12h ends here
///     from 16 MiB on       the payload, and the image
///                          or an NVMe disk's queues     reserved, says int 15h
private struct Resident {
    let gate: RealModeGate
    var disk: DiskService<ServedMemory>
    let memory: ReportedMemory<KeptMemoryMap>

    /// - Returns: whether this is the answer; else it is the BIOS's turn.
    @inline(never) mutating func answer() -> Bool {
        // The gate's memory, in the first megabyte; both types have the same layout.
        let registers = unsafe UnsafeMutableRawPointer(gate.registers).assumingMemoryBound(to: ServiceRegisters.self)
        if gate.vector == 0x15 { return unsafe memory.answer(&registers.pointee, memory: ServedMemory()) }
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
            registers.edx = registers.edx & 0xffff_ff00 | UInt32(disk.driveCount)
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

/// The first megabyte, and the sectors of what is served there.
struct ServedMemory: DiskMemory {
    /// Where the disk image lies; 0: the disk is the NVMe controller's.
    var image: UInt = 0

    func byte(at address: UInt32) -> UInt8 { unsafe memory_at(UInt(address)).load(as: UInt8.self) }
    func set(_ byte: UInt8, at address: UInt32) { unsafe memory_at(UInt(address)).storeBytes(of: byte, as: UInt8.self) }
    func readSectors(_ first: UInt32, count: UInt32, to address: UInt32) -> Bool {
        guard image != 0 else { return transferByNVMe(first, count, UInt(address), writes: false) }
        move(from: image &+ UInt(first) &* 512, to: UInt(address), count: UInt(count) &* 512)
        return true
    }
    func writeSectors(_ first: UInt32, count: UInt32, from address: UInt32) -> Bool {
        guard image != 0 else { return transferByNVMe(first, count, UInt(address), writes: true) }
        move(from: UInt(address), to: image &+ UInt(first) &* 512, count: UInt(count) &* 512)
        return true
    }
}

/// Puts the disk behind int 13h, and all that stays out of the memory that int 12h and int 15h tell of.
/// - Parameter kept: of memory, besides the payload and the gate.
func stay(
    _ disk: DiskService<ServedMemory>, keeping kept: Range<UInt64>, _ map: KeptMemoryMap, _ bios: inout BIOS
) {
    let payload = UInt64(UInt(bitPattern: unsafe payload_start()))
    let own: [3 of Range<UInt64>] = [
        UInt64(bios.gateStart)..<0xa_0000, payload..<payload &+ UInt64(payload_memory_size()) &+ 4096,
        kept.lowerBound..<(kept.upperBound &+ 4095) & ~4095,
    ]
    unsafe resident = Resident(gate: bios.gate, disk: disk, memory: ReportedMemory(table: map, resident: own))
    // What int 12h tells, in KiB.
    unsafe memory_at(0x413).storeBytes(of: UInt16(bios.gateStart / 1024), as: UInt16.self)
    bios.gate.hook(handler: service_address(), stack: service_stack())
}
