// SPDX-License-Identifier: MIT
import Foundation
import Testing

@testable import kexec_lab

struct SystemCatalogueTests {
    @Test func namesAreUniqueAndFitForFolders() {
        let names = SystemCatalogue.all.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { $0.wholeMatch(of: /[a-z0-9._\/-]+/) != nil })
        // A case's folder must not be the parent of another's: consoles would mix.
        #expect(!names.contains { one in names.contains { $0.hasPrefix(one + "/") } })
    }

    @Test func ofEveryRelease() {
        for release in SystemRelease.allCases {
            #expect(SystemCatalogue.all.contains { $0.release == release }, "\(release)")
        }
    }
}

struct SystemRemoteCasesTests {
    /// What is tested is what users copy.
    @Test func runsTheLinesThatREADMEShows() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        let readme = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
        let command = SystemRemoteCases.command
        #expect(readme.contains("| Ansible | `ansible.builtin.reboot: { reboot_command: \"\(command)\" }` |"))
        #expect(readme.contains("| kured | `--reboot-command=\"\(command)\"` |"))
    }
}

struct SystemBootTests {
    @Test func readsWhatTheShellSaysBehindACutLine() {
        let boot = SystemBoot("LAB doLAB ready state=running boot=4a7c-12 release=6.1.0-56-cloud-amd64")
        #expect(boot == SystemBoot(state: "running", identifier: "4a7c-12", kernel: "6.1.0-56-cloud-amd64"))
        #expect(SystemBoot("LAB done 1 0") == nil)
    }
}

struct SystemGuestTests {
    @Test func sendsLinesAsTheyAreAndScriptsAsOneLine() throws {
        #expect(try SystemGuest.line("kexec -l \"a  b\"") == "kexec -l \"a  b\"")
        let line = try SystemGuest.line("set -e\ncat <<'END'\n$x\nEND")
        #expect(!line.contains("\n") && line.hasPrefix("eval "))
    }

    @Test func refusesWhatATerminalWouldCut() {
        #expect(throws: LabError.self) { try SystemGuest.line(String(repeating: "x", count: 4001)) }
    }
}

struct SystemRestartTests {
    private let jump = ["[  OK  ] Reached target reboot.target", "[    0.000000] Linux version 6.1.0", "login:"]
    private let cold = ["SeaBIOS (version 1.16.3)", "GRUB loading", "[    0.000000] Linux version 6.1.0", "login:"]

    private func complaints(
        _ console: [String], _ way: RestartWay, lastWords: String? = "Journal stopped",
        witness: ShutdownWitness = .journal, state: String = "running", fileSystem: String = "clean"
    ) -> [String] {
        SystemRestart(console: console, lastWords: lastWords, witness: witness, state: state, fileSystem: fileSystem)
            .complaints(expecting: way)
    }

    @Test func aJumpPassesNoFirmware() {
        #expect(complaints(jump, .kexec).isEmpty)
        #expect(complaints(cold, .kexec).count == 1)
    }

    @Test func aResetPassesFirmware() {
        #expect(complaints(cold, .firmware).isEmpty)
        #expect(complaints(jump, .firmware).count == 1)
    }

    @Test func wantsAKernelOnTheConsole() {
        #expect(complaints(["login:"], .kexec).count == 1)
    }

    @Test func seesWhatWasNotClean() {
        #expect(complaints(jump + ["[    2.1] EXT4-fs (vda1): recovery complete"], .kexec).count == 1)
        #expect(complaints(["Kernel panic - not syncing"] + jump, .kexec).count == 1)
        #expect(complaints(jump, .kexec, lastWords: "Started Reboot.").count == 1)
        #expect(complaints(jump, .kexec, state: "degraded").count == 1)
        #expect(complaints(jump, .kexec, fileSystem: "clean with errors").count == 1)
    }

