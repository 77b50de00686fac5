// SPDX-License-Identifier: MIT
@testable import Kexec
import Testing

@testable import KexecCommand

private func error(
    _ call: StaticCallName, _ cause: RefusalCause, _ purpose: SystemCallError.Purpose = .load(.reboot), errno: Int32 = 1
) -> SystemCallError {
    SystemCallError(call: call, purpose: purpose, errno: errno, cause: cause)
}

/// Every cause, once.
private let causes: [RefusalCause] = [
    .notPrivileged, .loadDisabled, .loadLimitUsedUp(.reboot, byUs: true), .lockdown(.integrity),
    .appraised(secureBoot: true), .policy, .unsigned, .keyUnknown, .keyRejected, .signatureUnsupported,
    .signatureMalformed, .busy(seconds: 0), .busy(seconds: 10), .memoryShort(needed: 1 << 30, available: 1 << 28),
    .notInKernel, .unknownFormat,
    .addressNotAvailable, .argumentsRefused(flags: 5, segments: 3), .nothingLoaded, .liveUpdateRefused,
    .fileUnreadable, .fileTooLarge, .fileBeingWritten, .moduleDisabled, .moduleLimitUsedUp, .otherInterface,
    .interrupted, .cannotLeave, .wayOutBroken, .unknown,
]

