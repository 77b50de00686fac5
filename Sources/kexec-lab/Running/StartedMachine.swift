// SPDX-License-Identifier: MIT
import Foundation

/// A first kernel that was started up to its PID 1 and kept as a snapshot: cases of the same machine go on from there.
///
/// What a case brings along, a file of the firmware's configuration, is unpacked over the root file system; see
/// `CaseFetcher`.
struct StartedMachine: KeptMachine {
    /// What all cases that go on from one snapshot have in common.
    struct Key: Hashable, Sendable, CustomStringConvertible {
        var kernel: KernelName
        var commandLine: String
        var shape: MachineShape

        var description: String { "\(kernel.rawValue) (\(commandLine))" }
    }

    let key: Key
    let kernel: String
    let nonce: String
    /// Holds `initrd`, `state` and, of a machine with EFI, `variables.fd`.
    let folder: String

    var initrd: String { "\(folder)/initrd" }
    var state: String { "\(folder)/state" }
    var variables: String? {
        let path = QEMUCommand.variables(in: folder)
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }
    var commandLine: String { FirstBoot.commandLine(nonce: nonce, more: key.commandLine) }

    /// Says that the guest waits for a case.
    static let waits = "LAB waits for a case"
    /// Runs in the first guest, before the case's own script is there.
    static let script = "echo \"\(waits)\"\ncd / && fetch | cpio -idu 2>/dev/null\nrm /sbin/fetch /lab/await\n"
}

extension Case {
    /// nil where it cannot go on from a snapshot: something is attached that a snapshot would not have, or that keeps no
    /// state, or the program that takes the case in may not use the machine's ports.
    func startedMachine(in workshop: Workshop) async throws -> StartedMachine.Key? {
        guard start == nil, atFirstEntry == nil, !startsCold, firstKernel.runsStartedMachines else { return nil }
        let shape = try await shape(in: workshop)
        guard shape.keepsItsState else { return nil }
        return StartedMachine.Key(kernel: firstKernel, commandLine: firstCommandLine, shape: shape)
    }

    /// The machine with its disks.
    func shape(in workshop: Workshop) async throws -> MachineShape {
        var shape = machine
        shape.options += try await disks?(workshop) ?? []
        return shape
    }
}

extension MachineShape {
    /// QEMU keeps no state of an NVMe controller.
    fileprivate var keepsItsState: Bool {
        !bootsFromDisk && !servesSecondKernel && firmware != .secureBoot
            && !options.contains { $0 == "-icount" || $0.hasPrefix("nvme,") }
    }
}

extension KernelName {
    /// The program that takes a case in needs a kernel of 64 bits, and /proc/self/pagemap, which the one without kexec lacks.
    fileprivate var runsStartedMachines: Bool { self != .linux61PAE && self != .noKexec }
}

extension StartedMachine {
    /// Boots it and takes the snapshot.
    /// - Parameter number: of no other snapshot.
    init(_ key: Key, number: Int, in workshop: Workshop, patience: Double) async throws {
        self.init(
            key: key, kernel: workshop.cache.kernel(key.kernel),
            nonce: String(UInt32.random(in: 0x1000_0000...0xffff_ffff), radix: 16),
            folder: try Self.newFolder(number, in: workshop.folder))
        var guest = try await InitramfsBuilder(workshop.tools)
        try await guest.add("sbin/fetch", .program(try await CaseFetcher.make(in: workshop)))
        try await guest.add("lab/await", .text(Self.script))
        try Data(guest.finished()).write(to: URL(fileURLWithPath: initrd))
        let socket = LocalSocket.newPath("qmp")
        defer { unlink(socket) }
        let command = try QEMUCommand(
            tools: workshop.tools, shape: key.shape, kernel: kernel, initrd: initrd, commandLine: commandLine,
            folder: folder, debugSocket: nil, controlSocket: socket
        ).command()
        let state = state
        let outcome = try await VirtualMachine(
            command: command, logPath: "\(folder)/console.log", deadline: 150 * patience,
            observe: { line, _ in
                guard line.text == Self.waits else { return }
                let machine = try QMPConnection(path: socket)
                try await machine.keepState(in: state)
                try machine.perform("quit")
            }
        ).run()
        guard FileManager.default.fileExists(atPath: state), outcome.end == .exited else {
            throw LabError("it did not come to its PID 1: \(outcome.log.ending.suffix(2).joined(separator: "; "))")
        }
    }
}
