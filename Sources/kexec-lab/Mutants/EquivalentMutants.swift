// SPDX-License-Identifier: MIT

/// Changes that change nothing, listed by hand with the reason: `Tests/Mutants/equivalent`.
///
/// Blocks of four lines, an empty one between them: path, the source's line, the change, the reason.
struct EquivalentMutants {
    private struct Key: Hashable {
        var path: String
        var sourceLine: String
        var change: String
    }

    private var reasons: [Key: String] = [:]

    init(_ text: String) throws {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.hasPrefix("#") }
        for block in lines.split(whereSeparator: \.isEmpty).map(Array.init) {
            guard block.count == 4 else { throw LabError("'\(block[0])': path, line, change and reason are wanted") }
            let words = block.map { $0.trimmingPrefix(while: \.isWhitespace) }.map(String.init)
            reasons[Key(path: words[0], sourceLine: words[1], change: words[2])] = words[3]
        }
    }

    func reason(for mutant: Mutant) -> String? {
        reasons[Key(path: mutant.path, sourceLine: mutant.sourceLine, change: mutant.change)]
    }
}
