// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Handoff
import PhysicalMemory
import Testing

@testable import Kexec
@testable import KexecCommand

/// `--last`: the trace of the jump that started this kernel.
@Suite struct LastReportTests {
    private func record(_ change: (inout TraceRecord) -> Void) -> TraceRecord {
        var record = TraceRecord()
        record.entered = true
        record.setDigestKind(.fast)
        (record.segmentCount, record.verdicts, record.digestedBytes) = (3, 7, 14 << 20)
        (record.purgatoryAddress, record.loadClock) = (0x3ea9_c000, 86400)
        (record.entryTime, record.digestTime, record.jumpTime) = (5_000_000, 6_000_000, 7_000_001)
        record.timeStampFrequency = 1_000_000
        change(&record)
        return record
    }

    private func lines(_ change: (inout TraceRecord) -> Void = { _ in }) -> [String] {
        LastReport(record: record(change)).text.split(separator: "\n").map { String($0) }
    }

    @Test func tellsWhatPurgatoryDid() {
        #expect(
            lines() == [
                "purgatory  ran at 0x3ea9c000", "digest     fast, 3 segments, 14 MiB: as loaded",
                "loaded     1970-01-02 00:00:00 UTC", "digest     took 1000 µs", "purgatory  took 2000 µs",
            ])
        #expect(lines { $0.turnedOff5LevelPaging = true }.last == "paging     turned down from 5 to 4 levels")
        #expect(lines { $0.loadClock = 0 }.count == 4)
        #expect(lines { $0.entered = false } == ["purgatory has left no trace: it was not entered"])
        #expect(LastReport(record: record { _ in }).text.hasSuffix(" µs\n"))
    }

    @Test func namesTheKindOfTheDigest() {
        func verdict(_ change: (inout TraceRecord) -> Void) -> String { String(lines(change)[1].dropFirst(11)) }
        #expect(verdict { $0.setDigestKind(.none) } == "not checked")
        #expect(verdict { $0.setDigestKind(.sha256) } == "sha256, 3 segments, 14 MiB: as loaded")
        #expect(
            verdict {
                $0.setDigestKind(.sha256)
                $0.usedSHAExtensions = true
            } == "sha256 (SHA-NI), 3 segments, 14 MiB: as loaded")
        #expect(verdict { $0.usedSHAExtensions = true } == "fast, 3 segments, 14 MiB: as loaded")
        // A later version's.
        var bytes = withUnsafeBytes(of: record { _ in }) { Array($0) }
        bytes[12] = 9
        let other = try? TraceRecord(parsing: bytes.span.bytes)
        #expect(other.map { LastReport(record: $0).text.contains("\ndigest     of an unknown kind\n") } == true)
    }

    /// The lowest bits are those of the segments.
    @Test func eachSegmentHasItsVerdict() {
        for (count, verdicts, isAll) in [
            (0, 0, true), (1, 1, true), (1, 0, false), (3, 7, true), (3, 3, false), (3, 0xfff7, true),
            (3, 0xfff8, false),
            (15, 0x7fff, true), (15, 0x3fff, false), (16, 0xffff, true), (16, 0x7fff, false), (16, 0xfffe, false),
            (200, 0xffff, true),
        ] as [(UInt8, UInt16, Bool)] {
            let line = lines {
                $0.segmentCount = count
                $0.verdicts = verdicts
            }[1]
            #expect(line.hasSuffix(isAll ? ": as loaded" : ": NOT all as loaded"), "\(count), \(verdicts)")
        }
    }

    @Test func timesThatMakeNoSenseAreNotMadeUp() {
        func times(_ change: (inout TraceRecord) -> Void) -> [String] {
            lines(change).suffix(2).map { String($0.dropFirst(16)) }
        }
        #expect(times { $0.digestTime = 4_999_999 } == ["an unknown time", "2000 µs"])
        #expect(times { $0.digestTime = 5_000_000 } == ["0 µs", "2000 µs"])
        #expect(times { $0.timeStampFrequency = 0 } == ["1000000 ticks", "2000001 ticks"])
        #expect(times { $0.timeStampFrequency = 1 } == ["1000000000 µs", "2000001000 µs"])
        #expect(times { $0.jumpTime = .max } == ["1000 µs", "\(UInt64.max - 5_000_000) ticks"])
    }
}

