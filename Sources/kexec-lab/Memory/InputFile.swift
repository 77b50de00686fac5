// SPDX-License-Identifier: MIT
import Foundation

/// What names a case's inputs alike in every copy of the project: a path below the work tree, or below the cache.
struct InputNames {
    let cache: String
    /// The kexec under test: it is called `build/kexec` wherever it lies.
    let kexec: String
    /// Where consoles go, and what is made for a run.
    let folder: String
    var workTree = FileManager.default.currentDirectoryPath

    private static let cachePrefix = "cache:"
    private static let program = "build/kexec"

    /// Modules are made from sources that are noted themselves.
    private static let modules = "build/modules/"

    /// - Returns: nil for what is made from other inputs.
    func name(of path: String) -> String? {
        if path == kexec { return Self.program }
        // What a run makes, or packs in a file of its own, is made from other inputs.
        if Self.rest(of: path, below: folder) != nil || path.contains("/kexec-lab-") { return nil }
        if let inCache = Self.rest(of: path, below: cache) { return Self.cachePrefix + inCache }
        let name = Self.rest(of: path, below: workTree) ?? path
        return name.hasPrefix(Self.modules) ? nil : name
    }

    func path(of name: String) -> String {
        if name == Self.program { return kexec }
        if name.hasPrefix(Self.cachePrefix) { return "\(cache)/\(name.dropFirst(Self.cachePrefix.count))" }
        return name.hasPrefix("/") ? name : "\(workTree)/\(name)"
    }

    private static func rest(of path: String, below folder: String) -> String? {
        path.hasPrefix(folder + "/") ? String(path.dropFirst(folder.count + 1)) : nil
    }
}

/// SHA-256 of files and of whole folders, each calculated once as long as it does not change.
actor FileDigests {
    private struct Known {
        var date: Date
        var size: Int
        var digest: String
    }
    private var known: [String: Known] = [:]

    /// - Returns: nil where one of them is missing.
    func digest(of paths: [String]) async throws -> [String: String]? {
        var found: [String: String] = [:]
        for path in paths {
            guard let files = Self.files(at: path) else { return nil }
            let digests = try await digests(of: files)
            let lines = zip(files, digests).map { "\($0.dropFirst(path.count)) \($1)" }
            found[path] = files == [path] ? digests.first : try await Self.digest(of: lines.joined(separator: "\n"))
        }
        return found
    }

    /// The file itself, or the files below a folder in the order of their names.
    private static func files(at path: String) -> [String]? {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return nil }
        guard isFolder.boolValue else { return [path] }
        let below = FileManager.default.enumerator(atPath: path)?.compactMap { "\(path)/\($0)" } ?? []
        return below.filter { attributes($0)?[.type] as? FileAttributeType == .typeRegular }.sorted()
    }

    private static func attributes(_ path: String) -> [FileAttributeKey: Any]? {
        try? FileManager.default.attributesOfItem(atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
    }

    private func digests(of files: [String]) async throws -> [String] {
        let states = files.map { file in
            let attributes = Self.attributes(file)
            return (
                date: attributes?[.modificationDate] as? Date ?? .distantPast, size: attributes?[.size] as? Int ?? -1
            )
        }
        let changed = zip(files, states).filter { known[$0]?.date != $1.date || known[$0]?.size != $1.size }
        if !changed.isEmpty {
            let lines = try await HostCommand("sha256sum", ["--"] + changed.map(\.0)).output().split(separator: "\n")
            guard lines.count == changed.count else { throw LabError("sha256sum: \(lines.count) digests") }
            for (line, file) in zip(lines, changed) {
                // A name with a backslash or an end of line is marked by a backslash before the digest.
                let digest = String(line.drop { $0 == "\\" }.prefix(64))
                known[file.0] = Known(date: file.1.date, size: file.1.size, digest: digest)
            }
        }
        return files.compactMap { known[$0]?.digest }
    }

    static func digest(of text: String) async throws -> String {
        let result = try await HostCommand("sha256sum", []).output(input: text)
        return String(result.prefix(64))
    }
}
