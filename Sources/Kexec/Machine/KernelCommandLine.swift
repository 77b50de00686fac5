// SPDX-License-Identifier: MIT
internal import BootFormats

/// A kernel's command line, taken apart as Linux does it (`next_arg` in lib/cmdline.c): by white space outside quotes.
struct KernelCommandLine {
    /// One of its words.
    struct Word {
        /// Where it is in the line, with its quotes.
        let range: Range<Int>
        /// `-` is `_` in it, as Linux compares names.
        let name: ArraySlice<UInt8>
        /// What stands behind the first `=`, without quotes around it; nil where there is none.
        let value: ArraySlice<UInt8>?
        /// A lone "--".
        fileprivate let endsParameters: Bool
    }

    /// Init's as well.
    let words: [Word]
    /// The kernel's: those before a lone "--".
    let parameters: ArraySlice<Word>
    /// A quote is open at the end: what is appended comes to stand between quotes.
    let isQuoteOpen: Bool

    init(_ line: ByteString) {
        var words: [Word] = []
        var rest = line.bytes[...]
        var isQuoteOpen = false
        while let start = rest.firstIndex(where: { !$0.separatesParameters }) {
            let word = Word(beginning: rest[start...], &isQuoteOpen)
            words.append(word)
            rest = rest[word.range.upperBound...]
        }
        self.words = words
        self.isQuoteOpen = isQuoteOpen
        parameters = words.prefix { !$0.endsParameters }
    }

    /// Where what is init's begins, with the "--"; nil where there is none.
    var initStart: Int? { parameters.endIndex < words.count ? words[parameters.endIndex].range.lowerBound : nil }

    func has(_ name: StaticString) -> Bool { parameters.contains { $0.name.equals(name) } }

    /// `fips=` with another number than 0, or with none.
    var asksForFIPSMode: Bool { value(of: "fips").map { $0.decimal != 0 } ?? false }

    /// The value of the last `name=value`.
    func value(of name: StaticString) -> ArraySlice<UInt8>? {
        parameters.last { $0.name.equals(name) && $0.value != nil }?.value
    }

    /// Whether `word` is in the list of any `name=`, which blanks and `|` separate.
    func lists(_ word: StaticString, in name: StaticString) -> Bool {
        for parameter in parameters where parameter.name.equals(name) {
            var list = parameter.value ?? []
            while !list.isEmpty {
                let found = list.prefix { $0 != UInt8(ascii: "|") && !$0.isSpace }
                if found.equals(word) { return true }
                list = list.dropFirst(found.count + 1)
            }
        }
        return false
    }

    /// Whether `reboot=` asks for force, as kernel/reboot.c reads it: the first letter of each word between commas,
    /// behind `panic_` in any of them.
    var forcesReboot: Bool {
        for parameter in parameters where parameter.name.equals("reboot") {
            for word in (parameter.value ?? []).split(separator: UInt8(ascii: ",")) {
                let mode = word.hasPrefix("panic_") ? word.dropFirst(6) : word
                if mode.first == UInt8(ascii: "f") { return true }
            }
        }
        return false
    }

    /// Whether `name` was given alone or with a value that the kernel reads as yes or as no (kstrtobool).
    func flag(_ name: StaticString) -> Bool? {
        guard let last = parameters.last(where: { $0.name.equals(name) }) else { return nil }
        guard let value = last.value, let first = value.first else { return true }
        switch first {
        case UInt8(ascii: "y"), UInt8(ascii: "Y"), UInt8(ascii: "t"), UInt8(ascii: "T"), UInt8(ascii: "1"): return true
        case UInt8(ascii: "n"), UInt8(ascii: "N"), UInt8(ascii: "f"), UInt8(ascii: "F"), UInt8(ascii: "0"): return false
        default: return value.equals("on") || value.equals("ON") || value.equals("On")
        }
    }
}

extension KernelCommandLine.Word {
    private static let quote = UInt8(ascii: "\"")

    /// The first word of `text`, which begins with it.
    /// - Parameter isQuoted: becomes true where the word ends with the line, inside quotes.
    fileprivate init(beginning text: ArraySlice<UInt8>, _ isQuoted: inout Bool) {
        let hasQuotedName = text.first == Self.quote
        let start = hasQuotedName ? text.startIndex + 1 : text.startIndex
        isQuoted = hasQuotedName
        var equals: Int?
        var end = start
        while end < text.endIndex, isQuoted || !text[end].separatesParameters {
            if text[end] == Self.quote { isQuoted.toggle() }
            // One that the word begins with belongs to its name.
            if text[end] == UInt8(ascii: "="), equals == nil, end > start { equals = end }
            end += 1
        }
        range = text.startIndex..<end
        var name = text[start..<(equals ?? end)]
        var value = equals.map { text[($0 + 1)..<end] }
        var hasOpening = hasQuotedName
        if value?.first == Self.quote {
            value = value?.dropFirst()
            hasOpening = true
        }
        if hasOpening {
            if value?.last == Self.quote { value = value?.dropLast() }
            if value == nil, name.last == Self.quote { name = name.dropLast() }
        }
        endsParameters = value == nil && name.equals("--")
        self.name = name.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }[...]
        self.value = value
    }
}

extension UInt8 {
    /// Linux' white space (`isspace` in lib/ctype.c): that of C, and Latin-1's no-break space.
    var separatesParameters: Bool { isSpace || self == 0xa0 }
}
