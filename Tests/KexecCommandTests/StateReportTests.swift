// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import PhysicalMemory
import Testing

@testable import Kexec
@testable import KexecCommand

@Suite struct StateReportTests {
    private static func machine(_ fixture: String) throws -> MachineDescription {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/machines/\(fixture)").path(percentEncoded: false)
        return MachineDescription(readingWhatIsShown: try MachineRoot(path: ByteString(folder)))
    }

    private func lines(_ machine: MachineDescription, hasLastJump: Bool = false) -> [String] {
        StateReport(machine: machine, hasLastJump: hasLastJump).text.split(separator: "\n").map { String($0) }
    }

    @Test func fitsOneScreen() throws {
        let lines = lines(try Self.machine("bios-512m"))
        #expect(
            lines == [
                "kernel      6.1.0-56-cloud-amd64, started by firmware or a boot loader",
                "next        nothing loaded",
                "crash       no memory set aside",
                "calls       kexec_load yes, kexec_file_load yes (signatures checked, not enforced)",
                "module      not loaded",
                "lockdown    none",
                "limits      loads left: any number for a reboot, any number for a crash",
                "may load    yes",
            ])
        #expect(lines.allSatisfy { $0.count < 100 })
    }

    @Test func tellsWhatLooksAtKernelFilesAndWhatKeepsTheModuleFromLeaving() throws {
        var machine = try Self.machine("bios-512m")
        machine.kexec.fileChecks = .ownPolicy
        let policy =
            "policy      by kexec_load no signature is checked, the kernel is not measured: IMA has the administrator's "
            + "own policy"
        #expect(lines(machine).contains(policy))
        var module = try Self.machine("no-kexec-module")
        module.kexec.sleepingSiblings = .switchedOff
        #expect(lines(module).last?.hasPrefix("may load    no: module cannot load this image: sibling threads") == true)
    }

    @Test func tellsWhatIsLoadedAndWhatStartsIt() throws {
        var machine = try Self.machine("bios-512m")
        machine.kexec.loaded = true
        #expect(
            lines(machine)[1]
                == "next        loaded: kexec --reboot, reboot or systemctl kexec starts it, kexec -e at once")
        machine.kexec.loaded = false
        machine.kexec.hasModule = true
        machine.kexec.module = ModuleState(interface: 1)
        machine.kexec.module?.interface = 999
        #expect(lines(machine)[4] == "module      loaded, with another interface than this program's")
        #expect(lines(machine)[1] == "next        not known: the kernel does not tell")
        machine = try Self.machine("no-kexec-module")
        machine.kexec.module?.isLoaded = true
        #expect(lines(machine)[1] == "next        loaded in /dev/kexec: kexec -e starts it, a reboot does not")
    }

    @Test func tellsOfTheCrashKernelsMemory() throws {
        var machine = try Self.machine("crashkernel")
        #expect(lines(machine)[2] == "crash       nothing loaded; 128 MiB set aside at 0x32000000-0x39ffffff")
        machine.kexec.crashLoaded = true
        #expect(
            lines(machine)[2]
                == "crash       loaded, not kept up to date by the kernel; 128 MiB set aside at 0x32000000-0x39ffffff")
        machine.crash.isKeptUpToDate = true
        #expect(lines(machine)[2].hasPrefix("crash       loaded, kept up to date by the kernel; "))
        // Where the kernel does not show its addresses, it may still tell the size.
        machine.crashKernel = []
        for (size, words) in [
            (nil, "no memory set aside"), (0, "no memory set aside"),
            (1 << 20, "loaded, kept up to date by the kernel; 1024 KiB set aside"),
        ] as [(UInt64?, String)] {
            machine.kexec.crashSize = size
            #expect(lines(machine)[2] == "crash       " + words)
        }
    }

    @Test func tellsWhatForbidsLoads() throws {
        var machine = try Self.machine("lockdown")
        #expect(lines(machine).contains("lockdown    integrity"))
        machine = try Self.machine("bios-512m")
        (machine.kexec.loadLimitReboot, machine.kexec.loadDisabled) = (3, true)
        #expect(
            lines(machine).suffix(2) == [
                "limits      loads left: 3 for a reboot, any number for a crash; kernel.kexec_load_disabled is 1",
                "may load    no: loading is switched off until the next boot: kernel.kexec_load_disabled is 1",
            ])
    }

    @Test func promisesNoMoreThanIsKnown() throws {
        #expect(lines(try Self.machine("empty")).last == "may load    not known: see 'calls'")
        #expect(
            lines(try Self.machine("lockdown")).last
                == "may load    yes, a kernel that is signed for it, by kexec_file_load")
        var machine = try Self.machine("bios-512m")
        machine.isXen = true
        #expect(lines(machine).last?.hasPrefix("may load    no: this is domain 0 or a PV guest of Xen") == true)
        machine = try Self.machine("no-kexec-module")
        #expect(lines(machine).last == "may load    yes, by the module")
        machine.kexec.lockdown = .integrity
        #expect(lines(machine).last == "may load    no: see 'lockdown'")
        machine.kexec.module?.loadsLeft = 0
        #expect(lines(machine).last == "may load    no: see 'module'")
        machine.kexec.module = nil
        #expect(lines(machine).last == "may load    not known: /dev/kexec does not answer")
    }

    @Test func eachPolicyHasALineAndWantsASignature() throws {
        let usual = try Self.machine("bios-512m")
        let signed = "may load    yes, a kernel that is signed for it, by kexec_file_load"
        var machine = usual
        machine.kexec.signatureEnforcement = .configuration
        #expect(lines(machine).last == signed)
        #expect(lines(machine)[3] == "calls       kexec_load yes, kexec_file_load yes (signatures enforced)")
        machine = usual
        machine.kexec.imaAppraisesKernels = true
        #expect(lines(machine).last == signed && lines(machine)[6] == "policy      IMA appraises kernel files")
        machine.kexec.imaAppraisesKernels = false
        #expect(lines(machine).count == 8 && lines(machine).last == "may load    yes")
        machine = usual
        machine.kexec.lockdown = .confidentiality
        #expect(lines(machine).last == signed && lines(machine)[5] == "lockdown    confidentiality")
        machine = usual
        machine.efi = EFIFacts()
        #expect(lines(machine).count == 8)
        machine.efi?.secureBoot = true
        #expect(lines(machine)[6] == "policy      Secure Boot is on" && lines(machine).last == "may load    yes")
        machine = usual
        machine.kexec.handover = .commandLine
        #expect(lines(machine)[6].hasPrefix("policy      kexec handover is on: "))
        machine = usual
        machine.kexec.checksSignature = false
        #expect(lines(machine)[3] == "calls       kexec_load yes, kexec_file_load yes")
    }

    @Test func tellsCallsThatAreThereFromThoseThatAreNotKnown() throws {
        var machine = try Self.machine("bios-512m")
        machine.kexec.checksSignature = nil
        for (load, file, text, isKnown) in [
            (nil, true, "kexec_load not known, kexec_file_load yes", true),
            (false, nil, "kexec_load no, kexec_file_load not known", true),
            (true, false, "kexec_load yes, kexec_file_load no", true),
            (false, true, "kexec_load no, kexec_file_load yes", true),
            (nil, nil, "kexec_load not known, kexec_file_load not known", false),
        ] as [(Bool?, Bool?, String, Bool)] {
            (machine.kexec.hasKexecLoad, machine.kexec.hasKexecFileLoad) = (load, file)
            #expect(lines(machine)[3] == "calls       " + text && lines(machine)[1] == "next        nothing loaded")
            #expect(lines(machine).last == (isKnown ? "may load    yes" : "may load    not known: see 'calls'"))
        }
        (machine.kexec.hasKexecLoad, machine.kexec.hasKexecFileLoad) = (false, false)
        #expect(lines(machine)[1] == "next        nothing loaded: the running kernel has no kexec")
    }

    @Test func tellsHowTheModuleIs() throws {
        var machine = try Self.machine("no-kexec-module")
        #expect(lines(machine)[4] == "module      loaded")
        machine.kexec.module?.loadsLeft = 1
        #expect(
            lines(machine)[4] == "module      loaded, loads left: 1"
                && lines(machine).last == "may load    yes, by the module")
        machine.kexec.module?.isDisabled = true
        #expect(lines(machine)[4] == "module      loaded, switched off (parameter disabled), loads left: 1")
        #expect(lines(machine).last == "may load    no: see 'module'")
        machine.kexec.module?.isDisabled = false
        machine.kexec.module?.isBesideNative = true
        #expect(lines(machine)[4] == "module      loaded, beside the kernel's own kexec, loads left: 1")
        machine.kexec.module?.isBesideNative = false
        machine.kexec.module?.interface = 99
        #expect(lines(machine)[4] == "module      loaded, with another interface than this program's")
        #expect(lines(machine).last == "may load    no: see 'module'")
        machine.kexec.module = nil
        #expect(lines(machine)[4] == "module      loaded, and does not answer")
    }

    @Test func tellsOfMemoryForCrashesThatIsNotInTheMap() throws {
        var machine = try Self.machine("bios-512m")
        machine.kexec.crashSize = 64 << 20
        machine.kexec.crashLoaded = nil
        #expect(lines(machine)[2] == "crash       not known whether loaded; 64 MiB set aside")
        machine.kexec.crashSize = 0
        #expect(lines(machine)[2] == "crash       no memory set aside")
        machine = try Self.machine("crashkernel")
        machine.crash.lentRanges = [PhysicalRange(from: PhysicalAddress(0x1000_0000), to: PhysicalAddress(0x1100_0000))]
        #expect(
            lines(machine)[2]
                == "crash       nothing loaded; 144 MiB set aside at 0x32000000-0x39ffffff, 0x10000000-0x10ffffff")
    }

    @Test func saysNothingOfTheStartWhereItIsNotShown() throws {
        var machine = try Self.machine("bios-512m")
        machine.bootParameters = nil
        #expect(lines(machine)[0] == "kernel      6.1.0-56-cloud-amd64")
        machine.release = nil
        #expect(lines(machine)[0] == "kernel      unknown")
        machine.kexec.loadLimitPanic = 0
        #expect(lines(machine)[6] == "limits      loads left: any number for a reboot, 0 for a crash")
    }

    @Test func saysThatThereIsNoKexec() throws {
        let lines = lines(try Self.machine("no-kexec"))
        #expect(lines[1] == "next        nothing loaded: the running kernel has no kexec")
        #expect(lines.last?.hasPrefix("may load    no: the running kernel has no kexec: ") == true)
    }

    /// Without privilege all addresses in `/proc/iomem` are zeros.
    @Test func worksWhereAddressesAreHidden() throws {
        let lines = lines(try Self.machine("hidden-addresses"))
        #expect(lines.first?.hasPrefix("kernel      ") == true && lines.count >= 8)
    }

    @Test func knowsAMachineThatWasStartedByKexec() throws {
        var machine = try Self.machine("bios-512m")
        machine.bootParameters?[0x210] = 0xd0
        #expect(lines(machine)[0] == "kernel      6.1.0-56-cloud-amd64, started by kexec")
        #expect(lines(machine, hasLastJump: true)[0].hasSuffix(", started by kexec (kexec --last tells more)"))
    }

    @Test func isAnActionOfItsOwn() throws {
        #expect(try parse(["--show"]).action == .show)
        #expect(try parse(["--show", "--machine=D"]).machineDirectory == "D")
        #expect(throws: UsageError.conflict(.show, .load)) { try parse(["--show", "-l", "K"]) }
        #expect(throws: UsageError.needsLoad("--append")) { try parse(["--show", "--append=quiet"]) }
    }
}
