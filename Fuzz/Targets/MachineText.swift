// SPDX-License-Identifier: MIT
// What proc and sysfs say; the first byte chooses the file. What was understood is written out, and understood the same again.
// runs: 2
import BootFormats
@testable import Kexec
import PhysicalMemory

func fuzzMachineText(_ input: UnsafeRawBufferPointer) {
    let bytes = Array(input)
    guard let choice = bytes.first else { return }
    let text = Array(bytes.dropFirst())
    switch choice % 8 {
    case 0: checkIomem(text)
    case 1: checkCommandLine(ByteString(text))
    case 2: checkMemory(text)
    case 3: checkEFITables(text)
    case 4: checkConfiguration(text)
    case 5: checkFlags(text)
    case 6: checkEntry(text)
    default: checkReusedLine(ByteString(text))
    }
}

private func hexadecimal(_ value: UInt64) -> [UInt8] { Array(String(value, radix: 16).utf8) }

private func checkIomem(_ text: [UInt8]) {
    let iomem = Iomem(parsing: text)
    var written: [UInt8] = []
    // The last byte of 64 bits, which no range holds, has no line.
    let entries = iomem.entries.filter { !$0.range.isEmpty }
    for entry in entries {
        written += [UInt8](repeating: UInt8(ascii: " "), count: entry.depth * 2)
        written += hexadecimal(entry.range.start.rawValue) + Array("-".utf8)
        written += hexadecimal(entry.range.end.rawValue - 1) + Array(" : ".utf8) + entry.name + Array("\n".utf8)
    }
    let read = Iomem(parsing: written).entries
    let isSame = read.elementsEqual(entries) {
        $0.depth == $1.depth && $0.range == $1.range && $0.name.elementsEqual($1.name)
    }
    expect(isSame, "lines are read as they are written")
    checkSummary(IomemSummary(iomem))
}

private func checkSummary(_ summary: IomemSummary) {
    expect(summary.systemRAM.subtracting(summary.allRAM).isEmpty, "System RAM is RAM")
    for set in [summary.systemRAM, summary.allRAM, summary.reserved] {
        for range in set.ranges { expect(!range.isEmpty, "no range is empty") }
        for (lower, upper) in zip(set.ranges, set.ranges.dropFirst()) {
            expect(lower.end < upper.start, "ranges ascend, with a gap between any two")
        }
    }
    for list in [summary.crashKernel, summary.kernelImage] {
        for (lower, upper) in zip(list, list.dropFirst()) { expect(lower.start <= upper.start, "ranges ascend") }
    }
}

private func isSame(_ left: KernelCommandLine.Word, _ right: KernelCommandLine.Word) -> Bool {
    guard left.name.elementsEqual(right.name) else { return false }
    guard let one = left.value, let other = right.value else { return left.value == nil && right.value == nil }
    return one.elementsEqual(other)
}

private func checkCommandLine(_ line: ByteString) {
    let words = KernelCommandLine(line)
    var position = 0
    var joined: [UInt8] = []
    for word in words.words {
        expect(word.range.lowerBound >= position && !word.range.isEmpty, "words follow each other")
        for place in position..<word.range.lowerBound {
            expect(line.bytes[place].separatesParameters, "only white space is between words")
        }
        expect(word.name.count <= word.range.count, "a name is a part of its word")
        joined += (joined.isEmpty ? [] : [UInt8(ascii: " ")]) + line.bytes[word.range]
        position = word.range.upperBound
    }
    expect(line.bytes[position...].allSatisfy(\.separatesParameters), "only white space is behind them")
    let again = KernelCommandLine(ByteString(joined))
    expect(again.words.elementsEqual(words.words, by: isSame), "words stay the same with a blank between any two")
    expect(again.isQuoteOpen == words.isQuoteOpen, "a quote that is open stays open")
    checkAppending(to: line, words)
}

/// Of the word before it, whose quote may be closed for it, the value may become longer.
private func checkAppending(to line: ByteString, _ before: KernelCommandLine) {
    let after = KernelCommandLine(CommandLine.appending("fuzz.value=1", to: line))
    expect(after.value(of: "fuzz.value")?.elementsEqual("1".utf8) == true, "what is appended is a parameter")
    expect(after.words.count == before.words.count + 1, "no word is lost")
    let kept = after.parameters.dropLast().dropLast()
    expect(kept.elementsEqual(before.parameters.dropLast(), by: isSame), "what is in front stays the same")
}

private func checkMemory(_ text: [UInt8]) {
    let memory = MemoryInformation(parsing: text)
    let lines = [("MemTotal", memory.total), ("MemAvailable", memory.available), ("SwapFree", memory.swapFree)]
    let written = lines.map { "\($0.0): \($0.1 / 1024) kB\n" }.joined()
    expect(MemoryInformation(parsing: Array(written.utf8)) == memory, "sizes are read as they are written")
}

private func checkEFITables(_ text: [UInt8]) {
    var facts = EFIFacts()
    facts.addTables(parsing: text)
    var written = ""
    for (name, address) in [
        ("ACPI20", facts.acpi20), ("ACPI", facts.acpi), ("SMBIOS3", facts.smbios3), ("SMBIOS", facts.smbios),
    ] {
        if let address { written += "\(name)=0x\(String(address, radix: 16))\n" }
    }
    var again = EFIFacts()
    again.addTables(parsing: Array(written.utf8))
    expect(again == facts, "addresses are read as they are written")
}

private func checkConfiguration(_ text: [UInt8]) {
    let configuration = KernelConfiguration(parsing: text)
    expect(
        configuration.isKnown == !configuration.enabled.union(configuration.disabled).isEmpty,
        "a configuration is known by its settings")
    var written = ""
    for (name, option) in KernelOptions.names {
        if configuration.enabled.contains(option) { written += "\(name)=y\n" }
        if configuration.disabled.contains(option) { written += "# \(name) is not set\n" }
    }
    expect(KernelConfiguration(parsing: Array(written.utf8)) == configuration, "settings are read as they are written")
}

private func checkFlags(_ text: [UInt8]) {
    let flags = ProcessorFlags(parsing: text)
    let line = text.lines.first { $0.hasPrefix("flags") } ?? []
    expect(ProcessorFlags(parsing: Array(line)) == flags, "the first line of flags decides")
}

private func checkEntry(_ text: [UInt8]) {
    let parts = text.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false).map { Array($0) }
    guard parts.count == 3, let entry = E820Entry(start: parts[0], end: parts[1], type: parts[2]) else { return }
    guard !entry.range.isEmpty else { return }
    let again = E820Entry(
        start: hexadecimal(entry.range.start.rawValue), end: hexadecimal(entry.range.end.rawValue - 1), type: parts[2])
    expect(again == entry, "an entry is read as it is written")
}

private func checkReusedLine(_ line: ByteString) {
    var request = KexecRequest(kernel: "k")
    request.reusesCommandLine = true
    var machine = MachineDescription()
    machine.commandLine = line
    for target in [LoadTarget.reboot, .crash] {
        request.target = target
        let kept = CommandLine.final(for: request, on: machine)
        var rest = KernelCommandLine(line).words[...]
        for word in KernelCommandLine(kept).words {
            while let first = rest.first, !isSame(first, word) { rest.removeFirst() }
            expect(rest.popFirst() != nil, "every word that is kept was there, in this order")
            expect(
                !word.name.equals("BOOT_IMAGE") && !word.name.equals("elfcorehdr"), "the loader's words are left out")
        }
        machine.commandLine = kept
        expect(CommandLine.final(for: request, on: machine) == kept, "nothing is left to be left out")
        machine.commandLine = line
    }
}
