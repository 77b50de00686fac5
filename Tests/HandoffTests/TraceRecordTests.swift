// SPDX-License-Identifier: MIT
import Handoff
import Testing

struct TraceRecordTests {
    private func parse(_ bytes: [UInt8]) throws(TraceRecordError) -> TraceRecord {
        try TraceRecord(parsing: bytes.span.bytes)
    }

    private func filled() -> TraceRecord {
        var record = TraceRecord()
        record.entered = true
        record.turnedOff5LevelPaging = true
        record.setDigestKind(.fast)
        record.segmentCount = 5
        record.verdicts = 0x1f
        record.purgatoryAddress = 0x1000
        record.loadTime = 1
        record.entryTime = 2
        record.digestTime = 3
        record.jumpTime = 4
        record.digestedBytes = 5
        record.timeStampFrequency = 6
        record.loadClock = 7
        return record
    }

    @Test func fieldsLieWherePurgatoryPutsThem() {
        let block = bytes(of: filled())
        #expect(block.count == TraceRecord.size)
        #expect(Array(block[0..<8]) == Array("SWKXTRC1".utf8))
        #expect(number(block, at: 8, size: 2) == 1)
        #expect(number(block, at: 10, size: 2) == 0b101)
        #expect(number(block, at: 12, size: 1) == 1)
        #expect(number(block, at: 13, size: 1) == 5)
        #expect(number(block, at: 14, size: 2) == 0x1f)
        #expect(number(block, at: 16, size: 8) == 0x1000)
        for field in 0..<7 { #expect(number(block, at: 24 + 8 * field, size: 8) == UInt64(field + 1)) }
    }

    @Test func eachFactIsABitOfItsOwn() {
        func flags(_ entered: Bool, _ usedExtensions: Bool, _ turnedOff: Bool, before: Bool) -> UInt64 {
            var record = TraceRecord()
            for (first, second, third) in [(before, before, before), (entered, usedExtensions, turnedOff)] {
                (record.entered, record.usedSHAExtensions, record.turnedOff5LevelPaging) = (first, second, third)
            }
            return number(bytes(of: record), at: 10, size: 2)
        }
        for before in [false, true] {
            #expect(flags(true, false, false, before: before) == 1)
            #expect(flags(false, true, false, before: before) == 2)
            #expect(flags(false, false, true, before: before) == 4)
        }
    }

    @Test func readsWhatPurgatoryLeft() throws {
        let record = try parse(bytes(of: filled()))
        #expect(record == filled())
        #expect(record.entered && !record.usedSHAExtensions && record.turnedOff5LevelPaging)
        #expect(record.digestKind == .fast)
    }

    @Test func readsARecordWithSomethingBehindIt() throws {
        #expect(try parse(bytes(of: filled()) + [1, 2, 3]) == filled())
    }

    @Test(arguments: [0, 1, 15, 95]) func refusesARecordCutShort(size: Int) {
        #expect(throws: TraceRecordError.tooShort(found: size, needed: 96)) {
            try parse(Array(bytes(of: filled())[0..<size]))
        }
    }

    @Test func refusesAnotherMagic() {
        var block = bytes(of: filled())
        block[0] = UInt8(ascii: "X")
        #expect(throws: TraceRecordError.wrongMagic(found: 0x3143_5254_584b_5758)) { try parse(block) }
    }

    @Test func refusesAVersionItDoesNotKnow() {
        var block = bytes(of: filled())
        block[8] = 2
        #expect(throws: TraceRecordError.unknownVersion(found: 2)) { try parse(block) }
    }

    @Test func toleratesANumberOfDigestItDoesNotKnow() throws {
        var block = bytes(of: filled())
        block[12] = 9
        #expect(try parse(block).digestKind == nil)
    }
}
