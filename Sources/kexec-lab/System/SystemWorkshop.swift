// SPDX-License-Identifier: MIT
import Foundation

/// What the cases in whole systems have in common.
struct SystemWorkshop: Sendable {
    let cache: CacheFolder
    let package: SystemPackage
    /// Consoles, and the overlays while machines run.
    let folder: String

    var tools: Toolset { Toolset(cache) }

    /// A read-only file system of these host files, by their names in it.
    func disk(of files: [String: String], at path: String) async throws {
        let (manager, tree) = (FileManager.default, path + ".files")
        for made in [tree, path] { try? manager.removeItem(atPath: made) }
        try manager.createDirectory(atPath: tree, withIntermediateDirectories: true)
        defer { try? manager.removeItem(atPath: tree) }
        for (name, source) in files {
            ReadFiles.note(source)
            let target = "\(tree)/\(name)"
            try manager.copyItem(
                at: URL(fileURLWithPath: source).resolvingSymlinksInPath(), to: URL(fileURLWithPath: target))
        }
        _ = try await tools.command(
            // As large for all: a machine that goes on from a snapshot does not ask again.
            "mke2fs", ["-q", "-F", "-t", "ext2", "-E", "root_owner=0:0", "-d", tree, path, "64M"], folder: "usr/sbin"
        ).output()
    }
}
