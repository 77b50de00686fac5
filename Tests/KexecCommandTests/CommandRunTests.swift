// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Testing

@testable import Kexec
@testable import KexecCommand

/// Whole runs of the program, each in a process of its own: what comes out where, and the exit status. None asks for a load.
@Suite struct CommandRunTests {
    private struct Run {
        var output: String
        var errors: [Substring]
    }

    /// - Parameter output: what standard output is; nil: what is read here.
    private func run(_ words: [String], status: Int32, output: String? = nil) async throws -> Run {
        let result = try await #require(
            processExitsWith: .exitCode(status), observing: [\.standardOutputContent, \.standardErrorContent]
        ) { [words = words as [String], output = output as String?] in
            // What a stream that stays empty is told to have is not empty.
            for stream in [1, 2] as [Int32] { _ = write(stream, "-", 1) }
            if let output { dup2(open(output, O_WRONLY), 1) }
            exit(runKexec(arguments: ["kexec"] + words.map { ByteString($0) }))
        }
        let errors = String(decoding: result.standardErrorContent.dropFirst(), as: UTF8.self)
        return Run(
            output: String(decoding: result.standardOutputContent.dropFirst(), as: UTF8.self),
            errors: errors.split(separator: "\n"))
    }

    private static func machine(_ name: String) -> String {
        "--machine="
            + URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/machines/\(name)").path(percentEncoded: false)
    }

    /// A file below the temporary folder, gone with the value.
    private final class File {
        let path = FileManager.default.temporaryDirectory.appending(path: "run-\(UUID().uuidString)")
            .path(percentEncoded: false)

        init(_ bytes: [UInt8]) { _ = FileManager.default.createFile(atPath: path, contents: Data(bytes)) }
        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    /// A static program of 64 bits with 16 bytes to load at 16 MiB.
    private static let program: [UInt8] = {
        var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]
        bytes.pad(to: 16)
        for value in [2, 62, 1, 0] as [UInt16] { bytes.appendLittle(value) }
        for value in [0x100_0000, 64, 0] as [UInt64] { bytes.appendLittle(value) }
        for value in [0, 0, 64, 56, 1, 0, 0, 0] as [UInt16] { bytes.appendLittle(value) }
        for value in [1, 5] as [UInt32] { bytes.appendLittle(value) }
        for value in [120, 0x100_0000, 0x100_0000, 16, 16, 4] as [UInt64] { bytes.appendLittle(value) }
        return bytes + [UInt8](repeating: 0xf4, count: 16)
    }()

    @Test func helpAndVersionGoToStandardOutput() async throws {
        let help = try await run(["--help"], status: 0)
        #expect(help.output == HelpText.full() && help.errors.isEmpty)
        let version = try await run(["-l", "-v"], status: 0)
        #expect(version.output == ProgramVersion.line && version.errors.isEmpty)
    }

    @Test func whatCannotBeFollowedIsSaidWithTheUsage() async throws {
        let unknown = try await run(["--plam"], status: 1)
        #expect(unknown.output.isEmpty)
        #expect(unknown.errors.first?.hasPrefix("kexec: ") == true)
        #expect(unknown.errors.suffix(2) == HelpText.usage.split(separator: "\n")[...])
        let nothing = try await run(["--plan"], status: 255)
        #expect(nothing.errors.suffix(2) == HelpText.usage.split(separator: "\n")[...])
    }

    @Test func whatIsOddIsSaidBeforeTheReport() async throws {
        let state = try await run(
            ["--show", Self.machine("bios-512m"), "a", "--machine=/nowhere", Self.machine("bios-512m")], status: 0)
        let warnings = state.errors.filter { $0.hasPrefix("kexec: warning: ") }
        #expect(warnings.count == 2 && warnings.count == state.errors.count { !$0.hasPrefix("kexec: hint: ") })
        #expect(state.output.hasPrefix("kernel      "))
    }

    @Test func aPlanIsToldInThreeForms() async throws {
        let file = File(Self.program)
        let words = ["--plan", file.path, Self.machine("bios-512m"), "--append=quiet"]
        let text = try await run(words, status: 0)
        #expect(text.errors.isEmpty)
        #expect(text.output.hasPrefix("image        " + file.path + ": elf-x86_64\n"))
        #expect(text.output.contains("\nsegment A    0x1000000-0x1000fff kernel"))
        #expect(text.output.hasSuffix("\nloadable     yes\n"))

        let json = try await run(["--plan=json"] + words.dropFirst(), status: 0)
        #expect(json.errors.isEmpty && json.output.hasSuffix("}\n"))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect(object["loadable"] as? Bool == true && object["command_line"] as? String == "quiet")

        let picture = try await run(["--plan=svg"] + words.dropFirst(), status: 0)
        #expect(picture.errors.isEmpty && picture.output.hasPrefix("<?xml ") && picture.output.hasSuffix("</svg>\n"))
    }

    @Test func aPlanThatIsRefusedIsToldAndHasItsStatus() async throws {
        let file = File(Self.program)
        let crash = try await run(["-p", "--plan", file.path, Self.machine("bios-512m")], status: 254)
        #expect(crash.output.contains("\nrefused      ") && crash.output.hasSuffix("\nloadable     no\n"))
        let large = try await run(["--plan", file.path, "--mem-max=0x1000", Self.machine("bios-512m")], status: 4)
        #expect(large.output.hasSuffix("\nloadable     no\n") && large.errors.isEmpty)
    }

    @Test func aKernelThatCannotBeReadIsNoPlan() async throws {
        let text = try await run(["--plan", "/nowhere/kernel", Self.machine("bios-512m")], status: 2)
        #expect(text.output.isEmpty && text.errors.first?.contains("'/nowhere/kernel'") == true)
        let json = try await run(["--plan=json", "/nowhere/kernel", Self.machine("bios-512m")], status: 2)
        #expect(json.errors == text.errors && json.output.hasSuffix("}\n"))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect(object["loadable"] as? Bool == false && (object["refusals"] as? [String])?.count == 1)
        let words = File(Array("no kernel\n".utf8))
        #expect(try await run(["--plan", words.path, Self.machine("bios-512m")], status: 3).output.isEmpty)
        #expect(try await run(["--plan", words.path, "--machine=/nowhere"], status: 15).output.isEmpty)
    }

    /// Only kexec_file_load can do without knowing where memory is.
    @Test func whereMemoryIsNotShownTheOtherCallsAreRefused() async throws {
        let file = File(Self.program), hidden = Self.machine("hidden-addresses")
        let refused = try await run(["-c", "--plan", file.path, hidden], status: 5)
        #expect(refused.output.isEmpty && refused.errors.first?.hasPrefix("kexec: ") == true)
        let told = try await run(["--plan", file.path, hidden], status: 5)
        #expect(told.output.contains("\nloadable     no\n"))
    }

    @Test func aStateIsReportedOfAnyMachine() async throws {
        let folder = String(Self.machine("crashkernel").dropFirst("--machine=".count))
        let machine = MachineDescription(readingWhatIsShown: try MachineRoot(path: ByteString(folder)))
        let show = try await run(["--show", Self.machine("crashkernel")], status: 0)
        #expect(show.output == StateReport(machine: machine, hasLastJump: false).text && show.errors.isEmpty)
        let check = try await run(["--crash-check", Self.machine("crashkernel")], status: 1)
        #expect(check.output == CrashCheck(of: machine).report && check.errors.isEmpty)
        let file = File(Self.program)
        let planned = try await run(["--crash-check", file.path, Self.machine("crashkernel")], status: 1)
        #expect(planned.output.contains("\ncall       kexec_load, "))
        #expect(try await run(["--crash-check", "--machine=/nowhere"], status: 15).output.isEmpty)
    }

    /// This machine's own: whatever it is, it is the answer.
    @Test func asksTheRunningKernelWhatIsLoaded() async throws {
        let state = KexecState(reading: try MachineRoot(path: "/"))
        let reboot = try await run(["-l", "-S"], status: ExitCode.answer(isLoaded: state.isLoaded(.reboot)))
        #expect(reboot.output.isEmpty && reboot.errors.isEmpty)
        let crash = try await run(["-S"], status: ExitCode.answer(isLoaded: state.isLoaded(.crash)))
        #expect(crash.output.isEmpty && crash.errors.isEmpty)
        let size = try await run(["--print-ckr-size"], status: 0)
        #expect(size.output == "\(state.crashSize ?? 0)\n" && size.errors.isEmpty)
    }

    @Test func whatStandardOutputDoesNotTakeHasAStatusOfItsOwn() async throws {
        let full = try await run(["--version"], status: 16, output: "/dev/full")
        #expect(full.errors == ["kexec: cannot write to standard output: No space left on device"])
        let file = File(Self.program)
        for form in ["--plan", "--plan=json", "--plan=svg"] {
            let plan = try await run([form, file.path, Self.machine("bios-512m")], status: 16, output: "/dev/full")
            #expect(plan.errors == full.errors)
        }
        let check = ["--crash-check", Self.machine("crashkernel")]
        #expect(try await run(check, status: 16, output: "/dev/full").errors == full.errors)
    }
}
