// SPDX-License-Identifier: MIT
import ArgumentParser
import Foundation

extension SystemRelease: ExpressibleByArgument {}

struct SystemCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "system", abstract: "Runs cases in whole Debian systems, with the package installed by apt.",
        discussion: """
            Building the systems needs root rights, once; running cases needs none. Consoles and what the shell said are \
            kept in build/system/CASE.
            """)

    @Option(help: "Runs the lines of standard input in a system of this release, and no cases.")
    var shell: SystemRelease?

    @OptionGroup var memory: MemoryOptions

    @Option(help: "Only cases whose name matches this regular expression.")
    var filter: String?

    @Flag(help: "Names the cases and runs none.")
    var list = false

    @Option(
        help: "The package under test; 'debian' means Debian's kexec-tools. [default: build/swift-kexec_*_amd64.deb]")
    var package: String?

    @Option(help: "Machines that run at a time.")
    var jobs = 1

    @Option(help: "Multiplies every deadline.")
    var patience = 1.0

    @Option(help: "Where consoles go.")
    var folder = "build/system"

    @Flag(help: "Keeps the machines' disks, and shares no snapshot that they would need.")
    var keepDisks = false

    @Flag(help: "Each case boots its own machine, and none goes on from a snapshot.")
    var cold = false

    @Option(help: "Writes a JUnit report to this file.")
    var junit: String?

    func run() async throws {
        let expression = try filter.flatMap { $0.isEmpty ? nil : $0 }.map { try Regex($0) }
        let cases =
            shell.map { [SystemShell.session($0)] }
            ?? SystemCatalogue.all.filter { test in expression.map { test.name.firstMatch(of: $0) != nil } ?? true }
        guard !cases.isEmpty else { throw ValidationError("no case is called like that; see --list") }
        if list { return cases.forEach { announce("\($0.name)  \($0.summary)") } }
        let workshop = try await prepared(for: cases)
        let isRemembered = shell == nil && workshop.package != .peer
        let remembrance = isRemembered ? try Remembrance(cache: workshop.cache, folder: workshop.folder) : nil
        let rounds = try await remembrance?.rounds(of: cases, memory) ?? [cases]
        let runner = SystemRunner(
            workshop: workshop, patience: patience, keepsDisk: keepDisks,
            startedSystems: cold || keepDisks ? nil : snapshots(for: rounds.flatMap { $0 }, in: workshop))
        let suite = Suite<SystemCase>(jobs: jobs) { test in
            guard SystemDisk(cache: workshop.cache, release: test.release).isThere else {
                return CaseResult(name: test.name, verdict: .skipped(Self.missing(test.release)), seconds: 0)
            }
            return await remembrance.remembering(test) { await runner.run(test) }
        }
        let results = try await interruptible { await suite.run(rounds) { announce(Report.line($0)) } }
        if let junit { try Report.junit(results).write(toFile: junit, atomically: true, encoding: .utf8) }
        announce(Report.summary(results))
        if results.contains(where: \.stopsTheRun) { throw ExitCode(1) }
    }

    private func prepared(for cases: [SystemCase]) async throws -> SystemWorkshop {
        let cache = CacheFolder()
        let package = try tested()
        try await Preparation(cache: cache, refresh: false).prepare([])
        for release in SystemRelease.allCases
        where !release.isMoving && cases.contains(where: { $0.release == release }) {
            try await SystemDisk(cache: cache, release: release).prepare()
        }
        let folder = URL(fileURLWithPath: folder).standardizedFileURL.path
        return SystemWorkshop(cache: cache, package: package, folder: folder)
    }

    private func snapshots(
        for cases: [SystemCase], in workshop: SystemWorkshop
    ) -> SharedSnapshots<StartedSystem> {
        SharedSnapshots(for: cases.map(\.startedSystem)) { [patience] key, number in
            try await StartedSystem(key, number: number, in: workshop, patience: patience)
        }
    }

    private static func missing(_ release: SystemRelease) -> String {
        "no \(release.rawValue) in the cache; 'kexec-lab prepare --system=\(release.rawValue)' makes it"
    }

    private func tested() throws -> SystemPackage {
        guard let package else { return try SystemPackage.built(in: "build") }
        if package == "debian" { return .peer }
        guard FileManager.default.fileExists(atPath: package) else {
            throw ValidationError("there is no package '\(package)'")
        }
        return .file(package)
    }
}
