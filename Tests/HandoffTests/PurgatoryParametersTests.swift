// SPDX-License-Identifier: MIT
import Handoff
import Testing

struct PurgatoryParametersTests {
    /// Numbers that differ in every byte, so that a field in the wrong place shows.
    private func distinct() -> PurgatoryParameters {
        var parameters = PurgatoryParameters()
        parameters.entry = 0x0102_0304_0506_0708
        parameters.traceRecord = 0x1112_1314_1516_1718
        parameters.registers.rax = 0xa0
        parameters.registers.rbx = 0xa1
        parameters.registers.rcx = 0xa2
        parameters.registers.rdx = 0xa3
        parameters.registers.rsi = 0xa4
        parameters.registers.rdi = 0xa5
        parameters.registers.rbp = 0xa6
        parameters.registers.rsp = 0xa7
        parameters.setExitMode(.protectedMode)
        parameters.setDigestKind(.sha256)
        parameters.resetDelay = 0x2122
        parameters.serialPort = 0x2324
        parameters.serialDivisor = 0x2526
        parameters.timeStampFrequency = 0x3132_3334_3536_3738
        return parameters
    }

    @Test func registersAreZeroUntilTheyAreSet() {
        #expect(bytes(of: EntryRegisters()).allSatisfy { $0 == 0 })
    }

    @Test func fieldsLieWhereTheAssemblyLooksForThem() {
        let block = bytes(of: distinct())
        #expect(block.count == PurgatoryParameters.size)
        #expect(number(block, at: 0, size: 4) == 1)
        #expect(number(block, at: 8, size: 8) == 0x0102_0304_0506_0708)
        #expect(number(block, at: 16, size: 8) == 0x1112_1314_1516_1718)
        for register in 0..<8 { #expect(number(block, at: 24 + 8 * register, size: 8) == 0xa0 + UInt64(register)) }
        #expect(number(block, at: 88, size: 1) == 1)
        #expect(number(block, at: 89, size: 1) == 2)
        #expect(number(block, at: 90, size: 2) == 0)
        #expect(number(block, at: 92, size: 2) == 0x2122)
        #expect(number(block, at: 94, size: 2) == 0x2324)
        #expect(number(block, at: 96, size: 2) == 0x2526)
        #expect(block[98..<104].allSatisfy { $0 == 0 })
        #expect(number(block, at: 104, size: 8) == 0x3132_3334_3536_3738)
        #expect(block[112..<128].allSatisfy { $0 == 0 })
    }

    @Test func segmentsLieBehindTheFieldsIn64BytesEach() {
        var parameters = PurgatoryParameters()
        let found = digest(.sha256, sample(10))
        for index in 0..<2 {
            let segment = CheckedSegment(
                name: "initrd", start: 0x1000 + UInt64(index), byteCount: 0x77, digest: found)
            let added = parameters.append(segment)
            #expect(added)
        }
        let block = bytes(of: parameters)
        #expect(number(block, at: 90, size: 2) == 2 && PurgatoryParameters.headSize == 128)
        #expect(number(block, at: 128 + 64, size: 8) == 0x1001)
        #expect(number(block, at: 128 + 64 + 8, size: 8) == 0x77)
        #expect(Array(block[128 + 64 + 16..<128 + 64 + 48]) == (0..<32).map { found[$0] })
        #expect(Array(block[128 + 64 + 48..<128 + 128]) == Array("initrd".utf8) + [UInt8](repeating: 0, count: 10))
    }

    @Test func takesSixteenSegmentsAndNoMore() {
        var parameters = PurgatoryParameters()
        for index in 0..<16 {
            let segment = CheckedSegment(name: "", start: UInt64(index), byteCount: 1, digest: SegmentDigest())
            let added = parameters.append(segment)
            #expect(added)
        }
        let before = parameters
        let added = parameters.append(CheckedSegment())
        #expect(!added)
        #expect(parameters == before)
        #expect(parameters[segment: 15].start == 15)
    }

    @Test func changesTheDigestOfTheLastSegmentOnly() {
        var parameters = PurgatoryParameters()
        parameters.setLastDigest(digest(.fast, sample(1)))
        #expect(parameters == PurgatoryParameters())
        for _ in 0..<2 { _ = parameters.append(CheckedSegment()) }
        parameters.setLastDigest(digest(.fast, sample(1)))
        #expect(parameters[segment: 0].digest == SegmentDigest())
        #expect(parameters[segment: 1].digest == digest(.fast, sample(1)))
    }

    @Test func keepsTheFirstSixteenBytesOfALongName() {
        let segment = CheckedSegment(
            name: "a name of far too many bytes", start: 0, byteCount: 0, digest: SegmentDigest())
        #expect((0..<16).map { segment.name[$0] } == Array("a name of far to".utf8))
    }

    @Test func flagsDoNotTouchEachOther() {
        let flags: [WritableKeyPath<PurgatoryParameters, Bool>] = [
            \.writesSerial, \.writesVGA, \.resetsVGA, \.turnsOff5LevelPaging, \.avoidsSHAExtensions,
            \.leavesX2APIC,
        ]
        for one in flags {
            var parameters = PurgatoryParameters()
            parameters[keyPath: one] = true
            for other in flags { #expect(parameters[keyPath: other] == (one == other)) }
            parameters[keyPath: one] = false
            #expect(parameters == PurgatoryParameters())
        }
    }

    @Test func differsWhereAnySegmentDiffers() {
        let blocks = ["kernel", "kernal", "kernel"].map { name in
            var parameters = PurgatoryParameters()
            _ = parameters.append(CheckedSegment(name: name, start: 1, byteCount: 2, digest: SegmentDigest()))
            return parameters
        }
        #expect(blocks[0] != blocks[1])
        #expect(blocks[0] == blocks[2])
        #expect(blocks[0] != PurgatoryParameters())
    }

    /// Whatever differs, they are not the same.
    @Test func areEqualOnlyInEveryField() {
        let changes: [(inout PurgatoryParameters) -> Void] = [
            { $0.version = 2 }, { $0.entry = 1 }, { $0.traceRecord = 1 }, { $0.preparation = 1 },
            { $0.registers.rsi = 1 }, { $0.setExitMode(.protectedMode) }, { $0.setDigestKind(.sha256) },
            { $0.resetDelay = 1 }, { $0.serialPort = 0x2f8 }, { $0.serialDivisor = 1 }, { $0.timeStampFrequency = 1 },
            { $0.writesSerial = true }, { $0.writesVGA = true }, { $0.resetsVGA = true },
            { $0.turnsOff5LevelPaging = true }, { $0.avoidsSHAExtensions = true }, { $0.leavesX2APIC = true },
            { _ = $0.append(CheckedSegment()) },
        ]
        let same = PurgatoryParameters()
        #expect(same == PurgatoryParameters())
        for (index, change) in changes.enumerated() {
            var other = same
            change(&other)
            #expect(other != same, "\(index)")
        }
    }

    @Test func segmentsAreEqualOnlyInEveryField() {
        var segment = CheckedSegment()
        (segment.start, segment.byteCount) = (0x1000, 7)
        segment.name[15] = 65
        let changes: [(inout CheckedSegment) -> Void] = [
            { $0.start = 0x2000 }, { $0.byteCount = 8 }, { $0.name[15] = 66 }, { $0.name[0] = 1 },
            { $0.digest = digest(.fast, [1, 2, 3]) },
        ]
        for (index, change) in changes.enumerated() {
            var other = segment
            #expect(other == segment)
            change(&other)
            #expect(other != segment, "\(index)")
        }
    }
}
