// SPDX-License-Identifier: MIT
import Foundation

/// Which cases in virtual machines tell of the sources that no unit test can run: `Tests/Mutants/machines`.
///
/// A line each: the path that a source's begins with, and a regular expression of names of cases; the first line that fits
/// counts.
struct MachineTable {
    private(set) var lines: [(prefix: String, filter: String)] = []

    init(_ text: String) throws {
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ")
            guard words.count == 2 else { throw LabError("'\(line)': a path and an expression are wanted") }
            lines.append((String(words[0]), String(words[1])))
        }
    }

    func filter(for path: String) -> String? { lines.first { path.hasPrefix($0.prefix) }?.filter }
}

/// Judges a mutant by what the shipped program, built with it, does in virtual machines.
struct MutantMachines {
    let tree: MutantTree
    let cache: CacheFolder
    let jobs: Int

    enum Outcome { case noticed(by: String), passed, doesNotCompile }

    func run(_ mutant: Mutant, filter: String) async throws -> Outcome {
        let source = MutantSchema.changed(try tree.source(mutant.path), by: [mutant])
        try await tree.write([mutant.path: source])
        try FileManager.default.createDirectory(atPath: "\(tree.folder)/build", withIntermediateDirectories: true)
        try? FileManager.default.createSymbolicLink(
            atPath: "\(tree.folder)/build/cache", withDestinationPath: cache.path)
        guard await succeeds("scripts/build-embedded.sh x86_64 kexec && scripts/build-embedded.sh x86_64 mkelfimage")
        else {
            return .doesNotCompile
        }
        let program = "build/mkelfimage build/payloads/kexec_test build/payloads/kexec_test.static"
        guard await succeeds(program) else { return .noticed(by: "build/mkelfimage") }
        let laboratory = CommandLine.arguments[0]
        let executable = URL(fileURLWithPath: laboratory).standardizedFileURL.path
        let output = try await HostCommand(
            "/bin/sh", ["-c", "'\(executable)' run --unremembered --jobs \(jobs) --filter '\(filter)' 2>&1 || :"],
            environment: ["KEXEC_LAB_CACHE": cache.path], workingDirectory: tree.folder
        ).output()
        guard output.firstMatch(of: /(?m)^(passed|FAILED) +/) != nil else {
            throw LabError("no case ran for '\(filter)':\n\(output)")
        }
        return Self.failure(in: output).map { .noticed(by: $0) } ?? .passed
    }

    /// The case that failed first.
    static func failure(in output: String) -> String? {
        output.firstMatch(of: /(?m)^FAILED +[0-9.]+ s +(\S+)/).map { String($0.1) }
    }

    private func succeeds(_ command: String) async -> Bool {
        (try? await HostCommand("/bin/sh", ["-c", command], workingDirectory: tree.folder).output()) != nil
    }
}
