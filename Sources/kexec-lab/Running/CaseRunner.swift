// SPDX-License-Identifier: MIT
import Foundation

/// How a case ended.
struct CaseResult: Sendable {
    enum Verdict: Sendable, Equatable {
        case passed
        case failed([String])
        case skipped(String)
    }

    let name: String
    let verdict: Verdict
    let seconds: Double
    /// The last lines of the console that failed.
    var tail: [String] = []

    /// A failure, or a case that was never tried although nothing speaks against it.
    var stopsTheRun: Bool {
        switch verdict {
        case .passed: false
        case .failed: true
        case .skipped(let reason): reason == Self.interrupted
        }
    }
    static let interrupted = "interrupted"
}

/// Builds and boots the machines of one case and judges them.
struct CaseRunner: Sendable {
    let workshop: Workshop
    /// Multiplies every deadline: for busy machines.
    let patience: Double
    /// Snapshots that cases go on from; nil: each starts its own first kernel.
    var startedMachines: SharedSnapshots<StartedMachine>?
    /// Sees each console line as it comes.
    var observe: (@Sendable (ConsoleLine) -> Void)?

    func run(_ test: Case) async -> CaseResult {
        if test.needsOurs, workshop.testsPeer {
            return CaseResult(name: test.name, verdict: .skipped("kexec-tools lacks what it asks for"), seconds: 0)
        }
        let start = Date()
        var tail: [String] = []
        for kernel in [test.firstKernel, test.secondKernel] + test.otherKernels {
            ReadFiles.note(workshop.cache.kernel(kernel))
        }
        do {
            var logs: [ConsoleLog] = []
            var complaints: [String] = []
            for pass in test.passes {
                let (outcome, found) = try await boot(test, pass)
                logs.append(outcome.log)
                complaints += found.map { pass.isEmpty ? $0 : "\(pass): \($0)" }
                if !found.isEmpty, tail.isEmpty { tail = outcome.log.ending }
            }
            if complaints.isEmpty, let judge = test.judge { complaints = try judge(logs) }
            let verdict: CaseResult.Verdict = complaints.isEmpty ? .passed : .failed(complaints)
            return CaseResult(name: test.name, verdict: verdict, seconds: -start.timeIntervalSinceNow, tail: tail)
        } catch {
            return CaseResult(
                name: test.name, verdict: .failed(["\(error)"]), seconds: -start.timeIntervalSinceNow)
        }
    }

    /// One pass. Emulation can lose a kernel before its PID 1: that is tried once more; after the first kernel's marker
    /// nothing is excused.
    private func boot(_ test: Case, _ pass: String) async throws -> (VirtualMachine.Outcome, [String]) {
        let folder = try caseFolder(test, pass)
        let (outcome, nonce) = try await startedOrCold(test, pass, folder)
        let matcher = ConsoleMatcher(
            nonce: nonce, firstRelease: try workshop.release(of: test.firstKernel),
            secondRelease: try workshop.release(of: test.secondKernel))
        var complaints = try matcher.complaints(outcome.log, expect: test.expect, forbid: test.forbid)
        if ConsoleMatcher.sameBoot(outcome.log) { complaints.append("the boot_id did not change") }
        if outcome.end != test.end { complaints.append("the machine \(outcome.end), should have \(test.end)") }
        if !complaints.isEmpty { try keepConsole(in: folder) }
        return (outcome, complaints)
    }

    /// From a snapshot where there is one.
    private func startedOrCold(
        _ test: Case, _ pass: String, _ folder: String
    ) async throws -> (VirtualMachine.Outcome, nonce: String) {
        let key = startedMachines == nil ? nil : try await test.startedMachine(in: workshop)
        let run = try await startedMachines.lend(key) {
            try await start(test, pass, folder, from: $0)
        }
        return run.0.log.firstMarker == nil ? try await start(test, pass, folder, from: nil) : run
    }

    /// The next run writes over what the console said: a failure that does not come again can still be read.
    private func keepConsole(in folder: String) throws {
        let kept = "\(folder)/failed-\(Date().formatted(.iso8601)).log"
        try? FileManager.default.removeItem(atPath: kept)
        try FileManager.default.copyItem(atPath: "\(folder)/console.log", toPath: kept)
    }

