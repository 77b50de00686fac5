// SPDX-License-Identifier: MIT

/// A piece of a Swift source that is neither a comment nor space.
struct SwiftToken: Equatable {
    enum Kind { case identifier, integer, otherNumber, string, operation, punctuation }

    var kind: Kind
    var text: String
    /// In bytes of the source.
    var range: Range<Int>
    /// The first one is 1.
    var line: Int
    /// Whether it is the first one of its line.
    var beginsLine: Bool
    var spaceBefore: Bool
    var spaceAfter: Bool
    /// Inside `#if`, the condition that the compiler has to find true; of nested ones all.
    var conditions: [String]
}

/// Splits Swift sources into tokens, as far as mutants ask: strings stay whole, with all that they interpolate.
struct SwiftLexer {
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var atLineStart = true
    private var conditions: [String] = []
    private var tokens: [SwiftToken] = []

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    static func tokens(of source: [UInt8]) -> [SwiftToken] {
        var lexer = SwiftLexer(source)
        while lexer.position < source.count { lexer.step() }
        return lexer.tokens
    }

    private func byte(_ offset: Int = 0) -> UInt8 {
        position + offset < bytes.count ? bytes[position + offset] : 0
    }

    private func begins(_ text: String) -> Bool { bytes[position...].starts(with: text.utf8) }

    private mutating func step() {
        switch byte() {
        case UInt8(ascii: "\n"):
            (line, atLineStart) = (line + 1, true)
            position += 1
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): position += 1
        case UInt8(ascii: "/") where begins("//"): skipLine()
        case UInt8(ascii: "/") where begins("/*"): skipComment()
        case UInt8(ascii: "#") where atLineStart && isDirective: takeDirective()
        case UInt8(ascii: "\""): take(.string) { $0.skipString(hashes: 0) }
        case UInt8(ascii: "#") where stringHashes != nil:
            let hashes = stringHashes ?? 0
            take(.string) { $0.skipString(hashes: hashes) }
        case let byte where byte.isDigit: takeNumber()
        case let byte where byte.isIdentifierPart || byte == UInt8(ascii: "`"):
            take(.identifier) { lexer in
                repeat { lexer.position += 1 } while lexer.byte().isIdentifierPart || lexer.byte() == UInt8(ascii: "`")
            }
        case let byte where byte.isOperatorPart || begins(".."):
            let hasDots = byte == UInt8(ascii: ".")
            take(.operation) { lexer in
                repeat {
                    lexer.position += 1
                } while lexer.byte().isOperatorPart
                    || hasDots && lexer.byte() == UInt8(ascii: ".")
            }
        default: take(.punctuation) { $0.position += 1 }
        }
    }

    private mutating func take(_ kind: SwiftToken.Kind, _ skip: (inout Self) -> Void) {
        let start = position, first = line
        skip(&self)
        let before = start == 0 ? UInt8(ascii: "\n") : bytes[start - 1]
        tokens.append(
            SwiftToken(
                kind: kind, text: String(decoding: bytes[start..<position], as: UTF8.self), range: start..<position,
                line: first, beginsLine: atLineStart, spaceBefore: before.isSpace, spaceAfter: byte().isSpace,
                conditions: conditions))
        atLineStart = false
    }

    private mutating func takeNumber() {
        let isRadix = begins("0x") || begins("0b") || begins("0o")
        // "1.5" is one number, "0..<5" and "pair.0.1" are not.
        let isMember = tokens.last?.text == "." && tokens.last?.range.upperBound == position
        take(.integer) { lexer in
            while lexer.byte().isIdentifierPart { lexer.position += 1 }
            if !isRadix, !isMember, lexer.byte() == UInt8(ascii: "."), lexer.byte(1).isDigit {
                lexer.position += 1
                while lexer.byte().isIdentifierPart { lexer.position += 1 }
            }
        }
        let text = tokens[tokens.count - 1].text
        if text.contains(".") || !isRadix && text.contains(where: { !$0.isNumber && $0 != "_" }) {
            tokens[tokens.count - 1].kind = .otherNumber
        }
    }

    private mutating func skipLine() { while position < bytes.count, byte() != UInt8(ascii: "\n") { position += 1 } }

    private mutating func skipComment() {
        var depth = 0
        repeat {
            if begins("/*") {
                (depth, position) = (depth + 1, position + 2)
            } else if begins("*/") {
                (depth, position) = (depth - 1, position + 2)
            } else {
                if byte() == UInt8(ascii: "\n") { line += 1 }
                position += 1
            }
        } while depth > 0 && position < bytes.count
    }

    /// How many `#` open a raw string here; nil: none does.
    private var stringHashes: Int? {
        var count = 0
        while byte(count) == UInt8(ascii: "#") { count += 1 }
        return byte(count) == UInt8(ascii: "\"") ? count : nil
    }

    private mutating func skipString(hashes: Int) {
        position += hashes
        let quote = begins("\"\"\"") ? "\"\"\"" : "\""
        let end = quote + String(repeating: "#", count: hashes)
        let escape = "\\" + String(repeating: "#", count: hashes)
        position += quote.utf8.count
        while position < bytes.count, !begins(end) {
            if begins(escape) {
                position += escape.utf8.count
                if byte() == UInt8(ascii: "(") { skipInterpolation() } else { position += 1 }
            } else {
                if byte() == UInt8(ascii: "\n") { line += 1 }
                position += 1
            }
        }
        position += end.utf8.count
    }

    private mutating func skipInterpolation() {
        var depth = 0
        repeat {
            if let hashes = stringHashes {
                skipString(hashes: hashes)
                continue
            }
            if byte() == UInt8(ascii: "(") { depth += 1 }
            if byte() == UInt8(ascii: ")") { depth -= 1 }
            if byte() == UInt8(ascii: "\n") { line += 1 }
            position += 1
        } while depth > 0 && position < bytes.count
    }

    private var isDirective: Bool {
        ["#if", "#elseif", "#else", "#endif", "#error", "#warning", "#sourceLocation"].contains(where: begins)
    }

    private mutating func takeDirective() {
        let start = position
        skipLine()
        let words = String(decoding: bytes[start..<position], as: UTF8.self).split(separator: " ", maxSplits: 1)
        let condition = words.count > 1 ? String(words[1]) : ""
        switch words[0] {
        case "#if": conditions.append(condition)
        case "#elseif": conditions[conditions.count - 1] = condition
        case "#else": conditions[conditions.count - 1] = "else " + conditions[conditions.count - 1]
        case "#endif": conditions.removeLast()
        default: break
        }
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    fileprivate var isSpace: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\n") }
    fileprivate var isIdentifierPart: Bool {
        isDigit || self == UInt8(ascii: "_") || self == UInt8(ascii: "$") || self >= 0x80
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20)
    }
    fileprivate var isOperatorPart: Bool { "/=-+!*%<>&|^~?".utf8.contains(self) }
}
