// SPDX-License-Identifier: MIT
import Foundation
import Subprocess

/// The unit tests of a built tree, run with one of its mutants active.
struct MutantTests: Sendable {
    let tree: MutantTree

    /// How a run of some tests ended.
    enum Outcome: Sendable, Equatable {
        case passed
        /// By the test, or what it was while no test was named.
        case noticed(by: String)
    }

    /// Tests that run in one process to learn which mutants they reach.
    struct Group: Sendable, Hashable {
        /// A suite with its target, or a test outside of suites.
        var name: String
        /// A regular expression for `--filter`.
        var filter: String { "^" + NSRegularExpression.escapedPattern(for: name) + (isSuite ? "/" : "(/|$)") }
        var isSuite: Bool
    }

    func groups() async throws -> [Group] {
        let list = try await HostCommand(tree.bundle, ["--testing-library", "swift-testing", "--list-tests"]).output()
        return Self.groups(of: list)
    }

    static func groups(of list: String) -> [Group] {
        let groups = list.split(separator: "\n").map { line in
            let parts = line.split(separator: "/", maxSplits: 1)
            return Group(name: String(parts[0]), isSuite: parts.count > 1)
        }
        return Set(groups).sorted { $0.name < $1.name }
    }

    /// Runs `groups` with a mutant, until the first issue.
    /// - Parameters:
    ///   - reached: a file that gets a byte for each mutant that was reached.
    ///   - seconds: of a processor; four times as long by the clock, for tests may wait, and a machine may be busy.
    func run(_ groups: [Group], mutant: Int, reached: String? = nil, seconds: Int) async throws -> Outcome {
        let filters = groups.flatMap { ["--filter", $0.filter] }
        var environment = ["MUTANT": "\(mutant)", "TMPDIR": "/tmp"]
        environment["MUTANTS_REACHED"] = reached
        let command = HostCommand(
            "/bin/sh",
            ["-c", Self.script, "sh", "\(seconds)", tree.bundle, "--testing-library", "swift-testing"] + filters,
            environment: environment)
        var options = PlatformOptions()
        options.createSession = true
        let result = try await Subprocess.run(
            .path(.init(command.program)), arguments: Arguments(command.arguments), environment: command.variables,
            platformOptions: options, input: .none, output: .sequence, error: .combinedWithOutput
        ) { execution in
            let issue = try await Self.firstIssue(in: execution.standardOutput)
            // With what a test has started. Without an issue it ends by itself, a moment after its output.
            if issue != nil { kill(-execution.processIdentifier.value, SIGKILL) }
            return issue
        }
        if let issue = result.closureResult { return .noticed(by: issue) }
        return result.terminationStatus.isSuccess ? .passed : .noticed(by: Self.words(for: result.terminationStatus))
    }

    /// A changed program can do anything that its user may: root leaves the machine out of its reach. What a machine
    /// has of memory is not used up.
    private static let script = """
        seconds=$1
        shift
        ulimit -v 33554432
        ulimit -c 0
        ulimit -t "$seconds"
        if [ "$(id -u)" = 0 ]; then
            set -- setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all "$@"
        fi
        exec timeout --foreground -s KILL $((4 * seconds)) "$@"
        """

    private static func words(for status: TerminationStatus) -> String {
        switch status {
        // timeout(1) ends by the signal that it has sent; at the processor limit the kernel sends the same.
        case .exited(137), .signaled(SIGKILL): "the time limit"
        case .exited(let code): "a crash (status \(code))"
        case .signaled(let signal): "a crash (signal \(signal))"
        }
    }

    private static func firstIssue(in output: SubprocessOutputSequence) async throws -> String? {
        var splitter = LineSplitter()
        for try await buffer in output {
            for line in splitter.feed(buffer.withUnsafeBytes { Array($0) }) {
                if let issue = issue(in: line) { return issue }
            }
        }
        return splitter.finish().flatMap(issue)
    }

    /// The test that a line names as one with an issue that nobody expected.
    static func issue(in line: String) -> String? {
        line.firstMatch(of: /Test (.+?) recorded an issue(?: with .*)? at (\S+?):\d+/).map { "\($0.2) \($0.1)" }
    }
}
