// SPDX-License-Identifier: MIT
import Foundation
import Handoff
import Testing

@testable import PurgatoryLogic
@testable import SupportLogic

/// Text memory as a console.
private struct Page: TextSink {
    private var screen = Screen()
    mutating func put(_ byte: UInt8) { screen.put(byte) }
}

/// One test at a time: there is one processor.
@Suite(.serialized) enum OneProcessor {}

extension OneProcessor {
    /// Purgatory from its entry to its exit, on a fake processor.
    @Suite final class PurgatoryTests {
        /// Where the image is, as its entry says.
        private let image: UInt = 0x7654_3000
        private var block: UnsafeMutablePointer<PurgatoryParameters> { hardware.parameters }
        private let record = UnsafeMutablePointer<TraceRecord>.allocate(capacity: 1)
        private var contents: [UnsafeMutableRawBufferPointer] = []

        init() {
            hardware = FakeHardware()
            block.initialize(to: PurgatoryParameters())
            record.initialize(to: TraceRecord())
            (record.pointee.loadTime, record.pointee.timeStampFrequency, record.pointee.loadClock) = (11, 22, 33)
            block.pointee.traceRecord = UInt64(UInt(bitPattern: record))
            block.pointee.entry = 0x100_0200
        }

        deinit {
            hardware.free()
            record.deallocate()
            contents.forEach { $0.deallocate() }
        }

        /// A segment of `count` bytes with the digest that it has.
        private func addSegment(_ name: String, _ count: Int = 300, kind: DigestKind = .fast) {
            let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 8)
            for index in 0..<count { bytes[index] = UInt8(truncatingIfNeeded: index * 7 + contents.count) }
            contents.append(bytes)
            var segment = CheckedSegment()
            segment.start = UInt64(UInt(bitPattern: bytes.baseAddress))
            segment.byteCount = UInt64(count)
            segment.digest = SegmentDigest(kind, of: UnsafeRawBufferPointer(bytes).bytes)
            for (index, letter) in name.utf8.enumerated() { segment.name[index] = letter }
            block.pointee.setDigestKind(kind)
            let isAdded = block.pointee.append(segment)
            #expect(isAdded)
        }

        private func useSHAExtensions() {
            hardware.facts = [0: (7, 0, 0, 0), 1: (0, 0, 1 << 9 | 1 << 19, 0), 7: (0, 1 << 29, 0, 0)]
        }

        @Test(arguments: [DigestKind.fast, .sha256]) func checksAllSegmentsAndTellsOfThem(kind: DigestKind) throws {
            for index in 0..<3 { addSegment("s\(index)", 100 + index, kind: kind) }
            #expect(main(image) == 0)
            let trace = record.pointee
            #expect(trace.entered && trace.digestKind == kind && trace.verdicts == 0b111 && trace.segmentCount == 3)
            #expect(trace.digestedBytes == 303 && trace.purgatoryAddress == 0x7654_3000)
            #expect((trace.loadTime, trace.timeStampFrequency, trace.loadClock) == (11, 22, 33))
            #expect((trace.entryTime, trace.digestTime, trace.jumpTime) == (1001, 1002, 1003))
            #expect(!trace.usedSHAExtensions && !trace.turnedOff5LevelPaging)
            #expect(hardware.writes == [] && hardware.cells.isEmpty && hardware.controls == [])
            #expect(hardware.withoutPaging.isEmpty)
        }

        @Test func checksSixteenSegments() {
            for index in 0..<16 { addSegment("s\(index)", 10) }
            #expect(main(image) == 0)
            #expect(record.pointee.verdicts == 0xffff && record.pointee.segmentCount == 16)
        }

        @Test func checksNothingWhereNobodyWantsIt() {
            addSegment("kernel")
            block.pointee.setDigestKind(.none)
            contents[0][7] ^= 1
            #expect(main(image) == 0)
            #expect(record.pointee.verdicts == 0 && record.pointee.digestKind == DigestKind.none)
            #expect(record.pointee.digestedBytes == 0 && record.pointee.segmentCount == 1)
        }

        @Test func usesTheExtensionsAndPutsTheProcessorBack() {
            useSHAExtensions()
            hardware.control = (0x8000_001d, 0, 0x20)
            addSegment("kernel", 256, kind: .sha256)
            #expect(main(image) == 0)
            #expect(record.pointee.usedSHAExtensions && record.pointee.verdicts == 1)
            #expect(hardware.extensionBlocks == 5)
            // EM and TS off, MP on, then OSFXSR and OSXMMEXCPT; and all back.
            #expect(hardware.controls.prefix(4) == ["cr0 80000013", "cr4 620", "cr4 20", "cr0 8000001d"])
        }

