// SPDX-License-Identifier: MIT
import Hardware

/// Bad news, on the first serial port as firmware set it up and on the VGA's text memory from its first row on.
struct Console {
    private let serial = SerialPort(at: 0x3f8, ports: HardwarePorts())
    private var cell: UInt = 0xb8000

    @inline(never) mutating func put(_ text: StaticString) {
        var next = unsafe text.utf8Start
        // A static string has as many bytes as it says.
        for _ in 0..<text.utf8CodeUnitCount {
            put(unsafe next.pointee)
            unsafe next += 1
        }
    }

    @inline(never) mutating func put(_ name: StaticString, _ value: UInt32) {
        put(name)
        var shift: UInt32 = 32
        while shift > 0 {
            shift &-= 4
            let digit = UInt8(truncatingIfNeeded: value &>> shift) & 15
            put(digit < 10 ? 0x30 &+ digit : 0x57 &+ digit)
        }
    }

    @inline(never) private mutating func put(_ byte: UInt8) {
        serial.send(byte)
        guard byte >= 0x20 else { return }
        device_store(cell, 0x0700 | UInt16(byte))  // light grey on black
        cell &+= 2
    }
}
