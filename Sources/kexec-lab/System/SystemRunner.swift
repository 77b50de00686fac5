// SPDX-License-Identifier: MIT
import Foundation

/// Boots the machine of one case and goes through its steps.
struct SystemRunner: Sendable {
    let workshop: SystemWorkshop
    /// Multiplies every deadline: for busy machines.
    let patience: Double
    /// Lets the machine's disk stay.
    var keepsDisk = false

    func run(_ test: SystemCase) async -> CaseResult {
        let start = Date()
        let console = ConsoleRecord()
        var verdict = CaseResult.Verdict.passed
        do {
            try await boot(test, console)
        } catch is CancellationError {
            verdict = .skipped(CaseResult.interrupted)
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
        let (disk, files) = ("\(folder)/disk.qcow2", "\(folder)/files.ext2")
        try await SystemDisk(cache: workshop.cache, release: test.release).overlay(at: disk)
        try await workshop.disk(of: try await contents(for: test), at: files)
        // A socket address holds 107 bytes, too few for most folders.
        let socket = "/tmp/kexec-lab-\(String(UInt32.random(in: 0x1000_0000...0xffff_ffff), radix: 16)).shell"
        defer {
            for made in [files, socket] + (keepsDisk ? [] : [disk]) {
                try? FileManager.default.removeItem(atPath: made)
            }
        }
        let port = test.servesSSH ? try SystemMachine.freePort() : nil
        let machine = SystemMachine(
            tools: workshop.tools, memory: test.memory, disk: disk, files: files, shellSocket: socket, sshPort: port)
        let virtual = VirtualMachine(
            command: machine.command(), logPath: "\(folder)/console.log", deadline: test.deadline * patience,
            observe: { line, _ in console.add(line) })
        let transcript = try HostFile.create("\(folder)/shell.log")
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                let outcome = try await virtual.run()
                throw LabError(outcome.end == .timedOut ? "time is up" : "QEMU stopped before the case was through")
            }
            group.addTask {
                let guest = SystemGuest(
                    test.release, package: workshop.package, serial: try await SerialLines(waitingFor: socket),
                    console: console,
                    transcript: transcript, sshPort: port, patience: patience)
                try await guest.awaitBoot()
                try await guest.run("mount -o ro /dev/vdb /lab")
                try await test.steps(guest)
                return true
            }
            defer { group.cancelAll() }
            _ = try await group.next()
        }
    }

    private func contents(for test: SystemCase) async throws -> [String: String] {
        try await test.files(workshop).merging(workshop.package.files) { own, _ in own }
    }
}