        @Test(arguments: 0..<5) func usesNoExtensionsThatAreNotAllThere(missing: Int) {
            useSHAExtensions()
            switch missing {
            case 0: hardware.facts[0]?.eax = 6
            case 1: hardware.facts[1]?.ecx = 1 << 9
            case 2: hardware.facts[1]?.ecx = 1 << 19
            case 3: hardware.facts[7]?.ebx = ~(1 << 29)
            default: block.pointee.avoidsSHAExtensions = true
            }
            addSegment("kernel", 256, kind: .sha256)
            #expect(main(image) == 0)
            #expect(!record.pointee.usedSHAExtensions && record.pointee.verdicts == 1 && hardware.extensionBlocks == 0)
        }

        @Test func asksForNoExtensionsWithoutSHA256() {
            useSHAExtensions()
            addSegment("kernel", 256, kind: .fast)
            #expect(main(image) == 0)
            #expect(!record.pointee.usedSHAExtensions)
        }

        @Test func leavesNoRecordWhereThereIsNone() {
            block.pointee.traceRecord = 0
            #expect(main(image) == 0)
            #expect(!record.pointee.entered)
        }

        @Test func goesToProtectedModeBelow4GiB() {
            block.pointee.setExitMode(.protectedMode)
            block.pointee.entry = 0xffff_ffff
            #expect(main(0xffff_ffff) == 1)
            #expect(hardware.withoutPaging.isEmpty)
        }

        // MARK: Paging and the APIC

        /// The tables of the fifth level, of the fourth below it.
        private func useFiveLevels(_ body: (UnsafeMutablePointer<UInt64>) throws -> Void) rethrows {
            let size = 2 * 4096
            let tables = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
            defer { tables.deallocate() }
            let words = tables.initializeMemory(as: UInt64.self, repeating: 0, count: size / 8)
            // Flags below and above the address, which are no part of it.
            words[0] = UInt64(UInt(bitPattern: words + 512)) | 0x8000_0000_0000_0067
            for index in 0..<512 { words[512 + index] = UInt64(index) * 0x1001 + 3 }
            hardware.control.cr3 = UInt64(UInt(bitPattern: words)) | 0x18
            hardware.control.cr4 |= 1 << 12
            try body(words + 512)
        }

