// SPDX-License-Identifier: MIT
import Foundation

/// A hard disk that a BIOS boots: GRUB's first sector, its core in the gap behind it, and one ext2 partition with
/// `/boot/grub/grub.cfg` and files. Put together without mounting anything; no root rights are needed.
///
///     sector 0          1              2048
///     +-----------------+- - - - - - --+----------------------------+
///     | boot.img, table | core.img     | ext2: grub.cfg and files   |
///     +-----------------+- - - - - - --+----------------------------+
struct GRUBDisk: Sendable {
    /// Host files by their place on the disk, without leading slash: "image" is `/image` in GRUB's commands.
    var files: [String: String] = [:]
    /// `grub.cfg`; GRUB's words go to the first serial port, and its root is the partition.
    var commands: String

    /// What `grub.cfg` may use without loading it from the disk.
    private static let modules = [
        "biosdisk", "part_msdos", "ext2", "search", "search_fs_file", "normal", "configfile", "echo", "ls", "test",
        "serial", "terminal", "boot", "linux", "linux16", "multiboot", "multiboot2", "chain",
    ]
    private static let marker = "boot/grub/grub.cfg"
    private static let sector = 512
    private static let partitionStart = 2048
    /// Where the partition begins, in bytes.
    static let areaSize = partitionStart * sector

    /// Writes the disk to `path`.
    func make(_ tools: Toolset, at path: String) async throws {
        let partition = try await makePartition(tools, at: path)
        defer { try? FileManager.default.removeItem(atPath: partition) }
        let size = try FileManager.default.attributesOfItem(atPath: partition)[.size] as? Int ?? 0
        let area = try await Self.bootArea(tools, partitionSize: size, workingAt: path)
        try FileManager.default.moveItem(atPath: partition, toPath: path)
        try prepend(area, to: path)
    }

    /// All that comes before the partition: `areaSize` bytes.
    static func bootArea(_ tools: Toolset, partitionSize: Int, workingAt path: String) async throws -> [UInt8] {
        let core = path + ".core"
        try await makeCore(
            tools, at: core, modules: modules,
            commands: ["search --file --set=root /\(marker)", "configfile /\(marker)"])
        defer { try? FileManager.default.removeItem(atPath: core) }
        guard let boot = FileManager.default.contents(atPath: "\(tools.grub)/boot.img"), boot.count >= 446,
            let gap = FileManager.default.contents(atPath: core)
        else { throw LabError("GRUB's boot.img or core.img cannot be read") }
        let gapSize = areaSize - sector
        guard gap.count <= gapSize else { throw LabError("GRUB's core has \(gap.count) bytes, the gap \(gapSize)") }
        return firstSector(boot: [UInt8](boot), sectors: partitionSize / sector) + [UInt8](gap)
            + [UInt8](repeating: 0, count: gapSize - gap.count)
    }

    /// The boot code, and a partition table with one entry that begins at sector 2048; `boot.img` looks for the core in
    /// sector 1, which is where grub-mkimage says it is.
    private static func firstSector(boot: [UInt8], sectors: Int) -> [UInt8] {
        var bytes = Array(boot[..<446])
        // Bootable, "use the sector numbers" for both cylinder addresses, Linux.
        bytes += [0x80, 0xfe, 0xff, 0xff, 0x83, 0xfe, 0xff, 0xff]
        for number in [partitionStart, sectors] {
            bytes += (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        }
        return bytes + [UInt8](repeating: 0, count: 48) + [0x55, 0xaa]
    }

    /// GRUB as a Linux kernel: what begins like one, and its core, which runs `commands`.
    static func makeKernel(_ tools: Toolset, at path: String, modules: [String], commands: [String]) async throws {
        let core = path + ".core"
        try await makeCore(tools, at: core, modules: modules, commands: commands)
        defer { try? FileManager.default.removeItem(atPath: core) }
        guard let begin = FileManager.default.contents(atPath: "\(tools.grub)/lnxboot.img"),
            let rest = FileManager.default.contents(atPath: core)
        else { throw LabError("GRUB's lnxboot.img or core.img cannot be read") }
        try (begin + rest).write(to: URL(fileURLWithPath: path))
    }

    /// GRUB without a disk around it, which runs `commands` with the first serial port as its terminal.
    static func makeCore(_ tools: Toolset, at core: String, modules: [String], commands: [String]) async throws {
        let first = ["serial --unit=0 --speed=115200", "terminal_input serial", "terminal_output serial"]
        let early = (first + commands + [""]).joined(separator: "\n")
        let configuration = core + ".early"
        try early.write(toFile: configuration, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: configuration) }
        _ = try await tools.command(
            "grub-mkimage",
            ["-d", tools.grub, "-O", "i386-pc", "-p", "/boot/grub", "-c", configuration, "-o", core] + modules
        ).output()
    }

    private func makePartition(_ tools: Toolset, at path: String) async throws -> String {
        let (partition, folder) = (path + ".partition", path + ".files")
        let manager = FileManager.default
        for made in [partition, folder, path] { try? manager.removeItem(atPath: made) }
        defer { try? manager.removeItem(atPath: folder) }
        var size = 0
        for (name, source) in files {
            let target = URL(fileURLWithPath: "\(folder)/\(name)")
            try manager.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
            try manager.copyItem(at: URL(fileURLWithPath: source).resolvingSymlinksInPath(), to: target)
            size += try manager.attributesOfItem(atPath: target.path)[.size] as? Int ?? 0
        }
        try manager.createDirectory(atPath: "\(folder)/boot/grub", withIntermediateDirectories: true)
        try commands.write(toFile: "\(folder)/\(Self.marker)", atomically: true, encoding: .utf8)
        // A tenth and 8 MiB more for the file system's own tables.
        let mebibytes = (size + size / 10) >> 20 + 8
        _ = try await tools.command(
            "mke2fs", ["-q", "-F", "-t", "ext2", "-d", folder, partition, "\(mebibytes)M"], folder: "usr/sbin"
        ).output()
        return partition
    }

    private func prepend(_ bytes: [UInt8], to path: String) throws {
        guard let rest = FileManager.default.contents(atPath: path) else { throw LabError("cannot read '\(path)'") }
        try (Data(bytes) + rest).write(to: URL(fileURLWithPath: path))
    }
}
