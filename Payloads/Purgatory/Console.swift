// SPDX-License-Identifier: MIT

/// Everywhere purgatory can write to. Its functions stay calls: speed is nothing here, and size is.
struct Console {
    private let serial: SerialPort<HardwarePorts>
    private var writesSerial: Bool
    private var screen: Screen?

    /// The consoles that the user asked for; none is as good an answer.
    @inline(never) init(_ parameters: PurgatoryParameters) {
        serial = SerialPort(at: parameters.serialPort, ports: HardwarePorts())
        writesSerial = parameters.writesSerial
        if writesSerial { serial.setSpeed(divisor: parameters.serialDivisor) }
        if parameters.writesVGA { screen = Screen() }
    }

    /// Before bad news: the serial port (COM1, if no other was named), where a UART answers, and text memory, where it is
    /// mapped, though nobody asked for them.
    @inline(never) mutating func openAll() {
        if !writesSerial { writesSerial = serial.isPresent }
        if screen == nil { screen = Screen() }
    }

    @inline(never) mutating func put(_ byte: UInt8) {
        if writesSerial {
            if byte == UInt8(ascii: "\n") { serial.send(UInt8(ascii: "\r")) }
            serial.send(byte)
        }
        screen?.put(byte)
    }

    @inline(never) mutating func put(_ text: StaticString) {
        var next = unsafe text.utf8Start
        // A static string has as many bytes as it says.
        for _ in 0..<text.utf8CodeUnitCount {
            put(unsafe next.pointee)
            unsafe next += 1
        }
    }

    @inline(never) mutating func putHexadecimal(_ value: UInt64) {
        put("0x")
        var shift: UInt64 = 64
        var leading = true
        while shift > 0 {
            shift &-= 4
            let digit = UInt8(truncatingIfNeeded: value &>> shift) & 15
            leading = leading && digit == 0 && shift > 0
            if !leading { put(digit < 10 ? 0x30 &+ digit : 0x57 &+ digit) }
        }
    }

    @inline(never) mutating func putDecimal(_ value: UInt16) {
        var unit: UInt16 = 10000
        while unit > 0 {
            if value >= unit || unit == 1 { put(0x30 &+ UInt8(truncatingIfNeeded: value / unit % 10)) }
            unit /= 10
        }
    }
}
