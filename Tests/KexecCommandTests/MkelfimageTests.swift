// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Kexec
import Testing

@testable import KexecCommand

struct MkelfimageTests {
    private func parsed(_ words: String...) -> MkelfimageAction? { try? MkelfimageOptions.parse(words) }

    private func refusal(_ words: String...) -> UsageError? {
        do throws(UsageError) { _ = try MkelfimageOptions.parse(words) } catch { return error }
        return nil
    }

    @Test func readsOptionsInAnyOrder() {
        let request = MkelfimageRequest(kernel: "k", output: "o", commandLine: "a b", initrds: ["i", "j"])
        #expect(parsed("--initrd=i", "k", "--command-line", "a b", "--ramdisk=j", "o") == .make(request))
        #expect(parsed("--app=a b", "--ini=i", "--initrd", "j", "--", "k", "o") == .make(request))
        #expect(parsed("--show", "x") == .show("x") && parsed("-h") == .help && parsed("-v", "--nonsense") == .version)
    }

    @Test func refusesWhatIsMissingOrTooMuch() {
        #expect(refusal() == .noKernel && refusal("--show") == .noKernel)
        #expect(parsed("k") == .incomplete(kernel: "k") && parsed("k", "") == .incomplete(kernel: "k"))
        #expect(refusal("k", "o", "x") == .unexpectedArgument("x", kernel: "k"))
        #expect(refusal("--show", "k", "o") == .unexpectedArgument("o", kernel: "k"))
        #expect(refusal("--initrd=-", "-", "o") == .standardInputTwice)
        #expect(refusal("--initrd=", "k", "o") == .emptyValue("--initrd"))
    }

    @Test func helpFitsAndNamesEveryOption() {
        let lines = MkelfimageOptions.help().split(separator: "\n")
        #expect(lines.allSatisfy { $0.utf8.count <= 80 })
        for entry in MkelfimageOptions.entries { #expect(lines.contains { $0.contains("--\(entry.name)") }) }
    }

    @Test func manualNamesEveryOptionAndNoOther() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "Documentation/man/mkelfimage.8"), encoding: .utf8)
        var documented: Set<String> = []
        for line in page.split(separator: "\n") where line.hasPrefix(".It Fl ") {
            for item in line.dropFirst(7).split(separator: ",") {
                documented.insert(item.replacingOccurrences(of: "Fl ", with: "").trimmingCharacters(in: .whitespaces))
            }
        }
        let expected = MkelfimageOptions.entries.flatMap { entry -> [String] in
            let value = entry.value == .required ? " Ns = Ns Ar " + entry.placeholder : ""
            return ["-" + entry.name + value] + (entry.letter.map { [String(Unicode.Scalar($0))] } ?? [])
        }
        #expect(documented == Set(expected))
    }

    @Test func everyFailureIsOneLineWithAStatus() {
        let failures: [MkelfimageFailure] = [
            .kernel(.zImage, path: "k"), .kernel(.notBzImage(.elfX86), path: "k"), .kernel(.realModeOnly, path: "k"),
            .kernel(.protocolTooOld(found: 0x201, needed: 0x202), path: "k"),
            .kernel(.commandLineTooLong(length: 3000, limit: 2047), path: "k"),
            .kernel(.doesNotFit(.initrd, last: 0x8000_0000, limit: 0x7fff_ffff), path: "k"),
            .kernel(.noTrampoline(found: 0), path: "k"),
            .output(.directory, path: "o"), .output(.sameAs("k"), path: "o"), .output(.notAFile, path: "o"),
            .output(.place(.write, .failed(errno: 28)), path: "o"), .notELF(kind: nil, path: "k"),
            .file(FileFailure(path: "k", problem: .missing)),
        ]
        for failure in failures {
            #expect(!Diagnostic(failure).sentence.contains("\n") && ExitCode(failure).status != 0)
        }
        #expect(
            Diagnostic(failures[3]).sentence
                == "cannot put 'k' into an ELF file: setup header says boot protocol 2.01 at offset 0x206, need 2.02 or later"
        )
        #expect(
            Diagnostic(failures[5]).sentence
                == "cannot put 'k' into an ELF file: the initrd would end at 0x80000000, it may at 0x7fffffff")
        #expect(Diagnostic(failures[10]).sentence == "cannot write 'o': write: No space left on device")
    }

    private func complaints(_ words: [String], status: Int32) async throws -> [String] {
        let result = try await #require(
            processExitsWith: .exitCode(status), observing: [\.standardErrorContent]
        ) { [words = words as [String]] in
            exit(runMkelfimage(arguments: ["mkelfimage"] + words.map { ByteString($0) }))
        }
        return String(decoding: result.standardErrorContent, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test func whatIsWrongIsSaidWithAHintOrTheUsage() async throws {
        let incomplete = try await complaints(["kernel"], status: 1)
        #expect(incomplete.first?.hasPrefix("mkelfimage: ") == true)
        #expect(Array(incomplete.suffix(2)) == MkelfimageOptions.usage.split(separator: "\n").map(String.init))
        let missing = try await complaints(["/nowhere/kernel", "/nowhere/output"], status: 2)
        let diagnostic = Diagnostic(MkelfimageFailure.file(FileFailure(path: "/nowhere/kernel", problem: .missing)))
        let hint = diagnostic.hint.map { ["mkelfimage: hint: " + $0.description] } ?? []
        #expect(missing == ["mkelfimage: " + diagnostic.sentence.description] + hint)
    }

    private func folder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "mkelfimage-\(UInt32.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    /// By any name that leads to it; another file is replaced.
    @Test func noInputIsReplaced() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let names = ["k", "i", "link", "o"].map { ByteString(folder.appending(path: $0).path) }
        for name in ["k", "i", "o"] { try Data([7]).write(to: folder.appending(path: name)) }
        try FileManager.default.linkItem(at: folder.appending(path: "i"), to: folder.appending(path: "link"))
        let inputs = Array(names[...1])
        #expect(throws: OutputFailure.sameAs(names[0])) {
            try OutputFile(path: names[0], inputs: inputs, mode: 0o666).finish()
        }
        #expect(throws: OutputFailure.sameAs(names[1])) {
            try OutputFile(path: names[2], inputs: inputs, mode: 0o666).finish()
        }
        try OutputFile(path: names[3], inputs: inputs, mode: 0o666).finish()
        let sizes = try ["k", "i", "o"].map { try Data(contentsOf: folder.appending(path: $0)).count }
        #expect(sizes == [1, 1, 0])
    }

    @Test func aFailureLeavesTheOldFileAndNoOther() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let (kernel, output) = (folder.appending(path: "k").path, folder.appending(path: "o").path)
        try "no kernel\n".write(toFile: kernel, atomically: true, encoding: .utf8)
        try "old".write(toFile: output, atomically: true, encoding: .utf8)
        #expect(runMkelfimage(arguments: ["mkelfimage", ByteString(kernel), ByteString(output)]) == 3)
        #expect(runMkelfimage(arguments: ["mkelfimage", ByteString(kernel), ByteString(folder.path)]) == 3)
        #expect(try String(contentsOfFile: output, encoding: .utf8) == "old")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["k", "o"])
    }
}
