// SPDX-License-Identifier: MIT
@testable import KexecCommand

struct ZshCompletion {
    var program: CompletedProgram

    var path: String { "zsh/_\(program.name)" }

    var text: String {
        let words = program.entries.map(specification) + program.operands.map { quoted(":\($0):_files") }
        return """
            #compdef \(program.name)
            # SPDX-License-Identifier: MIT
            # zsh completion of \(program.name). Made from its options by `make completions`.

            _arguments -s -S : \\
                \(words.joined(separator: " \\\n    "))

            """
    }

    /// As `_arguments` reads it: "(-t --type)"{-t+,--type=}"[explanation]:type:(bzImage …)".
    private func specification(_ entry: OptionEntry) -> String {
        let tail = quoted("[\(escaped(entry.explanation))]" + value(entry))
        let long = "--" + entry.name + (entry.value == .none ? "" : entry.value == .required ? "=" : "=-")
        if entry.repeats { return quoted("*") + long + tail }
        let alike = program.entries.filter { $0.option == entry.option }.flatMap { alias in
            (alias.short.map { ["-" + $0] } ?? []) + ["--" + alias.name]
        }
        let excluded = alike.count > 1 ? quoted("(\(alike.joined(separator: " ")))") : ""
        guard let short = entry.short else { return excluded + long + tail }
        return excluded + "{-\(short)\(entry.value == .none ? "" : "+"),\(long)}" + tail
    }

    private func value(_ entry: OptionEntry) -> String {
        let name = entry.placeholder.lowercased()
        switch entry.value {
        case .none: return ""
        case .required: return ":\(name):" + action(entry.completed)
        case .optional: return "::format:" + action(entry.completed)
        }
    }

    private func action(_ completed: CompletedValue) -> String {
        switch completed {
        case .files: "_files"
        case .directories: "_files -/"
        case .words(let words): "(\(words.joined(separator: " ")))"
        case .free: " "
        }
    }

    private func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            if "[]\\:".contains(character) { result.append("\\") }
            result.append(character)
        }
    }
}
