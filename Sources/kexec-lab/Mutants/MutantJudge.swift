// SPDX-License-Identifier: MIT
import Foundation

/// What became of a mutant.
enum MutantVerdict: Equatable {
    case noticed(by: String)
    case equivalent(String)
    case unnoticed
    /// Only a machine can tell, and none was to run.
    case leftOut

    func line(_ mutant: Mutant) -> String {
        switch self {
        case .noticed(let by): "noticed by \(by): \(mutant.description)"
        case .equivalent(let reason): "equivalent: \(reason): \(mutant.description)"
        case .unnoticed: "NOT NOTICED \(mutant.description)"
        case .leftOut: "left out, for machines: \(mutant.description)"
        }
    }
}

/// The count at the end.
struct MutantSummary {
    private(set) var noticed = 0, unnoticed = 0, equivalent = 0, leftOut = 0

    mutating func add(_ verdict: MutantVerdict) {
        switch verdict {
        case .noticed: noticed += 1
        case .equivalent: equivalent += 1
        case .unnoticed: unnoticed += 1
        case .leftOut: leftOut += 1
        }
    }

    /// At least 9 of 10 of those that were judged.
    var isEnough: Bool { noticed * 10 >= (noticed + unnoticed) * 9 }

    var text: String {
        let judged = noticed + unnoticed
        let share = judged == 0 ? "" : String(format: " (%.1f %%)", 100 * Double(noticed) / Double(judged))
        return "\(noticed) of \(judged) noticed\(share), \(unnoticed) not, \(equivalent) equivalent"
            + (leftOut == 0 ? "" : ", \(leftOut) left out that only machines can tell of")
    }
}

/// Chooses mutants, builds them and judges each.
struct MutantJudge {
    let origin: String
    let work: String
    let count: Int
    let seed: UInt64
    let jobs: Int
    /// Seconds after which a suite of tests is left out.
    let patience: Int
    let usesMachines: Bool
    /// Nothing but sources below one of these; empty: all.
    let paths: [String]

    /// What is shipped, where mutants are looked for.
    static let shipped = [
        "Sources/PhysicalMemory/", "Sources/BootFormats/", "Sources/Handoff/", "Sources/Kexec/", "Sources/BootableELF/",
        "Sources/KexecCommand/", "Sources/kexec/", "Sources/mkelfimage/", "KernelModule/Core/", "Payloads/",
    ]

    func run() async throws -> MutantSummary {
        let tree = MutantTree(origin: origin, folder: "\(work)/tree")
        let modules = try await PackageModule.all(of: origin)
        let equivalents = try EquivalentMutants(try text("Tests/Mutants/equivalent"))
        let machines = try MachineTable(try text("Tests/Mutants/machines"))
        let onHost = Set(modules.flatMap(\.sources))
        let order = try await order(tree, onHost)
        let build = MutantBuild(tree: tree, modules: modules)
        let chosen = try await choose(order, onHost, equivalents, build)

        var summary = MutantSummary()
        func tell(_ mutant: Mutant, _ verdict: MutantVerdict) {
            summary.add(verdict)
            announce(verdict.line(mutant))
        }
        for mutant in chosen.equivalent { tell(mutant, .equivalent(equivalents.reason(for: mutant) ?? "")) }
        let unjudged = try await judge(chosen, build, machines, tell)
        for mutant in chosen.onMachines + unjudged {
            guard usesMachines, let filter = machines.filter(for: mutant.path) else {
                tell(mutant, usesMachines ? .unnoticed : .leftOut)
                continue
            }
            let copy = MutantMachines(
                tree: MutantTree(origin: origin, folder: "\(work)/machines"), cache: CacheFolder(), jobs: jobs)
            switch try await copy.run(mutant, filter: filter) {
            case .noticed(let name): tell(mutant, .noticed(by: name))
            case .passed: tell(mutant, .unnoticed)
            case .doesNotCompile: announce("does not compile: \(mutant.description)")
            }
        }
        return summary
    }

    private func text(_ path: String) throws -> String {
        try String(contentsOfFile: "\(origin)/\(path)", encoding: .utf8)
    }

    private func order(_ tree: MutantTree, _ onHost: Set<String>) async throws -> [Mutant] {
        let shipped = try await tree.files().filter { path in
            path.hasSuffix(".swift") && Self.shipped.contains(where: path.hasPrefix)
                && (paths.isEmpty || paths.contains(where: path.hasPrefix))
        }
        let sources = try shipped.map { (path: $0, bytes: try tree.source($0)) }
        let order = MutantOrder(sources, seed: seed) { path -> (String) -> Bool in
            onHost.contains(path)
                ? { MutationSiteFinder.holdsOnHost($0) } : { MutationSiteFinder.holdsInProgram($0) }
        }
        return order.mutants
    }

    // MARK: Choice