        @Test func leavesTheFifthLevelByTheFirstTableOfTheFourth() {
            useFiveLevels { fourth in
                block.pointee.turnsOff5LevelPaging = true
                #expect(main(image) == 0)
                let table = UInt32(truncatingIfNeeded: UInt(bitPattern: hardware.table))
                #expect(
                    hardware.withoutPaging.map(\.table) == [table] && hardware.withoutPaging.map(\.leavesX2APIC) == [0])
                let own = hardware.table?.assumingMemoryBound(to: UInt64.self)
                #expect((0..<512).allSatisfy { own?[$0] == fourth[$0] })
                #expect(record.pointee.turnedOff5LevelPaging)
            }
        }

        @Test func keepsTheFifthLevelWhereNobodyWantsItOff() {
            useFiveLevels { _ in
                #expect(main(image) == 0)
                #expect(hardware.withoutPaging.isEmpty && !record.pointee.turnedOff5LevelPaging)
            }
        }

        /// What the loader took for on is off by now.
        @Test func leavesNoFifthLevelThatIsOff() {
            block.pointee.turnsOff5LevelPaging = true
            #expect(main(image) == 0)
            #expect(hardware.withoutPaging.isEmpty && !record.pointee.turnedOff5LevelPaging)
        }

        @Test func leavesX2APICModeWhereThatIsAskedForAndCanBe() {
            hardware.registers[0x1b] = 0xfee0_0c00
            hardware.registers[0x802] = 3
            #expect(main(image) == 0)
            #expect(hardware.withoutPaging.isEmpty)
            block.pointee.leavesX2APIC = true
            #expect(main(image) == 0)
            #expect(hardware.withoutPaging.map(\.table) == [0] && hardware.withoutPaging.map(\.leavesX2APIC) == [1])
            #expect(hardware.serialText == "")
        }

        @Test func saysThatX2APICModeStays() {
            hardware.registers[0x1b] = 0xfee0_0c00
            hardware.registers[0x802] = 0xff
            block.pointee.leavesX2APIC = true
            block.pointee.writesSerial = true
            #expect(main(image) == 0)
            #expect(hardware.withoutPaging.isEmpty)
            #expect(hardware.serialText == "I'm in purgatory\r\nx2APIC mode cannot be left\r\n")
        }

        // MARK: Consoles

        @Test func writesToTheSerialPortThatTheUserNames() {
            (block.pointee.writesSerial, block.pointee.serialPort, block.pointee.serialDivisor) = (true, 0x2f8, 0x102)
            #expect(main(image) == 0)
            let speed: [(UInt16, UInt8)] = [(0x2f9, 0), (0x2fb, 0x83), (0x2f8, 2), (0x2f9, 1), (0x2fb, 3)]
            let text = Array("I'm in purgatory\r\n".utf8).map { (UInt16(0x2f8), $0) }
            #expect(hardware.writes == (speed + text).map { FakeHardware.Access(port: $0, value: $1) })
        }

        @Test func writesToTextMemoryLightGreyOnBlack() {
            block.pointee.writesVGA = true
            #expect(main(image) == 0)
            let line = Array("I'm in purgatory".utf8) + Array(repeating: 32, count: 64)
            #expect(hardware.cells.map(\.value) == line.map { 0x0700 | UInt16($0) })
            #expect(hardware.cells.map(\.address) == (0..<80).map { 0xb8000 + 2 * $0 })
        }

        @Test func writesNoTextMemoryThatIsNotMapped() {
            block.pointee.writesVGA = true
            hardware.mapsScreen = false
            #expect(main(image) == 0)
            #expect(hardware.cells.isEmpty)
        }

        // MARK: The end of the way

        /// What a reset showed: the serial port's text, the last writes to other ports, and the time.
        private static func text(_ result: ExitTest.Result?) -> [String] {
            String(decoding: result?.standardOutputContent ?? [], as: UTF8.self).split(separator: "\r\n").map {
                String($0)
            }
        }

        /// A serial port that nobody asked for, a clock of 1 MHz, and two segments.
        private func prepareForBadNews() {
            hardware.tellsAtReset = true
            hardware.echoes = [0x3ff]
            hardware.pace = 1_000_000
            block.pointee.timeStampFrequency = 1000
            for name in ["kernel", "initrd", "a name of 16 let"] { addSegment(name, 0x300) }
        }

        @Test func namesEachSegmentThatIsNotWhatItWasAndResets() async {
            let result = await #expect(processExitsWith: .exitCode(7), observing: [\.standardOutputContent]) {
                let test = PurgatoryTests()
                test.prepareForBadNews()
                test.contents[1][0x2ff] ^= 1
                test.contents[2][0] ^= 0x80
                _ = main(test.image)
            }
            let lines = Self.text(result)
            #expect(lines.count == 4)
            #expect(
                lines.first?.wholeMatch(of: /purgatory: segment 'initrd' at 0x[0-9a-f]+, size 0x300: digest mismatch/)
                    != nil)
            #expect(
                lines.dropFirst().first?.wholeMatch(
                    of: /purgatory: segment 'a name of 16 let' at 0x[0-9a-f]+, size 0x300: digest mismatch/) != nil)
            #expect(
                lines.dropFirst(2).first
                    == "purgatory: memory has changed since the kernel was loaded; resetting in 30 s")
            // One reading of the clock at the entry, then 30 s, and twice 1 s, each with one more for its start.
            #expect(lines.last == "ports cf9=2 cf9=6 64=254 time 36001000\n")
        }

        @Test func refusesParametersOfAnotherVersion() async {
            let result = await #expect(processExitsWith: .exitCode(7), observing: [\.standardOutputContent]) {
                let test = PurgatoryTests()
                test.prepareForBadNews()
                test.block.pointee.version = 2
                test.block.pointee.resetDelay = 2
                _ = main(test.image)
            }
            #expect(
                Self.text(result) == [
                    "purgatory: parameters of another version; resetting in 2 s",
                    "ports cf9=2 cf9=6 64=254 time 8001000\n",
                ])
        }

        @Test func refusesAWayOutThatBeginsAbove4GiB() async {
            let result = await #expect(processExitsWith: .exitCode(7), observing: [\.standardOutputContent]) {
                let test = PurgatoryTests()
                test.prepareForBadNews()
                test.block.pointee.setExitMode(.protectedMode)
                test.block.pointee.entry = 1 << 32
                _ = main(test.image)
            }
            #expect(
                Self.text(result).first == "purgatory: too high: this way out begins below 4 GiB; resetting in 30 s")
        }

        @Test func tellsOfAnExceptionThatNobodyWaitsFor() async {
            let result = await #expect(processExitsWith: .exitCode(7), observing: [\.standardOutputContent]) {
                let test = PurgatoryTests()
                test.prepareForBadNews()
                withUnsafePointer(to: (UInt64(0x1234), UInt64(0xfedc_ba98_7654_3210))) { stack in
                    stack.withMemoryRebound(to: UInt64.self, capacity: 2) { fault(14, $0, 0xb_0000) }
                }
            }
            #expect(
                Self.text(result).prefix(2) == [
                    "purgatory: exception 0xe at 0xfedcba9876543210, address 0xb0000",
                    "purgatory: it cannot go on; resetting in 30 s",
                ])
        }

        /// Vectors 8, 10 to 14, 17, 21, 29 and 30 have an error code below the address.
        @Test func tellsWhereAnExceptionWithoutAnErrorCodeWas() async {
            let result = await #expect(processExitsWith: .exitCode(7), observing: [\.standardOutputContent]) {
                let test = PurgatoryTests()
                test.prepareForBadNews()
                withUnsafePointer(to: (UInt64(0x1234), UInt64(0x5678))) { stack in
                    stack.withMemoryRebound(to: UInt64.self, capacity: 2) { fault(6, $0, 0) }
                }
            }
            #expect(Self.text(result).first == "purgatory: exception 0x6 at 0x1234, address 0x0")
        }

        // MARK: The screen

        @Test func clearsTheRestOfARowAndBeginsAgainAfterTheLastOne() {
            var screen = Page()
            screen.put("a\n")
            for _ in 0..<24 { screen.put("b\n") }
            screen.put("c")
            #expect(hardware.cells.count == 2001)
            #expect(hardware.cells[0].value == 0x0761 && hardware.cells[79].value == 0x0720)
            #expect(hardware.cells[80].value == 0x0762 && hardware.cells[80].address == 0xb80a0)
            #expect(hardware.cells[1999].address == 0xb8f9e)
            #expect(hardware.cells[2000].address == 0xb8000 && hardware.cells[2000].value == 0x0763)
        }

        @Test func writesNumbersWithoutLeadingZeros() {
            var screen = Page()
            for number: UInt64 in [0, 0xf, 0x10, 0x9a, .max] {
                screen.putHexadecimal(number)
                screen.put(" ")
            }
            for number: UInt32 in [0, 9, 10, 1234, 1_000_000_000, .max] {
                screen.putDecimal(number)
                screen.put(" ")
            }
            #expect(hardware.screenText == "0x0 0xf 0x10 0x9a 0xffffffffffffffff 0 9 10 1234 1000000000 4294967295 ")
        }

        /// IBM's numbers for mode 3, register by register.
        @Test func putsTheVGABackIntoTextMode3() {
            block.pointee.resetsVGA = true
            hardware.ports[0x3da] = 0
            #expect(main(image) == 0)
            var expected: [(UInt16, UInt8)] = [(0x3c2, 0x67), (0x3d4, 0x11), (0x3d5, 0x0e)]
            func add(_ port: UInt16, _ values: [UInt8]) {
                for (index, value) in values.enumerated() { expected += [(port, UInt8(index)), (port + 1, value)] }
            }
            add(0x3c4, [3, 0, 3, 0, 2])
            add(
                0x3d4,
                [
                    0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f,
                    0x28,
                    0x1f, 0x96, 0xb9, 0xa3, 0xff,
                ])
            add(0x3ce, [0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff])
            let attributes: [UInt8] =
                [0, 1, 2, 3, 4, 5, 0x14, 7] + (0x38...0x3f) + [0x0c, 0, 0x0f, 8, 0]
            for (index, value) in attributes.enumerated() { expected += [(0x3c0, UInt8(index)), (0x3c0, value)] }
            expected.append((0x3c0, 0x20))
            #expect(hardware.writes == expected.map { FakeHardware.Access(port: $0, value: $1) })
            #expect(hardware.reads == [0x3da])
        }
    }
}
