// SPDX-License-Identifier: MIT
@testable import KexecCommand

struct FishCompletion {
    var program: CompletedProgram

    var path: String { "fish/\(program.name).fish" }

    var text: String {
        """
        # SPDX-License-Identifier: MIT
        # fish completion of \(program.name). Made from its options by `make completions`.

        \(program.entries.map(line).joined(separator: "\n"))

        """
    }

    private func line(_ entry: OptionEntry) -> String {
        var words = ["complete", "-c", program.name]
        if let short = entry.short { words += ["-s", short] }
        words += ["-l", entry.name]
        if entry.value != .none { words += value(entry) }
        return (words + ["-d", quoted(entry.explanation)]).joined(separator: " ")
    }

    /// "-r": a value has to follow; "-f": no file names.
    private func value(_ entry: OptionEntry) -> [String] {
        let required = entry.value == .required ? ["-r"] : []
        return switch entry.completed {
        case .files: required + ["-F"]
        case .directories: required + ["-f", "-a", quoted("(__fish_complete_directories)")]
        case .words(let words): required + ["-f", "-a", quoted(words.joined(separator: " "))]
        case .free: required + ["-f"]
        }
    }
}
