// SPDX-License-Identifier: MIT
import Handoff
import Testing

@testable import FirmwareLogic

struct AHCITests {
    private let machine = FakeMachine()
    private let controller: FakeAHCI

    init() { controller = FakeAHCI(machine) }

    private static func lists(of port: UInt32) -> UInt64 { 0x1ffd_fc00 - UInt64(port) << 16 }

    /// Firmware's, with its lists for some ports.
    private func record(_ ports: [UInt32], _ change: (inout FunctionRecord) -> Void = { _ in }) -> FirmwareStateRecord {
        var record = FirmwareStateRecord()
        for number in ports {
            var port = ChannelRecord()
            (port.number, port.commandOrSize, port.controlOrStatus) = (number, 0x0004_c017, 0x300)
            (port.commands, port.answers) = (Self.lists(of: number), Self.lists(of: number) - 0x100)
            port.interruptsOrNotify = 0x41
            record.add(port)
        }
        var function = machine.recorded(FakeAHCI.address, command: 7)
        function.set(.ahci, .kept)
        function.control = 0x8000_0003
        change(&function)
        record.add(function, channels: ports.count)
        return record
    }

    private func word(_ port: UInt32, _ register: UInt64) -> UInt32 {
        controller.words[AHCIRegister.port(port) + register] ?? 0
    }

    @Test func stopsAPortOffTheBusAndStartsItWithFirmwaresLists() {
        controller.words[AHCIRegister.portsImplemented] = 1 << 1
        controller.start(1)
        machine.putBack(record([1]))
        #expect(controller.faults == [])
        #expect(
            controller.events == [
                "HBA 4=80000002, off the bus", "1 IE=0, off the bus", "1 CMD=c016, off the bus",
                "1 CMD=4006, off the bus", "1 CLB=1ffcfc00", "1 CLBU=0", "1 FB=1ffcfb00", "1 FBU=0", "1 SCTL=300",
                "1 SERR=ffffffff", "1 IS=ffffffff", "HBA 8=2", "1 CMD=16", "1 CMD=17", "1 IE=41",
            ])
        #expect(machine.commands.map(\.command) == [3, 3, 7, 7])
        #expect(word(1, AHCIRegister.command) == 0xc017)
        #expect(machine.time < 200)
    }

    @Test func leavesAPortThatIsAsItWasAlone() {
        controller.start(0)
        controller.words[AHCIRegister.port(0)] = UInt32(Self.lists(of: 0))
        machine.putBack(record([0]))
        #expect(controller.events == [] && machine.command(FakeAHCI.address) == 7)
    }

    @Test func givesEachPortItsOwn() {
        for port in 0..<3 as Range<UInt32> { controller.start(port) }
        machine.putBack(record([0, 2]))
        #expect(controller.faults == [])
        #expect(word(0, AHCIRegister.commandList) == UInt32(Self.lists(of: 0)))
        #expect(word(2, AHCIRegister.commandList) == UInt32(Self.lists(of: 2)))
        #expect(machine.command(FakeAHCI.address) == 7)
        // Firmware had not started this one: Linux's lists stay, but nothing goes there.
        #expect(word(1, AHCIRegister.command) == 0x06)
        #expect(controller.events.allSatisfy { !$0.hasPrefix("1 ") || $0.hasSuffix("off the bus") })
    }

    @Test func onePortThatIsAsItWasDoesNotSpeakForAnother() {
        for port in 0..<2 as Range<UInt32> { controller.start(port) }
        controller.words[AHCIRegister.port(0)] = UInt32(Self.lists(of: 0))
        machine.putBack(record([0, 1]))
        #expect(controller.faults == [])
        for port in 0..<2 as Range<UInt32> {
            #expect(word(port, AHCIRegister.commandList) == UInt32(Self.lists(of: port)))
            #expect(word(port, AHCIRegister.command) == 0xc017)
        }
    }

    /// It has Linux's lists, and would go on to write where they say.
    @Test func aPortThatNeverStopsStaysOffTheBus() {
        for port in 0..<2 as Range<UInt32> { controller.start(port) }
        controller.endless = [1]
        machine.putBack(record([0, 1]))
        #expect(controller.faults == [])
        #expect(machine.command(FakeAHCI.address) == 3)
        #expect(word(1, AHCIRegister.commandList) == 0x1001_0000)
        #expect(machine.time <= 1_100_000)
    }

    @Test func aDiskThatIsGoneEndsInTime() {
        controller.start(0)
        controller.words[AHCIRegister.port(0) + AHCIRegister.status] = 0
        controller.words[AHCIRegister.port(0) + AHCIRegister.taskFile] = 0x80
        machine.putBack(record([0]))
        #expect(controller.faults == [])
        #expect(1_000_000...1_100_000 ~= machine.time)
    }

    @Test func whatIsNotKeptGetsItsCommandWordOnly() {
        controller.start(0)
        machine.putBack(record([0]) { $0.set(.ahci, .notReadable) })
        #expect(controller.events == [] && machine.command(FakeAHCI.address) == 7)
        machine.putBack(record([0]) { $0.set(.ahci, .driverFirst) })
        #expect(controller.events == [] && machine.command(FakeAHCI.address) == 7)
    }

    @Test func registersElsewhereAreLeftAlone() {
        controller.start(0)
        let record = record([0])
        machine.functions[FakeAHCI.address]?[0x24] = 0xfea0_0000
        machine.putBack(record)
        #expect(controller.events == [] && machine.lost == [] && machine.command(FakeAHCI.address) == 7)
    }

    @Test func channelsBehindTheLastAreNotRead() {
        controller.start(0)
        // `add` sets both fields; these are as a damaged record has them.
        var record = record([0])
        var function = record[0]
        (function.firstChannel, function.channelCount) = (0, 3)
        record[0] = function
        machine.putBack(record)
        #expect(controller.faults == [])
        #expect(word(0, AHCIRegister.commandList) == UInt32(Self.lists(of: 0)))
    }
}
