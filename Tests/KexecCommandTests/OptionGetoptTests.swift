// SPDX-License-Identifier: MIT
// getopt_long keeps its state in global variables.
@preconcurrency import Glibc
import Testing

@testable import Kexec
@testable import KexecCommand

/// What a parser found up to the end or to the first error.
private struct Reading: Equatable {
    enum End: Equatable { case complete, unknownOrAmbiguous, unknownLetter(UInt8), needsValue, takesNoValue(Int32) }
    struct Step: Equatable {
        var option: Int32
        var value: String?
    }
    var steps: [Step] = []
    var operands: [String] = []
    var end = End.complete
}

/// glibc's own parser has global state: one call at a time.
@Suite(.serialized) struct OptionGetoptTests {
    /// The whole table as if one program had brought it, and kexec-tools' as its versions have it.
    static let tables: [(name: String, entries: [OptionEntry])] = [
        ("everything", OptionTable.entries.map(\.ofOneGeneration)),
        ("kexec-tools 2.0.25", known(to: .kexecTools25)),
        ("kexec-tools 2.0.32", known(to: .kexecTools32)),
        ("kexec-tools next", known(to: .kexecToolsNext)),
        ("aliases", aliases),
    ]

    @Test(arguments: 0..<5) func readsWhatGetoptLongReads(table: Int) {
        let (name, entries) = Self.tables[table]
        var random = SplitMix64(state: 0x6b65_7865_6300 + UInt64(table))
        for _ in 0..<4000 {
            let words = randomWords(entries, &random)
            #expect(read(words, entries) == getoptLong(words, entries), "\(name): \(words)")
        }
    }

    @Test(arguments: [
        ["-tbzImage", "K"], ["-t", "bzImage"], ["-lt", "x", "K"], ["-ltx", "K"], ["-t"], ["-t", "--"],
        ["--type", "--"],
        ["--type="], ["--type", ""], ["--append", "-e", "K"], ["--append=a=b"], ["--app", "x"], ["--com=x"],
        ["K", "-l", "L", "--ver"], ["--", "-h"], ["-l", "--", "K", "-d", "--"], ["-", "-l"], ["-l", "-"], ["--=x"],
        ["--load=x"], ["--unl=x"], ["--l"], ["--reuse"], ["--reuse-"], ["--reusei"], ["--force", "--f"], ["--d"],
        ["--de"], ["-l-"], ["--help=3"], ["-Q"], ["-lQd"], ["-W", "x"], ["-:"], ["-;"], ["-?"], ["---"], ["-é"],
        ["--é"], [""], ["", "-l"], [], ["--plan", "json"], ["--plan=json"], ["--plan="], ["--pla=x"], ["--initrd"],
    ]) func readsEachRuleAsGetoptLong(words: [String]) {
        for (name, entries) in Self.tables {
            #expect(read(words, entries) == getoptLong(words, entries), "\(name): \(words)")
        }
    }

    /// The promise to kexec-tools' users: names that came later, ours among them, take nothing away.
    @Test(arguments: [Generation.kexecTools25, .kexecTools32]) func keepsEveryMeaningOf(generation: Generation) {
        let theirs = known(to: generation)
        var random = SplitMix64(state: 0x6b65_7065 + UInt64(generation.rawValue))
        var accepted = 0
        for _ in 0..<4000 {
            let words = randomWords(theirs, &random)
            let expected = getoptLong(words, theirs)
            guard expected.end == .complete else { continue }
            accepted += 1
            #expect(read(words, OptionTable.entries) == expected, "\(words)")
        }
        #expect(accepted > 800)
    }

    @Test func keepsEveryAbbreviationThatAnyKexecToolsUnderstood() {
        for generation in [Generation.kexecTools25, .kexecTools32, .kexecToolsNext] {
            let theirs = known(to: generation)
            for entry in theirs {
                for length in 1...entry.name.utf8.count {
                    let words = ["--" + String(entry.name.prefix(length)), "value"]
                    let expected = getoptLong(words, theirs)
                    guard expected.end == .complete else { continue }
                    // A later version may have made it ambiguous; none gave it another meaning.
                    #expect(read(words, OptionTable.entries) == expected, "\(words)")
                }
            }
        }
    }
}

/// `--same-one` and `--same-two` are one option; `--other-one` and `--other-two` differ in their value only.
private let aliases: [OptionEntry] = {
    func entry(_ name: String, _ option: KexecOption, _ value: ValueKind, _ letter: UInt8? = nil) -> OptionEntry {
        OptionEntry(
            option: option, name: name, letter: letter, value: value, placeholder: "", generation: .kexecTools25,
            group: .action, standing: .honoured, help: "")
    }
    return [
        entry("same-one", .initrd, .required), entry("same-two", .initrd, .required), entry("same", .load, .none),
        entry("other-one", .type, .required, UInt8(ascii: "t")), entry("other-two", .type, .optional),
        entry("plan", .plan, .optional), entry("load", .load, .none, UInt8(ascii: "l")),
    ]
}()

private func known(to generation: Generation) -> [OptionEntry] {
    OptionTable.entries.filter { $0.generation.rawValue <= generation.rawValue }.map(\.ofOneGeneration)
}

