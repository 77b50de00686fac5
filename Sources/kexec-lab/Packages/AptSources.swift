// SPDX-License-Identifier: MIT
import Foundation

/// Where the system's own apt configuration says that Debian's archives are.
struct AptSources: Equatable {
    var main = "http://deb.debian.org/debian"
    var security = "http://deb.debian.org/debian-security"

    /// Reads `sources.list` and `sources.list.d`, both formats of sources.list(5); what they lack stays as Debian
    /// publishes it.
    init(reading folder: String = "/etc/apt") {
        let parts = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/sources.list.d")) ?? []
        let lists =
            ["\(folder)/sources.list"]
            + parts.filter { $0.hasSuffix(".list") || $0.hasSuffix(".sources") }.sorted()
            .map { "\(folder)/sources.list.d/\($0)" }
        var found: [(uri: String, suite: String)] = []
        for list in lists {
            guard let text = try? String(contentsOfFile: list, encoding: .utf8) else { continue }
            found += list.hasSuffix(".sources") ? Self.stanzas(in: text) : Self.lines(in: text)
        }
        self.init(found)
    }

    init(_ found: [(uri: String, suite: String)]) {
        // Other archives than Debian's share suite names rarely; their addresses end otherwise.
        func address(_ end: String) -> String? {
            found.map(\.uri).first { $0.hasPrefix("http") && $0.hasSuffix(end) }
        }
        if let address = address("/debian") { main = address }
        if let address = address("/debian-security") ?? address("/security") { security = address }
    }

    /// One-line format: `deb [options] uri suite component…`.
    static func lines(in text: String) -> [(uri: String, suite: String)] {
        text.split(separator: "\n").compactMap { line in
            var words = line.split(whereSeparator: \.isWhitespace).map(String.init)
            guard words.first == "deb" else { return nil }
            words.removeFirst()
            if words.first?.hasPrefix("[") == true {
                while let word = words.first {
                    words.removeFirst()
                    if word.hasSuffix("]") { break }
                }
            }
            guard words.count >= 2 else { return nil }
            return (trimmed(words[0]), words[1])
        }
    }

    /// deb822 format: stanzas with `URIs:` and `Suites:`.
    static func stanzas(in text: String) -> [(uri: String, suite: String)] {
        text.components(separatedBy: "\n\n").flatMap { stanza -> [(uri: String, suite: String)] in
            var fields: [String: [String]] = [:]
            for line in stanza.split(separator: "\n") where !line.hasPrefix("#") {
                guard let colon = line.firstIndex(of: ":"), line.first?.isWhitespace == false else { continue }
                let values = line[line.index(after: colon)...].split(whereSeparator: \.isWhitespace)
                fields[line[..<colon].lowercased()] = values.map(String.init)
            }
            guard fields["enabled"]?.first?.lowercased() != "no" else { return [] }
            return (fields["uris"] ?? []).flatMap { uri in
                (fields["suites"] ?? []).map { (Self.trimmed(uri), $0) }
            }
        }
    }

    private static func trimmed(_ uri: String) -> String { uri.hasSuffix("/") ? String(uri.dropLast()) : uri }
}
