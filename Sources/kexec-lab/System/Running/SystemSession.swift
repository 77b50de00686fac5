// SPDX-License-Identifier: MIT
import Foundation

/// One run of a machine with a whole Debian, from QEMU's start to the end of what is done in it.
struct SystemSession: Sendable {
    let workshop: SystemWorkshop
    let release: SystemRelease
    /// What the console and the shell say is written there.
    let folder: String
    /// Seconds, on a machine that is otherwise idle.
    let deadline: Double
    /// Multiplies every time limit.
    let patience: Double
    var console = ConsoleRecord()

    /// - Parameters:
    ///   - started: where the machine goes on from.
    ///   - steps: what is done with the guest and the machine, which is stopped behind it.
    func run<Result: Sendable>(
        _ machine: SystemMachine, from started: StartedSystem? = nil,
        steps: @escaping @Sendable (SystemGuest, SystemMachine) async throws -> Result
    ) async throws -> Result {
        var machine = machine
        machine.shellSocket = LocalSocket.newPath("shell")
        machine.controlSocket = LocalSocket.newPath("qmp")
        machine.snapshot = started?.state
        defer { for made in [machine.shellSocket, machine.controlSocket] { unlink(made) } }
        let virtual = VirtualMachine(
            command: machine.command(), logPath: "\(folder)/console.log", deadline: deadline * patience,
            observe: { [console] line, _ in console.add(line) })
        let transcript = try HostFile.create("\(folder)/shell.log")
        return try await withThrowingTaskGroup(of: Result.self) { group in
            group.addTask {
                let outcome = try await virtual.run()
                throw LabError(outcome.end == .timedOut ? "time is up" : "QEMU stopped before the steps were done")
            }
            group.addTask { [machine] in
                let serial = try await SerialLines(waitingFor: machine.shellSocket)
                if started != nil { try await QMPConnection(path: machine.controlSocket).awaitRunning() }
                let guest = SystemGuest(
                    release, package: workshop.package, serial: serial,
                    console: console, transcript: transcript, sshPort: machine.sshPort, patience: patience,
                    hasPackage: started?.key.hasPackage ?? false, boot: started?.boot)
                return try await steps(guest, machine)
            }
            defer { group.cancelAll() }
            guard let result = try await group.next() else { throw CancellationError() }
            return result
        }
    }
}
