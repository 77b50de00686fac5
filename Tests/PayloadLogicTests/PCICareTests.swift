// SPDX-License-Identifier: MIT
import Handoff
import Testing

@testable import FirmwareLogic

struct PCICareTests {
    private let machine = FakeMachine()
    private let first = PCIAddress(bus: 0, deviceAndFunction: 0x08)
    private let second = PCIAddress(bus: 3, deviceAndFunction: 0xf8)

    /// The command word that a function of a class has afterwards, without a record.
    private func command(class code: UInt32, before: UInt32) -> UInt16 {
        machine.add(first, class: code, command: before)
        machine.putBack(nil)
        return machine.command(first)
    }

    @Test func withoutARecordDisksGetWhatTheyNeed() {
        #expect(command(class: 0x01_0601, before: 0x0400) == 7)
        #expect(command(class: 0x01_0180, before: 0x0540) == 0x0147)
        #expect(command(class: 0x01_0802, before: 0x0007) == 7)
    }

    /// The host bridge's place among them, and the last function of the last bus.
    @Test(arguments: [PCIAddress(bus: 0, deviceAndFunction: 0), PCIAddress(bus: 0xff, deviceAndFunction: 0xf8)])
    func everyPlaceIsLookedAt(_ address: PCIAddress) {
        machine.add(address, class: 0x02_0000, command: 0x0407)
        machine.putBack(nil)
        #expect(machine.command(address) == 0x0403)
    }

    @Test func withoutARecordBridgesLetOthersPassAndAllElseStaysOffTheBus() {
        #expect(command(class: 0x06_0400, before: 0x0003) == 7)
        #expect(command(class: 0x06_0000, before: 0x0006) == 6)
        #expect(command(class: 0x06_0100, before: 0x0003) == 3)
        #expect(command(class: 0x02_0000, before: 0x0407) == 0x0403)
        #expect(command(class: 0x03_0000, before: 0x0007) == 3)
        #expect(command(class: 0x0c_0330, before: 0x0006) == 2)
    }

    @Test func withARecordFunctionsGetTheirOwnWord() {
        machine.add(first, class: 0x02_0000)
        machine.add(second, class: 0x0c_0330)
        var record = FirmwareStateRecord()
        record.add(machine.recorded(first, command: 0x0147), channels: 0)
        machine.putBack(record)
        #expect(machine.command(first) == 0x0147 && machine.command(second) == 0x0400)
    }

    @Test func whatADriverHadFirstIsTreatedAsWithoutARecord() {
        machine.add(first, class: 0x02_0000, command: 0x0407)
        var function = machine.recorded(first, command: 0x0147)
        function.set(.none, .driverFirst)
        var record = FirmwareStateRecord()
        record.add(function, channels: 0)
        machine.putBack(record)
        #expect(machine.command(first) == 0x0403)
    }

    @Test func aRecordOfAnotherFunctionOrPlaceIsLeftAlone() {
        machine.add(first, class: 0x02_0000, command: 0x0407)
        var identity = machine.recorded(first, command: 0x0147)
        identity.identity = 0x4321_8086
        machine.functions[first]?[0x14] = 0xfe00_0000
        let base = machine.recorded(first, command: 0x0147)
        machine.functions[first]?[0x14] = 0xfd00_0000
        var elsewhere = machine.recorded(first, command: 0x0147)
        elsewhere.address = PCIAddress(segment: 1, bus: 0, deviceAndFunction: 0x08)
        var gone = elsewhere
        gone.address = PCIAddress(bus: 9, deviceAndFunction: 0x08)
        for function in [identity, base, elsewhere, gone] {
            machine.functions[first]?[0x04] = 0x0407
            var record = FirmwareStateRecord()
            record.add(function, channels: 0)
            machine.putBack(record)
            #expect(machine.command(first) == 0x0403)
        }
    }

    @Test func whatIsNoWholeRecordCountsForNone() {
        machine.add(first, class: 0x02_0000)
        var record = FirmwareStateRecord()
        record.add(machine.recorded(first, command: 0x0147), channels: 0)
        let bytes = record.encoded
        for count in 0..<bytes.count {
            machine.functions[first]?[0x04] = 0x0407
            machine.putBack(Array(bytes[..<count]))
            #expect(machine.command(first) == 0x0403)
        }
        #expect(machine.lost == [])
    }

    @Test func clearsNoBitOfTheStatus() {
        machine.add(first, class: 0x02_0000, command: 0xf910_0407)
        machine.putBack(nil)
        #expect(machine.functions[first]?[0x04] == 0xf910_0403)
    }

    @Test func findsFunctionsOnAllBusesAndThoseBesideTheFirst() {
        let last = PCIAddress(bus: 255, deviceAndFunction: 0xff)
        let addresses = [
            first, PCIAddress(bus: 0, deviceAndFunction: 0x0f), second, PCIAddress(bus: 255, deviceAndFunction: 0xf8),
            last,
        ]
        for address in addresses { machine.add(address, class: 0x02_0000) }
        machine.functions[first]?[0x0c] = 1 << 23
        machine.functions[addresses[3]]?[0x0c] = 1 << 23
        // Of a device with one function the others answer like the first.
        machine.add(PCIAddress(bus: 3, deviceAndFunction: 0xf9), class: 0x02_0000)
        machine.putBack(nil)
        #expect(machine.commands.map(\.address) == addresses)
    }

    @Test func turnsInterruptsByMessagesOff() {
        machine.add(first, class: 0x02_0000, command: 0x0010_0007)
        machine.functions[first]?.merge([
            0x34: 0x40, 0x40: 0x0081_5005, 0x50: 0xc003_6011, 0x60: 0xffff_0001,
        ]) { $1 }
        machine.putBack(nil)
        #expect(machine.functions[first]?[0x40] == 0x0080_5005)
        #expect(machine.functions[first]?[0x50] == 0x4003_6011)
        #expect(machine.functions[first]?[0x60] == 0xffff_0001)
    }

    /// A bridge to CardBus has its list of capabilities, and other registers where the others have theirs.
    @Test func aCardBusBridgeHasItsCapabilitiesElsewhere() {
        machine.add(first, class: 0x06_0700, command: 0x0010_0007)
        machine.functions[first]?.merge([
            0x0c: 2 << 16, 0x14: 0xa0, 0xa0: 0x0081_0005, 0x34: 0x40, 0x40: 0x0001_0005,
        ]) { $1 }
        machine.putBack(nil)
        #expect(machine.functions[first]?[0xa0] == 0x0080_0005)
        #expect(machine.functions[first]?[0x40] == 0x0001_0005)
    }

    @Test func aListOfCapabilitiesThatGoesInCirclesEnds() {
        machine.add(first, class: 0x02_0000, command: 0x0010_0007)
        machine.functions[first]?.merge([0x34: 0x40, 0x40: 0x0001_4005]) { $1 }
        machine.putBack(nil)
        #expect(machine.functions[first]?[0x40] == 0x0000_4005)
    }
}
