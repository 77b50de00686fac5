// SPDX-License-Identifier: MIT
import Foundation

/// The formats that Linux unpacks an initrd from, as their own programs write them, with the options that it wants.
enum InitrdPacking: String, CaseIterable, Sendable {
    case gzip, xz, lzma, bzip2, lz4, zstd

    func pack(_ bytes: [UInt8], with tools: Toolset) async throws -> [UInt8] {
        let path = FileManager.default.temporaryDirectory.path + "/kexec-lab-\(UUID().uuidString)"
        let packed = path + ".packed"
        defer { for made in [path, packed] { try? FileManager.default.removeItem(atPath: made) } }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        try await command(path, tools).output(to: packed)
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: packed)))
    }

    private func command(_ path: String, _ tools: Toolset) -> HostCommand {
        switch self {
        case .gzip: HostCommand("/bin/gzip", ["-nc", path])
        case .xz: tools.command("xz", ["-1", "--check=crc32", "-c", path])
        case .lzma: tools.command("xz", ["-1", "--format=lzma", "-c", path])
        case .bzip2: tools.command("bzip2", ["-c", path])
        case .lz4: tools.command("lz4", ["-q", "-l", "-c", path])
        case .zstd: tools.command("zstd", ["-q", "-c", path])
        }
    }
}
