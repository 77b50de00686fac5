// SPDX-License-Identifier: MIT

/// How a machine may come from one boot to the next.
enum RestartWay: Sendable {
    /// By kexec: firmware says nothing.
    case kexec
    /// By a reset: firmware and GRUB show up again.
    case firmware
}

/// What tells that a boot that was left has shut down cleanly, besides the file systems.
enum ShutdownWitness: Sendable {
    /// systemd's: the last line is the journal's own, by when only file systems were left.
    case journal
    /// sysvinit keeps none: the kernel says on the console that the root file system was mounted read-only.
    case console
    /// Nothing could be written.
    case nothing
}

/// What one restart printed on the console, and what the next boot found.
struct SystemRestart: Sendable {
    /// From the command to the next boot's shell.
    var console: [String]
    /// The last line of the journal of the boot before, if that had one.
    var lastWords: String?
    var witness = ShutdownWitness.journal
    var state: String
    /// Of the root file system, as its superblock says it: `clean`, or that something is wrong with it. That nothing had
    /// to be recovered the kernel says by its silence.
    var fileSystem: String

    /// What is wrong with it, as sentences; empty when all is well.
    func complaints(expecting way: RestartWay) -> [String] {
        var complaints: [String] = []
        let firmware = console.contains { $0.contains("SeaBIOS (version") }
        if firmware, way == .kexec { complaints.append("the machine went through firmware, not by kexec") }
        if !firmware, way == .firmware { complaints.append("the machine did not go through firmware") }
        if !console.contains(where: { $0.contains("Linux version ") }) {
            complaints.append("no kernel began on the console")
        }
        if let line = console.first(where: Self.isUnclean) { complaints.append("not clean: “\(line)”") }
        if let lastWords, lastWords != "Journal stopped" {
            complaints.append("the journal of the boot before ends with “\(lastWords)”, not with a clean end")
        }
        if witness == .console, !leavesRootReadOnly {
            complaints.append("nothing says that the root file system was mounted read-only at the end")
        }
        if fileSystem != "clean" { complaints.append("the root file system is '\(fileSystem)', not 'clean'") }
        if state != "running", state != "sysvinit" { complaints.append("systemd says '\(state)', not 'running'") }
        return complaints
    }

    /// Between init's word and the next kernel's first one.
    private var leavesRootReadOnly: Bool {
        let shutdown = console.drop { !$0.contains("INIT: Switching to runlevel: 6") }
        return shutdown.prefix { !$0.contains("Linux version ") }.contains { $0.contains("EXT4-fs (vda1): re-mounted") }
    }

    /// What the kernel, fsck and systemd say of file systems that were not unmounted, and of faults.
    private static func isUnclean(_ line: String) -> Bool {
        let signs = [
            "recovering journal", "recovery required", "recovery complete", "not cleanly unmounted",
            "not cleanly shut down",
            "Failed to unmount", "Failed to remount", "Kernel panic", "BUG: ", "Oops: ", "general protection fault",
        ]
        return signs.contains { line.contains($0) }
    }
}

extension SystemGuest {
    /// Runs `command`, which has to lead to another boot that way and cleanly.
    func restart(by command: String, expecting way: RestartWay, witness: ShutdownWitness = .journal) async throws {
        try await restart(called: "'\(command)'", expecting: way, witness: witness) { try await $0.start(command) }
    }

    /// The same for what is done from elsewhere.
    func restart(
        called name: String, expecting way: RestartWay, witness: ShutdownWitness = .journal,
        by act: @Sendable (SystemGuest) async throws -> Void
    ) async throws {
        let mark = console.count
        try await act(self)
        try await awaitBoot()
        let restart = SystemRestart(
            console: console.texts(since: mark), lastWords: witness == .journal ? try await lastWords() : nil,
            witness: witness, state: boot.state, fileSystem: try await fileSystemState())
        let complaints = restart.complaints(expecting: way)
        guard complaints.isEmpty else { throw LabError("after \(name): " + complaints.joined(separator: "; ")) }
    }

    /// What is in the journal's files, whoever runs now.
    private func lastWords() async throws -> String {
        try await run("journalctl --directory=/var/log/journal --output=cat --lines=1 --quiet --boot=\(previousBoot)")
    }

    func fileSystemState() async throws -> String {
        try await run("dumpe2fs -h /dev/vda1 2>/dev/null | sed -n 's/^Filesystem state: *//p'")
    }

    /// Under sysvinit nothing is added to the journal: the last boot in it is the one before.
    private var previousBoot: String { boot.state == "sysvinit" ? "0" : "-1" }
}
