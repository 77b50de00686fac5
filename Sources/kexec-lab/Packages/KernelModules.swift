// SPDX-License-Identifier: MIT
import Foundation

/// The modules of a kernel, by name; Debian's packages have no list of what each one needs, the modules themselves do.
struct KernelModules {
    private var paths: [String: String] = [:]

    /// - Parameter folder: `kernel` below `/lib/modules/RELEASE`.
    init(in folder: String) throws {
        // An enumerator does not follow a link that it is given.
        let folder = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
        guard let files = FileManager.default.enumerator(atPath: folder) else { throw LabError("no '\(folder)'") }
        for case let file as String in files where file.hasSuffix(".ko") {
            paths[Self.name(of: file)] = "\(folder)/\(file)"
        }
    }

    /// The files of `names` and of all that they need, each behind those that it needs.
    func ordered(_ names: [String]) throws -> [String] {
        var files: [String] = []
        func add(_ name: String) throws {
            guard let path = paths[name] else { throw LabError("this kernel has no module '\(name)'") }
            guard !files.contains(path) else { return }
            for need in try Self.needs(path) { try add(need) }
            files.append(path)
        }
        for name in names { try add(name) }
        return files
    }

    /// `depends=` of the section `.modinfo`, which is a row of strings.
    private static func needs(_ path: String) throws -> [String] {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        guard let range = bytes.range(of: Data("\0depends=".utf8)) else { return [] }
        let list = String(decoding: bytes[range.upperBound...].prefix { $0 != 0 }, as: UTF8.self)
        return list.split(separator: ",").map { $0.replacingOccurrences(of: "-", with: "_") }
    }

    private static func name(of file: String) -> String {
        (file.split(separator: "/").last ?? "").dropLast(".ko".count).replacingOccurrences(of: "-", with: "_")
    }
}