@Suite struct RecordingReportTests {
    /// By kind: class, and what identifies a virtio device.
    private func record(_ functions: [(ControllerKind, ControllerStanding)]) -> FirmwareStateRecord {
        struct Nothing: PCIConfiguration { func word(at offset: UInt8) -> UInt32 { 0 } }
        var record = FirmwareStateRecord()
        for (index, function) in functions.enumerated() {
            var entry = FunctionRecord(Nothing(), at: PCIAddress(bus: 0, deviceAndFunction: UInt8(index) << 3))
            entry.set(function.0, function.1)
            record.add(entry, channels: 0)
        }
        return record
    }

    @Test func namesEveryControllerWithWhatBecameOfIt() {
        let report = RecordingReport(
            record: record([
                (.none, .unused), (.ahci, .kept), (.virtioBlock, .driverFirst), (.virtioSCSI, .unused),
                (.nvme, .notReadable),
            ]), path: "f")
        #expect(
            report.text == """
                0000:00:01.0 AHCI: recorded
                0000:00:02.0 virtio-blk: a driver was there first
                0000:00:03.0 virtio-scsi: not used by firmware
                0000:00:04.0 NVMe: cannot be recorded
                5 functions in 'f'

                """)
    }

    @Test func knowsWhetherADriverWasFirst() {
        #expect(!RecordingReport(record: record([]), path: "f").hasLateOnes)
        #expect(!RecordingReport(record: record([(.ahci, .kept), (.nvme, .notReadable)]), path: "f").hasLateOnes)
        #expect(RecordingReport(record: record([(.ahci, .kept), (.nvme, .driverFirst)]), path: "f").hasLateOnes)
        #expect(RecordingReport(record: record([(.none, .driverFirst), (.ahci, .kept)]), path: "f").hasLateOnes)
    }
}

@Suite struct NumberTextTests {
    @Test(
        arguments: [
            (0, "0 bytes", "0 bytes"), (10239, "10239 bytes", "10239 bytes"), (10240, "10 KiB", "10 KiB"),
            (10241, "11 KiB", "10 KiB"), (11263, "11 KiB", "10 KiB"), (11264, "11 KiB", "11 KiB"),
            (10 << 20 - 1, "10240 KiB", "10239 KiB"), (10 << 20, "10 MiB", "10 MiB"),
            (10 << 20 + 1, "11 MiB", "10 MiB"),
            (11 << 20, "11 MiB", "11 MiB"), (UInt64.max, "17592186044416 MiB", "17592186044415 MiB"),
        ] as [(UInt64, String, String)])
    func sizesAreRoundedAwayFromWhatWouldFit(bytes: UInt64, needed: String, available: String) {
        #expect(byteSize(bytes) == needed && availableSize(bytes) == available)
    }

    @Test func aRangeIsToldByItsLastByte() {
        func range(_ start: UInt64, _ end: UInt64) -> PhysicalRange {
            PhysicalRange(from: PhysicalAddress(start), to: PhysicalAddress(end))
        }
        #expect(addresses(range(0x1000, 0x2000)) == "0x1000-0x1fff" && addresses(range(0, 1)) == "0x0-0x0")
        #expect(addresses(range(0x1000, 0x1000)) == "0x1000-0x1000")
    }

    @Test func oneIsNotSeveral() {
        #expect(count(1, "byte") == "1 byte" && count(0, "byte") == "0 bytes" && count(2, "byte") == "2 bytes")
        #expect(
            protocolVersion(0x209) == "2.09" && protocolVersion(0x20a) == "2.10" && protocolVersion(0x200) == "2.00")
    }

    /// What a terminal obeys, or turns the text around by, and nothing else.
    @Test func everyCharacterThatIsNoneIsShownByItsNumber() throws {
        let turning = [0x61c, 0x200e, 0x200f] + Array(0x2028...0x202e) + Array(0x2066...0x2069)
        for code in 0..<0x3000 {
            let isControl = code < 0x20 || (0x7f..<0xa0).contains(code) || turning.contains(code)
            let text = String(try #require(Unicode.Scalar(code)))
            let digits = String(code, radix: 16)
            let escape =
                code > 0xff
                ? "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                : "\\x" + String(repeating: "0", count: 2 - digits.count) + digits
            #expect(printable("a" + text) == "a" + (isControl ? escape : text), "\(digits)")
            // Also where nothing is in front of it.
            #expect(printable(text) == (isControl ? escape : text), "\(digits)")
        }
        #expect(JSONValue.string("\u{7f}\u{80}\u{9f}\u{a0}").text == "\"\\u007f\\u0080\\u009f\u{a0}\"")
    }

    @Test func jsonSeparatesWhatItLists() {
        let list = JSONValue.array([.number(1), .null, .boolean(true), .boolean(false), .array([])])
        #expect(list.text == "[1,null,true,false,[]]")
        #expect(JSONValue.object([("a", .optional(nil)), ("b", .optional("c"))]).text == #"{"a":null,"b":"c"}"#)
        #expect(JSONValue.object([]).text == "{}" && JSONValue.address(0x1f).text == "\"0x1f\"")
    }
}

