// SPDX-License-Identifier: MIT
import Foundation

/// The figures as text, a table per case.
enum BenchTable {
    private struct Column {
        var title: String
        var value: (BenchResult) -> String
    }

    static func text(_ results: [BenchResult]) -> String {
        var cases: [String] = []
        for result in results where !cases.contains(result.case) { cases.append(result.case) }
        return cases.map { name in table(name, results.filter { $0.case == name }) }.joined(separator: "\n")
    }

    private static func table(_ name: String, _ results: [BenchResult]) -> String {
        let columns = columns(results)
        let rows =
            [["\(name)"] + columns.map(\.title)] + results.map { one in [one.name] + columns.map { $0.value(one) } }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { index, text in
                let padding = String(repeating: " ", count: widths[index] - text.count)
                return index == 0 ? text + padding : padding + text
            }.joined(separator: "  ") + "\n"
        }.joined()
    }

    private static func columns(_ results: [BenchResult]) -> [Column] {
        func figure(_ title: String, _ metric: String) -> Column {
            Column(title: title) { $0.figure(metric).map(number) ?? "-" }
        }
        func ratio(_ title: String, _ metric: String, to peer: BenchTool) -> Column? {
            guard let reference = results.first(where: { $0.name == peer.rawValue })?.figure(metric) else { return nil }
            return Column(title: title) { one in
                one.figure(metric).map { String(format: "%.4f", $0 / reference) } ?? "-"
            }
        }
        let load = [
            figure("load", "load"), Column(title: "user") { $0.load > 0 ? number($0.loadUser) : "-" },
            Column(title: "kernel") { $0.load > 0 ? number($0.load - $0.loadUser) : "-" },
        ]
        let names = BenchPhases.Name.allCases.filter { name in results.contains { $0.phases[name.rawValue] != nil } }
        let phases =
            names.filter(BenchPhases.handoff.contains).map { figure($0.rawValue, $0.rawValue) }
            + [figure("=hand-off", "handoff")]
            + names.filter { !BenchPhases.handoff.contains($0) }.map {
                figure($0 == .initrd ? "unpack" : $0.rawValue, $0.rawValue)
            } + [figure("=downtime", "downtime")]
        // Where kexec-tools with its check was left out, the one without it is the peer.
        let peer =
            results.contains { $0.name == BenchTool.debianLoad.rawValue } ? BenchTool.debianLoad : .debianUnchecked
        let ratios = [
            ratio("load/\(peer.via)", "load", to: peer), ratio("downtime/\(peer.via)", "downtime", to: peer),
            ratio("downtime/pvh", "downtime", to: .directUnpacked),
        ].compactMap { $0 }
        let memory = [
            Column(title: "rss MB") { $0.rss.map(megabytes) ?? "-" },
            Column(title: "anonymous") { $0.anonymous.map(megabytes) ?? "-" },
        ]
        return load + phases + ratios + memory
    }

    private static func number(_ value: Double) -> String { String(format: value < 100 ? "%.2f" : "%.0f", value) }
    private static func megabytes(_ bytes: Int) -> String { String(format: "%.1f", Double(bytes) / 1e6) }
}
