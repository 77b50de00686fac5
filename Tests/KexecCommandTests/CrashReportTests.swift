// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Testing

@testable import Kexec
@testable import KexecCommand

@Suite struct CrashReportTests {
    private static func report(_ fixture: String) throws -> [String] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/machines/\(fixture)").path(percentEncoded: false)
        let machine = try MachineDescription(reading: MachineRoot(path: ByteString(folder)))
        return CrashCheck(of: machine).report.split(separator: "\n").map { String($0) }
    }

    @Test func saysWhatIsMissing() throws {
        #expect(
            try Self.report("crashkernel") == [
                "reserved   128 MiB: 0x32000000-0x39ffffff", "loaded     no",
                "updates    by a new load only, when memory or processors come and go",
                "missing    no crash kernel is loaded", "           hint: load one with -p", "works      no",
            ])
        #expect(
            try Self.report("bios-512m").suffix(3) == [
                "missing    no memory is reserved for a crash kernel",
                "           hint: boot the running kernel with crashkernel=256M", "works      no",
            ])
    }

    /// A loaded kernel was loaded with or without; before that, the running kernel can or cannot.
    @Test(
        arguments: [
            (nil, false, nil, false), (nil, false, 8192, true), (nil, true, nil, false), (false, true, nil, false),
            (false, false, 8192, true), (true, true, nil, true), (true, false, 8192, false), (true, true, 8192, true),
        ] as [(Bool?, Bool, UInt64?, Bool)])
    func saysWhoKeepsTheCoreHeaderUpToDate(loaded: Bool?, isKept: Bool, size: UInt64?, byKernel: Bool) {
        var machine = MachineDescription()
        machine.kexec.crashLoaded = loaded
        machine.crash.isKeptUpToDate = isKept
        machine.kexec.crashCoreHeaderSize = size
        let line = "updates    by " + (byKernel ? "the kernel" : "a new load only")
        #expect(CrashCheck(of: machine).report.contains(line + ", when memory or processors come and go\n"))
    }

    /// What the plan warns of stands between the facts and what is missing.
    @Test func tellsWhatThePlanWarnsOf() throws {
        var fixture = try PictureFixture("crashkernel", PictureFixture.usual)
        fixture.plan.target = .crash
        fixture.plan.warnings = [.optionIgnored(.fast, by: .crashKernel)]
        let memory = CrashMemory(of: CrashMemoryMap.make(for: fixture.machine), kernel: 1, initrd: 1, files: 1)
        let lines = CrashCheck(of: fixture.machine, fixture.plan, memory).report.split(separator: "\n")
        let sentence = Diagnostic(PlanWarning.optionIgnored(.fast, by: .crashKernel)).sentence
        #expect(lines.contains("warning    \(sentence)"))
        #expect(lines.contains("call       kexec_load, none"))
    }

    @Test func isAskedForWithOrWithoutAKernel() throws {
        #expect(try parse(["--crash-check"]).action == .crashCheck(nil))
        #expect(try parse(["-p", "--crash-check"]).action == .crashCheck(nil))
        let action = try parse(["--crash-check", "K", "--initrd=I", "--machine=M"])
        guard case .crashCheck(let request?) = action.action else {
            Issue.record("\(action.action)")
            return
        }
        #expect(request.target == .crash && request.kernel == "K" && request.initrds == ["I"])
        #expect(action.machineDirectory == "M")
    }

    @Test(arguments: [["-l"], ["-u"], ["-e"], ["--plan"], ["--last"], ["-S"]])
    func goesWithNoOtherAction(words: [String]) {
        #expect(throws: UsageError.self) { try parse(["--crash-check", "K"] + words) }
    }

    @Test func needsAKernelForWhatShapesALoad() {
        #expect(throws: UsageError.needsLoad("--append")) { try parse(["--crash-check", "--append=quiet"]) }
    }
}
