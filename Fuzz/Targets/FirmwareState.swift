// SPDX-License-Identifier: MIT
// Records of what firmware left in the PCI functions. Read as they are, and once more with magic number, version, size and
// checksum made right, else little would be read.
import BootFormats
import Handoff

func fuzzFirmwareState(_ input: UnsafeRawBufferPointer) {
    var bytes = Array(input)
    read(bytes)
    guard bytes.count >= FirmwareStateHeader.size else { return }
    bytes.store(FirmwareStateHeader.magic, at: 0)
    bytes.store(FirmwareStateHeader.currentVersion, at: 8)
    bytes.store(UInt32(bytes.count), at: 12)
    let sum = bytes.withUnsafeBytes { FastHash.hash($0.bytes.extracting(droppingFirst: FirmwareStateHeader.size)) }
    bytes.store(sum, at: 24)
    read(bytes)
}

private func read(_ bytes: [UInt8]) {
    do throws(FirmwareStateError) {
        check(try FirmwareStateRecord(parsing: bytes), bytes)
    } catch {
        expect(error.found != error.needed, "what was found is not what is needed")
    }
}

private func check(_ record: FirmwareStateRecord, _ bytes: [UInt8]) {
    expect(record.encoded == bytes, "a record is written as it was read")
    bytes.withUnsafeBytes { buffer in
        guard let header = FirmwareState.header(of: buffer.bytes) else {
            return expect(false, "payloads take what the loader takes")
        }
        for index in 0..<record.functionCount {
            let function = record[index]
            expect(
                function == FirmwareState.function(UInt32(index), of: buffer.bytes),
                "payloads see the loader's functions")
            expect(record.function(at: function.address) != nil, "a function is found by its address")
            for channel in 0..<Int(function.channelCount) {
                let place = UInt32(function.firstChannel) + UInt32(channel)
                expect(
                    record.channel(channel, of: function)
                        == FirmwareState.channel(place, of: buffer.bytes, header),
                    "payloads see the loader's channels")
            }
        }
    }
}
