// SPDX-License-Identifier: MIT
import Handoff
import Testing

@testable import Kexec

/// The running kernel, except that nothing is ever loaded, jumped to or started: every such call is refused.
private struct KernelWithoutJump: KernelCalls {
    private var real = LinuxKernel()
    /// What is to be seen when the jump is made.
    private(set) var linksUpAtJump: [String]?

    mutating func kexecLoad(
        entry: UInt, segments: [SegmentHandover], kernel: RawSpan, initrd: RawSpan, made: RawSpan,
        flags: KexecLoadFlags
    ) -> Int { -1 }
    mutating func kexecFileLoad(
        kernel: Int32, initrd: Int32, commandLine: [UInt8], flags: KexecFileLoadFlags
    ) -> Int { -1 }
    mutating func moduleLoad(
        entry: UInt64, segments: [SegmentHandover], kernel: RawSpan, initrd: RawSpan, made: RawSpan,
        flags: KexecLoadFlags
    ) -> Int { -1 }
    mutating func module(_ command: ModuleCommand) -> Int { -1 }
    mutating func reboot(_ command: RebootCommand) -> Int {
        linksUpAtJump = NetworkState(recordingFrom: &real).links.map(\.name)
        return -16
    }
    mutating func sync() {}
    mutating func removeLoadNote() {}
    mutating func netlink(_ request: [UInt8]) -> NetlinkReply { real.netlink(request) }
    mutating func execute(_ path: String, _ arguments: [String]) -> Int { -1 }
    mutating func detach() -> Int { -1 }
    mutating func endPatience() {}
    mutating func sleep(milliseconds: Int32) -> Bool { real.sleep(milliseconds: milliseconds) }
    mutating func holdSignals(_ hold: Bool) { real.holdSignals(hold) }
    mutating func lockMemory() -> Int { 0 }
    mutating func unlockMemory() {}
    mutating func openModule() {}
    func networkStorage() -> NetworkStorage? { nil }
    mutating func writeKernelLog(_ line: [UInt8]) -> Int { -1 }
    func hasSysBoot() -> Bool { true }
    func linkTarget(_ path: String) -> [UInt8]? { real.linkTarget(path) }
    func head(of path: String) -> [UInt8]? { nil }
    func parentProcess() -> Int32 { 2 }
    func isLost(_ descriptor: Int32) -> Bool { false }
}

/// In a network namespace of its own only, made by network-namespace.sh: that `script` starts this test there, and
/// compares what `ip` shows before and after.
@Suite struct NetworkNamespaceTests {
    /// The link that the script makes in its namespace, and that no machine has.
    private static let marker = "kexec-testing"

    /// Whether this is the script's namespace. Everything must say so: the link, another namespace than process 1's,
    /// and another than the one the script was started in.
    private static var isOwnNamespace: Bool {
        var kernel = LinuxKernel()
        let links = NetworkState(recordingFrom: &kernel).links.map(\.name)
        guard links.contains(marker), let here = kernel.linkTarget("/proc/self/ns/net"),
            let outer = kernel.outerNamespace, outer.starts(with: "net:[".utf8)
        else { return false }
        return outer != here && kernel.linkTarget("/proc/1/ns/net") != here
    }

    @Test(.enabled(if: isOwnNamespace)) func putsTheNetworkBackAfterARefusedJump() throws {
        var state = KexecState()
        state.loaded = true
        var jump = Jump(KernelWithoutJump())
        do throws(ExecutionError) {
            _ = try jump.run(JumpOptions(), state: state)
            Issue.record("the jump was refused, and nobody said so")
        } catch .refused(let error, let outcome) {
            #expect(error.cause == .busy(seconds: 0))
            #expect(outcome?.isRestored == true, "\(String(describing: outcome))")
            #expect(outcome?.takenDown.isEmpty == false)
            #expect(outcome?.notTakenDown == [])
            #expect(outcome?.routesAwaited == 1)
        }
        #expect(jump.kernel.linksUpAtJump == [])
    }
}

extension LinuxKernel {
    /// `KEXEC_TEST_OUTER_NETNS` of the environment.
    fileprivate var outerNamespace: [UInt8]? {
        guard let environment = try? FileDescriptor(reading: "/proc/self/environ").readToEnd() else { return nil }
        let name = Array("KEXEC_TEST_OUTER_NETNS=".utf8)
        return environment.split(separator: 0).first { $0.starts(with: name) }.map { Array($0.dropFirst(name.count)) }
    }
}
