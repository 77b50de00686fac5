// SPDX-License-Identifier: MIT

/// The processor's I/O ports, or what a test puts in their place.
public protocol PortAccess {
    func read(_ port: UInt16) -> UInt8
    func write(_ value: UInt8, to port: UInt16)
}

/// Text on an 8250-compatible UART, polled, with a bound on every wait.
public struct SerialPort<Ports: PortAccess> {
    private let ports: Ports
    private let base: UInt16

    /// The UART whose registers begin at I/O port `base`: 0x3f8 is COM1.
    public init(at base: UInt16, ports: Ports) {
        self.base = base
        self.ports = ports
    }

    /// Whether a UART answers: its scratch register (7) keeps what is written to it.
    public var isPresent: Bool {
        ports.write(0x5a, to: base &+ 7)
        guard ports.read(base &+ 7) == 0x5a else { return false }
        ports.write(0xa5, to: base &+ 7)
        return ports.read(base &+ 7) == 0xa5
    }

    /// Sets 8 data bits, no parity, and 115200 / `divisor` bits a second; 0 leaves all as it is.
    public func setSpeed(divisor: UInt16) {
        guard divisor != 0 else { return }
        ports.write(0, to: base &+ 1)  // no interrupts
        ports.write(0x83, to: base &+ 3)  // divisor latch, 8N1
        ports.write(UInt8(truncatingIfNeeded: divisor), to: base)
        ports.write(UInt8(truncatingIfNeeded: divisor >> 8), to: base &+ 1)
        ports.write(0x03, to: base &+ 3)
    }

    /// Sends one byte as soon as the transmitter (bit 5 of the line status, register 5) has room.
    public func send(_ byte: UInt8) {
        var tries = 0
        // A character takes 1/30 s at 300 bits a second; a dead port must not hold the boot up for ever.
        while ports.read(base &+ 5) & 0x20 == 0 && tries < 100_000 { tries &+= 1 }
        ports.write(byte, to: base)
    }
}
