// SPDX-License-Identifier: MIT
import Foundation

/// What the compiler says is wrong, and where.
struct CompilerComplaint: Hashable {
    /// From the tree's root.
    var path: String
    var line: Int
    var text: String

    /// Each error in a build's output, once.
    static func all(in output: String, below folder: String) -> [CompilerComplaint] {
        var seen: Set<CompilerComplaint> = []
        return output.split(separator: "\n").compactMap { line in
            guard let match = line.firstMatch(of: /^(.+?):(\d+):\d+: error: (.*)$/), let number = Int(match.2),
                match.1.hasPrefix(folder + "/")
            else { return nil }
            let complaint = CompilerComplaint(
                path: String(match.1.dropFirst(folder.count + 1)), line: number, text: String(match.3))
            return seen.insert(complaint).inserted ? complaint : nil
        }
    }

    /// The mutants that it can be about: on its line, else the nearest of its file.
    func culprits(among mutants: [Int: Mutant]) -> [Int] {
        let own = mutants.filter { $0.value.path == path }
        let onLine = own.filter { $0.value.site.lines.contains(line) }
        guard onLine.isEmpty else { return Array(onLine.keys) }
        let distances = own.mapValues { abs($0.site.lines.lowerBound - line) }
        return distances.min { ($0.value, $0.key) < ($1.value, $1.key) }.map { [$0.key] } ?? []
    }
}

/// Builds the tests in the tree until all that is left in it compiles.
struct MutantBuild {
    let tree: MutantTree
    let modules: [PackageModule]

    enum Form { case schema, changed }

    /// Which of the mutants compile, all in one tree.
    func compiling(_ mutants: [Int: Mutant], as form: Form) async throws -> [Int: Mutant] {
        var left = mutants
        while true {
            let fixed = form == .changed ? Array(left.values) : []
            let schema = MutantSchema(mutants: form == .schema ? left : [:])
            try await tree.write(try tree.changes(for: schema, fixed: fixed, modules: modules))
            guard let output = try await complaints() else { return left }
            let errors = CompilerComplaint.all(in: output, below: tree.folder)
            let culprits = Set(errors.flatMap { $0.culprits(among: left) })
            guard !culprits.isEmpty else {
                throw LabError("the tests do not compile in '\(tree.folder)':\n\(output.suffix(4000))")
            }
            announce(
                "  \(culprits.count) of \(left.count) do not compile \(form == .schema ? "beside others" : "at all")")
            for number in culprits { left[number] = nil }
        }
    }

    /// All that does not compile in a module is told at once.
    private static let options = "--manifest-cache none --build-tests -Xswiftc -continue-building-after-errors"

    /// The compiler's output where the build fails.
    func complaints() async throws -> String? {
        let command = HostCommand(
            "/bin/sh", ["-c", "swift build \(Self.options) 2>&1 || echo BUILD FAILED"],
            workingDirectory: tree.folder)
        let output = try await command.output()
        return output.hasSuffix("BUILD FAILED\n") ? output : nil
    }
}
