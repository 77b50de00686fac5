// SPDX-License-Identifier: MIT
// What is read of a record encodes to the same bytes, whichever of them were changed.
import BootFormats
import Handoff
import Testing

@Suite struct EncodingPropertyTests {
    /// Every byte of `record`, as every value; the rest as it was.
    private func changes(of record: [UInt8], _ body: ([UInt8]) -> Void) {
        for offset in record.indices {
            for value in UInt8.min...UInt8.max {
                var changed = record
                changed[offset] = value
                body(changed)
            }
        }
    }

    /// Checksum and counts say what the record is: a change without them would be refused for it.
    private func repaired(_ record: [UInt8]) -> [UInt8] {
        var record = record
        let body = Array(record.dropFirst(FirmwareStateHeader.size))
        record.store(FastHash.hash(body.span.bytes), at: 24)
        return record
    }

    @Test(arguments: [0, 1, 4]) func aFirmwareStateIsWrittenAsItWasRead(ports: Int) {
        var accepted = 0
        let record = firmwareStateRecord(ports: ports).encoded
        changes(of: record) { changed in
            let bytes = repaired(changed)
            guard let read = try? FirmwareStateRecord(parsing: bytes) else { return }
            accepted += 1
            if read.encoded != bytes { Issue.record("\(bytes)") }
            for index in 0..<read.functionCount {
                let function = read[index]
                let end = Int(function.firstChannel) + Int(function.channelCount)
                let size = FirmwareStateHeader.size + read.functionCount * FunctionRecord.size
                if size + end * ChannelRecord.size > bytes.count { Issue.record("channels beyond the end: \(bytes)") }
            }
        }
        #expect(accepted > record.count)
    }

    @Test func aTraceIsWrittenAsItWasRead() {
        var accepted = 0
        let record = TraceRecord().encoded
        #expect(record.count == TraceRecord.size)
        changes(of: record) { changed in
            guard let read = try? TraceRecord(parsing: changed.span.bytes) else { return }
            accepted += 1
            if read.encoded != changed { Issue.record("\(changed)") }
        }
        // All but the magic number and the version may be anything.
        #expect(accepted == (record.count - 10) * 256 + 10)
    }
}
