// SPDX-License-Identifier: MIT

/// A place in a source where one token can be another one.
struct MutationSite: Hashable {
    enum Kind: String, CaseIterable { case comparison, constant, arithmetic, logic, call }
    /// How the place reads in a source that holds the mutant and the original.
    enum Form: Hashable {
        /// Between two operands, at the operator's precedence.
        case infix(precedence: String)
        case negation
        /// An expression of its own.
        case value
        case statement
    }

    var kind: Kind
    var form: Form
    /// In bytes of the source.
    var range: Range<Int>
    /// Of its first and its last byte.
    var lines: ClosedRange<Int>
    var before: String
    /// Empty: dropped.
    var after: String
}

/// Finds the places of one source.
struct MutationSiteFinder {
    private let tokens: [SwiftToken]
    /// Of each token inside brackets, the one that opened them.
    private let openers: [Int?]
    /// Whether the compiler takes what stands inside `#if` with that condition.
    private let holds: (String) -> Bool

    init(_ source: [UInt8], conditions: @escaping (String) -> Bool = MutationSiteFinder.holdsOnHost) {
        tokens = SwiftLexer.tokens(of: source)
        openers = Self.openers(of: tokens)
        holds = conditions
    }

    /// The host's tests are compiled for this processor, as ordinary Swift, with all codecs.
    static func holdsOnHost(_ condition: String) -> Bool {
        ["canImport(PhysicalMemory)", "canImport(Handoff)", "arch(x86_64)", "!PACKED_PAYLOADS"].contains(condition)
            || condition.hasPrefix("CODEC_")
    }

    /// The shipped program is Embedded Swift, with its payloads packed.
    static func holdsInProgram(_ condition: String) -> Bool {
        condition != "!PACKED_PAYLOADS" && holdsOnHost(condition)
            || ["hasFeature(Embedded)", "PACKED_PAYLOADS", "SHA_EXTENSIONS"].contains(condition)
    }

    /// Constants come with one of the numbers that `random` offers; the rest has one change each.
    func sites(random: () -> UInt64) -> [MutationSite] {
        tokens.indices.flatMap { index -> [MutationSite] in
            guard tokens[index].conditions.allSatisfy(holds), !isInAttribute(index) else { return [] }
            return [operation(index), constant(index, random), logicWord(index), statement(index)].compactMap { $0 }
        }
    }

    private static func openers(of tokens: [SwiftToken]) -> [Int?] {
        var open: [Int] = []
        return tokens.indices.map { index in
            let text = tokens[index].text, isPunctuation = tokens[index].kind == .punctuation
            if isPunctuation, [")", "]", "}"].contains(text) { _ = open.popLast() }
            defer { if isPunctuation, ["(", "[", "{"].contains(text) { open.append(index) } }
            return open.last
        }
    }

    private func token(_ index: Int) -> SwiftToken? { tokens.indices.contains(index) ? tokens[index] : nil }
    private func text(_ index: Int) -> String { token(index)?.text ?? "" }

    /// "@inline(never)": the word and what its brackets hold.
    private func isInAttribute(_ index: Int) -> Bool {
        if text(index - 1) == "@" { return true }
        guard let opener = openers[index], text(opener) == "(", !tokens[opener].spaceBefore else { return false }
        return text(opener - 2) == "@"
    }

    private func site(
        _ kind: MutationSite.Kind, _ form: MutationSite.Form, _ index: Int, _ after: String
    ) -> MutationSite {
        let token = tokens[index]
        return MutationSite(
            kind: kind, form: form, range: token.range, lines: token.line...token.line, before: token.text, after: after
        )
    }

    // MARK: Operators

    private static let comparisons = ["<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="]
    private static let arithmetics: [String: (after: String, precedence: String)] = [
        "+": ("-", "Addition"), "-": ("+", "Addition"), "&+": ("&-", "Addition"), "&-": ("&+", "Addition"),
        "|": ("&", "Addition"), "^": ("|", "Addition"), "&": ("|", "Multiplication"), "*": ("+", "Multiplication"),
        "&*": ("&+", "Multiplication"), "/": ("*", "Multiplication"), "%": ("/", "Multiplication"),
        "<<": (">>", "BitwiseShift"), ">>": ("<<", "BitwiseShift"), "&<<": ("&>>", "BitwiseShift"),
        "&>>": ("&<<", "BitwiseShift"), "+=": ("-=", "Assignment"), "-=": ("+=", "Assignment"),
        "&+=": ("&-=", "Assignment"), "&-=": ("&+=", "Assignment"), "|=": ("&=", "Assignment"),
        "&=": ("|=", "Assignment"), "^=": ("|=", "Assignment"), "..<": ("...", "RangeFormation"),
        "...": ("..<", "RangeFormation"),
    ]

