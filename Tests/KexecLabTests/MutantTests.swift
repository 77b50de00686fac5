// SPDX-License-Identifier: MIT
import Testing

@testable import kexec_lab

private func sites(_ source: String) -> [MutationSite] { MutationSiteFinder(Array(source.utf8)).sites { 0 } }

/// "before>after" of each place that is no dropped statement.
private func changes(_ source: String) -> [String] {
    sites(source).filter { $0.form != .statement }.map { "\($0.before)>\($0.after)" }
}

private func dropped(_ source: String) -> [String] {
    sites(source).filter { $0.form == .statement }
        .map { String(decoding: Array(source.utf8)[$0.range], as: UTF8.self) }
}

struct SwiftLexerTests {
    private func words(_ source: String) -> [String] { SwiftLexer.tokens(of: Array(source.utf8)).map(\.text) }

    @Test func leavesOutComments() {
        #expect(words("a // b\n/* c /* d */ e */ f /// g") == ["a", "f"])
    }

    @Test func keepsStringsWhole() {
        #expect(
            words(##"f("a\"b\(g("c", 1))d") + #"x\"#"##) == ["f", "(", #""a\"b\(g("c", 1))d""#, ")", "+", ##"#"x\"#"##])
        #expect(
            words("x = \"\"\"\n a \"quoted\" 1\n \"\"\"\ny") == ["x", "=", "\"\"\"\n a \"quoted\" 1\n \"\"\"", "y"])
    }

    @Test func tellsNumbersFromMembers() {
        let tokens = SwiftLexer.tokens(of: Array("a.0.1 + 1.5 - 0x1f_e0 + 3e2 ..< 7".utf8))
        #expect(tokens.filter { $0.kind == .integer }.map(\.text) == ["0", "1", "0x1f_e0", "7"])
        #expect(tokens.filter { $0.kind == .otherNumber }.map(\.text) == ["1.5", "3e2"])
    }

    @Test func countsLinesThroughStringsAndComments() {
        let tokens = SwiftLexer.tokens(of: Array("/*\n*/ a\n\"\"\"\n\n\"\"\"\nb".utf8))
        #expect(tokens.map(\.line) == [2, 3, 6])
        #expect(tokens.map(\.beginsLine) == [true, true, true])
    }

    @Test func knowsTheConditionsOfEachToken() {
        let source = "a\n#if X\nb\n#if Y\nc\n#endif\n#else\nd\n#endif\ne"
        let tokens = SwiftLexer.tokens(of: Array(source.utf8))
        #expect(tokens.map(\.text) == ["a", "b", "c", "d", "e"])
        #expect(tokens.map(\.conditions) == [[], ["X"], ["X", "Y"], ["else X"], []])
    }
}

struct MutationSiteTests {
    @Test func swapsOperatorsBetweenOperandsOnly() {
        #expect(changes("let a = b < c && d >= e") == ["<>><=", "&&>||", ">=>>"].map { $0 == "<>><=" ? "<><=" : $0 })
        #expect(changes("func f(_ a: inout Array<UInt8>) { g(&a) }") == [])
        #expect(changes("x = a &+ b << c | d & e") == ["&+>&-", "<<>>>", "|>&", "&>|"])
        #expect(changes("for i in a..<b { c(i...j) }") == ["..<>...", "...>..<"])
        #expect(changes("x[..<a]; y[a...]; z = -a") == [])
        #expect(changes("a = b + \"c\"; d += [e + f]") == ["+>-"])
        #expect(changes("static func == (a: A, b: A) -> Bool") == [])
    }

    @Test func takesNotAndTheWordsOfLogic() {
        #expect(changes("if !a { b = true }; c != false") == ["!>", "true>false", "!=>==", "false>true"])
        #expect(changes("a!; b(.true)") == [])
        #expect(changes("x(true: 1)") == ["1>2"])
    }

    @Test func changesConstantsButNotTypesMembersAndAttributes() {
        #expect(changes("let a: InlineArray<4, Int> = b.0") == [])
        #expect(changes("@available(macOS 13, *) f(7)") == ["7>8"])
        #expect(changes("case 0xff: 255") == ["0xff>0xfe", "255>254"])
        #expect(changes("#if X\nf(1)\n#endif") == [])
        #expect(changes("#if CODEC_ZLIB\nf(1)\n#endif") == ["1>2"])
    }

