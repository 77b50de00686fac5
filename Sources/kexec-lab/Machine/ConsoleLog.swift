// SPDX-License-Identifier: MIT
import Foundation

struct ConsoleLine: Sendable, Equatable {
    /// Since the machine was started.
    let seconds: Double
    let text: String
}

/// Everything one boot printed.
struct ConsoleLog: Sendable {
    var lines: [ConsoleLine] = []

    /// The line by which the first kernel's PID 1 reports; what comes before it is not the program's doing.
    var firstMarker: Int? { lines.firstIndex { $0.text.hasPrefix("LAB first ") } }

    /// The last words for a report: what scripts and loaders said last, without the kernel's usual talk.
    var ending: [String] {
        let talk = /^\[ *[0-9]+\.[0-9]+\] (?!.*(panic|BUG|Oops|WARNING))/
        return lines.map(\.text).filter { $0.firstMatch(of: talk) == nil && !$0.isEmpty }.suffix(10)
    }

    /// The words of the lines `LAB dump NAME …`, put together as bytes.
    func dump(_ name: String) -> [UInt8] {
        lines.filter { $0.text.hasPrefix("LAB dump \(name) ") }.flatMap { line -> [UInt8] in
            let digits = Array(line.text.dropFirst("LAB dump \(name) ".count).utf8)
            return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
                UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16)
            }
        }
    }

    /// `key=value` of the last line that begins with `LAB prefix`.
    func value(_ key: String, of prefix: String) -> String? {
        guard let line = lines.last(where: { $0.text.hasPrefix("LAB \(prefix) ") }) else { return nil }
        let word = line.text.split(separator: " ").first { $0.hasPrefix("\(key)=") }
        return word.map { String($0.dropFirst(key.count + 1)) }
    }

    /// Lines that commands printed through `try` between two reports of the script.
    func output(before report: String) -> [String] {
        guard let end = lines.lastIndex(where: { $0.text.hasPrefix("LAB \(report) ") }) else { return [] }
        let start = lines[..<end].lastIndex { $0.text.hasPrefix("LAB ") } ?? 0
        return lines[start..<end].filter { $0.text.hasPrefix("| ") }.map { String($0.text.dropFirst(2)) }
    }
}

/// Cuts the bytes of a serial line into lines of text, without carriage returns and terminal control sequences.
struct LineSplitter {
    private var pending: [UInt8] = []

    mutating func feed(_ bytes: some Sequence<UInt8>) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == 0x0a {
                lines.append(Self.text(pending))
                pending.removeAll(keepingCapacity: true)
            } else {
                pending.append(byte)
            }
        }
        return lines
    }

    /// The beginning of a line that has not ended yet.
    var unfinished: String { Self.text(pending) }

    /// The last line, when it did not end.
    mutating func finish() -> String? {
        defer { pending = [] }
        return pending.isEmpty ? nil : Self.text(pending)
    }

    /// ECMA-48: a control sequence is ESC `[`, parameters, and a final byte from `@` on.
    static func text(_ bytes: [UInt8]) -> String {
        var kept: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == 0x1b {
                guard index < bytes.count, bytes[index] == UInt8(ascii: "[") else { continue }
                index += 1
                while index < bytes.count, !(0x40...0x7e).contains(bytes[index]) { index += 1 }
                index += 1
            } else if byte >= 0x20 || byte == 0x09 {
                kept.append(byte)
            }
        }
        return String(decoding: kept, as: UTF8.self)
    }
}
