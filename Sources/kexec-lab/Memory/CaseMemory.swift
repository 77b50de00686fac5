// SPDX-License-Identifier: MIT
import Foundation

/// What is remembered of one case.
struct CaseMemory: Codable, Equatable, Sendable {
    enum Verdict: String, Codable, Sendable { case passed, failed }

    /// SHA-256 over what the case is and everything that it read, in hexadecimal: what the counts speak of.
    var digest: String
    /// The files and folders that it read, as `InputNames` calls them, but for the sources that it is written in.
    var reads: [String]
    /// Runs on this digest.
    var passed = 0
    var failed = 0
    /// Runs that failed, whatever they ran.
    var everFailed = 0
    /// Of the last run.
    var verdict: Verdict
    var seconds: Double
    var ended: Date
    /// What was wrong at the last failure.
    var complaint: String?

    /// Counts one more run.
    mutating func add(_ run: CaseRun) {
        if digest != run.digest { (passed, failed, complaint) = (0, 0, nil) }
        (digest, reads, seconds, ended) = (run.digest, run.reads, run.seconds, run.ended)
        verdict = run.complaint == nil ? .passed : .failed
        guard let complaint = run.complaint else { return passed += 1 }
        failed += 1
        everFailed += 1
        self.complaint = complaint
    }
}

/// One run of a case.
struct CaseRun: Sendable {
    var digest: String
    var reads: [String]
    var seconds: Double
    var ended: Date
    /// What was wrong; nil where nothing was.
    var complaint: String?
}

extension CaseMemory {
    init(_ run: CaseRun) {
        self.init(digest: "", reads: [], verdict: .passed, seconds: 0, ended: run.ended)
        add(run)
    }
}

/// What is remembered of all cases: a file that several runs may write to at once.
struct LabMemory: Codable, Sendable {
    /// Of the file's form.
    var version = 1
    var cases: [String: CaseMemory] = [:]

    mutating func add(_ run: CaseRun, of name: String) {
        if cases[name] == nil { cases[name] = CaseMemory(run) } else { cases[name]?.add(run) }
    }

    /// Takes from another copy's memory what tells more: runs on what is here now, or a case that was never run here.
    /// - Parameter current: the digest that a case has here now, by the files that it read there.
    mutating func merge(_ other: LabMemory, current: (String, CaseMemory) -> String?) {
        for (name, theirs) in other.cases {
            guard let ours = cases[name] else {
                cases[name] = theirs
                continue
            }
            let counts = current(name, theirs) == theirs.digest
            let oursCounts = current(name, ours) == ours.digest
            if counts, !oursCounts || theirs.passed + theirs.failed > ours.passed + ours.failed {
                cases[name] = theirs
                cases[name]?.everFailed = max(ours.everFailed, theirs.everFailed)
            }
        }
    }
}

/// `laboratory.json` in the cache.
struct LabMemoryFile: Sendable {
    let path: String

    init(_ cache: CacheFolder) { path = "\(cache.path)/laboratory.json" }
    init(at path: String) { self.path = path }

    func read() throws -> LabMemory {
        guard let data = FileManager.default.contents(atPath: path) else { return LabMemory() }
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        do {
            return try decoder.decode(LabMemory.self, from: data)
        } catch {
            throw LabError("'\(path)' is no memory of a laboratory: \(error)")
        }
    }

    func write(_ memory: LabMemory) throws {
        try Data(Self.text(of: memory).utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    /// JSON with a line for each case, so that a kept file changes in the lines of what was run.
    private static func text(of memory: LabMemory) throws -> String {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let lines = try memory.cases.sorted { $0.key < $1.key }.map { name, known in
            // Names have no character that JSON would escape.
            "    \"\(name)\": " + String(decoding: try encoder.encode(known), as: UTF8.self)
        }
        return "{\n  \"version\": \(memory.version),\n  \"cases\": {\n\(lines.joined(separator: ",\n"))\n  }\n}\n"
    }

    /// Changes the file while nobody else does.
    func change(_ body: (inout LabMemory) throws -> Void) throws {
        let lock = open("\(path).lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
        guard lock >= 0 else { throw LabError("cannot write '\(path).lock': \(String(cString: strerror(errno)))") }
        defer { close(lock) }
        flock(lock, LOCK_EX)
        var memory = try read()
        try body(&memory)
        try write(memory)
    }
}

extension JSONEncoder {
    /// For files that are kept and compared.
    static var ofLab: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return encoder
    }
}