    @Test(arguments: [(UInt64(0), "0xcd"), (1, "0xcd"), (2, "0xcd"), (3, "0xce"), (5, "0xc8"), (17, "0xcd")])
    func changesHexadecimalOnesByOneOrInABit(random: UInt64, after: String) {
        #expect(MutationSiteFinder.changed(0xcc, as: "0xcc", random) == after)
    }

    @Test func dropsCallsAndAssignments() {
        #expect(
            dropped("func f() {\n    a.b(1)\n    try c()\n    let d = e()\n    return g()\n}") == ["a.b(1)", "try c()"])
        #expect(
            dropped("mutating func f() {\n    a = b\n        + c\n    d += 1\n}") == ["a = b\n        + c", "d += 1"])
        #expect(dropped("func f() { if x { (a, b) = (c, d) } else { e() } }") == ["(a, b) = (c, d)", "e()"])
        #expect(dropped("func f() {\n    a.map { g($0) }\n        .b()\n}") == ["a.map { g($0) }\n        .b()"])
        #expect(dropped("switch a {\ncase .b: c()\ndefault: d = 1\n}") == ["c()", "d = 1"])
    }

    @Test func leavesValuesAndInitialisationsAlone() {
        #expect(dropped("func f() -> Int { g() }") == [])
        #expect(dropped("var a: Int { g() }") == [])
        #expect(dropped("x = a.map { g($0) }") == [])
        #expect(dropped("init(a: Int) {\n    self.a = a\n    if b {\n        self.c = 1\n    }\n}") == [])
        #expect(dropped("struct A {\n    var b = 1\n    private mutating func c() {}\n}") == [])
    }
}

struct MutantSchemaTests {
    private let source = Array("func f(a: Int) -> Int {\n    g(0xcc)\n    return !h(a < 7) ? 1 : 0\n}\n".utf8)

    private var mutants: [Int: Mutant] {
        let order = MutantOrder([("Sources/A/a.swift", source)], seed: 1) { _ in { _ in true } }
        return Dictionary(uniqueKeysWithValues: order.mutants.enumerated().map { ($0.offset + 1, $0.element) })
    }

    @Test func takesAllAtOnceWithoutAnotherLine() throws {
        let text = String(
            decoding: MutantSchema(mutants: mutants).rewritten(source, path: "Sources/A/a.swift", module: "A"),
            as: UTF8.self)
        #expect(text.split(separator: "\n").count == 4)
        #expect(text.contains(/if mutantA\(\d\) {} else { g\(mutantA\(\d, 0xcc, 0x[0-9a-f]+\)\) }/))
        #expect(text.contains(/return ╰.h\(a ╰. mutantA\(\d, 7, 8\)\) \? mutantA\(\d, 1, 2\) : mutantA\(\d, 0, 1\)/))
        #expect(MutantSchema(mutants: mutants).rewritten(source, path: "b.swift", module: "A") == source)
    }

    @Test func changesOneForGood() throws {
        let mutant = try #require(mutants.values.first { $0.site.kind == .comparison })
        let text = String(decoding: MutantSchema.changed(source, by: [mutant]), as: UTF8.self)
        #expect(text.contains("!h(a <= 7)"))
        let call = try #require(mutants.values.first { $0.site.kind == .call })
        #expect(String(decoding: MutantSchema.changed(source, by: [call]), as: UTF8.self).contains("{\n    \n"))
    }

    @Test func definesWhatItCalls() {
        let definitions = MutantSchema(mutants: mutants).definitions(module: "A", paths: ["Sources/A/a.swift"])
        #expect(definitions.contains(/infix operator ╰.: ComparisonPrecedence/))
        #expect(definitions.contains(/prefix operator ╰./))
        #expect(!MutantSchema(mutants: mutants).definitions(module: "A", paths: []).contains("operator"))
    }
}

struct MutantOrderTests {
    private let source = Array(
        "func f() {\n    if a < 1 && b {\n        c(d + 2)\n    }\n    g(a < 1, 3 < 1)\n}\n".utf8)

    private func order(_ seed: UInt64) -> [Mutant] {
        MutantOrder([("a.swift", source), ("b.swift", source)], seed: seed) { _ in { _ in true } }.mutants
    }

    @Test func isTheSameForTheSameSeed() {
        #expect(order(7) == order(7))
        #expect(order(7) != order(8))
        #expect(Set(order(7).map(\.site.range)) == Set(order(8).map(\.site.range)))
    }

    @Test func takesOneOfEachKindInTurn() {
        #expect(Set(order(7).prefix(5).map(\.site.kind)) == Set(MutationSite.Kind.allCases))
    }

