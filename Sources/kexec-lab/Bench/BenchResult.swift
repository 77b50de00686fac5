// SPDX-License-Identifier: MIT
import Foundation

/// One measured way of starting the second kernel, as `build/bench.json` holds it: millions of instructions, and bytes.
struct BenchResult: Codable, Equatable, Sendable {
    var `case`: String
    var tool: String
    var via: String
    var load: Double
    var loadUser: Double
    var handoff: Double
    var downtime: Double
    var phases: [String: Double]
    /// The most that the loader had resident, mapped files included.
    var rss: Int?
    /// The most of it that is no file's.
    var anonymous: Int?

    init(_ test: BenchCase, _ tool: BenchTool, _ phases: BenchPhases) {
        func millions(_ count: Int) -> Double { Double(count) / 1e6 }
        self.case = test.name
        self.tool = tool.program
        via = tool.via
        load = millions(phases.load)
        loadUser = millions(phases.loadUser)
        handoff = millions(phases.handoff)
        downtime = millions(phases.downtime)
        self.phases = Dictionary(
            uniqueKeysWithValues: phases.phases.map { ($0.name.rawValue, millions($0.instructions)) })
    }

    /// As in `BenchTool`.
    var name: String { "\(tool) \(via)" }

    /// A figure by the name it has in the file; nil for one that was not measured.
    func figure(_ metric: String) -> Double? {
        switch metric {
        case "load": load > 0 ? load : nil
        case "handoff": handoff
        case "downtime": downtime
        case "rss": rss.map(Double.init)
        case "anonymous": anonymous.map(Double.init)
        default: phases[metric]
        }
    }
}

/// The file.
struct BenchFile: Codable, Equatable, Sendable {
    /// What was measured with what.
    var versions: [String: String]
    var cases: [BenchResult]

    /// Versions of QEMU and of the peer, from lines `DIGEST NAME_VERSION_ARCHITECTURE.deb`.
    static func versions(inRecord text: String) -> [String: String] {
        text.split(separator: "\n").reduce(into: [:]) { versions, line in
            let words = line.split(separator: " ").last?.split(separator: "_") ?? []
            guard words.count == 3, ["qemu-system-x86", "kexec-tools"].contains(words[0]), words[2] == "amd64.deb"
            else {
                return
            }
            versions[String(words[0])] = words[1].replacingOccurrences(of: "%3a", with: ":")
        }
    }

    static func read(_ path: String) throws -> BenchFile {
        try JSONDecoder().decode(BenchFile.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }
}
