// SPDX-License-Identifier: MIT
import Foundation

/// A first kernel that was started up to its PID 1 and kept as a snapshot: cases of the same machine go on from there.
///
/// What a case brings along, a file of the firmware's configuration, is unpacked over the root file system; see
/// `CaseFetcher`.
struct StartedMachine: Sendable {
    /// What all cases that go on from one snapshot have in common.
    struct Key: Hashable, Sendable {
        var kernel: KernelName
        var commandLine: String
        var shape: MachineShape
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
    /// Whether it can go on from a snapshot: nothing is attached that a snapshot would not have, or that keeps no state, and
    /// the program that takes the case in may use the machine's ports.
    var startedMachine: StartedMachine.Key? {
        let isPlain = start == nil && atFirstEntry == nil && disks == nil && !startsCold
        let isKept =
            !machine.bootsFromDisk && !machine.servesSecondKernel && machine.firmware != .secureBoot
            && !machine.options.contains("-icount")
        guard isPlain, isKept, firstKernel.runsStartedMachines else { return nil }
        return StartedMachine.Key(kernel: firstKernel, commandLine: firstCommandLine, shape: machine)
    }
}

extension KernelName {
    /// The program that takes a case in needs a kernel of 64 bits, and /proc/self/pagemap, which the one without kexec lacks.
    fileprivate var runsStartedMachines: Bool { self != .linux61PAE && self != .noKexec }
}

/// Makes snapshots for cases that share them, and removes each after the last of these.
actor StartedMachines {
    private let workshop: Workshop
    private let patience: Double
    /// Boots that are still to come.
    private var wanted: [StartedMachine.Key: Int] = [:]
    private var making: [StartedMachine.Key: Task<StartedMachine?, Never>] = [:]

    /// - Parameter cases: all that are going to be run, as often as they are.
    init(for cases: [Case], workshop: Workshop, patience: Double) {
        (self.workshop, self.patience) = (workshop, patience)
        for test in cases {
            if let key = test.startedMachine { wanted[key, default: 0] += test.passes.count }
        }
    }

    /// - Returns: nil where the case has to start cold: alone of its kind, or no snapshot could be made.
    func machine(for test: Case) async -> StartedMachine? {
        guard let key = test.startedMachine, wanted[key, default: 0] > 1 || making[key] != nil else { return nil }
        if making[key] == nil {
            let number = making.count
            making[key] = Task { [workshop, patience] in
                do {
                    return try await StartedMachine(key, number: number, in: workshop, patience: patience)
                } catch {
                    announce("no snapshot of \(key.kernel.rawValue) (\(key.commandLine)): \(error)")
                    return nil
                }
            }
        }
        return await making[key]?.value
    }

    /// One boot of the case has ended.
    func release(_ test: Case) async {
        guard let key = test.startedMachine, let left = wanted[key] else { return }
        wanted[key] = left - 1
        guard left == 1, let machine = await making[key]?.value else { return }
        try? FileManager.default.removeItem(atPath: machine.folder)
    }
}

extension StartedMachine {
    /// Boots it and takes the snapshot.
    fileprivate init(_ key: Key, number: Int, in workshop: Workshop, patience: Double) async throws {
        self.init(
            key: key, kernel: workshop.cache.kernel(key.kernel),
            nonce: String(UInt32.random(in: 0x1000_0000...0xffff_ffff), radix: 16),
            folder: "\(workshop.folder)/started/\(number)")
        // What an interrupted run left there is another machine's.
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var guest = try await InitramfsBuilder(workshop.tools)
        try await guest.add("sbin/fetch", .program(try await CaseFetcher.make(in: workshop)))
        try await guest.add("lab/await", .text(Self.script))
        try Data(guest.finished()).write(to: URL(fileURLWithPath: initrd))
        // A socket address holds 107 bytes, too few for most folders.
        let socket = "/tmp/kexec-lab-\(nonce).qmp"
        defer { unlink(socket) }
        let command = try QEMUCommand(
            tools: workshop.tools, shape: key.shape, kernel: kernel, initrd: initrd, commandLine: commandLine,
            folder: folder, debugSocket: nil, controlSocket: socket
        ).command()
        let state = state
        let outcome = try await VirtualMachine(
            command: command, logPath: "\(folder)/console.log", deadline: 150 * patience,
            observe: { line, _ in
                if line.text == Self.waits { try await Self.keep(try QMPConnection(path: socket), in: state) }
            }
        ).run()
        guard FileManager.default.fileExists(atPath: state), outcome.end == .exited else {
            throw LabError("it did not come to its PID 1: \(outcome.log.ending.suffix(2).joined(separator: "; "))")
        }
    }

    private static func keep(_ machine: QMPConnection, in state: String) async throws {
        try machine.perform("migrate", ["uri": "file:\(state)"])
        for _ in 0..<600 {
            let status = try machine.perform("query-migrate")["status"]
            guard status != "completed" else { return _ = try machine.perform("quit") }
            guard status != "failed" else { throw LabError("QEMU cannot write the snapshot") }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw LabError("QEMU does not end the snapshot")
    }
}
