// SPDX-License-Identifier: MIT
import Foundation
import Testing

@testable import kexec_lab

private func run(_ digest: String, failing complaint: String? = nil, at seconds: Double = 0) -> CaseRun {
    CaseRun(
        digest: digest, reads: ["build/kexec"], seconds: 5, ended: Date(timeIntervalSince1970: seconds),
        complaint: complaint)
}

/// A folder of its own, removed at the end.
private func inFolder(_ body: (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/memory-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(folder)
}

struct CaseMemoryTests {
    @Test func countsRunsOfOneDigestAndEveryFailureEver() {
        var known = CaseMemory(run("a"))
        known.add(run("a", failing: "no line"))
        #expect((known.passed, known.failed, known.verdict) == (1, 1, .failed))
        #expect(known.complaint == "no line" && known.everFailed == 1)
        known.add(run("b", at: 7))
        #expect((known.passed, known.failed, known.verdict) == (1, 0, .passed))
        #expect(known.complaint == nil && known.everFailed == 1)
        #expect(known.ended == Date(timeIntervalSince1970: 7))
    }

    @Test func takesFromAnotherCopyOnlyWhatCountsHereAndTellsMore() {
        var ours = LabMemory()
        ours.add(run("now"), of: "kept")
        ours.add(run("old"), of: "stale here")
        ours.add(run("now"), of: "fewer here")
        var theirs = LabMemory()
        theirs.add(run("other"), of: "kept")
        theirs.add(run("now"), of: "stale here")
        theirs.add(run("now"), of: "fewer here")
        theirs.add(run("now"), of: "fewer here")
        theirs.add(run("other"), of: "new")
        ours.merge(theirs) { _, _ in "now" }
        #expect(ours.cases["kept"]?.digest == "now")
        #expect(ours.cases["stale here"]?.digest == "now")
        #expect(ours.cases["fewer here"]?.passed == 2)
        #expect(ours.cases["new"]?.digest == "other")
    }

    @Test func theFileKeepsWhatSeveralRunsAdd() async throws {
        try await inFolder { folder in
            let file = LabMemoryFile(at: "\(folder)/laboratory.json")
            try file.change { $0.add(run("a"), of: "one") }
            try file.change { $0.add(run("b", failing: "why", at: 9), of: "two") }
            let read = try file.read()
            #expect(read.cases["one"]?.digest == "a")
            #expect(read.cases["two"] == CaseMemory(run("b", failing: "why", at: 9)))
            try Data("{".utf8).write(to: URL(fileURLWithPath: file.path))
            #expect(throws: LabError.self) { try file.read() }
        }
    }
}

struct InputNameTests {
    private let names = InputNames(
        cache: "/c/cache", kexec: "/else/kexec", folder: "/tree/build/vm", workTree: "/tree")

    @Test func areTheSameInEveryCopy() {
        for (path, name) in [
            ("/tree/build/mkelfimage", "build/mkelfimage"), ("/c/cache/kernels/x/vmlinuz", "cache:kernels/x/vmlinuz"),
            ("/else/kexec", "build/kexec"), ("/usr/bin/true", "/usr/bin/true"),
        ] {
            #expect(names.name(of: path) == name)
            #expect(names.path(of: name) == path)
        }
    }

    @Test func leaveOutWhatIsMadeFromOtherInputs() {
        #expect(names.name(of: "/tree/build/vm/made/probe") == nil)
        #expect(names.name(of: "/tree/build/modules/x/kexec_mod.ko") == nil)
        #expect(names.name(of: "/tmp/kexec-lab-1234.packed") == nil)
        #expect(names.name(of: "/tree/build/vmx") == "build/vmx")
    }
}

struct FileDigestTests {
    @Test func changeWithContentsNamesAndOrderOfAFolder() async throws {
        try await inFolder { folder in
            let digests = FileDigests()
            func digest() async throws -> String? { try await digests.digest(of: [folder])?[folder] }
            try Data("a".utf8).write(to: URL(fileURLWithPath: "\(folder)/one"))
            try Data("b".utf8).write(to: URL(fileURLWithPath: "\(folder)/two"))
            let first = try await digest()
            #expect(try await digest() == first)
            try Data("cc".utf8).write(to: URL(fileURLWithPath: "\(folder)/two"))
            let second = try await digest()
            #expect(second != first)
            try FileManager.default.moveItem(atPath: "\(folder)/two", toPath: "\(folder)/three")
            #expect(try await digest() != second)
            #expect(try await digests.digest(of: ["\(folder)/absent"]) == nil)
        }
    }

    @Test func areSHA256() async throws {
        try await inFolder { folder in
            try Data("abc".utf8).write(to: URL(fileURLWithPath: "\(folder)/abc"))
            let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            #expect(try await FileDigests().digest(of: ["\(folder)/abc"]) == ["\(folder)/abc": known])
            #expect(try await FileDigests.digest(of: "abc") == known)
        }
    }
}

struct LabSourcesTests {
    @Test func followsTypesThatAreDeclaredOrExtended() {
        let sources = LabSources(texts: [
            "L/Cases/A.swift": "enum A: CaseGroup {\n    let x = Helper.value\n}",
            "L/Cases/B.swift": "enum B {}",
            "L/Payloads/Helper.swift": "struct Helper {\n    let y: Deep\n}",
            "L/Payloads/HelperMore.swift": "private extension Helper {\n}",
            "L/Payloads/Deep.swift": "final class Deep {\n}",
        ])
        #expect(
            sources.closure(of: "A.swift") == [
                "L/Cases/A.swift", "L/Payloads/Deep.swift", "L/Payloads/Helper.swift", "L/Payloads/HelperMore.swift",
            ])
        #expect(sources.closure(of: "B.swift") == ["L/Cases/B.swift"])
    }

    /// Else a change of one file would make all cases stale.
    @Test func aFileOfCasesDoesNotBelongToAnother() throws {
        let index = try SourceIndex()
        for test in Catalogue.all {
            let files = index.cases.closure(of: test.source).filter { $0.hasSuffix("Cases.swift") }
            #expect(files.count <= 4, "\(test.name): \(files)")
        }
        for test in SystemCatalogue.all {
            let files = index.systemCases.closure(of: test.source).filter { $0.hasSuffix("Cases.swift") }
            #expect(files.count <= 4, "\(test.name): \(files)")
        }
    }

    @Test func everyCaseIsWrittenInAFileOfTheLaboratory() throws {
        let index = try SourceIndex()
        for test in Catalogue.all {
            #expect(index.cases.closure(of: test.source).contains { $0.hasSuffix("/\(test.source)") }, "\(test.name)")
        }
        for test in SystemCatalogue.all {
            #expect(
                index.systemCases.closure(of: test.source).contains { $0.hasSuffix("/\(test.source)") }, "\(test.name)")
        }
    }
}

