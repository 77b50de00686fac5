// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Testing

@testable import Kexec

/// A capture holds what a description read, and describes the same machine.
@Suite struct MachineCaptureTests {
    @Test(arguments: [
        "bios-512m", "bios-6g", "ovmf-1g", "crashkernel", "lockdown", "many-e820", "reserved-60", "no-kexec",
        "no-kexec-module",
    ])
    func describesTheSameMachine(name: String) throws {
        let target = try MachineFolder()
        let capture = try captureMachine(
            root: ByteString(MachineFolder.fixture(name)), into: ByteString(target.path + "/new"))
        #expect(capture.problem == nil)
        let copied = try MachineDescription(reading: MachineRoot(path: ByteString(target.path + "/new")))
        #expect(try copied == MachineFolder.describe(fixture: name))
    }

    @Test func describesTheRunningMachineAlike() throws {
        let target = try MachineFolder()
        let capture = try captureMachine(root: "/", into: ByteString(target.path))
        guard capture.problem == nil else { return }
        var live = try MachineDescription(reading: MachineRoot(path: "/"))
        var copied = try target.describe()
        #expect(live.isRunning && !copied.isRunning)
        live.isRunning = false
        live.readAt = nil
        // What changes between two readings is no part of the promise.
        live.memoryAvailable = 0
        copied.memoryAvailable = 0
        live.swapFree = 0
        copied.swapFree = 0
        // Compared outside of the macro, which would print the machine's command line.
        let isSame = copied == live
        #expect(isSame)
    }

