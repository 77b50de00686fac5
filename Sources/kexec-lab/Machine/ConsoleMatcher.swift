// SPDX-License-Identifier: MIT
import Foundation

/// Judges a console against the expectations of a case.
struct ConsoleMatcher {
    let nonce: String
    let firstRelease: String
    let secondRelease: String

    /// Puts this run's facts into a pattern; as text they are escaped.
    func pattern(_ text: String) throws -> Regex<AnyRegexOutput> {
        let facts = [("NONCE", nonce), ("FIRST", firstRelease), ("SECOND", secondRelease)]
        let filled = facts.reduce(text) { $0.replacingOccurrences(of: $1.0, with: Self.escaped($1.1)) }
        return try Regex(filled)
    }

    static func escaped(_ text: String) -> String {
        text.reduce(into: "") { $0 += "\\.+*?()[]{}|^$".contains($1) ? "\\\($1)" : String($1) }
    }

    /// What is missing or forbidden, as sentences; empty when all is well.
    func complaints(_ log: ConsoleLog, expect: [String], forbid: [String]) throws -> [String] {
        guard let first = log.firstMarker else { return ["the first kernel never reached its PID 1"] }
        var complaints: [String] = []
        var position = first
        for expectation in expect {
            let regex = try pattern(expectation)
            guard let match = log.lines[position...].firstIndex(where: { $0.text.firstMatch(of: regex) != nil }) else {
                let after = position == first ? "" : " after “\(log.lines[position - 1].text)”"
                complaints.append("no line matches /\(expectation)/\(after)")
                break
            }
            position = match + 1
        }
        for forbidden in forbid {
            let regex = try pattern(forbidden)
            if let line = log.lines[first...].first(where: { $0.text.firstMatch(of: regex) != nil }) {
                complaints.append("forbidden /\(forbidden)/: “\(line.text)”")
            }
        }
        return complaints
    }

    /// Both boots of one machine show the kernel's random boot_id; a jump must have changed it.
    static func sameBoot(_ log: ConsoleLog) -> Bool {
        guard let first = log.value("boot", of: "first"), let second = log.value("boot", of: "second") else {
            return false
        }
        return first == second
    }
}
