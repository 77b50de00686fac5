// SPDX-License-Identifier: MIT
import FirmwareAssembly
import Hardware

/// The BIOS's services, and its data area.
struct BIOS {
    private let gate: RealModeGate
    /// Seconds that one call may take.
    private let limit: UInt16
    /// Of the time-stamp counter, for one tick of the BIOS's timer; 0: there is no tick, so no call can be given up.
    var countPerTick: UInt64 = 0

    /// Where services write to: eight sectors that belong to nobody while no boot sector runs.
    static let buffer: UInt = 0x8000

    /// nil: no room below what the BIOS has taken from the end of the first 640 KiB.
    init?(_ words: CommandLine) {
        guard let room = RealModeGate.room() else { return nil }
        gate = RealModeGate(at: room)
        limit = UInt16(min(max(words.value(of: "limit")?.number ?? 10, 1), 3600))
    }

    /// Calls a service; what takes too long is given up, once the tick is known to come.
    /// - Returns: whether it came back.
    @inline(never) func call(_ vector: UInt8, _ registers: inout RealModeRegisters) -> Bool {
        // 18.2 ticks a second.
        gate.call(vector, &registers, ticks: countPerTick > 0 ? limit &* 18 : nil)
    }

    /// KiB of memory, from its data area.
    static var conventionalMemory: UInt { UInt(byte(0x413)) | UInt(byte(0x414)) << 8 }
    /// The address of the extended data area.
    static var extendedDataArea: UInt { (UInt(byte(0x40e)) | UInt(byte(0x40f)) << 8) << 4 }
    /// Ticks since midnight.
    static var ticks: UInt32 { unsafe memory_at(0x46c).load(as: UInt32.self) }

    static func byte(_ address: UInt) -> UInt8 { unsafe memory_at(address).load(as: UInt8.self) }
    static func word(_ address: UInt) -> UInt32 { unsafe memory_at(address).loadUnaligned(as: UInt32.self) }
}
