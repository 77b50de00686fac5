// SPDX-License-Identifier: MIT
import Foundation
import Testing

@testable import Kexec
@testable import KexecCommand

/// The agreement of option table, help text and manual.
@Suite struct OptionTableTests {
    @Test func everyOptionHasAName() {
        for option in KexecOption.allCases {
            #expect(OptionTable.entries.contains { $0.option == option }, "\(option)")
            #expect(OptionTable.name(of: option).hasPrefix("--"))
        }
        #expect(KexecOption.allCases.count <= 64)
    }

    @Test func namesAndLettersAreUnique() {
        let names = OptionTable.entries.map(\.name)
        #expect(Set(names).count == names.count)
        let letters = OptionTable.entries.compactMap(\.letter)
        #expect(Set(letters).count == letters.count)
    }

    /// kexec-tools 2.0.25 and 2.0.32, as Debian builds them: long name, short name, whether it takes a value.
    @Test(arguments: [
        "help h", "version v", "force f", "no-checks i", "no-ifdown x", "no-sync y", "load l", "unload u", "exec e",
        "exec-live-update", "load-preserve-context", "load-jump-back-helper", "load-live-update", "entry=", "type= t",
        "load-panic p", "mem-min=", "mem-max=", "reuseinitrd", "kexec-file-syscall s", "kexec-syscall c",
        "kexec-syscall-auto a", "debug d", "status S", "print-ckr-size", "hotplug", "reset-vga", "serial=",
        "serial-baud=", "console-vga", "console-serial", "elf32-core-headers", "elf64-core-headers",
        "pass-memmap-cmdline", "noefi", "reuse-video-type", "command-line=", "append=", "reuse-cmdline", "initrd=",
        "ramdisk=", "args-elf", "args-linux", "args-none", "module=", "real-mode", "entry-32bit", "dtb=",
    ]) func hasEveryOptionOfKexecTools(described: String) throws {
        let parts = described.split(separator: " ")
        let takesValue = parts[0].hasSuffix("=")
        let name = takesValue ? String(parts[0].dropLast()) : String(parts[0])
        let entry = try #require(OptionTable.entries.first { $0.name == name })
        #expect(entry.letter == (parts.count > 1 ? parts[1].utf8.first : nil))
        #expect(entry.value == (takesValue ? .required : .none))
        #expect(entry.generation == (["hotplug", "dtb"].contains(name) ? .kexecTools32 : .kexecTools25))
    }

    /// Else the exact name would stop meaning what it meant as an abbreviation.
    @Test func noLaterNameIsTheBeginningOfAnEarlierOne() {
        for later in OptionTable.entries {
            for earlier in OptionTable.entries where earlier.generation.rawValue < later.generation.rawValue {
                #expect(!earlier.name.hasPrefix(later.name))
            }
        }
    }

    @Test(arguments: [
        ("--f", KexecOption.force), ("--de", .debug), ("--d", .debug), ("--h", .help), ("--no-c", .noChecks),
        ("--pl", .plan), ("--las", .last), ("--di", .digest), ("--sy", .systemCall), ("--ca", .captureMachine),
        ("--ma", .machine), ("--com", .commandLine), ("--ver", .version), ("--force-", .forceDeviceTree),
        ("--no-cm", .noCMA), ("--dr", .dryRun), ("--dtb", .deviceTree), ("--hot", .hotplug), ("--dt", .deviceTree),
        ("--st", .status),
    ]) func abbreviationsMeanTheOldestOption(word: String, option: KexecOption) throws {
        var parser = OptionParser([word, "x"])
        #expect(try parser.next()?.entry.option == option)
    }

    @Test func ambiguousNamesListAllThatTheyCouldBe() {
        for (word, count) in [("--l", 6), ("--p", 3), ("--m", 4), ("--s", 5)] {
            var parser = OptionParser([word])
            do throws(UsageError) {
                _ = try parser.next()
                Issue.record("\(word) was accepted")
            } catch {
                guard case .ambiguous(word, let candidates) = error else {
                    Issue.record("\(error)")
                    continue
                }
                #expect(candidates.count == count, "\(candidates)")
            }
        }
    }

