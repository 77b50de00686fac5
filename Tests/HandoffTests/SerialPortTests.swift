// SPDX-License-Identifier: MIT
import Handoff
import Testing

/// A UART made of a table: answers reads from it, keeps writes.
private final class FakeUART: PortAccess {
    enum Access: Equatable { case write(UInt16, UInt8) }
    var writes: [Access] = []
    var reads = 0
    /// Bit 5: the transmitter has room.
    var lineStatus: UInt8 = 0x20
    /// nil: there is no such register, as on a bus where nobody answers.
    var scratch: UInt8?

    func read(_ port: UInt16) -> UInt8 {
        reads += 1
        return port & 7 == 5 ? lineStatus : scratch ?? 0xff
    }

    func write(_ value: UInt8, to port: UInt16) {
        if port & 7 == 7, scratch != nil { scratch = value }
        writes.append(.write(port, value))
    }
}

struct SerialPortTests {
    @Test func sendsTextByteByByteToTheDataRegister() {
        let uart = FakeUART()
        let port = SerialPort(at: 0x2f8, ports: uart)
        for byte in "hello".utf8 { port.send(byte) }
        #expect(uart.writes == "hello".utf8.map { .write(0x2f8, $0) })
    }

    @Test func setsTheSpeedByItsDivisorAndLeavesNoLatchOpen() {
        let uart = FakeUART()
        SerialPort(at: 0x3f8, ports: uart).setSpeed(divisor: 0x0103)
        #expect(
            uart.writes == [
                .write(0x3f9, 0), .write(0x3fb, 0x83), .write(0x3f8, 0x03), .write(0x3f9, 0x01), .write(0x3fb, 0x03),
            ])
    }

    @Test func leavesThePortAloneWithoutADivisor() {
        let uart = FakeUART()
        SerialPort(at: 0x3f8, ports: uart).setSpeed(divisor: 0)
        #expect(uart.writes.isEmpty && uart.reads == 0)
    }

    @Test func givesUpWaitingForADeadTransmitter() {
        let uart = FakeUART()
        uart.lineStatus = 0
        SerialPort(at: 0x3f8, ports: uart).send(0x41)
        #expect(uart.reads > 1 && uart.reads < 1_000_000)
        #expect(uart.writes == [.write(0x3f8, 0x41)])
    }

    /// Whatever else the line's status says, of a byte that has come in, or of an error.
    @Test func waitsForTheTransmitterAlone() {
        for bit in 0..<8 as Range<UInt8> {
            let uart = FakeUART()
            uart.lineStatus = 1 << bit
            SerialPort(at: 0x3f8, ports: uart).send(0x41)
            #expect((uart.reads == 1) == (bit == 5), "bit \(bit)")
            #expect(uart.writes == [.write(0x3f8, 0x41)])
        }
    }

    @Test func findsAUARTByItsScratchRegister() {
        let uart = FakeUART()
        uart.scratch = 0
        #expect(SerialPort(at: 0x3f8, ports: uart).isPresent)
    }

    @Test func findsNothingWhereNobodyAnswers() {
        #expect(!SerialPort(at: 0x3f8, ports: FakeUART()).isPresent)
    }
}
