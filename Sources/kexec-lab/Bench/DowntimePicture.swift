// SPDX-License-Identifier: MIT
import Foundation

/// `bench/downtime.svg`: a bar for each way of starting a kernel, made of the phases of its downtime.
enum DowntimePicture {
    private static let width = 900.0, left = 170.0, right = 80.0, barHeight = 18.0, rowHeight = 24.0

    private static let colours: [BenchPhases.Name: String] = [
        .firmware: "#8c8c8c", .shutdown: "#444444", .copy: "#4c78a8", .digest: "#e45756", .decompress: "#f58518",
        .entry: "#b279a2", .kernel: "#72b7b2", .initrd: "#54a24b",
    ]
    private static let texts: [BenchPhases.Name: String] = [
        .firmware: "firmware", .shutdown: "shutdown", .copy: "page copy", .digest: "digest",
        .decompress: "decompression", .entry: "kernel entry", .kernel: "kernel start", .initrd: "initrd unpacking",
    ]

    /// - Parameter cases: names of cases, from top to bottom; those that were not measured are left out.
    static func svg(_ results: [BenchResult], cases: [String]) -> String {
        let groups = cases.map { name in (name, results.filter { $0.case == name }) }.filter { !$0.1.isEmpty }
        let shown = groups.flatMap { $0.1 }
        let scale = (width - left - right) / max(shown.map(\.downtime).max() ?? 0, 1)
        let phases = BenchPhases.Name.allCases.filter { name in shown.contains { ($0.phases[name.rawValue] ?? 0) > 0 } }
        var body = legend(phases)
        var y = 72.0
        for (name, results) in groups {
            body += text(name, x: 10, y: y, weight: "bold")
            y += 10
            for result in results {
                body += bar(result, y: y, scale: scale)
                y += rowHeight
            }
            y += 22
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(width)) \(number(y))" \
            font-family="sans-serif" font-size="12">
            <rect width="100%" height="100%" fill="#ffffff"/>
            \(text("Downtime, from reboot(2) to the second /init: millions of instructions", x: 10, y: 20, weight: "bold"))\
            \(body)</svg>

            """
    }

    private static func legend(_ phases: [BenchPhases.Name]) -> String {
        var x = 10.0
        return phases.map { phase in
            let label = texts[phase] ?? phase.rawValue
            defer { x += 26 + 6.6 * Double(label.count) }
            return rectangle(x: x, y: 32, width: 12, height: 12, phase) + text(label, x: x + 16, y: 42)
        }.joined()
    }

    private static func bar(_ result: BenchResult, y: Double, scale: Double) -> String {
        var x = left
        let pieces = BenchPhases.Name.allCases.map { phase in
            let size = (result.phases[phase.rawValue] ?? 0) * scale
            defer { x += size }
            return size >= 0.05 ? rectangle(x: x, y: y, width: size, height: barHeight, phase) : ""
        }.joined()
        let total = result.downtime.rounded()
        return text(result.name, x: 10, y: y + 13) + pieces + text(number(total, 0), x: x + 6, y: y + 13)
    }

    private static func rectangle(
        x: Double, y: Double, width: Double, height: Double, _ phase: BenchPhases.Name
    ) -> String {
        "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width, 2))\" height=\"\(number(height))\" "
            + "fill=\"\(colours[phase] ?? "#000000")\"/>\n"
    }

    private static func text(_ text: String, x: Double, y: Double, weight: String = "normal") -> String {
        let escaped = text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
        return "<text x=\"\(number(x))\" y=\"\(number(y))\" font-weight=\"\(weight)\">\(escaped)</text>\n"
    }

    private static func number(_ value: Double, _ digits: Int = 1) -> String { String(format: "%.\(digits)f", value) }
}
