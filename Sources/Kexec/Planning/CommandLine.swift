// SPDX-License-Identifier: MIT

/// The next kernel's command line: what is kept of the running one's, then what the user appends.
enum CommandLine {
    /// - Parameter running: `/proc/cmdline`; used with `--reuse-cmdline` only.
    static func final(for request: KexecRequest, running: String) -> String {
        let appended = request.commandLine ?? ""
        guard request.reusesCommandLine else { return appended }
        let kept = words(of: running).filter { !isLeftOut($0, target: request.target) }.joined(separator: " ")
        return kept.isEmpty ? appended : appended.isEmpty ? kept : kept + " " + appended
    }

    /// BOOT_IMAGE names the old kernel's file; a crash kernel must not reserve memory for another one.
    private static func isLeftOut(_ word: String, target: LoadTarget) -> Bool {
        let bytes = word.utf8
        if bytes.starts(with: "BOOT_IMAGE=".utf8) { return true }
        return target == .crash && bytes.starts(with: "crashkernel=".utf8)
    }

    /// `line` with `more` at its end, or before a lone "--", behind which everything is init's.
    static func appending(_ more: String, to line: String) -> String {
        var front = "", rest = ""
        var isInits = false
        for word in words(of: line) {
            isInits = isInits || word.utf8.elementsEqual("--".utf8)
            if isInits { rest += " " + word } else { front += word + " " }
        }
        return isInits ? front + more + rest : line.utf8.isEmpty ? more : line + " " + more
    }

    /// Words as the kernel splits them (`lib/cmdline.c`, next_arg): blanks end a word, except between double quotes.
    static func words(of line: String) -> [String] {
        var words: [String] = []
        var word: [UInt8] = []
        var isQuoted = false
        for byte in line.utf8 {
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            if !isQuoted, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\n") {
                if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
                word = []
            } else {
                word.append(byte)
            }
        }
        if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
        return words
    }
}