    @Test func holdsNothingButWhatIsRead() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("proc/cpuinfo", "serial : secret\nflags : fpu\n")
        try folder.add("etc/shadow", "secret")
        try folder.add("sys/firmware/efi/efivars/Other-8be4df61-93ca-11d2-aa0d-00e098032b8c", "secret")
        try folder.add("sys/kernel/boot_params/setup_data/0/type", "0x9\n")
        try folder.add("sys/kernel/boot_params/setup_data/0/data", "secret")
        try folder.add("proc/sys/kernel/osrelease", "6.1\n")
        try folder.add("boot/config-6.1", "CONFIG_KEXEC=y\nCONFIG_SECRET=\"secret\"\n")
        try folder.add("sys/kernel/security/ima/policy", "appraise func=KEXEC_KERNEL_CHECK\ndont_measure secret\n")
        let target = try MachineFolder()
        let capture = try captureMachine(root: ByteString(folder.path), into: ByteString(target.path + "/new"))
        #expect(capture.files.contains("proc/cpuinfo"))
        for file in capture.files {
            let text = try String(contentsOfFile: target.path + "/new/" + file, encoding: .utf8)
            #expect(!text.contains("secret"), "\(file)")
        }
        let copied = try MachineDescription(reading: MachineRoot(path: ByteString(target.path + "/new")))
        #expect(copied.configuration.has(.kexec) == true)
        #expect(copied.kexec.imaAppraisesKernels == true)
    }

    @Test func isForItsMakerAlone() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        let target = try MachineFolder()
        try captureMachine(root: ByteString(folder.path), into: ByteString(target.path + "/new"))
        for (path, mode) in [("", 0o700), ("/proc", 0o700), ("/proc/iomem", 0o600)] {
            let attributes = try FileManager.default.attributesOfItem(atPath: target.path + "/new" + path)
            #expect(attributes[.posixPermissions] as? Int == mode)
        }
    }

    @Test func capturesAMachineThatCannotBePlannedFor() throws {
        let target = try MachineFolder()
        let source = MachineFolder.fixture("hidden-addresses")
        let capture = try captureMachine(root: ByteString(source), into: ByteString(target.path))
        #expect(capture.problem == .hidesAddresses(file: source + "/proc/iomem"))
        #expect(capture.files.contains("proc/iomem"))
        #expect(throws: MachineError.hidesAddresses(file: target.path + "/proc/iomem")) { try target.describe() }
    }

    @Test func doesNotMixTwoMachines() throws {
        let target = try MachineFolder()
        try target.add("old", "x")
        #expect(throws: MachineError.captureDirectoryInUse(path: ByteString(target.path))) {
            try captureMachine(root: ByteString(MachineFolder.fixture("lockdown")), into: ByteString(target.path))
        }
    }

    @Test func namesTheDirectoryThatCannotBeMade() throws {
        let target = try MachineFolder()
        try target.add("file", "x")
        let below = target.path + "/file/new"
        #expect(throws: MachineError.cannotWriteCapture(path: ByteString(below), .failed(errno: ENOTDIR))) {
            try captureMachine(root: ByteString(MachineFolder.fixture("lockdown")), into: ByteString(below))
        }
        let file = target.path + "/file"
        #expect(throws: MachineError.cannotWriteCapture(path: ByteString(file), .failed(errno: ENOTDIR))) {
            try captureMachine(root: ByteString(MachineFolder.fixture("lockdown")), into: ByteString(file))
        }
    }

    @Test func keepsWhatPurgatoryHasLeft() throws {
        let folder = try MachineFolder()
        try folder.addSomeMemory()
        try folder.add("sys/kernel/boot_params/setup_data/0/type", "0x4b58\n")
        try folder.add("sys/kernel/boot_params/setup_data/0/data", bytes: [7, 8])
        let target = try MachineFolder()
        try captureMachine(root: ByteString(folder.path), into: ByteString(target.path))
        #expect(lastJumpRecord(below: try MachineRoot(path: ByteString(target.path))) == [7, 8])
    }

    // MARK: Others who may write there

    private func refusal(of path: String) -> MachineError? {
        do throws(MachineError) {
            try captureMachine(root: ByteString(MachineFolder.fixture("lockdown")), into: ByteString(path))
            return nil
        } catch { return error }
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give files away"))
    func refusesADirectoryThatAnotherUserHasMade() throws {
        let target = try MachineFolder()
        chown(target.path, 65534, 65534)
        #expect(refusal(of: target.path) == .cannotWriteCapture(path: ByteString(target.path), .owner(65534)))
        #expect(try FileManager.default.contentsOfDirectory(atPath: target.path).isEmpty)
    }

    @Test(arguments: [0o777, 0o1777, 0o770, 0o702] as [mode_t])
    func refusesADirectoryThatOthersMayWriteInto(mode: mode_t) throws {
        let target = try MachineFolder()
        chmod(target.path, mode)
        #expect(
            refusal(of: target.path)
                == .cannotWriteCapture(path: ByteString(target.path), .writable(mode: UInt32(mode))))
        #expect(try FileManager.default.contentsOfDirectory(atPath: target.path).isEmpty)
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give files away"))
    func followsNoLinkOfAnotherUser() throws {
        let victim = try MachineFolder()
        let folder = try MachineFolder()
        try folder.addLink("link", to: victim.path)
        try folder.addLink("own", to: folder.path + "/link/")
        lchown(folder.path + "/link", 65534, 65534)
        for path in ["/link", "/link/", "/link/new", "/link/../new", "/own", "/own/new"] {
            #expect(
                refusal(of: folder.path + path)
                    == .cannotWriteCapture(path: ByteString(folder.path + path), .link(owner: 65534)), "\(path)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: victim.path).isEmpty)
    }

    @Test func followsLinksOfItsOwn() throws {
        let place = try MachineFolder()
        let folder = try MachineFolder()
        try folder.addLink("one", to: place.path)
        try folder.addLink("two", to: "one")
        try folder.addLink("loop", to: "loop")
        #expect(refusal(of: folder.path + "/two/new/") == nil)
        #expect(FileManager.default.fileExists(atPath: place.path + "/new/proc/iomem"))
        #expect(
            refusal(of: folder.path + "/loop/new")
                == .cannotWriteCapture(
                    path: ByteString(folder.path + "/loop/new"), .failed(errno: ELOOP)))
        #expect(
            refusal(of: folder.path + "/one/file/../x")
                == .cannotWriteCapture(
                    path: ByteString(folder.path + "/one/file/../x"), .failed(errno: ENOENT)))
    }

    /// As root, for whom no permission stands in the way, somebody lays links and files while the capture is made.
    @Test func writesThroughNothingThatIsLaidThereMeanwhile() throws {
        for (name, isFolder) in [("proc", true), ("proc/iomem", false), ("sys/firmware", true)] {
            let victim = try MachineFolder()
            try victim.add("iomem", "victim")
            let folder = try MachineFolder()
            let target = folder.path + "/new"
            let isDone = Flag()
            let source = victim.path + (isFolder ? "" : "/iomem")
            let attacker = Thread {
                while !isDone.isSet, symlink(source, target + "/" + name) != 0 {}
            }
            attacker.start()
            usleep(1000)
            let error = refusal(of: target)
            isDone.isSet = true
            if let error {
                switch error {
                case .cannotWriteCapture(_, .failed(let errno)): #expect([ENOTDIR, ELOOP, EEXIST].contains(errno))
                // The link was there before the new folder was looked at.
                case .captureDirectoryInUse: break
                default: Issue.record("\(error)")
                }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: victim.path) == ["iomem"])
            #expect(FileManager.default.contents(atPath: victim.path + "/iomem") == Data("victim".utf8))
        }
    }
}

/// Set by one thread, read by another.
private final class Flag: @unchecked Sendable {
    private let lock = NSLock()
    private var value = false
    var isSet: Bool {
        get { lock.withLock { value } }
        set { lock.withLock { value = newValue } }
    }
}