    private func operation(_ index: Int) -> MutationSite? {
        let token = tokens[index]
        guard token.kind == .operation, text(index - 1) != "func" else { return nil }
        if token.text == "!", !token.spaceAfter, isPrefix(index) { return site(.logic, .negation, index, "") }
        let isRange = token.text == "..<" || token.text == "..."
        // Without spaces, "<" is a generic's and "&" an argument's.
        guard isRange ? isBetweenOperands(index) : token.spaceBefore && token.spaceAfter else { return nil }
        if let after = Self.comparisons[token.text] {
            return site(.comparison, .infix(precedence: "Comparison"), index, after)
        }
        if joinsText(index) { return nil }
        switch token.text {
        case "&&": return site(.logic, .infix(precedence: "LogicalConjunction"), index, "||")
        case "||": return site(.logic, .infix(precedence: "LogicalDisjunction"), index, "&&")
        default:
            return Self.arithmetics[token.text].map {
                site(.arithmetic, .infix(precedence: $0.precedence), index, $0.after)
            }
        }
    }

    /// Strings and arrays are joined by "+", and have no "-".
    private func joinsText(_ index: Int) -> Bool {
        guard ["+", "+="].contains(text(index)) else { return false }
        return token(index - 1)?.kind == .string || token(index + 1)?.kind == .string || text(index + 1) == "["
    }

    private func isPrefix(_ index: Int) -> Bool {
        tokens[index].spaceBefore || ["(", "[", "{"].contains(text(index - 1))
    }

    /// No space at either side, and something that can be a bound.
    private func isBetweenOperands(_ index: Int) -> Bool {
        guard !tokens[index].spaceBefore, !tokens[index].spaceAfter, let left = token(index - 1),
            let right = token(index + 1)
        else { return false }
        let isLeft = left.kind != .punctuation && left.kind != .operation || [")", "]"].contains(left.text)
        let isRight = right.kind != .punctuation || ["(", "."].contains(right.text)
        return isLeft && isRight
    }

    // MARK: Values

    private func constant(_ index: Int, _ random: () -> UInt64) -> MutationSite? {
        let token = tokens[index]
        // Not a tuple's member, and not a generic's argument.
        guard token.kind == .integer, text(index - 1) != "." || token.spaceBefore,
            text(index - 1) != "<" || token.spaceBefore, !text(index + 1).hasPrefix(">") || token.spaceAfter,
            let value = Self.value(token.text), let after = Self.changed(value, as: token.text, random())
        else { return nil }
        return site(.constant, .value, index, after)
    }

    static func value(_ literal: String) -> UInt64? {
        let digits = literal.replacing("_", with: "")
        if digits.hasPrefix("0x") { return UInt64(digits.dropFirst(2), radix: 16) }
        if digits.hasPrefix("0b") { return UInt64(digits.dropFirst(2), radix: 2) }
        if digits.hasPrefix("0o") { return UInt64(digits.dropFirst(2), radix: 8) }
        return UInt64(digits)
    }

    /// One more, or, of a hexadecimal number, as often another bit. The greatest of a width has one less.
    static func changed(_ value: UInt64, as literal: String, _ random: UInt64) -> String? {
        guard literal.hasPrefix("0x") else {
            return String([0xff, 0xffff, 0xffff_ffff, .max].contains(value) ? value - 1 : value + 1)
        }
        let width = (literal.replacing("_", with: "").count - 2) * 4
        let isGreatest = width >= 64 ? value == .max : value == 1 << width - 1
        let flipped = value ^ 1 << (random >> 1 % UInt64(min(max(width, 1), 64)))
        let next = isGreatest ? value - 1 : value + 1
        return "0x" + String(random & 1 == 0 ? next : flipped, radix: 16)
    }

    private func logicWord(_ index: Int) -> MutationSite? {
        guard tokens[index].kind == .identifier, text(index - 1) != ".", text(index + 1) != ":" else { return nil }
        switch text(index) {
        case "true": return site(.logic, .value, index, "false")
        case "false": return site(.logic, .value, index, "true")
        default: return nil
        }
    }

    // MARK: Statements

    /// A call or an assignment that stands for itself.
    private func statement(_ index: Int) -> MutationSite? {
        guard let opener = openers[index], text(opener) == "{", beginsStatement(index) else { return nil }
        let end = endOfStatement(index)
        guard hasEffect(index..<end), !isValue(index..<end, of: opener), !isInitialisation(index..<end, opener) else {
            return nil
        }
        let range = tokens[index].range.lowerBound..<tokens[end - 1].range.upperBound
        let words = tokens[index..<end].map(\.text)
        return MutationSite(
            kind: .call, form: .statement, range: range, lines: tokens[index].line...tokens[end - 1].line,
            before: words.count > 1 ? "\(words[0])\(words[1]) …" : words[0], after: "")
    }

