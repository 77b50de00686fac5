// SPDX-License-Identifier: MIT
import Foundation
import Subprocess

/// A program of the host that ends by itself, run with its output collected.
struct HostCommand: Sendable {
    let program: String
    let arguments: [String]
    var environment: [String: String] = [:]
    var workingDirectory: String?

    init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], workingDirectory: String? = nil
    ) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
    }

    private var executable: Executable { program.contains("/") ? .path(.init(program)) : .name(program) }

    /// The own variables added to the inherited ones.
    var variables: Environment {
        .inherit.updating(
            Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0), Optional($1)) }))
    }

    /// Debian packages that bring the host programs used here.
    static let packages = [
        "apt-get": "apt", "apt-cache": "apt", "apt-config": "apt", "dpkg-deb": "dpkg", "/bin/gzip": "gzip",
    ]

    /// The program's standard output.
    /// - Parameter input: what it reads from standard input.
    /// - Throws: its last lines of standard error when it ends with another status than 0.
    func output(input: String = "", limit: Int = 64 << 20) async throws -> String {
        do {
            let result = try await run(
                executable, arguments: Arguments(arguments),
                environment: variables,
                workingDirectory: workingDirectory.map { .init($0) },
                input: .string(input), output: .string(limit: limit), error: .string(limit: 1 << 20))
            guard result.terminationStatus.isSuccess else {
                let complaint = result.standardError.split(separator: "\n").suffix(8).joined(separator: "\n  ")
                throw LabError("'\(name) \(arguments.joined(separator: " "))' failed:\n  \(complaint)")
            }
            return result.standardOutput
        } catch let error as SubprocessError where error.code == .executableNotFound {
            let package = Self.packages[program].map { ": install the package \($0)" } ?? ""
            throw LabError("the program '\(program)' is missing\(package)")
        }
    }

    /// Writes the program's standard output into a file.
    func output(to path: String) async throws {
        let file = try HostFile.create(path)
        let result = try await run(
            executable, arguments: Arguments(arguments),
            output: .fileDescriptor(.init(rawValue: file.fileDescriptor), closeAfterSpawningProcess: false),
            error: .string(limit: 1 << 20))
        guard result.terminationStatus.isSuccess else {
            throw LabError("'\(name)' could not write '\(path)': \(result.standardError)")
        }
    }

    private var name: String { URL(fileURLWithPath: program).lastPathComponent }
}

enum HostFile {
    /// An empty file to write; it is closed with the handle.
    static func create(_ path: String) throws -> FileHandle {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw LabError("cannot write '\(path)': \(String(cString: strerror(errno)))") }
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }
}
