// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Testing

@testable import Kexec

/// What is asked of the running kernel, against what its files say.
@Suite struct MachineProbeTests {
    private func status(_ name: String) throws -> String? {
        let text = String(decoding: try FileDescriptor(reading: "/proc/self/status").readToEnd(), as: UTF8.self)
        return text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
            .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
    }

    @Test func aProbeTellsWhatProcTells() throws {
        let facts = SystemCallProbe.facts()
        let effective = try #require(try status("CapEff").flatMap { UInt64($0, radix: 16) })
        #expect(facts.hasSysBoot == (effective >> 22 & 1 == 1))
        #expect(facts.isFiltered == (try status("Seccomp") ?? "0" != "0"))
        var system = utsname()
        uname(&system)
        let name = withUnsafeBytes(of: system.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        #expect(facts.architecture == name)
        // Privileges are what they were.
        #expect(try status("CapEff").flatMap { UInt64($0, radix: 16) } == effective)
        if !FileManager.default.fileExists(atPath: "/sys/kernel/kexec_loaded"), !facts.isFiltered {
            #expect(facts.hasKexecLoad == false && facts.hasKexecFileLoad == false)
        }
    }

    @Test func aDeviceThatIsNoModulesIsOneOfAnotherInterface() {
        #expect(ModuleState.ofDevice("/dev/null") == ModuleState(interface: 0))
        #expect(ModuleState.ofDevice("/no/such/device") == nil)
        #expect(ModuleState(interface: 0).isUnderstood == false && ModuleState(interface: 1).isUnderstood)
    }

    @Test func theRunningSystemsRootIsKnownByAnyOfItsNames() throws {
        #expect(try MachineRoot(path: "/").isRunning && MachineRoot(path: "/proc/self/root/").isRunning)
        #expect(try !MachineRoot(path: "/proc").isRunning)
        let root = try MachineRoot(path: "/")
        #expect(root.name(of: "proc/iomem") == "/proc/iomem")
        #expect(root.exists("proc/self/status") && !root.exists("proc/self/nothing"))
        let folder = try MachineFolder()
        for path in [folder.path, folder.path + "/"] {
            #expect(try MachineRoot(path: ByteString(path)).name(of: "proc/iomem") == folder.path + "/proc/iomem")
        }
    }

    @Test func readsTheHeadOfAFileAndAsMuchAsThatAsksFor() throws {
        let folder = try MachineFolder()
        try folder.add("file", bytes: (0..<100).map { UInt8($0) })
        let recording = Recording()
        let root = try MachineRoot(path: ByteString(folder.path), recording: recording)
        func head(_ first: Int, _ all: Int) -> Int? { root.head(of: "file", first: first) { _ in all }?.count }
        #expect(head(10, 0) == 10 && head(10, 10) == 10 && head(10, 11) == 11 && head(10, 200) == 100)
        #expect(root.head(of: "missing", first: 1) { _ in 1 } == nil)
        #expect(recording.files.map(\.bytes.count) == [10, 10, 11, 100])
    }

    @Test func readsANumberOfEightBytesOrNone() throws {
        let folder = try MachineFolder()
        try folder.add("file", bytes: (1...16).map { UInt8($0) })
        let root = try MachineRoot(path: ByteString(folder.path))
        #expect(root.number(at: 8, of: "file") == 0x100f_0e0d_0c0b_0a09)
        #expect(root.number(at: 9, of: "file") == 0 && root.number(at: 0, of: "missing") == 0)
    }

    @Test func keepsWholeLinesOfTheBeginningOfALargeFile() throws {
        let folder = try MachineFolder()
        try folder.add("file", "one\ntwo\nthree\n")
        let root = try MachineRoot(path: ByteString(folder.path))
        func lines(_ limit: Int) -> String? {
            root.excerpt(of: "file", within: limit) { !$0.equals("two") }.map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(lines(100) == "one\nthree\n" && lines(15) == "one\nthree\n")
        #expect(lines(14) == "one\nthree\n" && lines(13) == "one\n" && lines(4) == "one\n" && lines(3) == "")
    }
}