struct RemembranceTests {
    private struct Simple: RememberedTest {
        var name = "simple"
        var values = "values"
        var processors = 1
        func sources(in index: SourceIndex) -> [String] { [] }
    }

    private func result(_ verdict: CaseResult.Verdict) -> CaseResult {
        CaseResult(name: "simple", verdict: verdict, seconds: 1)
    }

    @Test func aPassCountsUntilSomethingThatTheCaseReadChanges() async throws {
        try await inFolder { folder in
            let remembrance = try Remembrance(cache: CacheFolder(at: folder))
            let input = "\(folder)/vmlinuz"
            try Data("kernel".utf8).write(to: URL(fileURLWithPath: input))
            // A file system may tell times less exactly than a clock.
            try await Task.sleep(for: .milliseconds(30))
            let states = { (test: Simple) in
                try await remembrance.state(of: test, in: try remembrance.file.read())
            }
            #expect(try await states(Simple()) == .never)
            _ = await remembrance.remembering(Simple()) {
                ReadFiles.note(input)
                return result(.passed)
            }
            #expect(try await states(Simple()) == .passed)
            #expect(try await states(Simple(values: "others")) == .stale)
            try Data("another kernel".utf8).write(to: URL(fileURLWithPath: input))
            #expect(try await states(Simple()) == .stale)
            try FileManager.default.removeItem(atPath: input)
            #expect(try await states(Simple()) == .stale)
        }
    }

