// SPDX-License-Identifier: MIT
import FirmwareAssembly
import Hardware

/// The BIOS's services, each with a limit of time; what fails ends the payload.
struct BIOS {
    let gate: RealModeGate
    /// Where the gate begins: the end of the memory that real-mode code may have.
    let gateStart: UInt
    var ending: Ending
    /// The last read that failed: ax of the call and of its answer; no drive before there is one.
    private(set) var failure: (drive: UInt8, call: UInt16, answer: UInt16) = (0, 0, 0)

    /// Of one call, in ticks: 10 seconds.
    private static let limit: UInt16 = 182
    /// Where services write to: nobody's, while no boot sector runs.
    static let buffer: UInt = 0x8000
    static let ticks: UInt = 0x46c

    /// nil: no room below what the BIOS has taken from the end of the first 640 KiB.
    init?(_ ending: Ending) {
        guard let room = RealModeGate.room() else { return nil }
        gateStart = room
        gate = RealModeGate(at: room)
        self.ending = ending
    }

    /// Waits for three ticks of the timer, by which all calls are limited. Interrupts come in real mode only: it is the way
    /// there and back that counts, whatever is called.
    mutating func checkTick() {
        // No clock is known yet: 4 GHz stand for the time-stamp counter's, so that the second is rather too long.
        let limit = time_stamp() &+ 4_000_000_000
        var begin: UInt64 = 0
        var count = 0
        while count < 4 {
            let tick = Self.word16(Self.ticks)
            while Self.word16(Self.ticks) == tick {
                guard time_stamp() < limit else { ending.giveUp("the BIOS's timer does not tick") }
                var registers = RealModeRegisters()
                _ = gate.call(0x12, &registers)
            }
            if count == 0 { begin = time_stamp() }
            count &+= 1
        }
        // A tick lasts 54.925 ms.
        ending.frequency = (time_stamp() &- begin) / 165
    }

    /// Calls a disk service that has to come back.
    /// - Returns: whether it did its work.
    @inline(never) mutating func callDisk(_ registers: inout RealModeRegisters) -> Bool {
        let (function, drive) = (UInt8(truncatingIfNeeded: registers.ax >> 8), UInt8(truncatingIfNeeded: registers.edx))
        guard gate.call(0x13, &registers, ticks: Self.limit) else {
            ending.giveUp(" does not come back, ", drive: drive, function: function, ax: registers.ax)
        }
        return !registers.carry
    }

    /// Reads one sector to an address below 64 KiB; where that fails, so does the payload.
    /// - Parameter mayFail: the drive need not exist.
    /// - Returns: false where it failed, and may.
    @inline(never) mutating func read(_ sector: UInt64, of drive: UInt8, to address: UInt32, mayFail: Bool = false)
        -> Bool
    {
        var registers = RealModeRegisters(service: 0x4100)
        registers.ebx = 0x55aa
        registers.edx = UInt32(drive)
        let hasExtensions = callDisk(&registers) && registers.ebx & 0xffff == 0xaa55 && registers.ecx & 1 != 0
        registers = hasExtensions ? readByNumber(sector, address) : readByGeometry(sector, of: drive, address)
        registers.edx |= UInt32(drive)
        // A drive may be excused for a failure or two: it was reset, or its disk changed.
        var failures = 0
        while true {
            var call = registers
            // What says that it has read, and has not, must not leave an older sector there.
            unsafe memory_at(UInt(address)).initializeMemory(as: UInt8.self, repeating: 0, count: 512)
            if callDisk(&call) { return true }
            failures &+= 1
            failure = (drive, registers.ax, call.ax)
            if failures == 3 {
                if mayFail { return false }
                giveUpDrive()
            }
            call = RealModeRegisters()
            call.edx = UInt32(drive)
            _ = callDisk(&call)
        }
    }

    /// Says which call failed last, and ends.
    mutating func giveUpDrive() -> Never {
        let function = UInt8(truncatingIfNeeded: failure.call >> 8)
        ending.giveUp(" fails, ", drive: failure.drive, function: function, ax: failure.answer)
    }

    /// The call of function 42h, by a packet in `buffer`.
    private func readByNumber(_ sector: UInt64, _ address: UInt32) -> RealModeRegisters {
        let packet = unsafe memory_at(Self.buffer)
        // Size 16, one sector; the address as an offset in segment 0.
        unsafe packet.storeBytes(of: 0x0001_0010, as: UInt32.self)
        unsafe packet.storeBytes(of: address, toByteOffset: 4, as: UInt32.self)
        unsafe packet.storeBytes(of: sector, toByteOffset: 8, as: UInt64.self)
        var registers = RealModeRegisters(service: 0x4200)
        registers.esi = UInt32(Self.buffer)
        return registers
    }

    /// The call of function 02h, by the geometry that function 08h tells.
    private mutating func readByGeometry(_ sector: UInt64, of drive: UInt8, _ address: UInt32) -> RealModeRegisters {
        var registers = RealModeRegisters(service: 0x0800)
        registers.edx = UInt32(drive)
        var (heads, sectors): (UInt64, UInt64) = (1, 1)
        if sector > 0, callDisk(&registers) {
            heads = UInt64(registers.edx >> 8 & 0xff) &+ 1
            sectors = UInt64(max(registers.ecx & 0x3f, 1))
        }
        let (track, number) = (sector / sectors, UInt32(sector % sectors) &+ 1)
        let (cylinder, head) = (UInt32(truncatingIfNeeded: track / heads), UInt32(track % heads))
        registers = RealModeRegisters(service: 0x0201)
        registers.ebx = address
        registers.ecx = (cylinder & 0xff) << 8 | (cylinder >> 2 & 0xc0) | number
        registers.edx = head << 8
        return registers
    }

    static func word16(_ address: UInt) -> UInt { UInt(unsafe memory_at(address).load(as: UInt16.self)) }
}
