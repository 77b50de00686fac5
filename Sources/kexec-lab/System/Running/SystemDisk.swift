// SPDX-License-Identifier: MIT
import Foundation

/// A hard disk with a whole Debian, which a BIOS boots by GRUB: `system/RELEASE/disk.img` in the cache.
///
/// It is made once, by `scripts/make-system-tree.sh`, and never written to again: machines get an overlay. Linux is
/// started by GRUB from the disk, as on a real machine, because what QEMU's own loader leaves in memory differs from it.
struct SystemDisk: Sendable {
    let cache: CacheFolder
    let release: SystemRelease

    /// Room for packages, dumps and logs.
    private static let size = 4 << 30
    static let sources = ["scripts/make-system-tree.sh", "scripts/system-tree"]

    private var folder: String { "\(cache.path)/system/\(release.rawValue)" }
    var path: String { "\(folder)/disk.img" }

    /// Beside the disk, once it is complete: what it was made by. Times would say nothing in a fresh work tree.
    private var record: String { "\(folder)/recipe" }

    /// Some sources made it, not necessarily the present ones.
    var isThere: Bool { FileManager.default.fileExists(atPath: record) }

    /// Makes the disk unless it is there and was made by the same sources.
    func prepare() async throws {
        let recipe = try Self.text(of: Self.sources)
        try await cache.locked {
            guard (try? String(contentsOfFile: record, encoding: .utf8)) != recipe else { return }
            announce("building a Debian \(release.rawValue) (minutes, about 300 MB, once)")
            _ = try cache.folder("system/\(release.rawValue)")
            try? FileManager.default.removeItem(atPath: record)
            let script = URL(fileURLWithPath: "scripts/make-system-tree.sh").standardizedFileURL.path
            try await HostCommand(script, [release.rawValue, folder]).output(to: "\(folder)/log")
            let tree = "\(folder)/root"
            defer { try? FileManager.default.removeItem(atPath: tree) }
            try await write(tree, to: "\(path).new")
            try? FileManager.default.removeItem(atPath: path)
            try FileManager.default.moveItem(atPath: "\(path).new", toPath: path)
            try recipe.write(toFile: record, atomically: true, encoding: .utf8)
        }
    }

    /// Names and contents of these files, and of those below these folders.
    static func text(of sources: [String]) throws -> String {
        let files = try sources.flatMap { source in
            guard FileManager.default.fileExists(atPath: source) else { throw LabError("there is no '\(source)'") }
            let below = FileManager.default.enumerator(atPath: source)?.compactMap { "\(source)/\($0)" } ?? []
            return [source] + below.sorted()
        }
        return files.filter(isFile).map { file in
            let text = FileManager.default.contents(atPath: file).map { String(decoding: $0, as: UTF8.self) }
            return "# \(file)\n\(text ?? "")\n"
        }.joined()
    }

    private static func isFile(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
    }

    private func write(_ tree: String, to disk: String) async throws {
        let tools = Toolset(cache)
        let partitionSize = Self.size - GRUBDisk.areaSize
        try? FileManager.default.removeItem(atPath: disk)
        // Debian 12's programs do not know all that the newer mke2fs would do by itself.
        _ = try await tools.command(
            "mke2fs",
            [
                "-q", "-F", "-t", "ext4", "-O", "^metadata_csum_seed,^orphan_file", "-d", tree, "-E",
                "offset=\(GRUBDisk.areaSize),root_owner=0:0", disk, "\(partitionSize >> 10)k",
            ], folder: "usr/sbin"
        ).output()
        let area = try await GRUBDisk.bootArea(tools, partitionSize: partitionSize, workingAt: disk)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: disk))
        try file.write(contentsOf: Data(area))
        try file.truncate(atOffset: UInt64(Self.size))
        try file.close()
    }

    /// A disk that takes what a machine writes, and holds this one's contents, or those that it had at a snapshot.
    func overlay(at path: String, from started: StartedSystem? = nil) async throws {
        try? FileManager.default.removeItem(atPath: path)
        let (format, below) = started.map { ("qcow2", $0.disk) } ?? ("raw", self.path)
        _ = try await Toolset(cache).command(
            "qemu-img", ["create", "-q", "-f", "qcow2", "-F", format, "-b", below, path]
        ).output()
    }
}
