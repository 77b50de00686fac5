// SPDX-License-Identifier: MIT
import Handoff
import Testing

struct FirmwareStateTests {
    private func record() -> FirmwareStateRecord { firmwareStateRecord() }

    private func error(_ change: (inout [UInt8]) -> Void) -> FirmwareStateError? {
        var bytes = record().encoded
        change(&bytes)
        do throws(FirmwareStateError) {
            _ = try FirmwareStateRecord(parsing: bytes)
            return nil
        } catch { return error }
    }

    @Test func structuresHaveTheSizesOfTheFormat() {
        #expect(MemoryLayout<FirmwareStateHeader>.size == FirmwareStateHeader.size)
        #expect(MemoryLayout<FunctionRecord>.size == FunctionRecord.size)
        #expect(MemoryLayout<ChannelRecord>.size == ChannelRecord.size)
        #expect(record().encoded.count == 32 + 3 * 48)
        #expect(record().encoded.starts(with: Array("SWKXFWS1".utf8)))
    }

    @Test func readsBackWhatWasWritten() throws {
        let record = try FirmwareStateRecord(parsing: record().encoded)
        #expect(record == self.record() && record.functionCount == 2)
        let function = try #require(record.function(at: PCIAddress(bus: 1, deviceAndFunction: 0xfa)))
        #expect(function.kind == .ahci && function.standing == .kept && function.channelCount == 1)
        #expect(record.channel(0, of: function).commands == 0x1ffd_fc00)
        #expect(record[0].command == 3 && record[0].kind == ControllerKind.none)
    }

    @Test func namesTheNumberThatIsWrong() {
        #expect(error { $0[0] = 0 }?.field == .magic)
        #expect(error { $0[8] = 3 } == FirmwareStateError(.version, found: 3, needed: 2))
        #expect(error { $0.removeLast() } == FirmwareStateError(.size, found: 175, needed: 176))
        #expect(error { $0 = Array($0[..<31]) } == FirmwareStateError(.size, found: 31, needed: 32))
        #expect(error { $0[16] = 3 }?.field == .counts)
        #expect(error { $0[19] = 0xff }?.field == .counts)
        #expect(error { $0[40] ^= 1 }?.field == .checksum)
    }

    @Test func refusesChannelsThatAreNotThere() throws {
        var record = record()
        var function = record[1]
        function.firstChannel = 0xffff
        record[1] = function
        #expect(throws: FirmwareStateError(.channels, found: 0x1_0000, needed: 1)) {
            try FirmwareStateRecord(parsing: record.encoded)
        }
    }

    @Test func refusesARecordCutAnywhere() {
        let bytes = record().encoded
        for count in 0..<bytes.count {
            #expect(throws: FirmwareStateError.self) { try FirmwareStateRecord(parsing: Array(bytes[..<count])) }
        }
    }

    @Test func findsVirtioRegistersByTheirCapabilities() throws {
        var space = ConfigurationWords()
        space.words = [
            0: 0x1042_1af4, 4: 0x0010_0006, 0x34: 0x84, 0x20: 0xfe00_000c, 0x84: 0x0114_5009, 0x88: 4, 0x8c: 0,
            0x50: 0x0210_0009, 0x54: 4, 0x58: 0x3000, 0x60: 4,
        ]
        let places = try #require(VirtioPlaces(in: space))
        #expect(places.commonRegion == 4 && places.commonOffset == 0 && places.notifyOffset == 0x3000)
        #expect(places.notifyMultiplier == 4 && space.memory(4) == 0xfe00_0000)
        // A list that goes in circles.
        space.words[0x50] = 0x0510_8409
        #expect(VirtioPlaces(in: space) == nil)
    }
}