    /// Numbers stand for mutants from their choice on.
    struct Chosen {
        var equivalent: [Mutant] = []
        var onMachines: [Mutant] = []
        /// All that one tree holds, more than are judged: what is built already is not built again.
        var schema = MutantSchema(mutants: [:])
        /// Of those, what is judged.
        var together: [Int: Mutant] = [:]
        /// Built one by one, for no run-time choice between both compiles.
        var alone: [Int: Mutant] = [:]
    }

    /// The first `count` of those that compile.
    private func choose(
        _ order: [Mutant], _ onHost: Set<String>, _ equivalents: EquivalentMutants, _ build: MutantBuild
    ) async throws -> Chosen {
        // As many more as usually do not compile.
        let candidates = order.prefix(count + count / 3 + 5)
        var chosen = Chosen(), mutants: [Int: Mutant] = [:]
        for (index, mutant) in candidates.enumerated() {
            let isTold = equivalents.reason(for: mutant) != nil || !onHost.contains(mutant.path)
            if !isTold { mutants[index + 1] = mutant }
        }
        announce("building \(mutants.count) mutants at once")
        chosen.together = try await build.compiling(mutants)
        chosen.schema = MutantSchema(mutants: chosen.together)
        let rest = mutants.filter { chosen.together[$0.key] == nil }
        if !rest.isEmpty {
            announce("looking which of the other \(rest.count) compile")
            chosen.alone = try await build.compilingAlone(
                rest, beside: chosen.schema)
        }
        var left = count
        for (index, mutant) in candidates.enumerated() {
            let isBuilt = chosen.together[index + 1] != nil || chosen.alone[index + 1] != nil
            if mutants[index + 1] != nil, !isBuilt { continue }
            left -= 1
            if left < 0 {
                chosen.together[index + 1] = nil
                chosen.alone[index + 1] = nil
            } else if equivalents.reason(for: mutant) != nil {
                chosen.equivalent.append(mutant)
            } else if !isBuilt {
                chosen.onMachines.append(mutant)
            }
        }
        return chosen
    }

    // MARK: Unit tests

    /// - Returns: those that cases in machines are to judge: no test reaches them, or none notices them, because the kernel
    ///   and the devices of unit tests are fakes.
    private func judge(
        _ chosen: Chosen, _ build: MutantBuild, _ machines: MachineTable, _ tell: (Mutant, MutantVerdict) -> Void
    ) async throws -> [Mutant] {
        let tests = MutantTests(tree: build.tree), schema = chosen.schema
        try await build.tree.write(try build.tree.changes(for: schema, modules: build.modules))
        let paths = Set(schema.mutants.values.map(\.path))
        if let output = try await build.complaints(paths) {
            throw LabError("the schema does not build:\n\(output.suffix(4000))")
        }
        announce("running the tests without a mutant, to see which mutants they reach")
        let reach = try await MutantReach.measured(
            tests, count: schema.mutants.keys.max() ?? 0, folder: work, jobs: jobs, patience: patience)
        for (group, test) in reach.broken { announce("left out, for it fails by itself: \(group.name): \(test)") }
        let unreached = chosen.together.filter { number, mutant in
            reach.groups[number] == nil && machines.filter(for: mutant.path) != nil
        }
        var unnoticed: [Mutant] = []
        let reached = chosen.together.filter { unreached[$0.key] == nil }.sorted { $0.key < $1.key }
        try await concurrently(reached, jobs: jobs) { number, mutant in
            (mutant, try await tests.judge(number, by: reach.groups[number] ?? [], reach))
        } take: { (mutant: Mutant, verdict: MutantVerdict) in
            if verdict == .unnoticed, usesMachines, machines.filter(for: mutant.path) != nil {
                unnoticed.append(mutant)
            } else {
                tell(mutant, verdict)
            }
        }
        for (_, mutant) in chosen.alone.sorted(by: { $0.key < $1.key }) {
            try await build.tree.write(try build.tree.changes(for: schema, fixed: [mutant], modules: build.modules))
            if try await build.complaints(paths.union([mutant.path])) != nil {
                announce("does not compile by itself: \(mutant.description)")
                continue
            }
            let nearest = reach.groups(nearest: mutant.path, build.modules)
            tell(mutant, try await tests.judge(0, by: nearest, reach))
        }
        return unreached.sorted { $0.key < $1.key }.map(\.value) + unnoticed
    }
}

extension MutantTests {
    /// Quick tests first: most mutants are noticed by one of them.
    func judge(_ number: Int, by groups: [Group], _ reach: MutantReach) async throws -> MutantVerdict {
        let quick = groups.prefix { (reach.seconds[$0] ?? 0) < 5 }
        let parts = [quick.prefix(8), quick.dropFirst(8), groups[quick.endIndex...]]
        for part in parts.map({ Array($0) }) where !part.isEmpty {
            if case .noticed(let test) = try await run(part, mutant: number, seconds: reach.limit(for: part)) {
                return .noticed(by: test)
            }
        }
        return .unnoticed
    }
}