    @Test func helpNamesEveryOptionIn80Columns() {
        let help = HelpText.full()
        for entry in OptionTable.entries {
            #expect(help.contains(HelpText.line(for: entry)))
            #expect(!entry.help.isEmpty && !entry.help.hasSuffix("."))
        }
        for line in (help + HelpText.usage).split(separator: "\n") { #expect(line.utf8.count <= 80, "\(line)") }
        for type in ForcedImageType.allCases { #expect(help.contains(type.rawValue)) }
        #expect((help + HelpText.usage).utf8.allSatisfy { $0 == 0x0a || (0x20...0x7e).contains($0) })
    }

    @Test func helpSaysWhatIsRefused() throws {
        let entry = try #require(OptionTable.entries.first { $0.option == .reuseInitrd })
        #expect(HelpText.line(for: entry).hasSuffix(" (not on x86)\n"))
        let later = try #require(OptionTable.entries.first { $0.option == .deviceTree })
        #expect(HelpText.line(for: later).hasSuffix(" (not yet)\n"))
    }

    /// Help and manual say "not yet" of exactly what is refused for that reason.
    @Test func marksWhatNoPlanCanHonourYet() throws {
        let values: [KexecOption: String] = [
            .serial: "ttyS0", .serialBaud: "9600", .type: "bzImage", .digest: "fast", .systemCall: "auto",
            .plan: "json",
        ]
        for entry in OptionTable.entries {
            let value = entry.value == .none ? "" : "=" + (values[entry.option] ?? "0x10")
            var isRefused = false
            do throws(UsageError) {
                isRefused =
                    try parse(["--" + entry.name + value, "-l", "K"]).action.request?.optionsNotBuiltYet == [
                        entry.option
                    ]
            } catch {
                // One option that goes with others only is known all the same.
                if case .notInThisRelease = error { isRefused = true }
            }
            #expect(isRefused == (entry.standing == .laterRelease), "--\(entry.name)")
        }
    }

    @Test func manualSaysWhatIsNotInThisRelease() throws {
        let blocks = try manual().components(separatedBy: "\n.It Fl ")
        for entry in OptionTable.entries {
            let names = ["-" + entry.name, "-" + entry.name + " Ns = Ns Ar " + entry.placeholder]
            let block = blocks.first { block in
                block.prefix { $0 != "\n" }.components(separatedBy: " , ").contains { item in
                    names.contains(item.hasPrefix("Fl ") ? String(item.dropFirst(3)) : item)
                }
            }
            // "--plan[=json]" is spelled in a way of its own.
            guard let block else {
                #expect(entry.option == .plan, "--\(entry.name)")
                continue
            }
            let text = block.components(separatedBy: "\n.El").first ?? ""
            #expect(text.contains("\nNot in this release.") == (entry.standing == .laterRelease), "--\(entry.name)")
        }
    }

    private func manual() throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "Documentation/man/kexec.8"), encoding: .utf8)
    }

    @Test func versionLineBeginsAsThatOfKexecTools() {
        let words = ProgramVersion.line.split(separator: " ")
        #expect(words[0] == "kexec-tools")
        #expect(words[1].split(separator: ".").allSatisfy { Int($0) != nil })
        #expect(ProgramVersion.line.hasSuffix("(swift-kexec 0.1.0)\n"))
    }

    @Test func manualNamesEveryOptionAndNoOther() throws {
        let page = try manual()
        // mdoc: ".It Fl t , Fl -type Ns = Ns Ar TYPE", ".It Fl -append Ns = Ns Ar LINE , Fl -command-line Ns = …"
        var documented: Set<String> = []
        for line in page.split(separator: "\n") where line.hasPrefix(".It Fl ") {
            for item in line.dropFirst(4).split(separator: ",") {
                let words = item.split(separator: " ")
                guard words.count >= 2, words[0] == "Fl" else { continue }
                documented.insert(words.dropFirst().joined(separator: " "))
            }
        }
        var expected: Set<String> = []
        for entry in OptionTable.entries {
            if let letter = entry.letter {
                let value = entry.value == .required ? " Ar " + entry.placeholder : ""
                expected.insert(String(Unicode.Scalar(letter)) + value)
            }
            switch entry.value {
            case .none: expected.insert("-" + entry.name)
            case .required: expected.insert("-" + entry.name + " Ns = Ns Ar " + entry.placeholder)
            case .optional:
                let words = entry.placeholder.replacing("|", with: " Ns | Ns Cm ")
                expected.insert("-" + entry.name + " Ns Op = Ns Cm " + words)
            }
        }
        #expect(documented.subtracting(expected) == [])
        #expect(expected.subtracting(documented) == [])
        for type in ForcedImageType.allCases { #expect(page.contains(".It Cm \(type.rawValue)\n")) }
    }

    @Test func manualCallsEveryOptionOfOursAnExtension() throws {
        let section = try #require(try manual().components(separatedBy: ".Sh STANDARDS").last)
        let listed = try #require(section.components(separatedBy: "\nare extensions").first)
            .components(separatedBy: "\n.Fl -").dropFirst().map { String($0.prefix { $0 != " " && $0 != "\n" }) }
        let ours = OptionTable.entries.filter { $0.generation == .swiftKexec }.map(\.name)
        #expect(listed == ours.sorted())
    }

    /// Nothing that can stand on a command line stops the parser or the sentence about it.
    @Test func neverTraps() {
        var state: UInt64 = 1
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(truncatingIfNeeded: state >> 33) % bound
        }
        let alphabet = Array("-=lhvt?pSu0xKMG9 e".unicodeScalars) + ["\u{0}", "\u{e9}", "\u{1f600}", "\u{301}", "\n"]
        for _ in 0..<4000 {
            let words = (0..<random(5)).map { _ -> String in
                var word = random(2) == 0 ? "" : "--" + OptionTable.entries[random(OptionTable.entries.count)].name
                for _ in 0..<random(6) { word.unicodeScalars.append(alphabet[random(alphabet.count)]) }
                return word
            }
            do throws(UsageError) {
                for warning in try parse(words).warnings { #expect(!Diagnostic(warning).sentence.isEmpty) }
            } catch {
                #expect(!Diagnostic(error).sentence.isEmpty)
                #expect(error.exitStatus != 0)
            }
        }
    }
}

/// The manual's table of exit statuses is that of the program.
@Suite struct ExitStatusManualTests {
    @Test func manualListsEveryStatusOnce() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "Documentation/man/kexec.8"), encoding: .utf8)
        let section = try #require(
            page.components(separatedBy: ".Sh EXIT STATUS").last?.components(separatedBy: ".Sh ").first)
        let listed = section.split(separator: "\n").filter { $0.hasPrefix(".It ") }.compactMap {
            Int32($0.dropFirst(4))
        }
        #expect(listed == Set(ExitCode.allCases.map(\.status)).sorted())
    }
}