@Suite struct SystemCallDiagnosticTests {
    @Test func saysWhatWasRefusedAndWhy() {
        #expect(
            Diagnostic(error(.kexecLoad, .lockdown(.integrity)))
                == Diagnostic(
                    "cannot load the kernel: kexec_load: the kernel is locked down (integrity)",
                    hint: "-s lets the kernel verify the kernel file's signature itself"))
        #expect(
            Diagnostic(error(.kexecFileLoad, .lockdown(.confidentiality), .load(.crash))).sentence
                == "cannot load the crash kernel: kexec_file_load: the kernel is locked down (confidentiality) and did "
                + "not accept the kernel file's signature")
        #expect(
            Diagnostic(error(.kexecFileLoad, .unsigned))
                == Diagnostic(
                    "cannot load the kernel: kexec_file_load: the kernel file has no signature, and the running kernel "
                        + "wants one",
                    hint: "to load it without verification, where the kernel permits that, say so: -c"))
        #expect(
            Diagnostic(error(.kexecLoad, .memoryShort(needed: 300 << 20, available: 20 << 20))).sentence
                == "cannot load the kernel: kexec_load: not enough memory: the image needs 300 MiB, 20 MiB were available"
        )
        #expect(
            Diagnostic(error(.kexecLoad, .loadDisabled, .unload(.crash))).sentence
                == "cannot unload the crash kernel: kexec_load: switched off until the next boot: "
                + "kernel.kexec_load_disabled is 1")
    }

    @Test(arguments: [StaticCallName.kexecLoad, .kexecFileLoad, .reboot, .module])
    func neverGivesABareErrnoNorTheSameWordsTwice(call: StaticCallName) {
        var seen: Set<String> = []
        for cause in causes {
            let sentence = Diagnostic(error(call, cause, errno: 71)).sentence
            #expect(seen.insert(sentence).inserted, "\(sentence)")
            #expect(!sentence.contains("EPERM") && !sentence.contains("not available"))
        }
        #expect(
            Diagnostic(error(call, .unknown, errno: 71)).sentence.hasSuffix(
                ": Protocol error (error 71), which this program cannot explain"))
    }

    @Test func hintsAtWhatCanBeDoneForThisPurpose() {
        func hint(_ call: StaticCallName, _ cause: RefusalCause, _ purpose: SystemCallError.Purpose) -> String? {
            Diagnostic(error(call, cause, purpose)).hint
        }
        #expect(hint(.kexecLoad, .lockdown(.integrity), .unload(.crash)) == "-s unloads without asking that policy")
        #expect(hint(.kexecFileLoad, .notInKernel, .unload(.reboot)) == "-c")
        #expect(hint(.kexecFileLoad, .policy, .unload(.reboot)) == nil)
        #expect(hint(.kexecLoad, .busy(seconds: 10), .load(.crash)) == "try again")
        #expect(
            hint(.kexecLoad, .busy(seconds: 0), .load(.crash))
                == "try again; each try counts against the limit of loads")
        #expect(hint(.reboot, .nothingLoaded, .jump) == "load a kernel first: kexec -l")
        #expect(hint(.reboot, .unknown, .jump) == nil)
        #expect(hint(.kexecFileLoad, .unknownFormat, .load(.reboot)) == "-c, where the kernel has CONFIG_KEXEC")
    }

    @Test func tellsWhatTheModuleRefused() {
        #expect(
            Diagnostic(error(.module, .wayOutBroken, .jump))
                == Diagnostic(
                    "cannot jump to the loaded kernel: /dev/kexec: the way out of the running kernel does not work, so "
                        + "it was not taken", hint: "the kernel's log says more: dmesg"))
        #expect(
            Diagnostic(error(.module, .notInKernel))
                == Diagnostic(
                    "cannot load the kernel: /dev/kexec: the module is not loaded",
                    hint: "a module of this program does it instead: modprobe kexec_mod"))
        #expect(
            Diagnostic(error(.module, .argumentsRefused(flags: 0x3e_0000, segments: 17))).sentence
                == "cannot load the kernel: /dev/kexec: the module does not take flags 0x3e0000 or these 17 segments")
        #expect(
            Diagnostic(error(.module, .moduleDisabled, .unload(.reboot))).sentence
                == "cannot unload the kernel: /dev/kexec: switched off: /sys/module/kexec_mod/parameters/disabled is set"
        )
        #expect(
            Diagnostic(error(.module, .nothingLoaded, .dryRun))
                == Diagnostic(
                    "cannot do the dry run: /dev/kexec: nothing is loaded", hint: "load a kernel first: kexec -l"))
        #expect(Diagnostic(error(.module, .busy(seconds: 10))).hint == "try again")
        #expect(Diagnostic(error(.module, .notPrivileged)).hint == "run it as root")
        #expect(
            Diagnostic(error(.module, .otherInterface)).hint == "program and module must be of the same version")
        for cause in [RefusalCause.policy, .addressNotAvailable, .cannotLeave, .lockdown(.integrity)] {
            #expect(Diagnostic(error(.module, cause)).hint == "the kernel's log says more: dmesg")
        }
    }

    @Test func tellsWhoKeepsSiblingsOffline() {
        for (siblings, word, hint) in [
            (.forcedOff, "forceoff", "boot the running kernel without nosmt=force"),
            (.switchedOff, "off", "echo on > /sys/devices/system/cpu/smt/control"),
        ] as [(SleepingSiblings, String, String)] {
            #expect(
                Diagnostic.words(for: siblings)
                    == "sibling threads are offline (nosmt: /sys/devices/system/cpu/smt/control is \(word)) and would wake "
                    + "in the next kernel's memory")
            #expect(Diagnostic.hint(for: siblings) == hint)
        }
    }

    @Test func namesEveryAttempt() {
        let failure = LoadFailure.refused([
            LoadAttempt(call: .kexecLoad, problem: .refused(error(.kexecLoad, .lockdown(.integrity)))),
            LoadAttempt(call: .kexecFileLoad, problem: .refused(error(.kexecFileLoad, .keyUnknown, errno: 126))),
        ])
        #expect(
            Diagnostic(failure)
                == Diagnostic(
                    "cannot load the kernel: kexec_load: the kernel is locked down (integrity); kexec_file_load: the "
                        + "kernel file is signed with a key that the running kernel does not know",
                    hint: "to load it without verification, where the kernel permits that, say so: -c"))
        let fallback = LoadAttempt(call: .kexecLoad, problem: .contentsOutside(segment: "initrd", end: 9, available: 7))
        #expect(
            Diagnostic(fallback).sentence
                == "kexec_load did not do it: segment 'initrd' ends at byte 9 of a file that has 7")
        #expect(Diagnostic(LoadFailure.notLoadable([.loadDisabled])) == Diagnostic(PlanRefusal.loadDisabled))
    }

    @Test func tellsWhatBecameOfTheNetwork() {
        let refused = error(.reboot, .busy(seconds: 0), .jump)
        var network = NetworkOutcome()
        func sentence() -> String { Diagnostic(ExecutionError.refused(refused, network)).sentence }
        let start = "cannot jump to the loaded kernel: reboot: another kexec operation is running"
        #expect(sentence() == start)
        network.takenDown = ["eth0"]
        #expect(sentence() == start + "; the network is as it was")
        network.routesAwaited = 1
        #expect(
            sentence() == start + "; the network is as it was; routes that a router has to advertise again: 1")
        network.routesAwaited = 0
        network.recordingFailure = CallFailure(call: .netlink, errno: 1)
        #expect(sentence() == start + "; the links are up again, but addresses and routes may be missing")
        network.notBroughtUp = [LinkFailure(link: "eth0", errno: 1)]
        (network.addressesLost, network.routesLost) = (1, 2)
        #expect(
            sentence() == start
                + "; the network could not be restored: missing link 'eth0' (Operation not permitted), 1 address, 2 routes"
        )
    }

    @Test func saysWhyThereIsNoJump() {
        #expect(Diagnostic(ExecutionError.nothingLoaded(loadDisabled: false)).sentence == "nothing has been loaded")
        #expect(
            Diagnostic(ExecutionError.nothingLoaded(loadDisabled: true)).sentence
                == "nothing has been loaded, and nothing can be until the next boot: kernel.kexec_load_disabled is 1")
        #expect(Diagnostic(ExecutionError.notPrivileged).hint == "run it as root")
        #expect(Diagnostic(ExecutionError.noModule).hint == "modprobe kexec_mod")
        #expect(
            Diagnostic(ExecutionError.shutdownIgnoresModule).sentence
                == "a shutdown does not start what /dev/kexec holds: it would end in the firmware"
        )
        let facts: [UncheckedFact] = [.loaded, .moduleLoaded, .processNamespace]
        #expect(Set(facts.map { Diagnostic($0).sentence }).count == facts.count)
        #expect(
            Diagnostic(ExecutionError.otherInterface(7)).sentence
                == "the kernel module cannot be used: /dev/kexec has interface 7, need 1")
        #expect(
            Diagnostic(ExecutionError.nothingInModule(besideNative: true))
                == Diagnostic(
                    "nothing has been loaded by /dev/kexec",
                    hint: "load a kernel first: kexec -l --system-call=module"))
        #expect(
            Diagnostic(ExecutionError.nothingInModule(besideNative: false)).hint == "load a kernel first: kexec -l")
        #expect(
            Diagnostic(ExecutionError.forcedReboot).sentence
                == "the kernel module cannot leave this kernel: with reboot=force a reboot stops neither devices nor "
                + "processors, and nor would it")
        let none = ExecutionError.noShutdownProgram([ProgramFailure(path: "/sbin/shutdown", errno: 2)])
        #expect(
            Diagnostic(none).sentence == "the kernel is loaded, but no shutdown program could be started: "
                + "'/sbin/shutdown': No such file or directory")
    }
}

