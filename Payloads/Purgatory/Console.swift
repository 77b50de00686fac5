// SPDX-License-Identifier: MIT
import PurgatoryAssembly

/// Everywhere purgatory can write to.
struct Console: TextSink {
    private let serial: SerialPort<HardwarePorts>
    private var writesSerial: Bool
    private var screen: Screen?

    /// The consoles that the user asked for; none is as good an answer.
    @inline(never) init(_ parameters: PurgatoryParameters) {
        serial = SerialPort(at: parameters.serialPort, ports: HardwarePorts())
        writesSerial = parameters.writesSerial
        if writesSerial { serial.setSpeed(divisor: parameters.serialDivisor) }
        if parameters.writesVGA { screen = Self.openScreen() }
    }

    /// Before bad news: the serial port (COM1, if no other was named), where a UART answers, and text memory, where it is
    /// mapped, though nobody asked for them.
    @inline(never) mutating func openAll() {
        if !writesSerial { writesSerial = serial.isPresent }
        if screen == nil { screen = Self.openScreen() }
    }

    @inline(never) mutating func put(_ byte: UInt8) {
        if writesSerial {
            if byte == UInt8(ascii: "\n") { serial.send(UInt8(ascii: "\r")) }
            serial.send(byte)
        }
        screen?.put(byte)
    }

    /// nil: the identity map that purgatory was entered with does not reach text memory.
    private static func openScreen() -> Screen? { purgatory_probe(Screen.memory) ? Screen() : nil }
}
