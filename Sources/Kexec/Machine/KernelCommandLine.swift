// SPDX-License-Identifier: MIT

/// The parameters of a kernel command line, split as Linux does (lib/cmdline.c): by white space outside quotes.
struct KernelCommandLine {
    private let parameters: [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>?)]

    init(parsing line: ArraySlice<UInt8>) {
        var found: [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>?)] = []
        var isQuoted = false
        for word in line.split(whereSeparator: { byte in
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            return !isQuoted && byte.isSpace
        }) {
            // What comes after a lone "--" is init's.
            if word.equals("--") { break }
            // A quote may also stand before the name.
            let word = word.first == UInt8(ascii: "\"") ? word.dropFirst() : word
            let name = word.prefix { $0 != UInt8(ascii: "=") }
            found.append((name, name.count == word.count ? nil : word.dropFirst(name.count + 1).unquoted))
        }
        parameters = found
    }

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

extension ArraySlice<UInt8> {
    /// Without a quote at either end.
    fileprivate var unquoted: ArraySlice<UInt8> {
        let inner = first == UInt8(ascii: "\"") ? dropFirst() : self
        return inner.last == UInt8(ascii: "\"") ? inner.dropLast() : inner
    }
}
