// SPDX-License-Identifier: MIT
import Hardware

/// Waits `seconds` by the time-stamp counter.
///
/// A PC's old timer (the PIT) would need no calibration, but newer chipsets stop its clock, and where there is none its
/// port reads as "time is up". The counter is always there, and the loader has seen how fast it runs.
/// - Parameter frequency: of the counter, in kHz; where it is 0 (unknown), 4 GHz stand for it, so that the wait is
///   rather too long than too short.
@inline(never) func wait(seconds: UInt16, frequency: UInt64) {
    let ticks = UInt64(seconds) &* 1000 &* (frequency == 0 ? 4_000_000 : frequency)
    let start = time_stamp()
    while time_stamp() &- start < ticks {}
}

/// Resets the machine: by the chipset (port 0xcf9), by the keyboard controller, at last by a triple fault.
func reset(frequency: UInt64) -> Never {
    port_write(0xcf9, 0x02)
    port_write(0xcf9, 0x06)  // a rising bit 2 resets
    wait(seconds: 1, frequency: frequency)
    port_write(0x64, 0xfe)
    wait(seconds: 1, frequency: frequency)
    triple_fault()
}
