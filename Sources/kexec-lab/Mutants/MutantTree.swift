// SPDX-License-Identifier: MIT
import Foundation

/// A copy of the repository, `build/mutants/tree`, in which sources are changed and built; what stays the same in it keeps its
/// date, so that little is compiled anew.
struct MutantTree: Sendable {
    /// The repository.
    let origin: String
    let folder: String
    /// Below the folder of a module.
    static let definitions = "MutantDefinitions.swift"

    init(origin: String, folder: String) {
        self.origin = origin
        self.folder = folder
    }

    var bundle: String { "\(folder)/../mutants.xctest" }

    /// Paths of the repository's files, those that are not committed too.
    func files() async throws -> [String] {
        let list = try await HostCommand(
            "git", ["ls-files", "-co", "--exclude-standard", "-z"], workingDirectory: origin
        ).output()
        return list.split(separator: "\0").map(String.init).sorted()
            .filter { FileManager.default.fileExists(atPath: "\(origin)/\($0)") }
    }

    func source(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: "\(origin)/\(path)")))
    }

    /// Makes the tree the repository with `changed` files in it, and nothing else.
    func write(_ changed: [String: [UInt8]]) async throws {
        var wanted = Set(changed.keys)
        for path in try await files() {
            wanted.insert(path)
            if changed[path] == nil { try put(try source(path), at: path, copying: true) }
        }
        for (path, bytes) in changed { try put(bytes, at: path, copying: false) }
        let below = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        for path in below where !wanted.contains(path) && path.hasSuffix(Self.definitions) && !path.hasPrefix(".") {
            try FileManager.default.removeItem(atPath: "\(folder)/\(path)")
        }
    }

    private func put(_ bytes: [UInt8], at path: String, copying: Bool) throws {
        let target = "\(folder)/\(path)"
        if FileManager.default.contents(atPath: target).map({ Array($0) == bytes }) ?? false { return }
        try FileManager.default.createDirectory(
            atPath: URL(fileURLWithPath: target).deletingLastPathComponent().path, withIntermediateDirectories: true)
        try? FileManager.default.removeItem(atPath: target)
        if copying {
            try FileManager.default.copyItem(atPath: "\(origin)/\(path)", toPath: target)
            // A copy has the date of what it was made from, which may be older than what was compiled.
            try FileManager.default.setAttributes([.modificationDate: Date()], ofItemAtPath: target)
        } else {
            try Data(bytes).write(to: URL(fileURLWithPath: target))
        }
    }

    /// The tree's files that stand for a schema and, where `fixed` has some, for mutants that no schema can hold.
    func changes(for schema: MutantSchema, fixed: [Mutant] = [], modules: [PackageModule]) throws -> [String: [UInt8]] {
        var result = try package(modules)
        for module in modules {
            for path in module.sources where (schema.mutants.values + fixed).contains(where: { $0.path == path }) {
                let own = fixed.filter { $0.path == path }
                let kept = own.isEmpty ? schema : MutantSchema(mutants: [:])
                result[path] = kept.rewritten(
                    MutantSchema.changed(try source(path), by: own), path: path, module: module.name)
            }
            result["\(module.path)/\(Self.definitions)"] = Array(
                schema.definitions(module: module.name, paths: Set(module.sources)).utf8)
        }
        return result
    }

    /// A package without the laboratory and without checks that only style asks for, whose payloads stay the repository's.
    private func package(_ modules: [PackageModule]) throws -> [String: [UInt8]] {
        let manifest = String(decoding: try source("Package.swift"), as: UTF8.self)
            .replacing(".strictMemorySafety(), ", with: "")
            .replacing(".treatAllWarnings(as: .error)", with: ".treatAllWarnings(as: .warning)")
        let names = modules.map { "\"\($0.name)\"" }.joined(separator: ", ")
        let plugin = String(decoding: try source("Plugins/BuildPayloads/plugin.swift"), as: UTF8.self)
            .replacing("context.package.directoryURL", with: "URL(filePath: \"\(origin)/\")")
        return [
            "Package.swift": Array(
                """
                \(manifest)
                package.targets.removeAll { ["kexec-lab", "KexecLabTests"].contains($0.name) }
                package.dependencies = []
                for target in package.targets where [\(names)].contains(target.name) {
                    target.dependencies.append("MutantSwitch")
                    target.sources?.append("\(Self.definitions)")
                }
                package.targets.append(.target(name: "MutantSwitch"))

                """.utf8),
            "Plugins/BuildPayloads/plugin.swift": Array(plugin.utf8),
            "Sources/MutantSwitch/include/MutantSwitch.h": Array(Self.switchHeader.utf8),
            "Sources/MutantSwitch/MutantSwitch.c": Array(Self.switchSource.utf8),
        ]
    }

    private static let switchHeader = """
        // SPDX-License-Identifier: MIT
        #pragma once
        extern int mutant_number;
        extern unsigned char *mutants_reached;

        // Asked in the innermost loops.
        static inline int mutant_is_active(int number) {
            if (mutants_reached) mutants_reached[number] = 1;
            return number == mutant_number;
        }

        """

    private static let switchSource = """
        // SPDX-License-Identifier: MIT
        #include <fcntl.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <unistd.h>
        #include "MutantSwitch.h"

        int mutant_number = 0;
        unsigned char *mutants_reached;

        // MUTANT: the number of the mutant that is active. MUTANTS_REACHED: a file with a byte for each, which tells
        // of those that were asked for.
        __attribute__((constructor)) static void choose(void) {
            const char *number = getenv("MUTANT"), *reached = getenv("MUTANTS_REACHED");
            if (number) mutant_number = atoi(number);
            int file = reached ? open(reached, O_RDWR) : -1;
            if (file < 0) return;
            off_t size = lseek(file, 0, SEEK_END);
            void *bytes = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            if (bytes != MAP_FAILED) mutants_reached = bytes;
            close(file);
        }

        """
}

/// A target of the package that unit tests are linked with.
struct PackageModule: Sendable {
    var name: String
    /// From the repository's root, as the sources.
    var path: String
    var sources: [String]
    /// Targets with tests that name it.
    var tests: [String]

    /// Those that tests reach, as SwiftPM sees the repository.
    static func all(of root: String) async throws -> [PackageModule] {
        let text = try await HostCommand(
            "swift", ["package", "--manifest-cache", "none", "describe", "--type", "json"], workingDirectory: root
        ).output()
        let targets = try JSONDecoder().decode(Description.self, from: Data(text.utf8)).targets
        let tested = Set(targets.filter { $0.type == "test" }.flatMap { $0.target_dependencies ?? [] })
            .subtracting(["kexec-lab", "PayloadImages"])
        return targets.filter { tested.contains($0.name) && $0.type == "library" && $0.module_type == "SwiftTarget" }
            .map { target in
                let tests = targets.filter {
                    $0.type == "test" && $0.target_dependencies?.contains(target.name) == true
                }
                return PackageModule(
                    name: target.name, path: target.path, sources: target.sources.map { "\(target.path)/\($0)" },
                    tests: tests.map(\.name))
            }
    }

    private struct Description: Decodable { var targets: [Target] }
    private struct Target: Decodable {
        var name: String
        var type: String
        var module_type: String
        var path: String
        var sources: [String]
        var target_dependencies: [String]?
    }
}
