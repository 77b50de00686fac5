// SPDX-License-Identifier: MIT
import BootFormats
import Testing

@testable import Kexec

/// `--reuse-cmdline`: what is kept of the running kernel's line.
@Suite struct ReusedCommandLineTests {
    private static let rsdp: UInt64 = 0xe_0010

    private func machine(_ line: ByteString) -> MachineDescription {
        var machine = MachineDescription.pc()
        machine.commandLine = line
        machine.bootParameters?.store(Self.rsdp, at: 0x70)
        machine.crashKernel = [range(0x3000_0000, 0x3800_0000)]
        return machine
    }

    private func plan(_ line: ByteString, _ target: LoadTarget = .reboot, append: ByteString? = nil) -> BootPlan {
        PlanImage.bzImage().plan(on: machine(line)) { request in
            request.reusesCommandLine = true
            request.commandLine = append
            request.target = target
            request.systemCall = .kexecLoad
        }
    }

    private func kept(_ line: ByteString, _ target: LoadTarget = .reboot) -> ByteString {
        CommandLine.kept(for: target, on: machine(line))
    }

    // MARK: Bytes

    @Test func everyByteThatIsNoLoadersIsHandedOnAsItIs() {
        let everyByte = ByteString([UInt8](1...255))
        #expect(kept(everyByte) == everyByte)
        #expect(plan(everyByte, append: everyByte).commandLine == everyByte + " " + everyByte)
        // "à" is C3 A0: Linux parts words there, and whoever reads the line behind it must find the letter.
        for line in ["a=voilà b", "  a \t b\n\nc ", "a \"b  c\"=\"d  e\"", "\u{a0}x"] as [ByteString] {
            #expect(kept(line) == line)
        }
    }

    @Test(
        arguments: [
            ("BOOT_IMAGE=/k  root=/dev/sda1", "root=/dev/sda1"), ("root=x  BOOT_IMAGE=/k", "root=x"),
            ("a\tBOOT_IMAGE=/k\u{c}b", "a\tb"), ("a BOOT_IMAGE=\"/k x\" b", "a b"), ("a \"BOOT_IMAGE=/k x\" b", "a b"),
            ("a \u{b}BOOT_IMAGE=/k\rb", "a \u{b}b"), ("BOOT_IMAGE=/k", ""), ("aBOOT_IMAGE=/k", "aBOOT_IMAGE=/k"),
            ("a=voilà BOOT_IMAGE=/k", "a=voilà"), ("a=\"BOOT_IMAGE=/k b\"", "a=\"BOOT_IMAGE=/k b\""),
        ])
    func aWordGoesWithTheWhiteSpaceBehindIt(_ line: String, _ expected: String) {
        #expect(kept(ByteString(line)) == ByteString(expected))
    }