    /// The first numbers of SplitMix64 from 0, as its author gives them.
    @Test func drawsTheSameNumbersEverywhere() {
        var numbers = SeededNumbers(seed: 0)
        #expect(numbers.next() == 0xe220_a839_7b1d_cdaf)
        #expect(numbers.next() == 0x6e78_9e6a_a1b9_65f4)
    }

    @Test func tellsEqualChangesOfALineApart() {
        let texts = order(1).filter { $0.path == "a.swift" && $0.site.lines == 5...5 && $0.site.before == "<" }
            .map(\.change).sorted()
        #expect(texts == ["< → <=", "< → <= (2)"])
    }
}

struct MutantListTests {
    private func mutant(_ change: (String, String), line: String = "while a < b {") -> Mutant {
        Mutant(
            path: "Sources/A/a.swift",
            site: MutationSite(
                kind: .comparison, form: .infix(precedence: "Comparison"), range: 0..<1, lines: 12...12,
                before: change.0, after: change.1), sourceLine: line, occurrence: 1)
    }

    @Test func findsAnEquivalentOneByItsLineWhereverThatIs() throws {
        let list = try EquivalentMutants(
            "# why\n\nSources/A/a.swift\n    while a < b {\n    < → <=\n    it stops before\n")
        #expect(list.reason(for: mutant(("<", "<="))) == "it stops before")
        #expect(list.reason(for: mutant(("<", ">"))) == nil)
        #expect(list.reason(for: mutant(("<", "<="), line: "while a < c {")) == nil)
        #expect(throws: LabError.self) { try EquivalentMutants("Sources/A/a.swift\n< → <=\n") }
    }

    @Test func takesTheFirstLineOfTheTableThatFits() throws {
        let table = try MachineTable("# x\nPayloads/A/B ^one$\nPayloads/A/ ^two/\n")
        #expect(table.filter(for: "Payloads/A/B.swift") == "^one$")
        #expect(table.filter(for: "Payloads/A/C.swift") == "^two/")
        #expect(table.filter(for: "Payloads/C.swift") == nil)
        #expect(throws: LabError.self) { try MachineTable("Payloads/A/") }
    }

    @Test func wantsNineOfTenOfThoseThatChangeSomething() {
        var summary = MutantSummary()
        for _ in 0..<9 { summary.add(.noticed(by: "a")) }
        summary.add(.unnoticed)
        summary.add(.equivalent("b"))
        #expect(summary.isEnough)
        #expect(summary.text == "9 of 10 noticed (90.0 %), 1 not, 1 equivalent")
        summary.add(.unnoticed)
        #expect(!summary.isEnough)
    }
}

struct MutantOutputTests {
    @Test func readsTheTestThatHasAnIssue() {
        #expect(
            MutantTests.issue(
                in: "✘ Test placesEvery() recorded an issue at LinuxPlanTests.swift:20:9: Expectation failed")
                == "LinuxPlanTests.swift placesEvery()")
        #expect(
            MutantTests.issue(in: "✘ Test a(b:) recorded an issue with 1 argument b → 3 at C.swift:2:1: Caught error")
                == "C.swift a(b:)")
        #expect(MutantTests.issue(in: "✔ Test a() passed after 0.1 seconds.") == nil)
        #expect(MutantTests.issue(in: "✘ Test a() recorded a known issue at C.swift:2:1: x") == nil)
    }

    @Test func groupsTestsBySuite() {
        let groups = MutantTests.groups(of: "A.S/a()\nA.S/b()\nA.c()\n")
        #expect(groups.map(\.name) == ["A.S", "A.c()"])
        #expect(groups.map(\.filter) == [#"^A\.S/"#, #"^A\.c\(\)(/|$)"#])
    }

    @Test func readsCompilerErrorsOfTheTree() {
        let output =
            "/t/Sources/A/a.swift:12:5: error: no\n/t/Sources/A/a.swift:12:5: error: no\n"
            + "/t/Sources/A/a.swift:9:5: warning: hm\n/elsewhere/a.swift:1:1: error: no\n"
        let complaints = CompilerComplaint.all(in: output, below: "/t")
        #expect(complaints == [CompilerComplaint(path: "Sources/A/a.swift", line: 12, text: "no")])
    }

    @Test func readsTheFirstCaseThatFailed() {
        let output =
            "passed      5.1 s  jump/force\nFAILED     60.0 s  jump/last\n           no line\n1 passed, 1 failed"
        #expect(MutantMachines.failure(in: output) == "jump/last")
        #expect(MutantMachines.failure(in: "passed      5.1 s  jump/force\n") == nil)
    }
}
