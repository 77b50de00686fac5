// SPDX-License-Identifier: MIT
import Foundation

/// `bench/ceilings.json`: how much each figure may be at most.
struct Ceilings: Codable, Equatable, Sendable {
    struct Ceiling: Codable, Equatable, Sendable {
        var `case`: String
        /// As in `BenchTool`.
        var tool: String
        /// A name of `BenchResult.figure`.
        var metric: String
        /// The peer of the same run whose figure is the unit.
        var against: String?
        /// A ratio; without a peer a number of millions of instructions or of bytes.
        var limit: Double
        /// What is aimed at where the limit is only what is reached so far.
        var comment: String?
    }

    var ceilings: [Ceiling]

    /// Figures are the same in each run; this much is for another compiler of `/init` and newer peers.
    private static let tolerance = 1.01

    static func read(_ path: String) throws -> Ceilings {
        try JSONDecoder().decode(Ceilings.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// A sentence for each figure above its ceiling. What this run did not measure is not judged.
    func complaints(_ results: [BenchResult]) -> [String] {
        ceilings.compactMap { ceiling in
            guard let found = Self.value(ceiling, results), found > ceiling.limit * Self.tolerance else { return nil }
            let peer = ceiling.against.map { " of \($0)" } ?? ""
            return "\(ceiling.case) \(ceiling.tool): \(ceiling.metric) is \(Self.text(found))\(peer), "
                + "at most \(Self.text(ceiling.limit)) is allowed"
        }
    }

    /// Ceilings that can never be judged: they name what no case measures.
    func unknown(in cases: [BenchCase]) -> [String] {
        ceilings.compactMap { ceiling in
            let tools = cases.first { $0.name == ceiling.case }?.tools.map(\.rawValue) ?? []
            let isKnown = tools.contains(ceiling.tool) && ceiling.against.map(tools.contains) ?? true
            return isKnown ? nil : "\(ceiling.case) \(ceiling.tool) \(ceiling.metric)"
        }
    }

    static func value(_ ceiling: Ceiling, _ results: [BenchResult]) -> Double? {
        func figure(_ name: String) -> Double? {
            results.first { $0.case == ceiling.case && $0.name == name }?.figure(ceiling.metric)
        }
        guard let own = figure(ceiling.tool) else { return nil }
        guard let against = ceiling.against else { return own }
        return figure(against).map { own / $0 }
    }

    private static func text(_ value: Double) -> String { String(format: value < 100 ? "%.4f" : "%.0f", value) }
}
