// SPDX-License-Identifier: MIT
import Foundation

/// Measures cases, as many at a time as told: the figures do not depend on what else the host does.
struct BenchRunner: Sendable {
    let workshop: Workshop
    let folder: String
    /// Multiplies the deadlines.
    let patience: Double
    let jobs: Int
    /// Boots each case of a loader once more, to see how much memory it takes.
    let measuresMemory: Bool
    /// Added to the second kernel's command line: what does a word save?
    var words = ""

    /// For the slowest, 65 billion instructions, on a host that is busy.
    private static let deadline = 3600.0

    /// A check costs kexec-tools no memory: one of its calls stands for it.
    private static let memoryTools: Set<BenchTool> = [.oursAsItIs, .debianUnchecked, .oursLoad, .oursFile, .oursModule]

    struct Job: Sendable {
        var test: BenchCase
        var tool: BenchTool
    }

    struct Failure: Error, CustomStringConvertible {
        var name: String
        var reason: String
        var description: String { "\(name): \(reason)" }
    }

    /// Results in the order of the jobs, and what could not be measured.
    func run(_ jobs: [Job], report: @escaping @Sendable (String) -> Void) async -> ([BenchResult], [Failure]) {
        await withTaskGroup(of: (Int, Result<BenchResult, Failure>).self) { group in
            var waiting = Array(jobs.enumerated())[...]
            func next() {
                guard let (index, job) = waiting.popFirst() else { return }
                group.addTask { (index, await result(job, report)) }
            }
            for _ in 0..<max(1, self.jobs) { next() }
            var found: [(Int, Result<BenchResult, Failure>)] = []
            while let one = await group.next() {
                found.append(one)
                if !Task.isCancelled { next() }
            }
            found.sort { $0.0 < $1.0 }
            return (
                found.compactMap { try? $0.1.get() },
                found.compactMap { if case .failure(let failure) = $0.1 { failure } else { nil } }
            )
        }
    }

    private func result(_ job: Job, _ report: @Sendable (String) -> Void) async -> Result<BenchResult, Failure> {
        let name = "\(job.test.name) \(job.tool.rawValue)"
        do {
            let start = ContinuousClock.now
            let result = try await measure(job)
            let seconds = (ContinuousClock.now - start).components.seconds
            report(
                String(
                    format: "%4d s  %-36@ load %10.3f  hand-off %10.3f  downtime %10.3f", Int(seconds),
                    name.padding(toLength: max(36, name.count), withPad: " ", startingAt: 0) as NSString, result.load,
                    result.handoff, result.downtime))
            return .success(result)
        } catch {
            report("FAILED  \(name): \(error)")
            return .failure(Failure(name: name, reason: "\(error)"))
        }
    }

    private func measure(_ job: Job) async throws -> BenchResult {
        let (test, tool) = (job.test, job.tool)
        let material = BenchMaterial(workshop: workshop, folder: folder, words: words)
        let symbols = try await material.symbols(of: test.secondKernel, deadline: Self.deadline * patience)
        let place = "\(folder)/\(test.name)/\(tool.rawValue.replacingOccurrences(of: " ", with: ""))"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        var boot = BenchBoot(
            workshop: workshop, folder: place, kernel: "", initrd: "\(place)/initrd", memory: test.memory,
            deadline: Self.deadline * patience)
        boot.watch = symbols
        boot.match = try material.entries(of: test.secondKernel)
        if tool.isDirect {
            let cache = workshop.cache
            boot.words = words
            boot.kernel = tool == .direct ? cache.kernel(test.secondKernel) : cache.vmlinux(test.secondKernel)
            boot.initrd = try await material.initrd(test.initrd)
            return BenchResult(test, tool, try BenchPhases(directBootIn: MilestoneLog(try await boot.run().milestones)))
        }
        boot.kernel = workshop.cache.kernel(test.firstKernel)
        try Data(try await material.firstInitrd(test, tool, measuresMemory: false))
            .write(to: URL(fileURLWithPath: boot.initrd))
        defer { try? FileManager.default.removeItem(atPath: "\(place)/initrd") }
        let outcome = try await boot.run()
        var result = BenchResult(test, tool, try BenchPhases(jumpIn: MilestoneLog(outcome.milestones)))
        result.rss = Self.kibibytes("rss", in: outcome.console, line: "LOAD ").map { $0 * 1024 }
        if measuresMemory, Self.memoryTools.contains(tool) {
            result.anonymous = try await anonymousMemory(job, boot, material)
        }
        return result
    }

    private func anonymousMemory(_ job: Job, _ boot: BenchBoot, _ material: BenchMaterial) async throws -> Int? {
        var boot = boot
        boot.folder += "/memory"
        try Data(try await material.firstInitrd(job.test, job.tool, measuresMemory: true))
            .write(to: URL(fileURLWithPath: boot.initrd))
        let console = try await boot.run().console
        return Self.kibibytes("anonymous", in: console, line: "MEMORY ").map { $0 * 1024 }
    }

    /// `key=NUMBER` of the last line that begins like that.
    static func kibibytes(_ key: String, in console: [String], line: String) -> Int? {
        guard let found = console.last(where: { $0.hasPrefix(line) }) else { return nil }
        return found.split(separator: " ").first { $0.hasPrefix("\(key)=") }.flatMap {
            Int($0.dropFirst(key.count + 1))
        }
    }
}
