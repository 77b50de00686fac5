// SPDX-License-Identifier: MIT
import Foundation

/// One boot in which every instruction is counted: one processor, a clock that is the count of instructions (1 per
/// nanosecond), nothing random, nothing of the host's time.
struct BenchBoot: Sendable {
    let workshop: Workshop
    /// For console, milestones and QEMU's own words.
    var folder: String
    var kernel: String
    var initrd: String
    var memory: Int
    /// Added to the kernel's command line.
    var words = ""
    /// Names of addresses, names of code.
    var watch: [String: UInt64] = [:]
    var match: [String: MilestonePlugin.CodePattern] = [:]
    /// Seconds.
    var deadline: Double

    /// `nokaslr`: addresses are known. `initramfs_async=0`: the initrd is unpacked at one time, not between other work.
    static let commandLine = "console=ttyS0 nokaslr initramfs_async=0"

    static func commandLine(_ words: String) -> String { words.isEmpty ? commandLine : "\(commandLine) \(words)" }

    struct Outcome: Sendable {
        var console: [String]
        var milestones: String
    }

    func run() async throws -> Outcome {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let console = "\(folder)/console.log", events = "\(folder)/milestones"
        for file in [console, events] { try? FileManager.default.removeItem(atPath: file) }
        let plugin = try await MilestonePlugin.make(in: workshop)
        let option = MilestonePlugin.option(plugin, out: events, watch: watch, match: match)
        let command = command(console: console, plugin: option)
        let machine = VirtualMachine(command: command, logPath: "\(folder)/qemu.log", deadline: deadline)
        let outcome = try await machine.run()
        guard outcome.end == .exited else { throw LabError("no end after \(Int(deadline)) s; see '\(console)'") }
        let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: console)), as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline).map(String.init)
        if let failure = lines.first(where: { $0.contains("FAILED ") || $0.contains("Kernel panic") }) {
            throw LabError("\(failure); see '\(console)'")
        }
        return Outcome(console: lines, milestones: try String(contentsOfFile: events, encoding: .utf8))
    }

    private func command(console: String, plugin: String) -> HostCommand {
        let tools = workshop.tools
        var command = tools.command(
            "qemu-system-x86_64",
            [
                "-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-cpu", "qemu64", "-smp", "1",
                "-m", String(memory), "-machine", "pc", "-nodefaults", "-display", "none", "-no-reboot",
                "-monitor", "none", "-nic", "none", "-seed", "1", "-rtc", "base=2026-01-01T00:00:00,clock=vm",
                // A file: a pipe that is full would change what the guest's serial port says.
                "-serial", "file:\(console)", "-kernel", kernel, "-initrd", initrd, "-append",
                Self.commandLine(words),
                "-plugin", plugin,
                "-L", "\(tools.root)/usr/share/qemu", "-L", "\(tools.root)/usr/share/seabios",
            ])
        command.environment["QEMU_MODULE_DIR"] = "\(tools.libraries)/qemu"
        return command
    }
}
