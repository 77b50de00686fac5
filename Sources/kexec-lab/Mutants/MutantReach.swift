// SPDX-License-Identifier: MIT
import Foundation

/// Which tests come past which mutants: the rest of them cannot notice.
struct MutantReach: Sendable {
    /// Groups of tests, the quickest first, for each mutant that any reaches.
    private(set) var groups: [Int: [MutantTests.Group]] = [:]
    /// Seconds that a group takes.
    private(set) var seconds: [MutantTests.Group: Double] = [:]

    /// Groups that fail though there is no mutant, and the test that does.
    private(set) var broken: [(MutantTests.Group, test: String)] = []

    /// Runs each group alone, with the source as it is.
    /// - Parameter patience: seconds after which a group is left out.
    static func measured(
        _ tests: MutantTests, count: Int, folder: String, jobs: Int, patience: Int
    ) async throws -> MutantReach {
        let groups = try await tests.groups()
        var reach = MutantReach()
        try await concurrently(groups.enumerated().map { $0 }, jobs: jobs) { index, group in
            let file = "\(folder)/reached-\(index)"
            try Data(count: count + 1).write(to: URL(fileURLWithPath: file))
            chmod(file, 0o666)
            defer { try? FileManager.default.removeItem(atPath: file) }
            let start = ContinuousClock.now
            let outcome = try await tests.run([group], mutant: 0, reached: file, seconds: patience)
            let (seconds, attoseconds) = (ContinuousClock.now - start).components
            let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
            return (group, outcome, Double(seconds) + Double(attoseconds) / 1e18, bytes)
        } take: { (group: MutantTests.Group, outcome: MutantTests.Outcome, seconds: Double, bytes: Data) in
            switch outcome {
            case .passed: reach.add(group, seconds, Array(bytes))
            case .noticed(let test): reach.broken.append((group, test))
            }
        }
        for number in reach.groups.keys {
            reach.groups[number]?.sort { (reach.seconds[$0] ?? 0, $0.name) < (reach.seconds[$1] ?? 0, $1.name) }
        }
        return reach
    }

    private mutating func add(_ group: MutantTests.Group, _ time: Double, _ bytes: [UInt8]) {
        seconds[group] = time
        for (number, byte) in bytes.enumerated() where byte != 0 { groups[number, default: []].append(group) }
    }

    /// All groups that work, those of the module's own tests first.
    func groups(nearest path: String, _ modules: [PackageModule]) -> [MutantTests.Group] {
        let tests = modules.first { $0.sources.contains(path) }?.tests ?? []
        func isNear(_ group: MutantTests.Group) -> Bool { tests.contains { group.name.hasPrefix($0 + ".") } }
        return seconds.sorted { ($0.value, $0.key.name) < ($1.value, $1.key.name) }.map(\.key)
            .sorted { isNear($0) && !isNear($1) }
    }

    /// Seconds of a processor: more than any of them takes, and too few for a loop without an end.
    func limit(for groups: [MutantTests.Group]) -> Int { 60 + Int(groups.reduce(0) { $0 + (seconds[$1] ?? 0) } * 10) }
}

/// Works on elements side by side; results come in the order in which they are there.
func concurrently<Element: Sendable, Result: Sendable>(
    _ elements: [Element], jobs: Int, _ work: @escaping @Sendable (Element) async throws -> Result,
    take: (Result) throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: Result.self) { group in
        var waiting = elements[...]
        for _ in 0..<max(1, jobs) {
            if let next = waiting.popFirst() { group.addTask { try await work(next) } }
        }
        while let result = try await group.next() {
            try take(result)
            if let next = waiting.popFirst() { group.addTask { try await work(next) } }
        }
    }
}
