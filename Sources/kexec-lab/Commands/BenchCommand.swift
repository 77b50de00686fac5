// SPDX-License-Identifier: MIT
import ArgumentParser
import Foundation

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Counts the instructions of kexec and its peers, from the load to the second kernel's /init.",
        discussion: "Figures are equal in each run, whatever else the host does.")

    @Flag(help: "Only the smallest case.")
    var quick = false

    @Option(help: "A regular expression; only those whose 'CASE TOOL' it matches somewhere.")
    var filter: String?

    @Option(help: "The kexec under test.")
    var kexec = "build/kexec"

    @Option(help: "Machines that run at a time; one per processor unless told otherwise.")
    var jobs = ProcessInfo.processInfo.activeProcessorCount

    @Option(help: "Multiplies every deadline.")
    var patience = 1.0

    @Option(help: "Where the figures go.")
    var json = "build/bench.json"

    func validate() throws {
        guard FileManager.default.isExecutableFile(atPath: kexec) else {
            throw ValidationError("there is no program '\(kexec)': run 'make', or name one with --kexec")
        }
    }

    func run() async throws {
        let jobs = try selected()
        guard !jobs.isEmpty else { throw ValidationError("nothing is called like that") }
        let cache = CacheFolder()
        try await prepare(jobs, cache)
        let workshop = try Workshop(cache: cache, kexec: kexec, folder: "build/bench")
        let runner = BenchRunner(
            workshop: workshop, folder: workshop.folder, patience: patience, jobs: self.jobs, measuresMemory: !quick)
        let (results, failures) = try await interruptible { await runner.run(jobs) { announce($0) } }
        let file = BenchFile(versions: [:], cases: results)
        try file.encoded().write(to: URL(fileURLWithPath: json))
        if !failures.isEmpty { throw ExitCode(1) }
    }

    private func selected() throws -> [BenchRunner.Job] {
        let expression = try filter.flatMap { $0.isEmpty ? nil : $0 }.map { try Regex($0) }
        return BenchCases.all.filter { !quick || $0.quick }.flatMap { test in
            test.tools.map { BenchRunner.Job(test: test, tool: $0) }
        }.filter { job in
            expression.map { "\(job.test.name) \(job.tool.rawValue)".firstMatch(of: $0) != nil } ?? true
        }
    }

    private func prepare(_ jobs: [BenchRunner.Job], _ cache: CacheFolder) async throws {
        let kernels = KernelName.allCases.filter { name in
            jobs.contains {
                $0.test.firstKernel == name || $0.test.secondKernel == name
                    || $0.test.initrd == .xz && name == .linux61Full
            }
        }
        let moduleKernels = KernelName.allCases.filter { name in
            jobs.contains { $0.tool == .oursModule && $0.test.firstKernel == name }
        }
        try await Preparation(cache: cache, refresh: false).prepare(kernels, moduleKernels: moduleKernels)
    }
}
