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
        guard from != nil || FileManager.default.isExecutableFile(atPath: kexec) else {
            throw ValidationError("there is no program '\(kexec)': run 'make', or name one with --kexec")
        }
    }

    @Option(help: "What the figures may be at most.")
    var ceilings = "bench/ceilings.json"

    @Option(help: "Draws the downtime of each tool into this file.")
    var picture: String?

    @Option(help: "Words for the second kernel's command line, to see what they save; nothing is judged.")
    var append = ""

    @Flag(help: "Leaves the native loops out.")
    var noLoops = false

    @Option(help: "Measures nothing: judges and shows the figures of this file.")
    var from: String?

    func run() async throws {
        let limits = try Ceilings.read(ceilings)
        let unknown = limits.unknown(in: BenchCases.all)
        guard unknown.isEmpty else { throw ValidationError("'\(ceilings)': no case measures \(unknown)") }
        if let from { return try show(BenchFile.read(from).cases, failures: [], limits) }
        let jobs = try selected()
        guard !jobs.isEmpty else { throw ValidationError("nothing is called like that") }
        let cache = CacheFolder()
        try await prepare(jobs, cache)
        let workshop = try Workshop(cache: cache, kexec: kexec, folder: "build/bench")
        let runner = BenchRunner(
            workshop: workshop, folder: workshop.folder, patience: patience, jobs: self.jobs, measuresMemory: !quick,
            words: append)
        let (results, failures) = try await interruptible { await runner.run(jobs) { announce($0) } }
        try BenchFile(versions: try versions(jobs, cache), cases: results).encoded()
            .write(to: URL(fileURLWithPath: json))
        if !noLoops { announce("\n" + LoopTimes.table(try await LoopTimes.measure(in: workshop))) }
        try show(results, failures: failures, limits)
    }

    /// - Throws: `ExitCode` for what was not measured or is above its ceiling.
    private func show(_ results: [BenchResult], failures: [BenchRunner.Failure], _ limits: Ceilings) throws {
        announce("\nmillions of instructions\n\n" + BenchTable.text(results))
        if let picture {
            try DowntimePicture.svg(results, cases: BenchCases.pictured)
                .write(toFile: picture, atomically: true, encoding: .utf8)
        }
        let complaints = failures.map { "not measured: \($0)" } + (append.isEmpty ? limits.complaints(results) : [])
        for complaint in complaints { announce("FAILED  \(complaint)") }
        if !complaints.isEmpty { throw ExitCode(1) }
    }

    private func versions(_ jobs: [BenchRunner.Job], _ cache: CacheFolder) throws -> [String: String] {
        let record = (try? String(contentsOfFile: cache.record, encoding: .utf8)) ?? ""
        var versions = BenchFile.versions(inRecord: record)
        for kernel in Set(jobs.flatMap { [$0.test.firstKernel, $0.test.secondKernel] }) {
            versions[kernel.rawValue] = try cache.release(of: kernel)
        }
        return versions
    }

    private func selected() throws -> [BenchRunner.Job] {
        let expression = try filter.flatMap { $0.isEmpty ? nil : $0 }.map { try Regex($0) }
        return BenchCases.all.flatMap { test in
            (quick ? test.quickTools : test.tools).map { BenchRunner.Job(test: test, tool: $0) }
        }.filter { job in
            expression.map { "\(job.test.name) \(job.tool.rawValue)".firstMatch(of: $0) != nil } ?? true
        }
    }

    private func prepare(_ jobs: [BenchRunner.Job], _ cache: CacheFolder) async throws {
        let kernels = KernelName.allCases.filter { name in
            !noLoops && LoopTimes.kernels.contains(name)
                || jobs.contains {
                    $0.test.firstKernel == name || $0.test.secondKernel == name
                        || $0.test.initrd == .xz && name == .linux61Full
                }
        }
        let moduleKernels = KernelName.allCases.filter { name in
            // Their build environment is where libraries come from, too.
            jobs.contains { ($0.tool == .oursModule || $0.test.initrd == .xz) && $0.test.firstKernel == name }
        }
        try await Preparation(cache: cache, refresh: false).prepare(kernels, moduleKernels: moduleKernels)
    }
}
