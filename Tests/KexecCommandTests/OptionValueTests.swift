// SPDX-License-Identifier: MIT
import Testing

@testable import Kexec
@testable import KexecCommand

private func error(_ words: [String]) -> UsageError? {
    do throws(UsageError) {
        _ = try parse(words)
        return nil
    } catch { return error }
}

@Suite struct OptionValueTests {
    @Test(
        arguments: [
            ("0", 0), ("4096", 4096), ("0x1000", 0x1000), ("0X1f", 0x1f), ("010", 8), ("00", 0), ("4K", 4096),
            ("4k", 4096), ("1M", 1 << 20), ("8G", 8 << 30), ("1T", 1 << 40), ("0x10M", 16 << 20), ("010K", 8192),
            ("0K", 0), ("0xffffffffffffffff", UInt64.max), ("18446744073709551615", .max),
            ("16777215T", 16_777_215 << 40),
            ("0x3fffffffG", 0x3fff_ffff << 30),
        ] as [(String, UInt64)])
    func readsNumbersOfEveryBase(text: String, value: UInt64) throws {
        #expect(try parseNumber(text, option: "--mem-min") == value)
    }

    @Test(arguments: [
        "", "x", "0x", "0xK", "K", "-1", "+1", " 1", "1 ", "08", "1f", "0xg", "1KB", "1KK", "1E3", "1_000", "٣", "1P",
    ])
    func refusesWhatIsNoNumber(text: String) {
        for option in ["--mem-min", "--mem-max", "--entry"] {
            #expect(error(["K", option + "=" + text]) == .notANumber(option: option, value: text))
            #expect(error(["K", option + "=" + text])?.exitStatus == 1)
        }
    }

    @Test(arguments: ["18446744073709551616", "0x10000000000000000", "16777216T", "99999999999999999999999999"])
    func refusesNumbersBeyond64Bits(text: String) {
        #expect(error(["K", "--mem-max", text]) == .numberTooLarge(option: "--mem-max", value: text))
    }

    @Test func refusesStandardInputForTwoFiles() {
        #expect(error(["-", "--initrd=-"]) == .standardInputTwice)
        #expect(error(["K", "--initrd=-", "--initrd=-"]) == .standardInputTwice)
        #expect(error(["-", "--module=- x"]) == .standardInputTwice)
        #expect(error(["-", "--initrd=./-"]) == nil)
    }

