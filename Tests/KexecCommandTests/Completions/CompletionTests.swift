// SPDX-License-Identifier: MIT
import Foundation
import Testing

@testable import Kexec
@testable import KexecCommand

/// The files of `Integration/completions` that are made from option tables. With `KEXEC_WRITE_COMPLETIONS` in the environment,
/// as `make completions` has it, they are written first. What shells make of them is for `Tests/completions/run.sh`.
@Suite(.serialized) struct CompletionTests {
    static let files: [String: String] = CompletedProgram.all.reduce(into: [:]) { files, program in
        files[BashCompletion(program: program).path] = BashCompletion(program: program).text
        files[ZshCompletion(program: program).path] = ZshCompletion(program: program).text
        files[FishCompletion(program: program).path] = FishCompletion(program: program).text
    }

    @Test(arguments: files.keys.sorted()) func agreesWithTheOptionTable(path: String) throws {
        let text = try #require(Self.files[path])
        let file = folder.appending(path: path)
        if ProcessInfo.processInfo.environment["KEXEC_WRITE_COMPLETIONS"] != nil {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        let found = try String(contentsOf: file, encoding: .utf8)
        if found != text { Issue.record("Integration/completions/\(path) is out of date: make completions") }
    }

    /// By their words, so that a mistake of what writes them is found as well.
    @Test(arguments: CompletedProgram.all.map(\.name), ["bash/", "zsh/_", "fish/"])
    func namesEveryOptionAndNoOther(program name: String, shell: String) throws {
        let program = try #require(CompletedProgram.all.first { $0.name == name })
        let path = shell + name + (shell == "fish/" ? ".fish" : "")
        let text = try String(contentsOf: folder.appending(path: path), encoding: .utf8)
        let pattern = shell == "fish/" ? #/-l ([a-z0-9-]+) /# : #/--([a-z0-9][a-z0-9-]*)/#
        let named = Set(text.matches(of: pattern).map { String($0.1) })
        #expect(named == Set(program.entries.map(\.name)))
    }

    @Test func everyWordThatIsOfferedIsTaken() throws {
        for entry in OptionTable.entries where entry.value != .none && entry.standing == .honoured {
            guard case .words(let words) = entry.completed else { continue }
            #expect(!words.isEmpty)
            for word in words { _ = try parse(["--\(entry.name)=\(word)", "K"]) }
        }
    }

    @Test func kexecLoadKernelCompletesWhatItTakes() throws {
        let script = try String(
            contentsOf: root.appending(path: "Integration/system/usr/sbin/kexec-load-kernel"), encoding: .utf8)
        let taken = Set(script.matches(of: #/\n    --([a-z]+)(?:=\?\*|=\*|)\) /#).map { String($0.1) })
        #expect(taken.count >= 4)
        for (path, pattern) in [
            ("bash/kexec-load-kernel", #/--([a-z]+)/#), ("zsh/_kexec-load-kernel", #/--([a-z]+)/#),
            ("fish/kexec-load-kernel.fish", #/-l ([a-z]+) /#),
        ] {
            let text = try String(contentsOf: folder.appending(path: path), encoding: .utf8)
            #expect(Set(text.matches(of: pattern).map { String($0.1) }) == taken, "\(path)")
        }
    }

    private var root: URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
    }

    private var folder: URL { root.appending(path: "Integration/completions") }
}
