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

    /// The running kernel's line byte for byte, but for the words that `LoadersWords` finds, and for what is between each
    /// of them and the next word.
    static func kept(for target: LoadTarget, on machine: MachineDescription) -> ByteString {
        let line = machine.commandLine
        let words = KernelCommandLine(line)
        let loaders = LoadersWords(words, target, on: machine)
        var kept: [UInt8] = []
        var position = 0
        for (index, word) in words.words.enumerated() where loaders.contain(word, at: index) {
            kept += line.bytes[position..<word.range.lowerBound]
            let isLast = index + 1 == words.words.count
            position = isLast ? line.count : words.words[index + 1].range.lowerBound
            // Blanks would part nothing any more. 0xa0, white space for Linux, may be the end of a character.
            while isLast, kept.last?.isSpace == true { kept.removeLast() }
        }
        return ByteString(kept + line.bytes[position...])
    }

    /// `line` with `more` at its end, or before a lone "--", behind which everything is init's. A quote that nothing closes is
    /// closed first: `more` would become a part of its value, which stays the same.
    static func appending(_ more: ByteString, to line: ByteString) -> ByteString {
        let words = KernelCommandLine(line)
        guard let start = words.initStart else {
            return line.isEmpty ? more : line + (words.isQuoteOpen ? "\" " : " ") + more
        }
        return ByteString(line.bytes[..<start]) + more + " " + ByteString(line.bytes[start...])
    }
}

/// Which words of the running kernel's line its loader added, for that kernel alone.
///
/// The manual's list at `--reuse-cmdline` tells them; what else is in the line is the user's.
private struct LoadersWords {
    private let target: LoadTarget
    /// `acpi_rsdp=` of a crash kernel's loader: the next kernel finds the same address in its boot_params. 0: none.
    private let rsdp: UInt64
    /// Where the memory map begins that a crash kernel was given: whatever `memmap=` comes then belongs to it.
    private let mapStart: Int
    /// How many words of `--fast` are in front.
    private let fastCount: Int

    init(_ line: KernelCommandLine, _ target: LoadTarget, on machine: MachineDescription) {
        self.target = target
        // By this word Linux itself knows that it is one.
        let isCrashKernel = line.has("elfcorehdr")
        rsdp = isCrashKernel ? machine.bootParameters?.loadLittle(UInt64.self, at: 0x70) ?? 0 : 0
        let map = line.words.lastIndex { $0.name.equals("memmap") && $0.value?.hasPrefix("exactmap") == true }
        mapStart = isCrashKernel ? map ?? .max : .max
        fastCount = target == .crash ? FastStart.wordsInFront(of: line) : 0
    }

    func contain(_ word: KernelCommandLine.Word, at index: Int) -> Bool {
        // It names the running kernel's file.
        if word.name.equals("BOOT_IMAGE") { return true }
        if word.name.equals("elfcorehdr") || word.name.equals("kexec_jump_back_entry") { return true }
        // A crash kernel must not reserve memory for another one.
        if word.name.equals("crashkernel") { return target == .crash }
        if word.name.equals("memmap") { return index >= mapStart }
        if word.name.equals("acpi_rsdp") { return rsdp != 0 && word.value?.hexadecimal == rsdp }
        return index < fastCount
    }
}
