// SPDX-License-Identifier: MIT

/// Where a payload that is its own kernel says what it finds: text memory always, and a serial port where one answers.
///
/// `serial=ttyS0`, `ttyS1` or a port's number chooses another port, `baud=` a speed; without it the port keeps the one it
/// has.
struct Console: TextSink {
    private let serial: SerialPort<HardwarePorts>
    private let writesSerial: Bool
    private var screen = Screen()

    init(_ words: CommandLine) {
        var port: UInt16 = 0x3f8
        if let word = words.value(of: "serial") {
            if word == "ttyS1" {
                port = 0x2f8
            } else if let number = word.number {
                port = UInt16(truncatingIfNeeded: number)
            }
        }
        serial = SerialPort(at: port, ports: HardwarePorts())
        writesSerial = serial.isPresent
        let baud = words.value(of: "baud")?.number ?? 0
        if writesSerial, baud > 0, baud <= 115_200 { serial.setSpeed(divisor: UInt16(clamping: 115_200 / baud)) }
    }

    @inline(never) mutating func put(_ byte: UInt8) {
        if writesSerial {
            if byte == UInt8(ascii: "\n") { serial.send(UInt8(ascii: "\r")) }
            serial.send(byte)
        }
        screen.put(byte)
    }
}
