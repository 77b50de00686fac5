// SPDX-License-Identifier: MIT
import Foundation

/// What a suite is made of.
protocol NamedTest: Sendable {
    var name: String { get }
}

extension Case: NamedTest {}

/// Runs cases side by side and reports.
struct Suite<Test: NamedTest> {
    let jobs: Int
    let runner: @Sendable (Test) async -> CaseResult

    /// Rounds one after the other, so that no case meets itself.
    func run(_ rounds: [[Test]], report: @Sendable (CaseResult) -> Void) async -> [CaseResult] {
        var results: [CaseResult] = []
        for round in rounds { results += await run(round, report: report) }
        return results
    }

    /// Results in the order in which cases ended.
    func run(_ cases: [Test], report: @Sendable (CaseResult) -> Void) async -> [CaseResult] {
        await withTaskGroup(of: CaseResult.self) { group in
            var waiting = cases[...]
            var results: [CaseResult] = []
            for _ in 0..<max(1, jobs) {
                if let next = waiting.popFirst() { group.addTask { await ending(of: next) } }
            }
            while let result = await group.next() {
                report(result)
                results.append(result)
                if !Task.isCancelled, let next = waiting.popFirst() { group.addTask { await ending(of: next) } }
            }
            let left = waiting.map { CaseResult(name: $0.name, verdict: .skipped(CaseResult.interrupted), seconds: 0) }
            left.forEach(report)
            return results + left
        }
    }

    /// Programs that an interruption ends fail, too, which says nothing of the case.
    private func ending(of test: Test) async -> CaseResult {
        let ended = await runner(test)
        guard Task.isCancelled, case .failed = ended.verdict else { return ended }
        return CaseResult(name: test.name, verdict: .skipped(CaseResult.interrupted), seconds: ended.seconds)
    }
}

/// Text about results.
enum Report {
    static func line(_ result: CaseResult) -> String {
        let seconds = String(format: "%6.1f s", result.seconds)
        switch result.verdict {
        case .passed: return "passed   \(seconds)  \(result.name)"
        case .skipped(let reason): return "skipped  \(seconds)  \(result.name): \(reason)"
        case .failed(let complaints):
            let reasons = complaints.map { "\n           \($0)" }.joined()
            let tail = result.tail.map { "\n             > \($0)" }.joined()
            return "FAILED   \(seconds)  \(result.name)\(reasons)\(tail)"
        }
    }

    static func summary(_ results: [CaseResult]) -> String {
        var passed = 0, failed = 0, skipped = 0
        for result in results {
            switch result.verdict {
            case .passed: passed += 1
            case .failed: failed += 1
            case .skipped: skipped += 1
            }
        }
        return "\(passed) passed, \(failed) failed, \(skipped) skipped"
    }

    /// JUnit's XML form, which most test servers read.
    static func junit(_ results: [CaseResult]) -> String {
        let cases = results.map { result in
            let inner =
                switch result.verdict {
                case .passed: ""
                case .failed(let complaints):
                    "<failure>\(escaped((complaints + result.tail).joined(separator: "\n")))</failure>"
                case .skipped(let reason): "<skipped message=\"\(escaped(reason))\"/>"
                }
            let seconds = String(format: "%.2f", result.seconds)
            return "  <testcase name=\"\(escaped(result.name))\" time=\"\(seconds)\">\(inner)</testcase>\n"
        }
        return "<testsuite name=\"kexec-lab\" tests=\"\(results.count)\">\n\(cases.joined())</testsuite>\n"
    }

    private static func escaped(_ text: String) -> String {
        [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;")].reduce(text) {
            $0.replacingOccurrences(of: $1.0, with: $1.1)
        }
    }
}