@Suite struct SentenceTests {
    private func sentence(_ cause: RefusalCause, _ call: StaticCallName = .kexecLoad) -> String {
        let error = SystemCallError(call: call, purpose: .load(.reboot), errno: 1, cause: cause)
        return String(Diagnostic(error).sentence.dropFirst("cannot load the kernel: \(call.rawValue): ".count))
    }

    @Test func aWaitIsToldOfOnlyWhereThereWasOne() {
        #expect(sentence(.busy(seconds: 0)) == "another kexec operation is running")
        #expect(sentence(.busy(seconds: 1)) == "another kexec operation is running, and still was after 1 s")
    }

    @Test func memoryIsToldOnlyWhereBothNumbersAreKnown() {
        #expect(sentence(.memoryShort(needed: 1, available: 1)).hasSuffix("needs 1 bytes, 1 bytes were available"))
        #expect(sentence(.memoryShort(needed: 0, available: 1)) == "not enough memory")
        #expect(sentence(.memoryShort(needed: 1, available: 0)) == "not enough memory")
    }

    @Test func aPolicyIsNamedByItsPlace() {
        #expect(sentence(.lockdown(.integrity)) == "the kernel is locked down (integrity)")
        #expect(sentence(.lockdown(.confidentiality)) == "the kernel is locked down (confidentiality)")
        #expect(
            sentence(.lockdown(.confidentiality), .kexecFileLoad)
                == "the kernel is locked down (confidentiality) and did not accept the kernel file's signature")
        #expect(sentence(.appraised(secureBoot: true)).hasPrefix("Secure Boot's policy wants"))
        #expect(sentence(.appraised(secureBoot: false)).hasPrefix("the integrity policy (IMA) wants"))
        #expect(sentence(.appraised(secureBoot: false), .kexecFileLoad).hasSuffix("did not accept the kernel file"))
        #expect(
            sentence(.loadLimitUsedUp(.crash, byUs: false))
                == "no load is left: kernel.kexec_load_limit_panic is used up")
        #expect(
            sentence(.loadLimitUsedUp(.reboot, byUs: true))
                == "no load is left: kernel.kexec_load_limit_reboot is used up by the attempts before")
        #expect(sentence(.notInKernel) == "not configured into the running kernel")
        #expect(sentence(.notInKernel, .module) == "the module is not loaded")
        #expect(
            sentence(.argumentsRefused(flags: 32, segments: 0), .kexecFileLoad)
                == "the kernel does not take --force-dtb, or this image or initrd")
        #expect(
            sentence(.argumentsRefused(flags: 0x1f, segments: 0), .kexecFileLoad)
                == "the kernel does not take this image, initrd or command line")
    }

    @Test func eightSegmentsAreAllNamed() {
        for count in [7, 8, 9, 10] {
            let names = (0..<count).map { "s\($0)" }
            let text = Diagnostic(
                PlanRefusal.segmentRule(.tooManySegments(count: count, limit: 6), names: names, places: [])
            ).sentence
            let list = names.prefix(8).joined(separator: ", ") + (count > 8 ? " and \(count - 8) more" : "")
            #expect(text == "\(count) segments (\(list)), the kernel takes 6: the kernel would refuse this plan")
        }
    }

    @Test func aProtocolHasTwoDigitsBehindItsPoint() {
        for (version, text) in [(0x201, "2.01"), (0x209, "2.09"), (0x20a, "2.10")] as [(UInt16, String)] {
            let refusal = PlanRefusal.entryMissing(.protectedMode(bootProtocol: version))
            #expect(Diagnostic(refusal).sentence.contains("(boot protocol \(text))"))
        }
    }

    @Test(
        arguments: [
            (8, "MIPS"), (20, "PowerPC"), (21, "64-bit PowerPC"), (22, "S/390"), (40, "arm"), (183, "arm64"),
            (243, "RISC-V"), (258, "LoongArch"), (2, "another machine (e_machine 2)"),
        ] as [(UInt16, String)])
    func aProcessorIsCalledByItsName(number: UInt16, name: String) {
        let error = ImageError.otherMachine(ELFMachine(rawValue: number))
        #expect(Diagnostic(error, path: "k").sentence == "cannot load 'k': it is an ELF file for \(name), not for x86")
    }

    @Test(
        arguments: [
            (5, "BIOS boot device"), (7, "VBE"), (10, "APM"), (13, "SMBIOS"), (16, "network"),
            (18, "EFI boot services"), (19, "EFI image handle"), (20, "EFI image handle"), (22, "unknown"),
        ] as [(UInt32, String)])
    func whatMultibootKernelsAskForIsCalledByItsName(type: UInt32, name: String) {
        let error = ImageError.unmetDemand(.information(type), at: 0x10)
        #expect(Diagnostic(error, path: "k").sentence.contains("information tag \(type) (\(name)) at offset 0x10"))
    }

    @Test func aLetterIsShownWhereItIsOne() {
        func sentence(_ letter: UInt8, in word: String) -> Diagnostic {
            Diagnostic(UsageError.unknownLetter(letter, in: word))
        }
        #expect(sentence(0x51, in: "-Q") == Diagnostic("unknown option '-Q'"))
        #expect(sentence(0x51, in: "-lQ") == Diagnostic("unknown option '-Q' in '-lQ'"))
        #expect(
            sentence(0x51, in: "-loQ")
                == Diagnostic("unknown option '-Q' in '-loQ'", hint: "long options begin with two dashes: '--loQ'"))
        for (letter, name) in [(0x21, "'-!'"), (0x7e, "'-~'"), (0x20, "0x20"), (0x7f, "0x7f"), (0xe9, "0xe9")]
            as [(UInt8, String)]
        {
            #expect(sentence(letter, in: "-l").sentence == "unknown option \(name)")
        }
    }

    @Test func lossesOfTheNetworkAreCounted() {
        var network = NetworkOutcome()
        network.takenDown = ["eth0"]
        (network.addressesLost, network.routesLost, network.neighboursLost) = (2, 1, 3)
        let error = SystemCallError(call: .reboot, purpose: .jump, errno: 1, cause: .busy(seconds: 0))
        #expect(
            Diagnostic(ExecutionError.refused(error, network)).sentence.hasSuffix(
                "missing 2 addresses, 1 route, 3 neighbours"))
        (network.addressesLost, network.routesLost, network.neighboursLost) = (0, 0, 1)
        #expect(Diagnostic(ExecutionError.refused(error, network)).sentence.hasSuffix("missing 1 neighbour"))
    }

    /// A file that is there and readable, and no good, is another matter than one that is not.
    @Test func whatAFileHoldsIsAnImagesFault() {
        let contents: [FileProblem] = [
            .dictionaryTooLarge(.xz, limit: 1), .unknownFilter(.xz), .codecMissing(.xz), .corrupt(.xz, at: 1),
            .truncated(.xz, size: 1), .trailingBytes(.xz, at: 1, count: 1), .unpacksToNothing(.xz),
        ]
        let files: [FileProblem] = [
            .missing, .notPermitted, .directory, .characterDevice, .blockDevice, .socket, .pipe, .empty,
            .tooLarge(size: 2, limit: 1), .failed(CallFailure(call: .open, errno: 5)),
        ]
        func code(_ problem: FileProblem) -> ExitCode {
            ExitCode(.file(FileFailure(path: "k", problem: problem)), choice: .automatic)
        }
        for problem in contents {
            #expect(problem.isOfContents && code(problem) == .image)
            #expect(ExitCode(MkelfimageFailure.file(FileFailure(path: "k", problem: problem))) == .image)
        }
        for problem in files { #expect(!problem.isOfContents && code(problem) == .file) }
        #expect(code(.memoryShort(needed: 2, available: 1)) == .memory)
    }

    @Test func aFailureIsTakenForTheMemorysWhereSomethingIsLoaded() {
        let failure = KexecFailure.load(.notLoadable([.memoryShort(needed: 2, available: 1)]))
        #expect(Diagnostic(failure, isShortOfMemory: true).hint == "kexec -u frees what the loaded kernel takes")
        #expect(Diagnostic(failure, isShortOfMemory: false) == Diagnostic(failure))
    }
}

