// SPDX-License-Identifier: MIT
import ArgumentParser
import Foundation

struct MutantsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mutants",
        abstract: "Changes one token of the shipped sources at random, many times, and counts what the tests notice.",
        discussion:
            "The same seed changes the same sources in the same places on every machine. Works in build/mutants.")

    @Option(help: "How many.")
    var count = 20

    @Option(help: "What is chosen.")
    var seed: UInt64 = 1

    @Option(help: "Test processes at a time; one per processor unless told otherwise.")
    var jobs = ProcessInfo.processInfo.activeProcessorCount

    @Option(help: "Seconds after which a suite of tests is left out.")
    var patience = 600

    @Flag(inversion: .prefixedNo, help: "Whether cases in virtual machines judge what no unit test can run.")
    var machines = true

    @Argument(help: "Only sources below these paths.")
    var paths: [String] = []

    func run() async throws {
        let origin = URL(fileURLWithPath: ".").standardizedFileURL.path
        let judge = MutantJudge(
            origin: origin, work: "\(origin)/build/mutants", count: count, seed: seed, jobs: jobs, patience: patience,
            usesMachines: machines, paths: paths)
        let summary = try await interruptible { try await judge.run() }
        announce(summary.text)
        if !summary.isEnough { throw ExitCode(1) }
    }
}
