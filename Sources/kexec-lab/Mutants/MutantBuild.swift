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

    /// Which of the mutants compile beside each other, all in one tree.
    func compiling(_ mutants: [Int: Mutant]) async throws -> [Int: Mutant] {
        try await settle(mutants, known: "together", beside: []) {
            try tree.changes(for: MutantSchema(mutants: $0), modules: modules)
        }
    }

    /// Which of the others compile for good; the files that have none of them stay as they are.
    func compilingAlone(_ mutants: [Int: Mutant], beside schema: MutantSchema) async throws -> [Int: Mutant] {
        try await settle(mutants, known: "alone", beside: schema.mutants.values.map(\.path)) {
            try tree.changes(for: schema, fixed: Array($0.values), modules: modules)
        }
    }

    private func settle(
        _ mutants: [Int: Mutant], known name: String, beside paths: [String],
        _ changes: ([Int: Mutant]) throws -> [String: [UInt8]]
    ) async throws -> [Int: Mutant] {
        let known = KnownFailures(at: "\(tree.folder)/../does-not-compile-\(name)")
        var left = mutants.filter { !known.contains($0.value) }
        while !left.isEmpty {
            try await tree.write(try changes(left))
            guard let output = try await complaints(Set(left.values.map(\.path) + paths)) else { break }
            let errors = CompilerComplaint.all(in: output, below: tree.folder)
            let culprits = Set(errors.flatMap { $0.culprits(among: left) })
            guard !culprits.isEmpty else {
                throw LabError("the tests do not compile in '\(tree.folder)':\n\(output.suffix(4000))")
            }
            announce("  \(culprits.count) of \(left.count) do not compile \(name)")
            try known.add(culprits.compactMap { mutants[$0] })
            for number in culprits { left[number] = nil }
        }
        return left
    }

    /// All that does not compile in a module is told at once.
    private static let options = "--manifest-cache none -Xswiftc -continue-building-after-errors"

    /// The compiler's output where the build fails; else the tests are linked anew. Only modules with mutants are built, and
    /// what those need.
    func complaints(_ changed: Set<String>) async throws -> String? {
        let built = modules.filter { $0.sources.contains(where: changed.contains) }
        for module in built {
            let command = HostCommand(
                "/bin/sh",
                ["-c", "swift build \(Self.options) --target \(module.name) 2>&1 || echo BUILD FAILED"],
                workingDirectory: tree.folder)
            let output = try await command.output()
            if output.hasSuffix("BUILD FAILED\n") { return output }
        }
        try await link(built)
        return nil
    }

    /// Makes a test program of the repository's own objects, as `swift build --build-tests` has left them, and the tree's
    /// modules: nothing that a mutant changes shows in what others were compiled with.
    private func link(_ built: [PackageModule]) async throws {
        let own = "\(tree.origin)/.build/\(Self.products)", theirs = "\(tree.folder)/.build/\(Self.products)"
        let list = try String(
            contentsOfFile: "\(own)/swift-kexecPackageTests.product/Objects.LinkFileList", encoding: .utf8)
        let changed = built.map { "\(own)/\($0.name).build/" }
        // The wrapped modules are for debuggers alone; a target that is built by itself has none.
        let code = list.split(separator: "\n").map { String($0) }.filter { !$0.hasSuffix(".swiftmodule.o") }
        var objects = code.map { line in
            changed.contains(where: line.hasPrefix) ? line.replacing(own, with: theirs) : line
        }
        objects += built.map { "\(theirs)/\($0.name).build/\(MutantTree.definitions).o" }
        objects.append("\(theirs)/MutantSwitch.build/MutantSwitch.c.o")
        let file = "\(tree.bundle).objects"
        try objects.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
        _ = try await HostCommand("swiftc", ["-emit-executable", "-o", tree.bundle, "@\(file)", "-ldl"]).output()
    }

    private static let products = "x86_64-unknown-linux-gnu/debug"
}

/// Mutants that did not compile in an earlier run, a line each: what stands in the source decides, so that it stays true.
struct KnownFailures {
    private let path: String
    private let lines: Set<String>

    init(at path: String) {
        self.path = path
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        lines = Set(text.split(separator: "\n").map { String($0) })
    }

    func contains(_ mutant: Mutant) -> Bool { lines.contains(Self.line(mutant)) }

    func add(_ mutants: [Mutant]) throws {
        let old = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        try (old + mutants.map { Self.line($0) + "\n" }.joined()).write(toFile: path, atomically: true, encoding: .utf8)
    }

    private static func line(_ mutant: Mutant) -> String {
        [mutant.path, mutant.sourceLine, mutant.change].joined(separator: "\t")
    }
}