@Suite struct NearestWordTests {
    private func nearest(_ word: String, _ words: [String]) -> String? {
        nearestWord(to: Array(word.utf8)[...], among: words)
    }

    @Test func aDistanceIsTheNumberOfSlips() {
        for (left, right, distance) in [
            ("", "", 0), ("a", "", 1), ("", "ab", 2), ("abc", "abc", 0), ("abc", "abd", 1), ("abc", "acb", 1),
            ("abc", "bac", 1), ("abc", "cab", 2), ("kitten", "sitting", 3), ("ab", "ba", 1), ("abcd", "badc", 2),
            ("apend", "append", 1), ("aappend", "append", 1), ("abab", "baba", 2),
        ] {
            #expect(editDistance(Array(left.utf8), Array(right.utf8)) == distance, "\(left), \(right)")
            #expect(editDistance(Array(right.utf8), Array(left.utf8)) == distance, "\(right), \(left)")
        }
    }

    @Test func aThirdOfAWordMayBeWrongAndOneLetterAlways() {
        #expect(nearest("ax", ["ab"]) == "ab" && nearest("a", ["ab"]) == nil && nearest("xy", ["ab"]) == nil)
        #expect(nearest("abcxy", ["abcde"]) == nil && nearest("abcdx", ["abcde"]) == "abcde")
        #expect(nearest("abcdxy", ["abcdef"]) == "abcdef" && nearest("abcxyz", ["abcdef"]) == nil)
        let long = String(repeating: "a", count: 40)
        #expect(nearest(long, [long + "b"]) == long + "b" && nearest(long + "a", [long + "b"]) == nil)
        #expect(nearest("abcdxf", ["abxdxf", "abcdef", "abcdxg"]) == "abxdxf", "the first of the nearest")
        #expect(nearest("abcdef", ["xbcdxf", "abcdxf"]) == "abcdxf")
    }
}

