// SPDX-License-Identifier: MIT
import Foundation

/// A running Debian, seen by its administrator: a shell on the second serial port, and the console on the first.
actor SystemGuest {
    struct Answer: Sendable {
        var status: Int
        var lines: [String]
        var text: String { lines.joined(separator: "\n") }
    }

    nonisolated let release: SystemRelease
    nonisolated let package: SystemPackage
    /// It was installed before the case began.
    nonisolated let hasPackage: Bool
    /// The port of this host, if any, that leads to the machine's ssh.
    nonisolated let sshPort: Int?
    nonisolated let console: ConsoleRecord
    private let serial: SerialLines
    /// Multiplies every time limit.
    nonisolated let patience: Double
    private let transcript: FileHandle
    private var number = 0
    /// Of the boot that answers now.
    private(set) var boot = SystemBoot(state: "", identifier: "", kernel: "")

    init(
        _ release: SystemRelease, package: SystemPackage, serial: SerialLines, console: ConsoleRecord,
        transcript: FileHandle, sshPort: Int?, patience: Double, hasPackage: Bool, boot: SystemBoot?
    ) {
        (self.release, self.serial, self.console, self.transcript) = (release, serial, console, transcript)
        (self.package, self.sshPort, self.patience) = (package, sshPort, patience)
        self.hasPackage = hasPackage
        if let boot { self.boot = boot }
    }

    /// Runs shell.
    /// - Parameter seconds: on a machine that is otherwise idle.
    func answer(to command: String, within seconds: Double = 180) async throws -> Answer {
        try start(command)
        let wanted = "LAB done \(number) "
        var lines: [String] = []
        let end = deadline(seconds)
        while let line = try await next(until: end) {
            if line.hasPrefix(wanted), let status = Int(line.dropFirst(wanted.count)) {
                return Answer(status: status, lines: lines)
            }
            if let new = SystemBoot(line), new.identifier != boot.identifier {
                boot = new
                throw LabError("the system was started anew while '\(command)' ran")
            }
            if !line.hasPrefix("LAB done ") { lines.append(line) }
        }
        throw LabError("no answer to '\(command)' in time")
    }

    /// The output of shell that has to succeed.
    @discardableResult
    func run(_ command: String, within seconds: Double = 180) async throws -> String {
        let answer = try await answer(to: command, within: seconds)
        guard answer.status == 0 else {
            let said = answer.lines.suffix(8).map { "\n  > \($0)" }.joined()
            throw LabError("'\(command)' ended with \(answer.status)\(said)")
        }
        return answer.text
    }

    /// Runs shell and does not wait for its end.
    func start(_ command: String) throws {
        number += 1
        try note("# \(command)")
        try serial.write("\(number) \(try Self.line(command))")
    }

    /// What a terminal takes as one line: up to 4095 bytes, and no end of line in it.
    static func line(_ command: String) throws -> String {
        let encoded = Data(command.utf8).base64EncodedString()
        let line = command.contains("\n") ? "eval \"$(echo \(encoded) | base64 -d)\"" : command
        guard line.utf8.count < 4000 else {
            throw LabError("\(line.utf8.count) bytes are too many for a line of shell")
        }
        return line
    }

    /// Waits until another boot than the present one has come up as far as systemd takes it.
    func awaitBoot(within seconds: Double = 420) async throws {
        let end = deadline(seconds)
        while let line = try await next(until: end) {
            guard let new = SystemBoot(line), new.identifier != boot.identifier else { continue }
            boot = new
            return
        }
        throw LabError(boot.identifier.isEmpty ? "the system did not come up in time" : "no other boot came in time")
    }

    private func next(until end: ContinuousClock.Instant) async throws -> String? {
        guard let line = try await serial.next(until: end) else { return nil }
        try note(line)
        return line
    }

    private func deadline(_ seconds: Double) -> ContinuousClock.Instant { .now + .seconds(seconds * patience) }
    private func note(_ line: String) throws { try transcript.write(contentsOf: Data((line + "\n").utf8)) }
}

/// What the laboratory's shell says of the boot that it was started in.
struct SystemBoot: Sendable, Equatable {
    /// systemd's: `running`, or `degraded` when a unit failed.
    var state: String
    /// The kernel's random `boot_id`.
    var identifier: String
    /// As `uname -r` says.
    var kernel: String

    init(state: String, identifier: String, kernel: String) {
        (self.state, self.identifier, self.kernel) = (state, identifier, kernel)
    }

    /// - Parameter line: `LAB ready state=… boot=… release=…`, behind what a cut connection may have left.
    init?(_ line: String) {
        guard let match = line.firstMatch(of: /LAB ready state=(\S+) boot=(\S+) release=(\S+)/) else { return nil }
        self.init(state: String(match.1), identifier: String(match.2), kernel: String(match.3))
    }
}