extension OptionEntry {
    fileprivate var ofOneGeneration: OptionEntry {
        var entry = self
        entry.generation = .kexecTools25
        return entry
    }
}

/// `val` of `struct option`: clear of the letters, of '?' and of ':'.
private func identity(_ option: KexecOption) -> Int32 { 1000 + Int32(option.rawValue) }

private func read(_ words: [String], _ entries: [OptionEntry]) -> Reading {
    var parser = OptionParser(words, entries: entries)
    var reading = Reading()
    do throws(UsageError) {
        while let found = try parser.next() {
            reading.steps.append(.init(option: identity(found.entry.option), value: found.value?.description))
        }
        reading.operands = parser.operands.map(\.description)
    } catch {
        switch error {
        case .unknownOption, .ambiguous: reading.end = .unknownOrAmbiguous
        case .unknownLetter(let letter, _): reading.end = .unknownLetter(letter)
        case .needsValue: reading.end = .needsValue
        case .takesNoValue(let name, _):
            let entry = entries.first { "--" + $0.name == name }
            reading.end = .takesNoValue(entry.map { identity($0.option) } ?? -1)
        default: Issue.record("the parser cannot throw \(error)")
        }
    }
    return reading
}

/// `struct option` of <getopt.h>, which Swift's Glibc module leaves out; 32 bytes on 64-bit machines.
private struct GetoptOption {
    var name: UnsafeMutablePointer<CChar>?
    var hasArgument: Int32
    var flag: UnsafeMutablePointer<Int32>?
    var val: Int32
}

private typealias GetoptLong =
    @convention(c) (
        Int32, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, UnsafePointer<CChar>, UnsafeRawPointer,
        UnsafeMutablePointer<Int32>?
    ) -> Int32

private nonisolated(unsafe) let glibc: GetoptLong = unsafeBitCast(dlsym(nil, "getopt_long"), to: GetoptLong.self)

private func getoptLong(_ words: [String], _ entries: [OptionEntry]) -> Reading {
    // A leading ':' tells a missing value from the other errors; it changes nothing else.
    var letters = ":"
    for entry in entries {
        guard let letter = entry.letter else { continue }
        letters += String(Unicode.Scalar(letter)) + (entry.value == .required ? ":" : "")
    }
    var names: [UnsafeMutablePointer<CChar>?] = entries.map { strdup($0.name) }
    var arguments: [UnsafeMutablePointer<CChar>?] = (["kexec"] + words).map { strdup($0) }
    let owned = names + arguments
    defer { for pointer in owned { free(pointer) } }
    arguments.append(nil)
    names.append(nil)
    var table = zip(entries, names).map { entry, name in
        GetoptOption(
            name: name, hasArgument: entry.value == .none ? 0 : entry.value == .required ? 1 : 2, flag: nil,
            val: identity(entry.option))
    }
    table.append(GetoptOption(name: nil, hasArgument: 0, flag: nil, val: 0))
    // 0, not 1: glibc then forgets what an unfinished word of short options had left.
    optind = 0
    opterr = 0
    var reading = Reading()
    while true {
        optopt = 0
        let result = glibc(Int32(words.count + 1), &arguments, letters, table, nil)
        if result == -1 { break }
        if result == Int32(UInt8(ascii: "?")) || result == Int32(UInt8(ascii: ":")) {
            reading.end =
                result == Int32(UInt8(ascii: ":"))
                ? .needsValue
                : optopt == 0
                    ? .unknownOrAmbiguous
                    : optopt >= 1000 ? .takesNoValue(optopt) : .unknownLetter(UInt8(truncatingIfNeeded: optopt))
            return reading
        }
        let letter = entries.first { $0.letter.map(Int32.init) == result }
        let value = optarg.map { String(cString: $0) }
        reading.steps.append(.init(option: letter.map { identity($0.option) } ?? result, value: value))
    }
    reading.operands = arguments[Int(optind)..<words.count + 1].compactMap { $0.map { String(cString: $0) } }
    return reading
}

private struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// Words as users, scripts and typing errors make them.
private func randomWords(_ entries: [OptionEntry], _ random: inout SplitMix64) -> [String] {
    let fixed = ["-", "--", "", "K", "vmlinuz", "quiet splash", "--=x", "-=", "---", "-t", "--type", "--append", "é"]
    let letters = Array("hvdfixyluetpscaSQ?:;-Wé=0")
    return (0..<Int.random(in: 0...6, using: &random)).map { _ in
        let name = entries.randomElement(using: &random)?.name ?? ""
        switch Int.random(in: 0..<10, using: &random) {
        case 0...2: return "--" + name
        case 3: return "--" + name + "=" + (fixed.randomElement(using: &random) ?? "")
        case 4: return "--" + name.prefix(Int.random(in: 1...name.count, using: &random))
        case 5: return "--" + name.prefix(Int.random(in: 1...name.count, using: &random)) + "=value"
        case 6: return "--" + name.prefix(Int.random(in: 1...name.count, using: &random)) + "x"
        case 7...8:
            let count = Int.random(in: 1...4, using: &random)
            return "-" + String((0..<count).compactMap { _ in letters.randomElement(using: &random) })
        default: return fixed.randomElement(using: &random) ?? ""
        }
    }
}
