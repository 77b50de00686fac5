// SPDX-License-Identifier: MIT
import Hardware

/// Waits about `seconds`, with nothing but the timer that every PC has had since 1981.
///
/// Channel 2 of the PIT counts 20 ms down while its gate (port 0x61, bit 0) is open, and shows the end in bit 5. Every
/// round is bounded by the time-stamp counter: where there is no PIT, 2^27 cycles stand for 20 ms (27 ms at 5 GHz, 134 ms
/// at 1 GHz), so that the wait ends all the same.
@inline(never) func wait(seconds: UInt16) {
    let ticksPerRound: UInt16 = 23864  // 1193182 Hz / 50
    var rounds = Int(seconds) &* 50
    while rounds > 0 {
        port_write(0x61, port_read(0x61) & 0xfc)  // gate closed, speaker off
        port_write(0x43, 0xb0)  // channel 2, low byte then high byte, mode 0: one count
        port_write(0x42, UInt8(truncatingIfNeeded: ticksPerRound))
        port_write(0x42, UInt8(truncatingIfNeeded: ticksPerRound >> 8))
        port_write(0x61, port_read(0x61) & 0xfc | 1)
        let start = time_stamp()
        while port_read(0x61) & 0x20 == 0 && time_stamp() &- start < 1 << 27 {}
        rounds &-= 1
    }
}

/// Resets the machine: by the chipset (port 0xcf9), by the keyboard controller, at last by a triple fault.
func reset() -> Never {
    port_write(0xcf9, 0x02)
    port_write(0xcf9, 0x06)  // a rising bit 2 resets
    wait(seconds: 1)
    port_write(0x64, 0xfe)
    wait(seconds: 1)
    triple_fault()
}
