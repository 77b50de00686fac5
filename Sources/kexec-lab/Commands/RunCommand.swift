// SPDX-License-Identifier: MIT
import ArgumentParser
import Foundation

/// Which cases.
struct CaseSelection: ParsableArguments {
    @Option(help: "A regular expression; only cases whose name it matches somewhere.")
    var filter: String?

    @Flag(help: "Only the short suite that 'make test' runs.")
    var quick = false

    func cases() throws -> [Case] {
        let expression = try filter.flatMap { $0.isEmpty ? nil : $0 }.map { try Regex($0) }
        return Catalogue.all.filter { test in
            (!quick || test.quick) && (expression.map { test.name.firstMatch(of: $0) != nil } ?? true)
        }
    }
}

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Names the cases.")

    @OptionGroup var selection: CaseSelection

    func run() throws {
        for test in try selection.cases() { announce("\(test.name)\(test.quick ? " [quick]" : "")  \(test.summary)") }
    }
}

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs cases; consoles are kept in build/vm/CASE/console.log.")

    @OptionGroup var selection: CaseSelection
    @OptionGroup var memory: MemoryOptions

    @Option(help: "The kexec under test; 'debian' means Debian's kexec-tools.")
    var kexec = "build/kexec"

    @Option(help: "Machines that run at a time; one per processor unless told otherwise.")
    var jobs = ProcessInfo.processInfo.activeProcessorCount

    @Option(help: "Multiplies every deadline.")
    var patience = 1.0

    @Option(help: "Where consoles go.")
    var folder = "build/vm"

    @Flag(help: "Each case starts its own first kernel, and none goes on from a snapshot.")
    var cold = false

    @Flag(help: "Neither asks the memory nor writes to it.")
    var unremembered = false

    @Option(help: "Writes a JUnit report to this file.")
    var junit: String?

    func validate() throws {
        guard !unremembered || !memory.isUsed else {
            throw ValidationError("--unremembered asks no memory: --stale, --suspects and --repeat need it")
        }
        guard kexec == "debian" || FileManager.default.isExecutableFile(atPath: kexec) else {
            throw ValidationError("there is no program '\(kexec)': run 'make', or name one with --kexec")
        }
    }

    func run() async throws {
        let cases = try selection.cases()
        guard !cases.isEmpty else { throw ValidationError("no case is called like that; see 'kexec-lab list'") }
        let cache = CacheFolder()
        let kernels = KernelName.allCases.filter { name in
            cases.contains { $0.firstKernel == name || $0.secondKernel == name || $0.otherKernels.contains(name) }
        }
        let moduleKernels = Set(cases.flatMap(\.moduleKernels))
        try await Preparation(cache: cache, refresh: false).prepare(
            kernels, moduleKernels: KernelName.allCases.filter(moduleKernels.contains))
        let workshop = try Workshop(cache: cache, kexec: kexec, folder: folder)
        // The peer's runs say nothing of what is built here.
        let remembrance =
            workshop.testsPeer || unremembered
            ? nil : try Remembrance(cache: cache, kexec: kexec, folder: folder)
        let rounds = try await remembrance?.rounds(of: cases, memory) ?? [cases]
        let runner = CaseRunner(
            workshop: workshop, patience: patience,
            startedMachines: cold ? nil : await snapshots(for: rounds.flatMap { $0 }, in: workshop))
        let suite = Suite<Case>(jobs: jobs) { test in
            await remembrance.remembering(test) { await runner.run(test) }
        }
        let results = try await interruptible { await suite.run(rounds) { announce(Report.line($0)) } }
        if let junit { try Report.junit(results).write(toFile: junit, atomically: true, encoding: .utf8) }
        announce(Report.summary(results))
        if results.contains(where: \.stopsTheRun) { throw ExitCode(1) }
    }

    private func snapshots(for cases: [Case], in workshop: Workshop) async -> SharedSnapshots<StartedMachine> {
        var keys: [StartedMachine.Key] = []
        for test in cases {
            // A disk that cannot be made is told by the case.
            guard let key = try? await test.startedMachine(in: workshop) else { continue }
            keys += test.passes.map { _ in key }
        }
        return SharedSnapshots(for: keys) { [patience] key, number in
            try await StartedMachine(key, number: number, in: workshop, patience: patience)
        }
    }
}
