// SPDX-License-Identifier: MIT
import Hardware

/// The processor's real I/O ports.
struct HardwarePorts: PortAccess {
    func read(_ port: UInt16) -> UInt8 { port_read(port) }
    func write(_ value: UInt8, to port: UInt16) { port_write(port, value) }
}
