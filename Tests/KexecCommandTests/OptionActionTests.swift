// SPDX-License-Identifier: MIT
import PhysicalMemory
import BootFormats
import Testing

@testable import Kexec
@testable import KexecCommand

private func error(_ words: String...) -> UsageError? {
    do throws(UsageError) {
        _ = try parse(words)
        return nil
    } catch { return error }
}

private func request(_ words: String...) throws -> KexecRequest { try #require(try parse(words).action.request) }

/// What a command line asks for; the order of action options as kexec-tools has it.
@Suite struct OptionActionTests {
    /// Neither a name nor a line need be UTF-8.
    @Test func takesEveryWordByteForByte() throws {
        func word(_ text: String) -> ByteString { ByteString(Array(text.utf8) + [0xe9, 0xff] as [UInt8]) }
        let value = word("")
        let words = [
            "-l", word("k"), word("--append="), "--initrd", word("i"), word("--initrd="), word("--module=m x="),
            word("--firmware-state="),
        ]
        let request = try #require(try parse(words).action.request)
        #expect(request.kernel == word("k") && request.commandLine == value && request.firmwareState == value)
        #expect(request.initrds == [word("i"), value])
        #expect(request.modules == [word("m x=")] && request.moduleFiles == ["m"])
        #expect(try parse(["--plan", word("k"), word("--machine=d")]).machineDirectory == word("d"))
        #expect(try parse([word("--capture-machine=")]).action == .captureMachine(directory: value, bootSector: nil))
        #expect(throws: UsageError.unexpectedArgument(word("b"), kernel: word("a"))) {
            try parse([word("a"), word("b")])
        }
        #expect(throws: UsageError.unknownOption("--\\xe9\\xff", nearest: nil)) { try parse([word("--")]) }
        #expect(throws: UsageError.notANumber(option: "--mem-min", value: "\\xe9\\xff")) {
            try parse([word("--mem-min="), "k"])
        }
    }

    @Test(arguments: [
        (["-l", "K"], "load"), (["--load", "K"], "load"), (["K", "-l"], "load"), (["K"], "load, shut down"),
        (["-f", "K"], "load, execute"), (["-l", "-f", "K"], "load, execute"), (["-f", "-l", "K"], "load"),
        (["-lf", "K"], "load, execute"), (["-e", "-l", "K"], "load"), (["-l", "K", "-e"], "execute"),
        (["-p", "K"], "load crash"), (["-p", "-l", "K"], "load crash"), (["-l", "-p", "K"], "load crash"),
        (["-f", "-p", "K"], "load crash"), (["-e"], "execute"), (["-e", "-x", "-y"], "execute"),
        (["-u"], "unload"), (["-u", "-p"], "unload crash"), (["-p", "-u"], "unload crash"),
        (["-s", "-p", "-u"], "unload crash"), (["-pu"], "unload crash"), (["-up"], "unload crash"),
        (["-u", "-p", "K"], "load crash"), (["-l", "-u"], "unload"), (["-u", "-l", "K"], "load"),
        (["-u", "-p", "-l", "K"], "load crash"), (["-u", "-p", "-e"], "execute"), (["-u", "-p", "-u"], "unload crash"),
        (["-S"], "status crash"), (["-S", "-l"], "status"), (["-l", "-S"], "status"), (["-S", "-p"], "status crash"),
        (["-S", "-e"], "status crash"), (["-S", "-u"], "status crash"), (["-S", "-f"], "status crash"),
        (["-S", "-l", "-p"], "status crash"), (["-S", "-p", "-l"], "status crash"), (["-pSl"], "status crash"),
        (["-S", "--load-preserve-context"], "status"), (["--load-preserve-context", "K"], "load"),
        (["--load-live-update", "K"], "load"), (["-h"], "help"), (["-v"], "version"),
        (["-l", "-v", "--bogus"], "version"), (["-h", "-v"], "help"), (["-vh"], "version"),
        (["--print-ckr-size", "--bogus"], "crash size"), (["--plan", "K"], "plan"), (["-l", "--plan", "K"], "plan"),
        (["--plan=text", "K"], "plan"), (["-f", "--plan=json", "K"], "plan json"), (["--plan=json", "K"], "plan json"),
        (["--plan=svg", "-p", "K"], "plan svg crash"),
        (["-p", "--plan", "K"], "plan crash"), (["--plan", "json"], "plan"), (["--last"], "last"),
        (["--dry-run"], "dry run"), (["--dr", "-d"], "dry run"),
        (["--record-firmware-state=F"], "record F"),
        (["--capture-machine=D"], "capture D"), (["--capture-machine", "D", "-d"], "capture D"), (["-", "-l"], "load"),
        (["--load", "K", "--append", "a b", "--initrd", "I"], "load"), (["--", "-e"], "load, shut down"),
        (["--reboot"], "shut down"), (["--reboot", "K"], "load, shut down"),
        (["--reboot", "-l", "K"], "load, shut down"),
        (["--reboot", "--detach=5"], "shut down"), (["K", "--detach=5"], "load, shut down"),
    ])
    func doesWhatTheLastActionSays(words: [String], action: String) throws {
        #expect(try parse(words).action.summary == action)
    }

    /// Help and version come at once; values that kexec-tools looks at later cannot stop them, others can.
    @Test func helpIsStoppedOnlyByEarlierErrors() throws {
        #expect(try parse(["--serial=bad", "-t", "foo", "-h"]).action == .help)
        #expect(try parse(["-h", "--bogus"]).action == .help)
        #expect(error("--bogus", "-h") == .unknownOption("--bogus", nearest: nil))
        #expect(error("--mem-min=x", "-h") == .notANumber(option: "--mem-min", value: "x"))
    }

    @Test func keepsEveryOptionOfARequest() throws {
        let request = try request(
            "-l", "K", "--initrd=a", "--ramdisk", "b", "--append=quiet", "--reuse-cmdline", "-s", "-t", "bzImage64",
            "--mem-min=1M", "--mem-max=0x7fffffff", "--entry=0x10", "--console-serial", "--serial=ttyS1",
            "--serial-baud=9600", "--console-vga", "--reset-vga", "--noefi", "--pass-memmap-cmdline",
            "--reuse-video-type", "--entry-32bit", "--real-mode", "--dtb=d", "--module=m 1", "--module=n", "-d",
            "--load-preserve-context", "--hotplug", "--no-cma", "--force-dtb", "--args-linux", "--elf32-core-headers",
            "--load-live-update", "--digest=sha256")
        var expected = KexecRequest(kernel: "K")
        expected.initrds = ["a", "b"]
        expected.commandLine = "quiet"
        expected.reusesCommandLine = true
        expected.systemCall = .kexecFileLoad
        expected.forcedType = .bzImage64
        expected.memoryMinimum = PhysicalAddress(0x10_0000)
        expected.memoryMaximum = PhysicalAddress(0x7fff_ffff)
        expected.entry = PhysicalAddress(0x10)
        expected.console.serial = true
        expected.console.serialPort = 0x2f8
        expected.console.serialBaud = 9600
        expected.console.vga = true
        expected.console.resetVGA = true
        expected.hidesEFI = true
        expected.passesMemoryMapInCommandLine = true
        expected.reusesVideoType = true
        expected.entry32Bit = true
        expected.realMode = true
        expected.deviceTree = "d"
        expected.modules = ["m 1", "n"]
        expected.debug = true
        expected.preservesContext = true
        expected.keepsGuests = true
        expected.updatesCoreHeader = true
        expected.avoidsCMA = true
        expected.forcesDeviceTree = true
        expected.elfArguments = .linux
        expected.coreHeaderClass = .elf32
        expected.digest = .sha256
        expected.givenOptions = KexecOptionSet(
            .load, .initrd, .commandLine, .reuseCommandLine, .fileSystemCall, .type, .memoryMinimum, .memoryMaximum,
            .entry, .consoleSerial, .serial, .serialBaud, .consoleVGA, .resetVGA, .noEFI, .memoryMapInCommandLine,
            .reuseVideoType, .entry32Bit, .realMode, .deviceTree, .module, .debug, .loadPreserveContext, .hotplug,
            .noCMA, .forceDeviceTree, .argumentsLinux, .coreHeaders32, .loadLiveUpdate, .digest)
        #expect(request == expected)
    }

    @Test func anEmptyRequestAsksForNothing() throws {
        var expected = KexecRequest(kernel: "-")
        expected.givenOptions = KexecOptionSet(.load)
        #expect(try request("-l", "-") == expected)
    }

    @Test func laterSwitchesReplaceEarlierOnes() throws {
        #expect(try request("K", "--args-linux", "--args-none").elfArguments == .nothing)
        #expect(try request("K", "--args-linux", "--args-elf").elfArguments == .elf)
        #expect(try request("K", "--elf32-core-headers", "--elf64-core-headers").coreHeaderClass == .elf64)
        #expect(try request("K", "-s", "-c").systemCall == .kexecLoad)
        #expect(try request("K", "-s", "-a").systemCall == .automatic)
        #expect(try request("K", "-c", "--system-call=module").systemCall == .module)
        #expect(try request("K", "--system-call=kexec_load", "-s").systemCall == .kexecFileLoad)
        #expect(try request("K", "--system-call=kexec_file_load").systemCall == .kexecFileLoad)
        #expect(try request("K", "--entry=0").entry == nil)
    }

    @Test func noChecksIsDigestNone() throws {
        #expect(try request("K").digest == nil)
        #expect(try request("K", "-i").digest == DigestChoice.none)
        #expect(try request("K", "--no-checks", "--digest=none").digest == DigestChoice.none)
        #expect(try request("K", "--digest=fast").digest == .fast)
        for (word, choice) in [
            ("auto", UnpackingChoice.automatic), ("kernel", .kernel), ("initrd", .initrd), ("all", .all),
            ("none", .nothing),
        ] {
            #expect(try request("K", "--decompress=\(word)").decompression == choice)
        }
        #expect(error("K", "-i", "--digest=sha256") == .conflict(.noChecks, .digest))
    }

    @Test func waysOfGoingWinAnywhere() throws {
        let invocation = try parse(["-x", "-e", "-y", "-d", "-s"])
        #expect(invocation.skipsInterfaces && invocation.skipsSync && invocation.debug)
        #expect(invocation.systemCall == .kexecFileLoad)
        let plain = try parse(["-e"])
        #expect(!plain.skipsInterfaces && !plain.skipsSync && !plain.debug && plain.systemCall == .automatic)
    }

    @Test func aRebootGoesWithNoOtherActionThanALoad() throws {
        for (words, option) in [
            (["-e"], KexecOption.execute), (["-f", "K"], .force), (["-u"], .unload), (["-p", "K"], .loadPanic),
            (["-S"], .status), (["--plan", "K"], .plan),
        ] {
            do throws(UsageError) {
                _ = try parse(["--reboot"] + words)
                Issue.record("\(words) was accepted")
            } catch { #expect(error == .conflict(.reboot, option)) }
        }
        #expect(error("--reboot", "-l") == .noKernel)
        #expect(error("--reboot", "--last") == .conflict(.last, .reboot))
        #expect(error("--reboot", "--append=x") == .needsLoad("--append"))
    }

    @Test func onlyARebootIsDetached() throws {
        #expect(try parse(["--reboot", "--detach=0"]).detachSeconds == 0)
        #expect(try parse(["--detach", "86400", "K"]).detachSeconds == 86400)
        #expect(try parse(["--reboot"]).detachSeconds == nil)
        #expect(error("--reboot", "--detach=86401") == .badDelay("86401"))
        #expect(error("--reboot", "--detach=x") == .notANumber(option: "--detach", value: "x"))
        for words in [["-l", "K"], ["-e"], ["-f", "K"], ["-u"], ["--plan", "K"], ["--last"]] {
            do throws(UsageError) {
                _ = try parse(words + ["--detach=1"])
                Issue.record("\(words) was accepted")
            } catch { #expect(error == .detachWithoutReboot) }
        }
    }

    @Test func planKeepsTheMachineDirectory() throws {
        #expect(try parse(["--plan", "--machine=D", "K"]).machineDirectory == "D")
        #expect(error("-l", "--machine=D", "K") == .machineWithoutPlan)
        #expect(error("--capture-machine=C", "--machine=D") == .machineWithoutPlan)
    }

    @Test func warnsOfWhatIsEasilyOverlooked() throws {
        #expect(try parse(["-l", "K", "--append=a"]).warnings.isEmpty)
        #expect(
            try parse(["K", "--append=a", "--command-line=b", "--append=c"]).warnings
                == [.repeated(.commandLine, used: "c")])
        #expect(try request("K", "--append=a", "--command-line=b").commandLine == "b")
        #expect(try parse(["K", "--append="]).warnings == [.emptyCommandLine])
        #expect(try parse(["K", "--append=", "--reuse-cmdline"]).warnings.isEmpty)
        #expect(try parse(["-e", "K"]).warnings == [.ignoredArgument("K")])
        #expect(try parse(["K", "--initrd=a", "--initrd=b", "--module=a", "--module=b"]).warnings.isEmpty)
        #expect(
            try parse(["K", "--dtb=a", "--mem-min=1", "--dtb=b", "--mem-min=2"]).warnings
                == [.repeated(.deviceTree, used: "b"), .repeated(.memoryMinimum, used: "2")])
    }

    @Test func refusesAKernelThatIsMissingOrOneTooMany() {
        for words in [
            [], ["-l"], ["-f"], ["-p"], ["--plan"], ["-l", "--append=x"], ["-l", ""], ["--load-live-update"],
        ] {
            do throws(UsageError) {
                _ = try parse(words)
                Issue.record("\(words) was accepted")
            } catch {
                #expect(error == .noKernel)
                #expect(error.exitStatus == 255)
            }
        }
        #expect(error("-l", "K", "quiet") == .unexpectedArgument("quiet", kernel: "K"))
        #expect(error("-l", "K", "quiet")?.exitStatus == 1)
    }

    @Test(arguments: [
        "--append=x", "--command-line=x", "--reuse-cmdline", "--initrd=x", "--ramdisk=x", "--dtb=x", "--module=x",
        "--args-elf", "--args-linux", "--args-none", "--real-mode", "--entry-32bit", "--noefi", "--reuse-video-type",
        "--pass-memmap-cmdline", "--digest=fast",
    ]) func refusesLoaderOptionsWithoutALoad(option: String) {
        let written = String(option.prefix { $0 != "=" })
        for action in ["-e", "-u", "-S", "--last", "--dry-run", "--capture-machine=D"] {
            #expect(error(option, action) == .needsLoad(written), "\(action)")
            #expect(error(action, option)?.exitStatus == 1)
        }
        #expect(error(option, "-l", "K") == nil)
    }

    /// kexec-tools takes these with any action.
    @Test(arguments: ["-i", "-t", "--mem-min", "--reset-vga", "--serial", "-c", "--hotplug", "--elf64-core-headers"])
    func acceptsGeneralOptionsWithoutALoad(option: String) {
        let values = ["-t": "bzImage", "--mem-min": "0", "--serial": "ttyS0"]
        let words = [option] + (values[option].map { [$0] } ?? [])
        for action in ["-e", "-u", "-S"] { #expect(throws: Never.self) { try parse(words + [action]) } }
    }

    @Test func refusesActionsThatExcludeEachOther() {
        #expect(error("-p", "-f", "K") == .conflict(.loadPanic, .force))
        #expect(error("--plan", "-e") == .conflict(.execute, .plan))
        #expect(error("--plan", "-u") == .conflict(.unload, .plan))
        #expect(error("--plan", "-u", "-p", "K") == nil)
        #expect(error("--plan", "-S") == .conflict(.status, .plan))
        #expect(error("--last", "-e") == .conflict(.last, .execute))
        #expect(error("--capture-machine=D", "-l", "K") == .conflict(.captureMachine, .load))
        #expect(error("--capture-machine=D", "--last") == .conflict(.captureMachine, .last))
        #expect(error("--last", "--plan") == .conflict(.last, .plan))
        #expect(error("--dry-run", "-e") == .conflict(.dryRun, .execute))
        #expect(error("--dry-run", "-l", "K") == .conflict(.dryRun, .load))
        #expect(error("--dry-run", "--plan", "K") == .conflict(.dryRun, .plan))
        #expect(error("--last", "--dry-run") == .conflict(.last, .dryRun))
    }

    @Test func capturesADiskWithTheMachine() throws {
        let invocation = try parse(["--capture-machine=D", "--type=boot-sector", "/dev/sda"])
        #expect(invocation.action == .captureMachine(directory: "D", bootSector: "/dev/sda"))
        #expect(invocation.warnings == [])
        let without = try parse(["--capture-machine=D", "/dev/sda"])
        #expect(without.action == .captureMachine(directory: "D", bootSector: nil))
        #expect(without.warnings == [.ignoredArgument("/dev/sda")])
    }

    @Test func refusesWhatThisReleaseOrMachineCannotDo() {
        #expect(error("--reuseinitrd", "-l", "K") == .notOnThisArchitecture("--reuseinitrd"))
        #expect(error("--load-jump-back-helper") == .notInThisRelease("--load-jump-back-helper"))
        #expect(error("--exec-live-update") == .notInThisRelease("--exec-live-update"))
        for entry in OptionTable.entries where entry.standing == .notOnThisArchitecture {
            #expect(error("--" + entry.name) == .notOnThisArchitecture("--" + entry.name))
        }
    }
}
