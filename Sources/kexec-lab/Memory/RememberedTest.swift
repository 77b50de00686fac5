// SPDX-License-Identifier: MIT
import Foundation

/// A case whose runs are remembered.
protocol RememberedTest: NamedTest {
    /// Of its machine.
    var processors: Int { get }
    /// All that it is but for code, as text that is the same in every process.
    var values: String { get }
    /// The laboratory's files in which the rest of it is written.
    func sources(in index: SourceIndex) -> [String]
}

/// Where cases of both kinds are written.
struct SourceIndex: Sendable {
    let cases: LabSources
    let systemCases: LabSources

    init() throws {
        cases = try LabSources(folders: ["Cases", "Payloads", "Initramfs"])
        systemCases = try LabSources(folders: ["System"])
    }
}

extension Case: RememberedTest {
    var processors: Int { machine.processors }

    /// Without what only speaks of it, or says when and how long it is run.
    var values: String {
        var plain = self
        (plain.summary, plain.deadline, plain.quick) = ("", 0, false)
        return "\(plain)\n\(GuestScripts.initScript)\n\(GuestScripts.functions)"
    }

    func sources(in index: SourceIndex) -> [String] { isPlain ? [] : index.cases.closure(of: source) }

    /// Nothing of it is code.
    private var isPlain: Bool {
        files == nil && secondFiles == nil && packing == nil && disks == nil && start == nil && judge == nil
            && atFirstEntry == nil && debugger == nil
    }
}

extension SystemCase: RememberedTest {
    var processors: Int { 1 }
    var values: String { "\(title) \(release) \(startsBare) \(servesSSH)" }
    func sources(in index: SourceIndex) -> [String] {
        index.systemCases.closure(of: source) + SystemDisk.sources
    }
}

/// What the memory means for the present state of the work tree.
enum CaseState: String, Sendable, CaseIterable {
    case passed, failed
    /// It was run on something else than what is here now.
    case stale
    case never
}

/// Remembers runs and tells what they are worth now.
struct Remembrance: Sendable {
    let file: LabMemoryFile
    let names: InputNames
    let index: SourceIndex
    let digests = FileDigests()

    /// - Parameter folder: where a run leaves consoles and what it makes.
    init(cache: CacheFolder, kexec: String = "build/kexec", folder: String = "build/vm") throws {
        file = LabMemoryFile(cache)
        names = InputNames(
            cache: cache.path, kexec: URL(fileURLWithPath: kexec).standardizedFileURL.path,
            folder: URL(fileURLWithPath: folder).standardizedFileURL.path)
        index = try SourceIndex()
    }

    /// The digest of a case, were it to read these inputs now beside its sources; nil where one of them is missing.
    func digest(of test: some RememberedTest, reading inputs: [String]) async throws -> String? {
        let reads = (inputs + test.sources(in: index)).sorted()
        let paths = reads.map(names.path)
        guard let found = try await digests.digest(of: paths) else { return nil }
        let lines = zip(reads, paths).map { "\($0) \(found[$1] ?? "")" }
        return try await FileDigests.digest(of: "\(test.name)\n\(test.values)\n\(lines.joined(separator: "\n"))")
    }

    /// Runs a case and remembers how it ended, unless it was skipped, or something that it reads changed meanwhile.
    func remembering(_ test: some RememberedTest, _ run: () async -> CaseResult) async -> CaseResult {
        let read = ReadFiles()
        let start = Date()
        let result = await ReadFiles.$current.withValue(read) { await run() }
        let complaint: String?
        switch result.verdict {
        case .skipped: return result
        case .passed: complaint = nil
        case .failed(let complaints): complaint = complaints.first ?? ""
        }
        guard !Task.isCancelled else { return result }
        do {
            let sources = test.sources(in: index)
            let reads = Set(read.paths.compactMap(names.name)).subtracting(sources).sorted()
            guard let digest = try await digest(of: test, reading: reads) else { return result }
            guard !hasChanged(reads + sources, since: start) else {
                announce("not remembered, for its inputs changed while it ran: \(test.name)")
                return result
            }
            let run = CaseRun(
                digest: digest, reads: reads, seconds: result.seconds, ended: Date(), complaint: complaint)
            try file.change { $0.add(run, of: test.name) }
        } catch {
            announce("not remembered: \(test.name): \(error)")
        }
        return result
    }

    private func hasChanged(_ reads: [String], since start: Date) -> Bool {
        reads.contains { name in
            let attributes = try? FileManager.default.attributesOfItem(atPath: names.path(of: name))
            return (attributes?[.modificationDate] as? Date ?? .distantFuture) > start
        }
    }

    func state(of test: some RememberedTest, in memory: LabMemory) async throws -> CaseState {
        guard let known = memory.cases[test.name] else { return .never }
        guard try await digest(of: test, reading: known.reads) == known.digest else { return .stale }
        return known.verdict == .passed ? .passed : .failed
    }
}

extension Remembrance? {
    func remembering(_ test: some RememberedTest, _ run: () async -> CaseResult) async -> CaseResult {
        guard let self else { return await run() }
        return await self.remembering(test, run)
    }
}
