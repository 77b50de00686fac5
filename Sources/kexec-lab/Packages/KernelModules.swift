// SPDX-License-Identifier: MIT
import Foundation

/// The modules of a kernel, by name; Debian's packages have no list of what each one needs, the modules themselves do.
///
/// Packed ones (xz, from 6.12 on) are unpacked into a folder for this run.
struct KernelModules {
    private var paths: [String: String] = [:]
    private let kernel: KernelName
    private let workshop: Workshop

    init(of kernel: KernelName, _ workshop: Workshop) throws {
        (self.kernel, self.workshop) = (kernel, workshop)
        // An enumerator does not follow a link that it is given.
        let folder = URL(fileURLWithPath: workshop.cache.modules(kernel)).resolvingSymlinksInPath().path
        guard let files = FileManager.default.enumerator(atPath: folder) else { throw LabError("no '\(folder)'") }
        for case let file as String in files where file.hasSuffix(".ko") || file.hasSuffix(".ko.xz") {
            paths[Self.name(of: file)] = "\(folder)/\(file)"
        }
    }

    /// The files of `names` and of all that they need, each behind those that it needs.
    /// - Parameter builtIn: names that may be missing, because some kernels need no module for them.
    func ordered(_ names: [String], builtIn: Set<String> = []) async throws -> [String] {
        var files: [String] = []
        func add(_ name: String) async throws {
            if paths[name] == nil, builtIn.contains(name) { return }
            guard let packed = paths[name] else { throw LabError("this kernel has no module '\(name)'") }
            let path = try await unpacked(packed, name)
            guard !files.contains(path) else { return }
            for need in try Self.needs(path) { try await add(need) }
            files.append(path)
        }
        for name in names { try await add(name) }
        return files
    }

    /// The same as files of a guest, which `for module in /lab/modules/*.ko` meets in the right order.
    func guestFiles(_ names: [String], builtIn: Set<String> = []) async throws -> [String: GuestFile] {
        let files = try await ordered(names, builtIn: builtIn)
        return Dictionary(
            uniqueKeysWithValues: files.enumerated().map { ("lab/modules/\(100 + $0).ko", GuestFile.host($1)) })
    }

    private func unpacked(_ path: String, _ name: String) async throws -> String {
        guard path.hasSuffix(".xz") else { return path }
        return try await workshop.made("\(kernel.rawValue)-\(name).ko") { [tools = workshop.tools] made in
            try await tools.command("xz", ["-d", "-c", path]).output(to: made)
        }
    }

    /// `depends=` of the section `.modinfo`, which is a row of strings.
    private static func needs(_ path: String) throws -> [String] {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        guard let range = bytes.range(of: Data("\0depends=".utf8)) else { return [] }
        let list = String(decoding: bytes[range.upperBound...].prefix { $0 != 0 }, as: UTF8.self)
        return list.split(separator: ",").map { $0.replacingOccurrences(of: "-", with: "_") }
    }

    private static func name(of file: String) -> String {
        String((file.split(separator: "/").last ?? "").prefix { $0 != "." }).replacingOccurrences(of: "-", with: "_")
    }
}