    private func caseFolder(_ test: Case, _ pass: String) throws -> String {
        let folder = "\(workshop.folder)/\(test.name)" + (pass.isEmpty ? "" : "/\(pass)")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    /// Starts the first kernel, or goes on from where it was started before.
    private func start(
        _ test: Case, _ pass: String, _ folder: String, from started: StartedMachine?
    ) async throws -> (VirtualMachine.Outcome, nonce: String) {
        let nonce = started?.nonce ?? String(UInt32.random(in: 0x1000_0000...0xffff_ffff), radix: 16)
        let made = "\(folder)/initrd"
        defer {
            for path in [made, "\(folder)/disk", "\(folder)/image", QEMUCommand.served(in: folder)] {
                try? FileManager.default.removeItem(atPath: path)
            }
        }
        let contents =
            started == nil
            ? try await InitramfsBuilder(workshop.tools) : InitramfsBuilder(emptyWith: workshop.tools)
        try Data(try await filled(contents, test, pass, folder)).write(to: URL(fileURLWithPath: made))
        let socket = test.usesDebugStub ? LocalSocket.newPath("gdb") : nil
        defer { socket.map { _ = unlink($0) } }
        let command =
            if let started {
                try goingOn(from: started, with: made, folder, socket)
            } else {
                try await starting(test, initrd: made, nonce, folder, socket)
            }
        return (try await run(test, command, folder, socket), nonce)
    }

    /// What starts the first kernel.
    private func starting(
        _ test: Case, initrd: String, _ nonce: String, _ folder: String, _ socket: String?
    ) async throws -> HostCommand {
        let kernel =
            test.machine.firmware == .secureBoot
            ? try await workshop.signed(test.firstKernel) : workshop.cache.kernel(test.firstKernel)
        let line = FirstBoot.commandLine(nonce: nonce, more: test.firstCommandLine)
        let shape = try await test.shape(in: workshop)
        let boot = FirstBoot(kernel: kernel, initrd: initrd, commandLine: line, folder: folder)
        return try QEMUCommand(
            tools: workshop.tools, shape: shape, kernel: kernel, initrd: initrd, commandLine: line,
            folder: folder, debugSocket: socket, startsHalted: test.atFirstEntry != nil,
            start: try await test.start?(workshop, boot)
        ).command()
    }

    /// What goes on from a snapshot, with the case's files in an archive.
    private func goingOn(
        from started: StartedMachine, with archive: String, _ folder: String, _ socket: String?
    ) throws -> HostCommand {
        let seed = "\(folder)/seed"
        let bytes = (0..<CaseFetcher.seedSize).map { _ in UInt8.random(in: 0...255) }
        try Data(bytes).write(to: URL(fileURLWithPath: seed))
        return try QEMUCommand(
            tools: workshop.tools, shape: started.key.shape, kernel: started.kernel, initrd: started.initrd,
            commandLine: started.commandLine, folder: folder, debugSocket: socket, snapshot: started,
            configuration: [CaseFetcher.caseName: archive, CaseFetcher.seedName: seed]
        ).command()
    }

    private func run(
        _ test: Case, _ command: HostCommand, _ folder: String, _ socket: String?
    ) async throws -> VirtualMachine.Outcome {
        let opening = test.atFirstEntry.map { body in
            Task.detached { try await body(try await GDBConnection.waiting(for: socket ?? "")) }
        }
        let outcome = try await VirtualMachine(
            command: command, logPath: "\(folder)/console.log", deadline: test.deadline * patience,
            observe: { line, log in
                observe?(line)
                guard let socket, let debugger = test.debugger, line.text == "LAB debugger" else { return }
                try await debugger(try GDBConnection(path: socket), log)
            }, isLast: try test.lastLine()
        ).run()
        try await opening?.value
        return outcome
    }

    /// The first guest's files.
    private func filled(
        _ guest: InitramfsBuilder, _ test: Case, _ pass: String, _ folder: String
    ) async throws -> [UInt8] {
        var first = guest
        try await first.add("sbin/kexec", .program(workshop.kexec))
        try await first.add("boot/vmlinuz", .host(workshop.cache.kernel(test.secondKernel)))
        let secondInitrd = try await secondInitrd(test)
        try await first.add("boot/initrd", .bytes(secondInitrd))
        if test.machine.servesSecondKernel { try serve(test.secondKernel, secondInitrd, in: folder) }
        if test.hasModule { try await add(moduleFor: test.firstKernel, to: &first) }
        for (path, file) in try await test.files?(workshop) ?? [:] { try await first.add(path, file) }
        try await first.add("lab/first", .text("pass='\(pass)'\n\(test.script)\n"))
        return first.finished()
    }

    private func secondInitrd(_ test: Case) async throws -> [UInt8] {
        var second = try await InitramfsBuilder(workshop.tools)
        for (path, file) in try await test.secondFiles?(workshop) ?? [:] { try await second.add(path, file) }
        if test.secondHasModule { try await add(moduleFor: test.secondKernel, to: &second) }
        if !test.secondScript.isEmpty { try await second.add("lab/second", .text(test.secondScript + "\n")) }
        let archive = second.finished()
        return try await test.packing?(workshop, archive) ?? archive
    }

    private func add(moduleFor kernel: KernelName, to guest: inout InitramfsBuilder) async throws {
        try await guest.add("lab/kexec_mod.ko", .host(try await workshop.module(for: kernel)))
        try await guest.add("sbin/probe", .program(try await ModuleProbe.make(in: workshop)))
    }

    private func serve(_ kernel: KernelName, _ initrd: [UInt8], in folder: String) throws {
        let served = QEMUCommand.served(in: folder)
        try? FileManager.default.removeItem(atPath: served)
        try FileManager.default.createDirectory(atPath: served, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: workshop.cache.kernel(kernel), toPath: "\(served)/vmlinuz")
        try Data(initrd).write(to: URL(fileURLWithPath: "\(served)/initrd"))
    }
}

extension Case {
    /// What a machine is stopped at that does not end by itself.
    fileprivate func lastLine() throws -> (@Sendable (ConsoleLine) throws -> Bool)? {
        guard end == .stopped, let pattern = expect.last else { return nil }
        return { try $0.text.firstMatch(of: Regex(pattern)) != nil }
    }

    fileprivate var usesDebugStub: Bool { debugger != nil || atFirstEntry != nil }
}
