// SPDX-License-Identifier: MIT
import Foundation
import Testing

@testable import KexecCommand

/// What a shell offers where a value is due.
enum CompletedValue: Equatable {
    case files
    case directories
    case words([String])
    /// Any text or number: a shell that offered files there would mislead.
    case free
}

/// A program whose completions are written from its option table.
struct CompletedProgram {
    var name: String
    var entries: [OptionEntry]
    /// What the arguments without dashes are, all of them files.
    var operands: [String]

    static let all = [
        CompletedProgram(name: "kexec", entries: OptionTable.entries, operands: ["kernel"]),
        CompletedProgram(name: "mkelfimage", entries: MkelfimageOptions.entries, operands: ["kernel", "image"]),
    ]
}

extension OptionEntry {
    var short: String? { letter.map { String(Unicode.Scalar($0)) } }

    /// Can stand on a command line several times.
    var repeats: Bool { option == .initrd || option == .module }

    /// What help says of the option, remarks included.
    var explanation: String {
        let line = HelpText.line(for: self).dropLast()
        return line.range(of: help).map { String(line[$0.lowerBound...]) } ?? help
    }

    /// Words are those that the parser itself names when it is given another.
    var completed: CompletedValue {
        switch placeholder {
        case "FILE", "TEXT": return .files
        case "DIR": return .directories
        case "PORT": return .words(["ttyS0", "ttyS1"])
        case "RATE": return .words(["9600", "19200", "38400", "57600", "115200"])
        case "LINE", "NUMBER", "ADDRESS", "SECONDS": return .free
        default: break
        }
        do throws(UsageError) {
            _ = try parse(["--\(name)=\u{1}", "-l", "K"])
        } catch {
            if case .unknownChoice(_, _, let choices, _) = error { return .words(choices) }
        }
        Issue.record("--\(name)=\(placeholder): decide what shells complete")
        return .free
    }
}

/// `text` as one word of any of the shells.
func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
}
