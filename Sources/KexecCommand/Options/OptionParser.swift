// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Kexec

/// One option as it was found.
struct FoundOption: Hashable, Sendable {
    /// The entry that it matched, whatever it was abbreviated to.
    var entry: OptionEntry
    /// As the user wrote it, without its value: "--app", "-t".
    var written: String
    /// nil where the entry takes none, or may have none and has none.
    var value: ByteString?

    /// The value as people read it, for what is a word or a number; empty where there is none.
    var text: String { value?.description ?? "" }
}

/// Takes a command line apart as glibc's getopt_long does with `permute`.
///
/// Options and file names mix freely until "--", after which everything is a file name; "-" is a file name too. Long
/// names can be abbreviated as long as only one option is meant, short ones can be joined, and a value follows joined
/// ("-tTYPE", "--type=TYPE") or as the next word. The environment variable POSIXLY_CORRECT, at which getopt_long stops
/// at the first file name, is not looked at: it would silently drop `--append` after the kernel's name.
///
/// Where an abbreviation fits names of several `Generation`s, the oldest generation that it fits decides.
struct OptionParser {
    private let entries: [OptionEntry]
    private let arguments: [ByteString]
    private var position = 0
    /// The rest of a word of short options, "baz" after 'l' of "-lbaz" was taken.
    private var cluster: ArraySlice<UInt8> = []
    /// What is no option, in order; complete when `next` has returned nil.
    private(set) var operands: [ByteString] = []

    /// - Parameter arguments: without the program's own name.
    init(_ arguments: [ByteString], entries: [OptionEntry] = OptionTable.entries) {
        self.entries = entries
        self.arguments = arguments
    }

    /// The next option, or nil after the last word.
    mutating func next() throws(UsageError) -> FoundOption? {
        if !cluster.isEmpty { return try nextOfCluster() }
        while position < arguments.count {
            let word = arguments[position]
            position += 1
            let bytes = word.bytes
            guard bytes.first == UInt8(ascii: "-"), bytes.count > 1 else {
                operands.append(word)
                continue
            }
            guard bytes[1] == UInt8(ascii: "-") else {
                cluster = bytes.dropFirst()
                return try nextOfCluster()
            }
            if bytes.count == 2 {
                operands += arguments[position...]
                position = arguments.count
                return nil
            }
            return try long(word)
        }
        return nil
    }

    /// "--name" or "--name=value".
    private mutating func long(_ word: ByteString) throws(UsageError) -> FoundOption {
        let name = word.bytes.dropFirst(2).prefix { $0 != UInt8(ascii: "=") }
        let written = ByteString(word.bytes[..<name.endIndex]).description
        let entry = try entry(matching: name, written: written)
        if name.endIndex < word.count {
            let value = ByteString(word.bytes[(name.endIndex + 1)...])
            guard entry.value != .none else { throw .takesNoValue("--" + entry.name, value: value.description) }
            return FoundOption(entry: entry, written: written, value: value)
        }
        let value = entry.value == .required ? try nextWord(for: "--" + entry.name) : nil
        return FoundOption(entry: entry, written: written, value: value)
    }

    /// One letter of a word, with the rest of the word as its value where it takes one.
    private mutating func nextOfCluster() throws(UsageError) -> FoundOption? {
        guard let letter = cluster.popFirst() else { return nil }
        let word = arguments[position - 1]
        for entry in entries where entry.letter == letter {
            let written = "-" + String(Unicode.Scalar(letter))
            guard entry.value == .required else { return FoundOption(entry: entry, written: written, value: nil) }
            let joined = ByteString(cluster)
            cluster = []
            let value = joined.isEmpty ? try nextWord(for: written) : joined
            return FoundOption(entry: entry, written: written, value: value)
        }
        cluster = []
        throw .unknownLetter(letter, in: word.description)
    }

    /// A value that stands as a word of its own may look like anything, "--" and "-x" included.
    private mutating func nextWord(for option: String) throws(UsageError) -> ByteString {
        guard position < arguments.count else { throw .needsValue(option) }
        position += 1
        return arguments[position - 1]
    }

    private func entry(matching name: ArraySlice<UInt8>, written: String) throws(UsageError) -> OptionEntry {
        for entry in entries where entry.name.utf8.elementsEqual(name) { return entry }
        for generation in Generation.allCases {
            let matches = entries.filter { $0.generation == generation && $0.name.utf8.starts(with: name) }
            guard let first = matches.first else { continue }
            // Several names of one option are no ambiguity; glibc compares has_arg, flag and val.
            if matches.allSatisfy({ $0.option == first.option && $0.value == first.value }) { return first }
            throw .ambiguous(
                written, candidates: entries.filter { $0.name.utf8.starts(with: name) }.map { "--" + $0.name })
        }
        throw .unknownOption(written, nearest: nearest(to: name))
    }

    private func nearest(to name: ArraySlice<UInt8>) -> String? {
        nearestWord(to: name, among: entries.map { $0.name }).map { "--" + $0 }
    }
}
