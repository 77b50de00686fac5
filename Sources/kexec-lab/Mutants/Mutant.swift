// SPDX-License-Identifier: MIT
import Foundation

/// One source with one token changed.
struct Mutant: Hashable, Sendable {
    /// From the repository's root.
    var path: String
    var site: MutationSite
    /// The line as it is, without the space around it.
    var sourceLine: String
    /// Among equal changes of that line, from 1.
    var occurrence: Int

    /// "< → <=", "dropped bytes.store …"; the same words for the same change wherever the line moves.
    var change: String {
        let text = site.after.isEmpty ? "dropped \(site.before)" : "\(site.before) → \(site.after)"
        return occurrence == 1 ? text : "\(text) (\(occurrence))"
    }

    var description: String { "\(path):\(site.lines.lowerBound): \(change)   in   \(sourceLine)" }
}

/// SplitMix64: the same numbers for the same seed on every machine.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }

    /// A permutation that does not depend on the standard library's own way of shuffling.
    mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
        var result = elements
        var left = result.count
        while left > 1 {
            let index = Int(next() % UInt64(left))
            left -= 1
            result.swapAt(index, left)
        }
        return result
    }
}

/// All places of some sources, in an order that the seed decides: one of each kind in turn.
struct MutantOrder {
    private(set) var mutants: [Mutant] = []

    /// - Parameter sources: by path, in an order that is everywhere the same.
    init(_ sources: [(path: String, bytes: [UInt8])], seed: UInt64, conditions: (String) -> (String) -> Bool) {
        var numbers = SeededNumbers(seed: seed)
        let all = sources.flatMap { path, bytes in
            Self.mutants(of: path, bytes, conditions(path)) { numbers.next() }
        }
        var kinds = MutationSite.Kind.allCases.map { kind in
            numbers.shuffled(all.filter { $0.site.kind == kind })[...]
        }
        while kinds.contains(where: { !$0.isEmpty }) {
            for index in kinds.indices { kinds[index].popFirst().map { mutants.append($0) } }
        }
    }

    private static func mutants(
        of path: String, _ bytes: [UInt8], _ conditions: @escaping (String) -> Bool, random: () -> UInt64
    ) -> [Mutant] {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        var seen: [String: Int] = [:]
        return MutationSiteFinder(bytes, conditions: conditions).sites(random: random).map { site in
            let line = String(decoding: lines[site.lines.lowerBound - 1], as: UTF8.self)
            let key = "\(site.lines.lowerBound) \(site.before) \(site.after)"
            seen[key, default: 0] += 1
            return Mutant(
                path: path, site: site, sourceLine: line.trimmingCharacters(in: .whitespaces),
                occurrence: seen[key] ?? 1)
        }
    }
}