@Suite struct ExitCodeTests {
    @Test func keepsWhatCallersOfKexecToolsRelyOn() {
        #expect(ExitCode.success.status == 0)
        #expect(ExitCode.usage.status == 1 && ExitCode.nothingLoaded.status == 1)
        #expect(ExitCode.fileCallMissing.status == 253 && ExitCode.noCrashRegion.status == 254)
        #expect(ExitCode.noKernel.status == 255)
        #expect(ExitCode.answer(isLoaded: true) == 1)
        #expect(ExitCode.answer(isLoaded: false) == 0)
        #expect(ExitCode.answer(isLoaded: nil) == 255)
        #expect(ExitCode(.nothingLoaded(loadDisabled: true)) == .nothingLoaded)
    }

    /// Scripts may rely on the numbers: a change of one is a change of the interface.
    @Test func hasAStableNumberForEachReason() {
        let table: [ExitCode: Int32] = [
            .file: 2, .image: 3, .plan: 4, .privilege: 5, .switchedOff: 6, .policy: 7, .signature: 8, .memory: 9,
            .busy: 10, .notInKernel: 11, .refused: 12, .jump: 13, .shutdown: 14, .machine: 15, .output: 16, .fault: 17,
        ]
        for (code, status) in table { #expect(code.status == status) }
        let others = ExitCode.allCases.filter { $0.status != 1 }
        #expect(Set(others.map(\.status)).count == others.count, "only 1 means several things")
        #expect(ExitCode(PlanRefusal.noHotplug, choice: .automatic).status == 1, "as kexec-tools")
    }

    @Test func followsTheLastAttempt() {
        func code(_ causes: [RefusalCause], _ choice: SystemCallChoice = .automatic) -> ExitCode {
            let attempts = causes.map {
                LoadAttempt(call: .kexecLoad, problem: .refused(error(.kexecLoad, $0)))
            }
            return ExitCode(LoadFailure.refused(attempts), choice: choice)
        }
        #expect(code([.memoryShort(needed: 1, available: 1), .unsigned]) == .signature)
        #expect(code([.notInKernel]) == .notInKernel)
        #expect(code([.notInKernel], .kexecFileLoad) == .fileCallMissing)
        #expect(code([.loadLimitUsedUp(.crash, byUs: true)]) == .switchedOff)
        #expect(code([.notPrivileged]) == .privilege)
        #expect(code([.moduleDisabled]) == .switchedOff && code([.moduleLimitUsedUp]) == .switchedOff)
        #expect(code([.otherInterface]) == .notInKernel && code([.cannotLeave]) == .notInKernel)
        #expect(code([.wayOutBroken]) == .refused)
        #expect(code([.lockdown(.integrity)]) == .policy)
        #expect(code([]) == .fault)
        for cause in causes { #expect(code([cause]).status != 0) }
    }

    @Test func readsRefusedPlans() {
        func code(_ refusal: PlanRefusal, _ choice: SystemCallChoice = .automatic) -> ExitCode {
            ExitCode(LoadFailure.notLoadable([refusal]), choice: choice)
        }
        #expect(code(.loadDisabled) == .switchedOff)
        #expect(code(.noCrashKernelRegion) == .noCrashRegion)
        #expect(code(.notPermitted(missing: .sysBoot)) == .privilege)
        #expect(code(.noKexecInKernel) == .notInKernel)
        #expect(code(.needsXen) == .notInKernel)
        #expect(code(.noKexecInKernel, .kexecFileLoad) == .fileCallMissing)
        #expect(code(.memoryShort(needed: 2, available: 1)) == .memory)
        #expect(code(.commandLineTooLong(length: 3000, limit: 2047)) == .plan)
        let locked = SystemCallObstacle(call: .kexecLoad, cause: .lockdown(.integrity))
        #expect(code(.noSystemCall([locked])) == .policy)
        func moduleCode(_ causes: SystemCallObstacle.Cause...) -> ExitCode {
            code(.noSystemCall(causes.map { SystemCallObstacle(call: .module, cause: $0) }))
        }
        #expect(moduleCode(.moduleNotLoaded(besideNative: true)) == .notInKernel)
        #expect(moduleCode(.moduleInterface(2)) == .notInKernel && moduleCode(.crashKernel) == .notInKernel)
        #expect(moduleCode(.forcedReboot) == .notInKernel)
        #expect(moduleCode(.sleepingSiblings(.forcedOff)) == .notInKernel)
        #expect(moduleCode(.moduleLimitUsedUp, .forcedReboot) == .switchedOff)
        #expect(moduleCode(.forcedReboot, .moduleDisabled) == .switchedOff)
        #expect(moduleCode(.moduleDisabled, .lockdown(.integrity)) == .policy)
        #expect(moduleCode(.besideNative) == .plan && moduleCode(.notInKernel, .imaAppraisal) == .policy)
        let missing = PlanRefusal.noSystemCall([SystemCallObstacle(call: .kexecFileLoad, cause: .notInKernel)])
        #expect(code(missing) == .notInKernel && code(missing, .kexecFileLoad) == .fileCallMissing)
    }

    /// Whatever each other call cannot do: what an administrator forbids is told first.
    @Test(arguments: [
        SystemCallObstacle.Cause.lockdown(.integrity), .signaturesEnforced(.configuration),
        .signaturesEnforced(.secureBoot), .imaAppraisal,
    ])
    func namesThePolicyThatForbidsIt(cause: SystemCallObstacle.Cause) {
        let others: [SystemCallObstacle] = [
            .init(call: .kexecFileLoad, cause: .imageKind("elf-x86_64")), .init(call: .module, cause: .besideNative),
            .init(call: .module, cause: .moduleDisabled), .init(call: .kexecFileLoad, cause: .notInKernel),
        ]
        for other in others {
            for obstacles in [
                [.init(call: .kexecLoad, cause: cause), other], [other, .init(call: .kexecLoad, cause: cause)],
            ] {
                #expect(ExitCode(PlanRefusal.noSystemCall(obstacles), choice: .automatic) == .policy)
            }
        }
    }

    @Test func tellsAFaultOfThisProgramFromAPlan() {
        #expect(ExitCode(PlanRefusal.purgatoryUnusable(.tooShort(found: 0, needed: 8)), choice: .automatic) == .fault)
    }

    @Test func readsRefusedJumps() {
        #expect(ExitCode(.refused(error(.reboot, .busy(seconds: 0), .jump), nil)) == .jump)
        #expect(ExitCode(.refused(error(.reboot, .nothingLoaded, .jump), nil)) == .nothingLoaded)
        #expect(ExitCode(.refused(error(.module, .wayOutBroken, .dryRun), nil)) == .jump)
        #expect(ExitCode(.nothingInModule(besideNative: false)) == .nothingLoaded)
        #expect(ExitCode(.noModule) == .notInKernel && ExitCode(.otherInterface(2)) == .notInKernel)
        #expect(ExitCode(.sleepingSiblings(.switchedOff)) == .notInKernel)
        #expect(ExitCode(.forcedReboot) == .notInKernel && ExitCode(.shutdownIgnoresModule) == .shutdown)
        #expect(ExitCode(.notPrivileged) == .privilege)
        #expect(ExitCode(.notInKernel) == .notInKernel)
        #expect(ExitCode(.inProcessNamespace) == .policy)
        #expect(ExitCode(.noShutdownProgram([])) == .shutdown)
    }

    @Test func aSentenceNamesTheDeviceOfTheModule() {
        #expect(
            [SystemCall.kexecLoad, .kexecFileLoad, .module].map(\.subject) == [
                "kexec_load", "kexec_file_load", "/dev/kexec",
            ])
    }
}
