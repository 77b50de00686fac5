// SPDX-License-Identifier: MIT
import Foundation

/// The laboratory's own sources: which of them a case is written in.
///
/// A case is a value, and its closures are code of some file. What that file uses, by the names of types that are declared
/// or extended in the same folders, belongs to it; machinery outside of them does not.
struct LabSources {
    private var texts: [String: Set<Substring>] = [:]
    private var declarations: [Substring: [String]] = [:]

    init(folders: [String], below root: String = "Sources/kexec-lab") throws {
        for folder in folders.map({ "\(root)/\($0)" }) {
            for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            where name.hasSuffix(".swift") {
                add("\(folder)/\(name)", try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8))
            }
        }
    }

    init(texts: [String: String]) {
        for (path, text) in texts.sorted(by: { $0.key < $1.key }) { add(path, text) }
    }

    private mutating func add(_ path: String, _ text: String) {
        texts[path] = Set(text.split { !$0.isLetter && !$0.isNumber && $0 != "_" })
        let declaration =
            /^(?:(?:private|fileprivate|final|indirect) )*(?:struct|enum|actor|class|protocol|extension) (\w+)/
        for line in text.split(separator: "\n") {
            guard let match = line.firstMatch(of: declaration) else { continue }
            // What cases add to the types of all is for themselves.
            if line.hasPrefix("extension"), path.hasSuffix("Cases.swift") { continue }
            declarations[match.1, default: []].append(path)
        }
    }

    /// The file of that name and all that it uses, sorted.
    func closure(of file: String) -> [String] {
        var found: Set<String> = []
        var waiting = texts.keys.filter { $0.hasSuffix("/\(file)") }
        while let path = waiting.popLast() {
            guard found.insert(path).inserted else { continue }
            waiting += (texts[path] ?? []).flatMap { declarations[$0] ?? [] }
        }
        return found.sorted()
    }
}
