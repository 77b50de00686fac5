// SPDX-License-Identifier: MIT
import Foundation

/// The formats that Linux unpacks an initrd from, as their own programs write them, with the options that it wants.
enum InitrdPacking: String, CaseIterable, Sendable {
    case gzip, xz, lzma, bzip2, lz4, zstd

    /// - Parameter options: more of them, which come last.
    func pack(_ bytes: [UInt8], with tools: Toolset, options: [String] = []) async throws -> [UInt8] {
        let path = FileManager.default.temporaryDirectory.path + "/kexec-lab-\(UUID().uuidString)"
        let packed = path + ".packed"
        defer { for made in [path, packed] { try? FileManager.default.removeItem(atPath: made) } }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        try await command(path, tools, options).output(to: packed)
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: packed)))
    }

    private func command(_ path: String, _ tools: Toolset, _ options: [String]) -> HostCommand {
        switch self {
        case .gzip: HostCommand("/bin/gzip", ["-nc"] + options + [path])
        case .xz: tools.command("xz", ["-1", "--check=crc32", "-c"] + options + [path])
        case .lzma: tools.command("xz", ["-1", "--format=lzma", "-c"] + options + [path])
        case .bzip2: tools.command("bzip2", ["-c"] + options + [path])
        case .lz4: tools.command("lz4", ["-q", "-l", "-c"] + options + [path])
        case .zstd: tools.command("zstd", ["-q", "-c"] + options + [path])
        }
    }
}
