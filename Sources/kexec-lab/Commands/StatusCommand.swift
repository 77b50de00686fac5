// SPDX-License-Identifier: MIT
import ArgumentParser
import Foundation

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Prints what is known of every case on what is here now.",
        discussion: """
            A run counts as long as what the case ran has the same digest: the programs and kernels of its guests, and \
            its own source. The memory is laboratory.json in the cache.
            """)

    @Option(help: "Writes the memory to this file.")
    var export: String?

    @Option(help: "First takes from this file, another copy's memory, what has run on the same digests.")
    var `import`: String?

    @Option(help: "Writes the table as JSON to this file.")
    var json: String?

    func run() async throws {
        let remembrance = try Remembrance(cache: CacheFolder())
        if let path = `import` { try await take(path, remembrance) }
        let rows = try await table(Catalogue.all, remembrance) + table(SystemCatalogue.all, remembrance)
        for row in rows { announce(row.line) }
        for state in CaseState.allCases {
            let found = rows.filter { $0.state == state.rawValue }
            let seconds = found.compactMap(\.seconds).reduce(0, +)
            announce("\(state.rawValue): \(found.count) cases, \(Int(seconds)) s")
        }
        if let export { try LabMemoryFile(at: export).write(try remembrance.file.read()) }
        if let json { try JSONEncoder.ofLab.encode(rows).write(to: URL(fileURLWithPath: json)) }
    }

    private func take(_ path: String, _ remembrance: Remembrance) async throws {
        guard FileManager.default.fileExists(atPath: path) else { throw ValidationError("there is no '\(path)'") }
        let theirs = try LabMemoryFile(at: path).read()
        let current = try await remembrance.currentDigests(theirs)
        let ours = try await remembrance.currentDigests(try remembrance.file.read())
        try remembrance.file.change { memory in
            memory.merge(theirs) { name, known in known == theirs.cases[name] ? current[name] : ours[name] }
        }
    }

    private func table(_ tests: [some RememberedTest], _ remembrance: Remembrance) async throws -> [StatusRow] {
        try await remembrance.known(tests).map { StatusRow($0.test.name, $0.state, $0.known) }
    }
}

extension Remembrance {
    /// What each case that is known there would have as digest here.
    func currentDigests(_ memory: LabMemory) async throws -> [String: String] {
        var found: [String: String] = [:]
        for test in Catalogue.all { found[test.name] = try await current(test, memory) }
        for test in SystemCatalogue.all { found[test.name] = try await current(test, memory) }
        return found
    }

    private func current(_ test: some RememberedTest, _ memory: LabMemory) async throws -> String? {
        guard let known = memory.cases[test.name] else { return nil }
        return try await digest(of: test, reading: known.reads)
    }
}

/// One line of the table.
struct StatusRow: Codable {
    var name: String
    var state: String
    /// Runs on what is here now, or on what there was when the case was run.
    var passed: Int?
    var failed: Int?
    var everFailed: Int?
    /// Of the last run.
    var seconds: Double?
    var ended: Date?
    var complaint: String?

    init(_ name: String, _ state: CaseState, _ known: CaseMemory?) {
        (self.name, self.state) = (name, state.rawValue)
        guard let known else { return }
        (passed, failed, everFailed) = (known.passed, known.failed, known.everFailed)
        (seconds, ended, complaint) = (known.seconds, known.ended, known.complaint)
    }

    var line: String {
        guard let passed, let failed, let seconds, let ended else {
            return state.padded(50) + name
        }
        let columns = [
            state.padded(7), "\(passed) of \(passed + failed)".padded(9), String(format: "%6.1f s", seconds),
            ended.formatted(.iso8601), name,
        ]
        return columns.joined(separator: "  ")
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
