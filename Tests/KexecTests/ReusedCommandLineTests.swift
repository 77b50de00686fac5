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
}
