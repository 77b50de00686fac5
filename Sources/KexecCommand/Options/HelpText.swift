// SPDX-License-Identifier: MIT
internal import Kexec

/// Which program this is.
enum ProgramVersion {
    /// The kexec-tools whose options and exit statuses are kept.
    static let kexecTools = "2.0.32"

    /// Scripts take the second word for the version of kexec-tools, as that prints it.
    static let line = "kexec-tools " + kexecTools + " (swift-kexec " + KexecVersion.number + ")\n"
}

/// What `--help` prints, made from the option table: 80 columns at most.
enum HelpText {
    /// The lines that follow the sentence of a usage error.
    static let usage = """
        Usage: kexec [OPTION]... [KERNEL]
        Try 'kexec --help' for all options.

        """

    /// Columns before the explanation of an option.
    private static let indentation = 30

    static func full() -> String {
        var text = """
            Usage: kexec [OPTION]... [KERNEL]
            Start KERNEL from the running one, without the firmware; '-' is standard input.

            """
        for group in OptionGroup.allCases {
            text += "\n" + group.title + ":\n"
            for entry in OptionTable.entries where entry.group == group { text += line(for: entry) }
        }
        text += "\nTypes of images:\n"
        text += wrapped(ForcedImageType.allCases.map { $0.rawValue })
        return text + "\nA number can be decimal, 0x hexadecimal or 0 octal. See kexec(8).\n"
    }

    /// " -t, --type=TYPE             Take the image for one of this type"
    static func line(for entry: OptionEntry) -> String {
        var line = " "
        if let letter = entry.letter {
            line += "-" + String(Unicode.Scalar(letter)) + ", "
        } else {
            line += "    "
        }
        line += "--" + entry.name
        switch entry.value {
        case .none: break
        case .required: line += "=" + entry.placeholder
        case .optional: line += "[=" + entry.placeholder + "]"
        }
        // Two blanks at least; a name too long for the column gets a line of its own.
        if line.utf8.count + 2 > indentation {
            line += "\n"
            line += String(repeating: " ", count: indentation)
        } else {
            line += String(repeating: " ", count: indentation - line.utf8.count)
        }
        return line + entry.help + remark(on: entry.standing) + "\n"
    }

    private static func remark(on standing: OptionStanding) -> String {
        switch standing {
        case .honoured: ""
        case .laterRelease: " (not yet)"
        case .notOnThisArchitecture: " (not on x86)"
        }
    }

    /// Words in lines of 80 columns.
    private static func wrapped(_ words: [String]) -> String {
        var text = ""
        var column = 80
        for word in words {
            if column + 1 + word.utf8.count > 80 {
                text += text.utf8.isEmpty ? " " : "\n "
                column = 1
            }
            text += " " + word
            column += 1 + word.utf8.count
        }
        return text + "\n"
    }
}