@Suite struct HelpTextTests {
    private func line(_ name: String, letter: UInt8? = nil, _ value: ValueKind = .none) -> String {
        HelpText.line(
            for: OptionEntry(
                option: .load, name: name, letter: letter, value: value, placeholder: "P", generation: .swiftKexec,
                group: .action, standing: .honoured, help: "Help"))
    }

    @Test func anExplanationBeginsInItsColumnOrOnALineOfItsOwn() {
        let blanks = String(repeating: " ", count: 30)
        #expect(line("a") == "     --a" + String(repeating: " ", count: 22) + "Help\n")
        #expect(line("a", letter: 0x62) == " -b, --a" + String(repeating: " ", count: 22) + "Help\n")
        #expect(line("a", .required) == "     --a=P" + String(repeating: " ", count: 20) + "Help\n")
        #expect(line("a", .optional) == "     --a[=P]" + String(repeating: " ", count: 18) + "Help\n")
        let name = String(repeating: "n", count: 21)
        #expect(line(name) == "     --" + name + "  Help\n")
        #expect(line(name + "n") == "     --" + name + "n\n" + blanks + "Help\n")
    }

    @Test func listsTheOptionsByGroupAndThenTheTypes() throws {
        let parts = HelpText.full().components(separatedBy: "\n\n")
        #expect(parts.count == OptionGroup.allCases.count + 3)
        #expect(parts.first?.hasPrefix("Usage: kexec [OPTION]... [KERNEL]\n") == true)
        for (group, part) in zip(OptionGroup.allCases, parts.dropFirst()) {
            let lines = OptionTable.entries.filter { $0.group == group }.map { HelpText.line(for: $0) }
            #expect(part + "\n" == group.title + ":\n" + lines.joined())
        }
        let types = parts[parts.count - 2].split(separator: "\n")
        #expect(types.first == "Types of images:")
        let words = types.dropFirst().map { $0.split(separator: " ").map { String($0) } }
        #expect(words.flatMap { $0 } == ForcedImageType.allCases.map(\.rawValue))
        for (line, next) in zip(types.dropFirst(), words.dropFirst()) {
            let word = try #require(next.first)
            #expect(line.utf8.count <= 80 && line.utf8.count + 1 + word.utf8.count > 80)
        }
        #expect(types.dropFirst().allSatisfy { $0.hasPrefix("  ") && !$0.hasPrefix("   ") })
        #expect(parts.last == "A number can be decimal, 0x hexadecimal or 0 octal. See kexec(8).\n")
    }
}

@Suite struct ProgramArgumentsTests {
    @Test func areTheWordsBeforeTheNull() {
        let words = (["kexec", "", "a b"] as [String]).map { strdup($0) }
        defer { for word in words { free(word) } }
        var table = words + [nil, strdup("behind")]
        defer { free(table[4]) }
        let found = table.withUnsafeMutableBufferPointer { programArguments($0.baseAddress) }
        #expect(found == ["kexec", "", "a b"])
        #expect(programArguments(nil).isEmpty)
    }
}