    @Test func remembersNoSkippedCaseAndNoneWhoseInputsChanged() async throws {
        try await inFolder { folder in
            let remembrance = try Remembrance(cache: CacheFolder(at: folder))
            _ = await remembrance.remembering(Simple()) { result(.skipped("no")) }
            _ = await remembrance.remembering(Simple()) {
                try? await Task.sleep(for: .milliseconds(30))
                try? Data("late".utf8).write(to: URL(fileURLWithPath: ReadFiles.note("\(folder)/late")))
                return result(.passed)
            }
            #expect(try remembrance.file.read().cases.isEmpty)
        }
    }
}

struct ScheduleTests {
    private struct Numbered: RememberedTest {
        var name: String
        var values = ""
        var processors = 1
        func sources(in index: SourceIndex) -> [String] { [] }
    }

    private typealias Known = KnownTest<Numbered>

    private func known(
        _ name: String, _ state: CaseState, _ change: (inout CaseMemory) -> Void = { _ in }
    ) -> Known {
        guard state != .never else { return Known(test: Numbered(name: name), state: state) }
        var memory = CaseMemory(run("a", failing: state == .failed ? "why" : nil))
        change(&memory)
        return Known(test: Numbered(name: name), state: state, known: memory)
    }

    private func names(_ tests: [Known], _ arguments: [String]) throws -> [[String]] {
        Schedule.rounds(of: tests, try MemoryOptions.parse(arguments)).map { $0.map(\.name) }
    }

    @Test func staleOnesComeOldestFirst() throws {
        let tests = [
            known("new", .stale) { $0.ended = Date(timeIntervalSince1970: 9) }, known("passed", .passed),
            known("old", .failed) { $0.ended = Date(timeIntervalSince1970: 1) }, known("never", .never),
        ]
        #expect(try names(tests, ["--stale"]) == [["never", "old", "new"]])
    }

    @Test func longOnesComeFirst() throws {
        let tests = [("a", 9.0), ("long", 50), ("b", 30), ("longest", 90), ("c", 20)].map { name, seconds in
            known(name, .passed) { $0.seconds = seconds }
        }
        let all = tests + [known("never", .never)]
        #expect(try names(all, ["--repeat", "2"])[0] == ["longest", "long", "a", "b", "c", "never"])
        let unasked = Schedule.longFirst(all) { $0.known?.seconds }
        #expect(unasked.map(\.test.name) == ["longest", "long", "a", "b", "c", "never"])
    }

    @Test func repetitionsCountWhatIsRememberedOfThisDigest() throws {
        let tests = [
            known("twice", .passed) { $0.passed = 2 }, known("stale", .stale) { $0.passed = 9 }, known("never", .never),
            known("done", .passed) { $0.passed = 3 },
        ]
        #expect(
            try names(tests, ["--repeat", "3"]) == [
                ["twice", "stale", "never"], ["stale", "never"], ["stale", "never"],
            ])
    }

    @Test func suspectsAreSlowOrManyOrFailedOnce() throws {
        var tests = (0..<Schedule.slowest).map { number in known("\(number)", .passed) { $0.seconds = 100 } }
        tests.append(known("quick", .passed))
        tests.append(known("failed", .passed) { $0.everFailed = 1 })
        var many = known("many", .never)
        many.test.processors = 2
        tests.append(many)
        let found = try names(tests, ["--suspects"])[0]
        #expect(found.count == Schedule.slowest + 2)
        #expect(!found.contains("quick") && found.contains("failed") && found.contains("many"))
    }
}
