// SPDX-License-Identifier: MIT
import ArgumentParser
import Foundation

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Jumps from one real kernel to another in a throw-away machine and shows it live.")

    @Option(help: "The kexec to show; 'debian' means Debian's kexec-tools.")
    var kexec = "build/kexec"

    @Option(help: "Multiplies the deadline.")
    var patience = 1.0

    private static let demonstration = Case(
        name: "demo", summary: "Linux 6.1 jumps to the newest kernel", firstKernel: .linux61, secondKernel: .linux7,
        secondFiles: { ["sbin/kexec": .program($0.kexec)] },
        script: """
            echo '# uname -r'; uname -r
            echo '# kexec -l /boot/vmlinuz --initrd=/boot/initrd --append="…" --console-serial'
            load -d --console-serial || poweroff -f
            echo '# kexec -e'
            jump
            """,
        secondScript: """
            echo '# uname -a'; uname -a
            echo '# uptime'; uptime
            echo '# cat /proc/cmdline'; cat /proc/cmdline
            echo '# kexec --last'; kexec --last
            """,
        expect: ["^LAB load rc=0 loaded=1", "^LAB jump", Case.second, "^LAB end second"])

    func run() async throws {
        guard kexec == "debian" || FileManager.default.isExecutableFile(atPath: kexec) else {
            throw ValidationError("there is no program '\(kexec)': run 'make', or name one with --kexec")
        }
        let cache = CacheFolder()
        try await Preparation(cache: cache, refresh: false).prepare([.linux61, .linux7])
        let workshop = try Workshop(cache: cache, kexec: kexec, folder: "build/vm")
        announce("A virtual machine boots Linux \(try workshop.release(of: .linux61)) (seconds on the left):")
        let story = Story()
        var runner = CaseRunner(workshop: workshop, patience: patience)
        runner.observe = { line in if let text = story.tell(line) { announce(text) } }
        let result = try await interruptible { [runner] in await runner.run(Self.demonstration) }
        guard result.verdict == .passed, let jump = story.jump else {
            announce(Report.line(result))
            throw ExitCode(1)
        }
        announce(
            String(
                format: "\nThe jump took %.1f s from 'kexec -e' to PID 1 of Linux %@, all of it emulated.", jump,
                try workshop.release(of: .linux7)))
        announce("The whole console: \(workshop.folder)/demo/console.log")
    }
}

/// Chooses the console lines that tell the story, and times the jump.
final class Story: @unchecked Sendable {
    private let lock = NSLock()
    private var started: Double?
    private var arrived: Double?
    /// Between a report of the laboratory and its end, everything is told.
    private var inScript = false

    /// Seconds between `kexec -e` and the second kernel's PID 1.
    var jump: Double? {
        lock.withLock {
            guard let started, let arrived else { return nil }
            return arrived - started
        }
    }

    func tell(_ line: ConsoleLine) -> String? {
        lock.withLock {
            var text = line.text
            if text.hasPrefix("LAB jump") { (started, inScript) = (line.seconds, false) }
            if text.hasPrefix("LAB second") { arrived = line.seconds }
            let tells = inScript || Self.isNews(text)
            if text.hasPrefix("LAB first") || text.hasPrefix("LAB second") { inScript = true }
            if text.hasPrefix("LAB end") { inScript = false }
            guard tells, !text.hasPrefix("LAB ") || text.hasPrefix("LAB load") else { return nil }
            if text.hasPrefix("LAB ") { text = "(\(text.dropFirst(4)))" }
            return String(format: "%7.2f  %@", line.seconds, text)
        }
    }

    /// Kernel lines worth seeing, and what purgatory says between the kernels.
    private static func isNews(_ text: String) -> Bool {
        let news = /Linux version|Command line:|kexec_core|Starting new kernel|DMI:|Run \/init|panic|purgatory|digest/
        return text.firstMatch(of: news) != nil && !text.contains("Kernel command line")
    }
}
