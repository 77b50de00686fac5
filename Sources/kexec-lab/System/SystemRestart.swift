// SPDX-License-Identifier: MIT

/// How a machine may come from one boot to the next.
enum RestartWay: Sendable {
    /// By kexec: firmware says nothing.
    case kexec
    /// By a reset: firmware and GRUB show up again.
    case firmware
}

/// What one restart printed on the console, and what the next boot found.
struct SystemRestart: Sendable {
    /// From the command to the next boot's shell.
    var console: [String]
    /// The last line of the journal of the boot before.
    var lastWords: String
    var state: String

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
        if lastWords != "Journal stopped" {
            complaints.append("the journal of the boot before ends with “\(lastWords)”, not with a clean end")
        }
        if state != "running" { complaints.append("systemd says '\(state)', not 'running'") }
        return complaints
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
    func restart(by command: String, expecting way: RestartWay) async throws {
        try await restart(called: "'\(command)'", expecting: way) { try await $0.start(command) }
    }

    /// The same for what is done from elsewhere.
    func restart(
        called name: String, expecting way: RestartWay, by act: @Sendable (SystemGuest) async throws -> Void
    ) async throws {
        let mark = console.count
        try await act(self)
        try await awaitBoot()
        let words = try await run("journalctl --boot=-1 --output=cat --lines=1 --quiet")
        let restart = SystemRestart(console: console.texts(since: mark), lastWords: words, state: boot.state)
        let complaints = restart.complaints(expecting: way)
        guard complaints.isEmpty else { throw LabError("after \(name): " + complaints.joined(separator: "; ")) }
    }
}
