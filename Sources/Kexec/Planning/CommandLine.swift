// SPDX-License-Identifier: MIT
internal import BootFormats

/// The next kernel's command line: what is kept of the running one's, then what the user appends.
enum CommandLine {
    /// - Parameter machine: whose line is used with `--reuse-cmdline` only.
    static func final(for request: KexecRequest, on machine: MachineDescription) -> ByteString {
        let appended = request.commandLine ?? ""
        guard request.reusesCommandLine else { return appended }
        let kept = kept(for: request.target, on: machine)
        return kept.isEmpty ? appended : appended.isEmpty ? kept : kept + " " + appended
    }

    /// The running kernel's line byte for byte, but for words that are left out, and for what is between each of them and
    /// the next word.
    static func kept(for target: LoadTarget, on machine: MachineDescription) -> ByteString {
        let line = machine.commandLine
        let words = KernelCommandLine(line)
        var kept: [UInt8] = []
        var position = 0
        for (index, word) in words.words.enumerated() where isLeftOut(word, target) {
            kept += line.bytes[position..<word.range.lowerBound]
            let isLast = index + 1 == words.words.count
            position = isLast ? line.count : words.words[index + 1].range.lowerBound
            // Blanks would part nothing any more. 0xa0, white space for Linux, may be the end of a character.
            while isLast, kept.last?.isSpace == true { kept.removeLast() }
        }
        return ByteString(kept + line.bytes[position...])
    }

    /// BOOT_IMAGE names the old kernel's file; a crash kernel must not reserve memory for another one.
    private static func isLeftOut(_ word: KernelCommandLine.Word, _ target: LoadTarget) -> Bool {
        word.name.equals("BOOT_IMAGE") || (target == .crash && word.name.equals("crashkernel"))
    }

    /// `line` with `more` at its end, or before a lone "--", behind which everything is init's.
    static func appending(_ more: ByteString, to line: ByteString) -> ByteString {
        guard let start = KernelCommandLine(line).initStart else { return line.isEmpty ? more : line + " " + more }
        return ByteString(line.bytes[..<start]) + more + " " + ByteString(line.bytes[start...])
    }
}