    @Test func aShutdownWithoutAJournalShowsOnTheConsole() {
        let shutdown = "INIT: Switching to runlevel: 6", mount = "[   95.8] EXT4-fs (vda1): re-mounted."
        let clean = [shutdown, mount] + jump
        #expect(complaints(clean, .kexec, lastWords: nil, witness: .console, state: "sysvinit").isEmpty)
        // The next boot mounts it, too.
        let late = [shutdown] + jump + [mount]
        #expect(complaints(late, .kexec, lastWords: nil, witness: .console, state: "sysvinit").count == 1)
        #expect(complaints(jump, .kexec, lastWords: nil, witness: .nothing).isEmpty)
    }
}

struct SystemDiskTests {
    @Test func aDiskIsKnownByItsSourcesContents() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "recipe-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: "\(folder)/below", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data("one".utf8).write(to: URL(fileURLWithPath: "\(folder)/below/file"))
        let text = try SystemDisk.text(of: ["\(folder)/below/file", folder])
        #expect(text == "# \(folder)/below/file\none\n# \(folder)/below/file\none\n")
        #expect(throws: LabError.self) { try SystemDisk.text(of: ["\(folder)/nowhere"]) }
    }
}

struct SystemPackageTests {
    @Test func theBuiltPackageHasToBeTheOnlyOne() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "packages-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(throws: LabError.self) { try SystemPackage.built(in: folder) }
        for name in ["swift-kexec_0.1.0_amd64.deb", "swift-kexec-dkms_0.1.0_all.deb"] {
            try Data().write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        }
        #expect(try SystemPackage.built(in: folder) == .file("\(folder)/swift-kexec_0.1.0_amd64.deb"))
        try Data().write(to: URL(fileURLWithPath: "\(folder)/swift-kexec_0.2.0_amd64.deb"))
        #expect(throws: LabError.self) { try SystemPackage.built(in: folder) }
    }
}

struct SuiteTests {
    private struct Numbered: NamedTest { let name: String }

    @Test func runsEachOnceAndReportsAll() async {
        let cases = (0..<7).map { Numbered(name: "\($0)") }
        let suite = Suite<Numbered>(jobs: 3) { CaseResult(name: $0.name, verdict: .passed, seconds: 0) }
        let results = await suite.run(cases) { _ in }
        #expect(results.map(\.name).sorted() == cases.map(\.name))
    }

    @Test func whatAnInterruptionEndsHasNotFailed() async {
        let suite = Suite<Numbered>(jobs: 1) { test in
            try? await Task.sleep(for: .seconds(60))
            return CaseResult(name: test.name, verdict: .failed(["its machine is gone"]), seconds: 0)
        }
        let run = Task { await suite.run([Numbered(name: "runs"), Numbered(name: "waits")]) { _ in } }
        run.cancel()
        #expect(await run.value.map(\.verdict) == [.skipped("interrupted"), .skipped("interrupted")])
    }
}

struct SerialLinesTests {
    /// What QEMU does with its serial lines.
    private func listen(at path: String) throws -> Int32 {
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0 && Foundation.listen(listener, 1) == 0)
        return listener
    }

    @Test func keepsLinesUntilTheyAreWantedAndTellsTheEnd() async throws {
        let path = "/tmp/kexec-lab-test-\(UInt32.random(in: 0...UInt32.max))"
        let listener = try listen(at: path)
        defer {
            close(listener)
            unlink(path)
        }
        let lines = try await SerialLines(waitingFor: path)
        let machine = accept(listener, nil, nil)
        try lines.write("1 true")
        var heard = [UInt8](repeating: 0, count: 16)
        #expect(recv(machine, &heard, heard.count, 0) == 7 && heard.starts(with: Array("1 true\n".utf8)))
        #expect(try await lines.next(until: .now) == nil)
        _ = send(machine, "one\r\ntwo\r\n", 10, 0)
        #expect(try await lines.next(until: .now + .seconds(20)) == "one")
        #expect(try await lines.next(until: .now + .seconds(20)) == "two")
        close(machine)
        await #expect(throws: LabError.self) { try await lines.next(until: .now + .seconds(20)) }
    }
}