    @Test func aWordEndsAtLatin1sNoBreakSpace() {
        #expect(
            kept(ByteString(Array("a=".utf8) + [0xe9, 0xa0] + Array("BOOT_IMAGE=/k".utf8) + [0xa0] + Array("b".utf8)))
                == ByteString(Array("a=".utf8) + [0xe9, 0xa0] + Array("b".utf8)))
    }

    /// 2,047 bytes are what the image takes.
    @Test func theLimitCountsBytes() {
        let line = ByteString([UInt8](repeating: 0xe9, count: 2045))
        #expect(plan(line, append: "a").refusals == [])
        #expect(plan(line, append: "ab").refusals == [.commandLineTooLong(length: 2048, limit: 2047)])
        #expect(plan(line, append: "a").bytes("command_line") == line.bytes + Array(" a".utf8) + [0])
    }

    // MARK: Words of loaders

    @Test(arguments: [LoadTarget.reboot, .crash]) func noKernelGetsAnotherOnesCoreHeaderOrWayBack(target: LoadTarget) {
        for word in [
            "elfcorehdr=0x21000000", "elfcorehdr=868352K", "elfcorehdr=16K@0x21000000", "kexec_jump_back_entry=0x10f2",
        ] {
            #expect(kept(ByteString("\(word) root=x quiet"), target) == "root=x quiet")
            #expect(kept(ByteString("root=x \(word) quiet"), target) == "root=x quiet")
            #expect(kept(ByteString("root=x -- single \(word)"), target) == "root=x -- single")
        }
        #expect(kept("root=x kexec_jump_back=1 elfcorehdrs=2", target) == "root=x kexec_jump_back=1 elfcorehdrs=2")
    }

    @Test func aCrashKernelsMemoryMapIsNotTheNextKernels() {
        // Ours, with the user's own words before it.
        #expect(
            kept("root=x memmap=1M!4G irqpoll memmap=exactmap memmap=640K@0K memmap=1024K$786432K elfcorehdr=800000K")
                == "root=x memmap=1M!4G irqpoll")
        // kexec-tools' older ones have the tables of ACPI behind the header, its newer ones the header in front.
        #expect(
            kept(
                "root=x memmap=exactmap memmap=588K@64K elfcorehdr=181176K memmap=4K$0K memmap=112K#3405376K nr_cpus=1")
                == "root=x nr_cpus=1")
        #expect(kept("elfcorehdr=0x21000000 root=x memmap=exactmap memmap=588K@64K") == "root=x")
        // The user's exact map, taken into the crash kernel's line, before ours.
        #expect(
            kept("memmap=exactmap memmap=2G@0 root=x memmap=exactmap memmap=640K@0K elfcorehdr=800000K")
                == "memmap=exactmap memmap=2G@0 root=x")
    }

    @Test func theUsersMemoryMapIsKeptWhereNoCrashKernelRuns() {
        for line in ["memmap=exactmap memmap=640K@0 memmap=1G@1M", "mem=1G memmap=10M$1G", "acpi_rsdp=0xe0010 root=x"] {
            #expect(kept(ByteString(line)) == ByteString(line))
        }
        // Without an exact map no loader has written it.
        #expect(kept("memmap=10M$1G elfcorehdr=800000K") == "memmap=10M$1G")
        #expect(kept("memmap=exactmap memmap=1G@1M -- elfcorehdr=800000K") == "memmap=exactmap memmap=1G@1M --")
    }

    @Test func theAddressOfTheRSDPIsLeftOutWhereTheNextKernelFindsItInItsBootParams() {
        #expect(kept("root=x acpi_rsdp=0xe0010 elfcorehdr=800000K") == "root=x")
        #expect(kept("root=x acpi_rsdp=0xe0020 elfcorehdr=800000K") == "root=x acpi_rsdp=0xe0020")
        var machine = machine("root=x acpi_rsdp=0xe0010 elfcorehdr=800000K")
        machine.bootParameters = nil
        #expect(CommandLine.kept(for: .reboot, on: machine) == "root=x acpi_rsdp=0xe0010")
    }

    @Test func aCrashKernelReservesNoMemoryForAnother() {
        #expect(kept("a crashkernel=256M,high crashkernel=64M,low b", .crash) == "a b")
        #expect(kept("a crashkernel=256M b") == "a crashkernel=256M b")
    }

    /// A crash kernel has to come up whatever happened.
    @Test func whatFastHasPutInFrontIsNotACrashKernels() {
        let words: ByteString = "cryptomgr.notests no_timer_check quiet root=x quiet"
        #expect(kept(words, .crash) == "root=x quiet")
        #expect(kept("cryptomgr.notests root=x no_timer_check", .crash) == "root=x no_timer_check")
        // The next load by --fast finds them there, and adds them no second time.
        #expect(kept(words) == words)
        // These are the user's.
        for line in [
            "quiet root=x", "no_timer_check quiet", "root=x cryptomgr.notests no_timer_check", "cryptomgr.notests=0",
        ] {
            #expect(kept(ByteString(line), .crash) == ByteString(line))
        }
    }

    // MARK: Where --append lands

    @Test(
        arguments: [
            ("root=x -- single", AppendedBehind.dashes), ("root=x \"--\" single", .dashes), ("root=\"x", .openQuote),
            ("root=x --verbose", nil), ("root=\"-- \" x", nil),
        ])
    func saysWhereWhatIsAppendedIsNotRead(_ line: String, _ part: AppendedBehind?) {
        let line = ByteString(line)
        let warnings = part.map { [PlanWarning.appendedNotRead(because: $0)] } ?? []
        #expect(plan(line, append: "a=1").warnings == warnings)
        #expect(plan(line, append: "a=1").commandLine == line + " a=1")
        #expect(plan(line).warnings == [] && plan(line, append: "").warnings == [])
    }

    @Test func saysNothingOfWhatLoadersWordsBroughtAlong() {
        #expect(plan("root=x elfcorehdr=\"1K --", append: "a").warnings == [])
        #expect(plan("root=x -- single", .crash, append: "a").commandLine.description.contains(" elfcorehdr="))
    }
}
