// SPDX-License-Identifier: MIT
import Foundation

/// A Debian that was booted by GRUB up to its shell and kept as a snapshot, as a rule with the package installed: cases go on
/// from there.
struct StartedSystem: KeptMachine {
    struct Key: Hashable, Sendable, CustomStringConvertible {
        var release: SystemRelease
        var hasPackage: Bool

        var description: String { "\(release.rawValue) \(hasPackage ? "with" : "without") the package" }
    }

    let key: Key
    /// Holds `disk` and `state`.
    let folder: String
    let boot: SystemBoot

    var disk: String { Self.disk(in: folder) }
    var state: String { Self.state(in: folder) }
    private static func disk(in folder: String) -> String { "\(folder)/disk.qcow2" }
    private static func state(in folder: String) -> String { "\(folder)/state" }
}

extension SystemCase {
    var startedSystem: StartedSystem.Key { StartedSystem.Key(release: release, hasPackage: !startsBare) }
}

extension SystemGuest {
    /// Cases of one snapshot have the same random numbers: mixes others in.
    func stir() async throws { try await run("echo \(UInt64.random(in: 0...UInt64.max)) > /dev/urandom") }
}

extension StartedSystem {
    /// Boots it and takes the snapshot.
    /// - Parameter number: of no other snapshot.
    init(_ key: Key, number: Int, in workshop: SystemWorkshop, patience: Double) async throws {
        let folder = try Self.newFolder(number, in: workshop.folder)
        let disk = Self.disk(in: folder)
        try await SystemDisk(cache: workshop.cache, release: key.release).overlay(at: disk)
        let files = "\(folder)/files.ext2"
        try await workshop.disk(of: workshop.package.files, at: files)
        defer { try? FileManager.default.removeItem(atPath: files) }
        let machine = SystemMachine(tools: workshop.tools, disk: disk, files: files)
        let session = SystemSession(
            workshop: workshop, release: key.release, folder: folder, deadline: 900, patience: patience)
        let boot = try await session.run(machine) { guest, machine in
            try await guest.awaitBoot()
            if key.hasPackage { try await guest.installPackage() }
            // Other files will lie there.
            try await guest.run("! mountpoint -q /lab || umount /lab; sync")
            try await QMPConnection(path: machine.controlSocket).keepState(in: Self.state(in: folder))
            return await guest.boot
        }
        (self.key, self.folder, self.boot) = (key, folder, boot)
    }
}