    private static let declarations: Set<String> = [
        "actor", "associatedtype", "borrowing", "break", "case", "catch", "class", "consuming", "continue", "default",
        "defer", "deinit", "didSet", "discard", "do", "else", "enum", "extension", "fallthrough", "fileprivate",
        "final",
        "for", "func", "get", "guard", "if", "import", "indirect", "infix", "init", "internal", "isolated", "lazy",
        "let",
        "mutating", "nonisolated", "nonmutating", "open", "operator", "override", "package", "postfix",
        "precedencegroup",
        "prefix", "private", "protocol", "public", "repeat", "required", "return", "set", "some", "static", "struct",
        "subscript", "switch", "throw", "typealias", "var", "weak", "where", "while", "willSet", "yield",
    ]

    private func beginsStatement(_ index: Int) -> Bool {
        let token = tokens[index]
        guard token.kind == .identifier && !Self.declarations.contains(token.text) || token.text == "(",
            text(index + 1) != ":"
        else { return false }
        let previous = text(index - 1)
        if previous == "{" || previous == ";" || previous == "}" && token.beginsLine { return true }
        if previous == ":" { return ["case", "default"].contains(text(firstOfLine(index))) }
        return token.beginsLine && self.token(index - 1)?.kind != .operation && ![",", "("].contains(previous)
    }

    private func firstOfLine(_ index: Int) -> Int {
        var first = index
        while first > 0, !tokens[first].beginsLine { first -= 1 }
        return first
    }

    /// After the last token. A line that begins with an operator or a member goes on with the one before.
    private func endOfStatement(_ start: Int) -> Int {
        var index = start, depth = 0
        while index < tokens.count {
            let token = tokens[index]
            if depth == 0, index > start {
                if token.text == "}" || token.text == ";" { return index }
                if token.beginsLine, token.text != ".", token.kind != .operation,
                    tokens[index - 1].kind != .operation
                {
                    return index
                }
            }
            if token.kind == .punctuation {
                if ["(", "[", "{"].contains(token.text) { depth += 1 }
                if [")", "]", "}"].contains(token.text) { depth -= 1 }
            }
            index += 1
        }
        return index
    }

    private static let assignments: Set<String> = [
        "=", "+=", "-=", "*=", "/=", "|=", "&=", "^=", "&+=", "&-=", "&*=", "<<=", ">>=", "&<<=", "&>>=",
    ]

    private func hasEffect(_ range: Range<Int>) -> Bool {
        guard range.count > 1, text(range.lowerBound + 1) != "{" || range.count > 3 else { return false }
        if [")", "}"].contains(text(range.upperBound - 1)) { return true }
        let opener = openers[range.lowerBound]
        return range.contains { openers[$0] == opener && Self.assignments.contains(text($0)) }
    }

    /// The only thing in the braces of what has a value.
    private func isValue(_ range: Range<Int>, of opener: Int) -> Bool {
        guard opener == range.lowerBound - 1 || text(range.lowerBound - 1) == "in", text(range.upperBound) == "}" else {
            return false
        }
        if text(range.lowerBound - 1) == "in" { return true }
        let head = tokens[firstOfLine(opener)..<opener].map(\.text)
        let hasBody = ["func", "if", "else", "for", "while", "defer", "init", "guard", "repeat", "do", "catch", "set"]
        return head.contains("->") || head.contains("var") || !head.contains(where: hasBody.contains)
    }

    /// "self.size = size" in an initialiser: without it nothing compiles.
    private func isInitialisation(_ range: Range<Int>, _ opener: Int) -> Bool {
        let isAssignment = range.contains { openers[$0] == opener && text($0) == "=" }
        guard isAssignment || text(range.lowerBound) == "self" && text(range.lowerBound + 2) == "init" else {
            return false
        }
        var index: Int? = opener
        while let brace = index {
            let head = tokens[firstOfLine(brace)..<brace].map(\.text)
            if head.contains("func") { return false }
            if head.contains("init") || head.contains(")"), isHeadOfInitialiser(brace) { return true }
            index = openers[brace]
        }
        return false
    }

    /// A head may have taken several lines.
    private func isHeadOfInitialiser(_ brace: Int) -> Bool {
        var line = firstOfLine(brace)
        while line > 0, !tokens[line..<brace].contains(where: { ["init", "func", "{"].contains($0.text) }) {
            line = firstOfLine(line - 1)
        }
        return tokens[line..<brace].contains { $0.text == "init" }
    }
}