    @Test func refusesMemoryLimitsTheWrongWayRound() {
        #expect(
            error(["K", "--mem-min=2M", "--mem-max=1M"]) == .memoryLimitsCrossed(minimum: 0x20_0000, maximum: 0x10_0000)
        )
        #expect(error(["K", "--mem-min=1M", "--mem-max=1M"]) == nil)
    }

    @Test(arguments: [("ttyS0", 0x3f8), ("ttyS1", 0x2f8), ("0x3e8", 0x3e8), ("1000", 1000), ("0xfff8", 0xfff8)])
    func readsSerialPorts(text: String, port: Int) throws {
        #expect(try parseSerialPort(text) == UInt16(port))
    }

    @Test(arguments: ["", "ttyS2", "ttyS", "/dev/ttyS0", "0", "0xfff9", "0x10000", "-8", "COM1"])
    func refusesOtherSerialPorts(text: String) {
        #expect(error(["K", "--serial=" + text]) == .badSerialPort(text))
    }

    @Test(arguments: [9600, 11520, 14400, 19200, 28800, 38400, 57600, 115200]) func readsBaudRates(rate: UInt32) throws
    {
        #expect(try parseBaudRate("\(rate)") == rate)
    }

    @Test(arguments: ["0", "", "-1", "9601", "4800", "9599", "115201", "230400", "fast", "99999999999999999999"])
    func refusesOtherBaudRates(text: String) {
        #expect(error(["K", "--serial-baud=" + text]) == .badBaudRate(text))
    }

    @Test func readsEveryImageType() throws {
        for type in ForcedImageType.allCases {
            #expect(try parse(["K", "-t" + type.rawValue]).action.request?.forcedType == type)
        }
        let refused = error(["K", "-t", "bzimage64"])
        guard case .unknownChoice("-t", "bzimage64", let choices, "bzImage64") = refused else {
            Issue.record("\(String(describing: refused))")
            return
        }
        #expect(choices.count == ForcedImageType.allCases.count)
    }

    @Test(arguments: ["--digest=", "--digest=md5", "--system-call=", "--system-call=kexec", "--plan=", "--plan=JSON"])
    func refusesUnknownWords(option: String) {
        guard case .unknownChoice = error(["K", option]) else {
            Issue.record("\(option) was accepted")
            return
        }
    }

    @Test(arguments: ["--initrd", "--ramdisk", "--dtb", "--machine", "--capture-machine", "--module"])
    func refusesEmptyFileNames(option: String) {
        #expect(error(["K", option, ""]) == .emptyValue(option))
    }

    @Test(arguments: [
        ("comand-line", "command-line"), ("apend", "append"), ("intird", "initrd"), ("reuse-cmdlin3", "reuse-cmdline"),
        ("kexec-file-syscal1", "kexec-file-syscall"), ("laod", "load"), ("versoin", "version"), ("dgiest", "digest"),
    ])
    func suggestsTheNearestName(found: String, meant: String) {
        #expect(error(["--" + found]) == .unknownOption("--" + found, nearest: "--" + meant))
    }

    @Test func suggestsNothingForWhatIsLikeNothing() {
        #expect(error(["--quiet"]) == .unknownOption("--quiet", nearest: nil))
        let long = "--" + String(repeating: "x", count: 100_000)
        #expect(error([long]) == .unknownOption(long, nearest: nil))
    }

    @Test func countsEditsAndExchanges() {
        func distance(_ left: String, _ right: String) -> Int { editDistance(Array(left.utf8), Array(right.utf8)) }
        #expect(distance("", "") == 0)
        #expect(distance("", "abc") == 3)
        #expect(distance("abc", "") == 3)
        #expect(distance("kitten", "sitting") == 3)
        #expect(distance("laod", "load") == 1)
        #expect(distance("ca", "abc") == 3)
    }
}

struct FastOptionTests {
    @Test func isOnlyWhereItIsAskedFor() throws {
        #expect(try parse(["-l", "K"]).action.request?.startsFast == false)
        #expect(try parse(["-l", "K", "--fast"]).action.request?.startsFast == true)
        #expect(try parse(["-l", "K", "--fas"]).action.request?.givenOptions.contains(.fast) == true)
    }

    /// Whatever `-e` finds was loaded before.
    @Test(arguments: [["--fast", "-e"], ["--fast", "-u"]]) func needsALoad(_ words: [String]) {
        #expect(throws: UsageError.needsLoad("--fast")) { try parse(words) }
    }

    @Test func takesNoValue() {
        #expect(throws: UsageError.takesNoValue("--fast", value: "all")) { try parse(["-l", "K", "--fast=all"]) }
    }
}

struct DriveOptionTests {
    @Test func takesADriveWithWhatABIOSStarts() throws {
        let request = try parse(["-l", "--type=boot-sector", "--bios-drive=0x81", "/dev/sdb"]).action.request
        #expect(request?.biosDrive == 0x81)
        #expect(try parse(["-l", "-t", "disk-image", "--bios-drive=0", "K"]).action.request?.biosDrive == 0)
    }

    @Test func refusesDrivesThatCannotBe() {
        for (words, error): ([String], UsageError) in [
            (["--bios-drive=256", "-t", "boot-sector"], .badDrive(option: "--bios-drive", value: "256")),
            (["--bios-drive=x", "-t", "boot-sector"], .notANumber(option: "--bios-drive", value: "x")),
            (["--bios-drive=0x81", "-t", "disk-image"], .driveOfImage(0x81)),
            (["--bios-drive=0x80"], .driveWithoutType), (["--bios-drive=0x80", "-t", "bzImage"], .driveWithoutType),
        ] {
            #expect(throws: error) { try parse(["-l"] + words + ["K"]) }
        }
    }
}
