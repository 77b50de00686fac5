// SPDX-License-Identifier: MIT
import Foundation

/// Boots the machine of one case and goes through its steps.
struct SystemRunner: Sendable {
    let workshop: SystemWorkshop
    /// Multiplies every deadline: for busy machines.
    let patience: Double
    /// Lets the machine's disk stay.
    var keepsDisk = false
    /// Snapshots that cases go on from; nil: each boots its own machine by GRUB.
    var startedSystems: SharedSnapshots<StartedSystem>?

    func run(_ test: SystemCase) async -> CaseResult {
        let start = Date()
        let console = ConsoleRecord()
        var verdict = CaseResult.Verdict.passed
        do {
            try await boot(test, console)
        } catch {
            verdict = .failed(["\(error)"])
        }
        let tail = verdict == .passed ? [] : console.ending
        return CaseResult(name: test.name, verdict: verdict, seconds: -start.timeIntervalSinceNow, tail: tail)
    }

    private func boot(_ test: SystemCase, _ console: ConsoleRecord) async throws {
        try await test.prepare(workshop)
        let folder = "\(workshop.folder)/\(test.name)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let session = SystemSession(
            workshop: workshop, release: test.release, folder: folder, deadline: test.deadline, patience: patience,
            console: console)
        try await startedSystems.lend(test.startedSystem) { started in
            try await boot(test, session, from: started)
        }
    }

    private func boot(_ test: SystemCase, _ session: SystemSession, from started: StartedSystem?) async throws {
        let (disk, files) = ("\(session.folder)/disk.qcow2", "\(session.folder)/files.ext2")
        defer {
            for made in [files] + (keepsDisk ? [] : [disk]) { try? FileManager.default.removeItem(atPath: made) }
        }
        try await SystemDisk(cache: workshop.cache, release: test.release).overlay(at: disk, from: started)
        try await workshop.disk(of: try await contents(for: test), at: files)
        let port = test.servesSSH ? try SystemMachine.freePort() : nil
        let machine = SystemMachine(tools: workshop.tools, disk: disk, files: files, sshPort: port)
        try await session.run(machine, from: started) { guest, _ in
            if started == nil { try await guest.awaitBoot() } else { try await guest.stir() }
            try await guest.run("mount -o ro /dev/vdb /lab")
            try await test.steps(guest)
        }
    }

    private func contents(for test: SystemCase) async throws -> [String: String] {
        try await test.files(workshop).merging(workshop.package.files) { own, _ in own }
    }
}
