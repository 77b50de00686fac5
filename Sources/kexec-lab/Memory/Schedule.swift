// SPDX-License-Identifier: MIT
import ArgumentParser
import Foundation

/// Which of the selected cases are run, and how often, by what is remembered of them.
struct MemoryOptions: ParsableArguments {
    @Flag(help: "Only cases that have not passed on what is here now, oldest first.")
    var stale = false

    @Flag(help: "Only cases that may be flaky: the 60 slowest, those with several processors, those that ever failed.")
    var suspects = false

    @Option(name: .customLong("repeat"), help: "Runs each case until so many runs on what is here now are remembered.")
    var runs: Int?

    var isUsed: Bool { stale || suspects || runs != nil }

    func validate() throws {
        if let runs, !(1...1000).contains(runs) { throw ValidationError("--repeat takes 1 to 1000, not \(runs)") }
    }
}

/// A case with what is remembered of it.
struct KnownTest<Test: RememberedTest>: Sendable {
    var test: Test
    var state: CaseState
    var known: CaseMemory?

    /// Runs on what is here now.
    var runs: Int { state == .stale ? 0 : known.map { $0.passed + $0.failed } ?? 0 }
}

extension Remembrance {
    func known<Test: RememberedTest>(_ tests: [Test]) async throws -> [KnownTest<Test>] {
        let memory = try file.read()
        var found: [KnownTest<Test>] = []
        for test in tests {
            found.append(
                KnownTest(test: test, state: try await state(of: test, in: memory), known: memory.cases[test.name]))
        }
        return found
    }

    /// What is to be run, in rounds that hold each case once at most.
    func rounds<Test: RememberedTest>(of tests: [Test], _ options: MemoryOptions) async throws -> [[Test]] {
        guard options.isUsed else {
            // The state of each, by the digests of all that it reads, would take longer than many a case.
            let memory = try file.read()
            return [Schedule.longFirst(tests) { memory.cases[$0.name]?.seconds }]
        }
        return Schedule.rounds(of: try await known(tests), options)
    }
}

enum Schedule {
    static let slowest = 60
    /// In seconds: one that takes longer and starts last would leave other processors idle for that long.
    static let long = 40.0

    static func rounds<Test>(of tests: [KnownTest<Test>], _ options: MemoryOptions) -> [[Test]] {
        var wanted = tests
        if options.suspects { wanted = suspects(among: wanted) }
        if options.stale {
            wanted = wanted.filter { $0.state != .passed }.sorted { ended($0) < ended($1) }
        } else {
            wanted = longFirst(wanted) { $0.known?.seconds }
        }
        guard let runs = options.runs else { return [wanted.map(\.test)] }
        return (0..<runs).map { round in wanted.filter { runs - $0.runs > round }.map(\.test) }.filter { !$0.isEmpty }
    }

    private static func suspects<Test>(among tests: [KnownTest<Test>]) -> [KnownTest<Test>] {
        let times = tests.compactMap(\.known?.seconds).sorted(by: >)
        let limit = times.dropFirst(slowest - 1).first ?? 0
        return tests.filter {
            $0.test.processors > 1 || ($0.known?.everFailed ?? 0) > 0 || ($0.known?.seconds ?? -1) >= limit
        }
    }

    /// The others keep their order, in which those that share a snapshot stand together.
    static func longFirst<Test>(_ tests: [Test], by seconds: (Test) -> Double?) -> [Test] {
        let timed = tests.map { (test: $0, seconds: seconds($0) ?? 0) }
        let long = timed.filter { $0.seconds > Self.long }.sorted { $0.seconds > $1.seconds }
        return (long + timed.filter { $0.seconds <= Self.long }).map(\.test)
    }

    private static func ended<Test>(_ test: KnownTest<Test>) -> Date { test.known?.ended ?? .distantPast }
}
