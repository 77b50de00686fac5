// SPDX-License-Identifier: MIT

/// The two 8259 as a BIOS sets them up: vectors 0x08 and 0x70, the second one behind input 2 of the first; open are the
/// tick, the keyboard, the second controller, the floppy disk, and of the second the clock, the mouse, the first disk channel: SeaBIOS's masks.
func resetInterruptControllers(_ ports: some PortAccess) {
    ports.slowly(write: 0x11, to: 0x20)  // ICW1: begin, cascaded, ICW4 follows
    ports.slowly(write: 0x11, to: 0xa0)
    ports.slowly(write: 0x08, to: 0x21)  // ICW2: the first vector
    ports.slowly(write: 0x70, to: 0xa1)
    ports.slowly(write: 0x04, to: 0x21)  // ICW3: who is where
    ports.slowly(write: 0x02, to: 0xa1)
    ports.slowly(write: 0x01, to: 0x21)  // ICW4: 8086 mode
    ports.slowly(write: 0x01, to: 0xa1)
    ports.slowly(write: 0xb8, to: 0x21)
    ports.slowly(write: 0x8e, to: 0xa1)
}

/// Channel 0 of the 8254: mode 2, the longest period there is, 18.2 times a second.
func startTick(_ ports: some PortAccess) {
    ports.slowly(write: 0x34, to: 0x43)
    ports.slowly(write: 0, to: 0x40)
    ports.slowly(write: 0, to: 0x40)
}

/// Address line 20, by the chipset's port 0x92; bit 0 there resets the machine.
func enableA20(_ ports: some PortAccess) { ports.write(ports.read(0x92) & 0xfe | 2, to: 0x92) }

extension PortAccess {
    /// Old devices need a microsecond between two writes: as long as a write to port 0x80 takes.
    @inline(never) fileprivate func slowly(write value: UInt8, to port: UInt16) {
        write(value, to: port)
        write(0, to: 0x80)
    }
}
