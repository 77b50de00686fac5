// SPDX-License-Identifier: MIT
@testable import KexecCommand

/// For bash alone: nothing of the package bash-completion is called, which an initramfs or a small system does not have.
struct BashCompletion {
    var program: CompletedProgram

    var path: String { "bash/\(program.name)" }

    var text: String {
        """
        # SPDX-License-Identifier: MIT
        # bash completion of \(program.name). Made from its options by `make completions`.

        # Where '=' ends a word (COMP_WORDBREAKS), bash wants the value alone, and else the option with it.
        \(function)() {
            local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} option='' front='' index
            local - IFS=$'\\n'
            set -f
            COMPREPLY=()
            for ((index = 1; index < COMP_CWORD; index++)); do
                [[ ${COMP_WORDS[index]} != -- ]] || option=--
            done
            if [[ $option == -- ]]; then
                :
            elif [[ $cur == = ]]; then
                option=$prev cur=''
            elif [[ $prev == = ]] && ((COMP_CWORD > 2)); then
                option=${COMP_WORDS[COMP_CWORD - 2]}
            elif [[ $cur == --*=* ]]; then
                option=${cur%%=*} front=${cur%%=*}= cur=${cur#*=}
            else
                case $prev in
                \(withSeparateValue.joined(separator: " | "))) option=$prev ;;
                esac
            fi
            case $option in
        \(values.joined(separator: "\n"))
            -- | '') ;;
            *)
                compopt +o default +o bashdefault 2>/dev/null
                return
                ;;
            esac
            if [[ $option != -- && $cur == -* ]]; then
                compopt +o default +o bashdefault -o nospace 2>/dev/null
                COMPREPLY=($(IFS=$' \\n' && compgen -W '\(lines(names))' -- "$cur"))
                [[ ${#COMPREPLY[@]} != 1 || $COMPREPLY == *= ]] || COMPREPLY="$COMPREPLY "
                return
            fi
            compopt -o filenames 2>/dev/null
            COMPREPLY=($(compgen -f -- "$cur"))
        } && complete -o bashdefault -o default -F \(function) \(program.name)

        """
    }

    private var function: String { "_" + program.name }

    /// An option as written.
    private func spellings(of entry: OptionEntry) -> [String] {
        (entry.short.map { ["-" + $0] } ?? []) + ["--" + entry.name]
    }

    /// A word that follows is the value of these; a letter can stand behind others, as in "-lt".
    private var withSeparateValue: [String] {
        program.entries.filter { $0.value == .required }.flatMap { entry in
            (entry.short.map { ["-" + $0, "-[!-]*" + $0] } ?? []) + ["--" + entry.name]
        }
    }

    private var names: [String] {
        program.entries.flatMap { entry in
            switch entry.value {
            case .none: ["--\(entry.name)"]
            case .required: ["--\(entry.name)="]
            case .optional: ["--\(entry.name)", "--\(entry.name)="]
            }
        }
    }

    /// Words in lines of a width that can be read.
    private func lines(_ words: [String]) -> String {
        var lines = [""]
        for word in words {
            if lines[lines.count - 1].utf8.count + word.utf8.count > 100 { lines.append("") }
            lines[lines.count - 1] += " " + word
        }
        return lines.map { "\n           " + $0 }.joined()
    }

    private var values: [String] {
        let entries = program.entries.filter { $0.value != .none }
        let files = entries.filter { $0.completed == .files }.flatMap(spellings)
        let directories = entries.filter { $0.completed == .directories }.flatMap(spellings)
        return [branch(files, paths("-f")), branch(directories, paths("-d"))].compactMap(\.self)
            + entries.compactMap { entry in
                guard case .words(let words) = entry.completed else { return nil }
                let patterns = spellings(of: entry) + (entry.short.map { ["-[!-]*" + $0] } ?? [])
                return branch(patterns, ["compopt +o default +o bashdefault 2>/dev/null"] + answers(words))
            }
    }

    private func paths(_ kind: String) -> [String] {
        ["compopt -o filenames 2>/dev/null", "COMPREPLY=($(compgen -P \"$front\" \(kind) -- \"$cur\"))"]
    }

    private func answers(_ words: [String]) -> [String] {
        ["COMPREPLY=($(IFS=' ' && compgen -P \"$front\" -W '\(words.joined(separator: " "))' -- \"$cur\"))"]
    }

    private func branch(_ patterns: [String], _ commands: [String]) -> String? {
        guard !patterns.isEmpty else { return nil }
        let body = (commands + ["return"]).map { "        " + $0 }.joined(separator: "\n")
        return "    \(patterns.joined(separator: " | ")))\n\(body)\n        ;;"
    }
}
