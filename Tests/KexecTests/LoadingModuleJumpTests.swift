// SPDX-License-Identifier: MIT
import Handoff
import Testing

@testable import Kexec

private let EPERM: Int32 = 1, EIO: Int32 = 5, ENOMEM: Int32 = 12, EBUSY: Int32 = 16, EINVAL: Int32 = 22
private let EOPNOTSUPP: Int32 = 95

/// A kernel without kexec, and what the module says; nil: it did not answer.
private func moduleState(loaded: Bool?) -> KexecState {
    var state = KexecState()
    (state.isSupported, state.hasKexecLoad, state.hasKexecFileLoad, state.hasModule) = (false, false, false, true)
    if let loaded {
        state.module = ModuleState(interface: ModuleInterface.version)
        state.module?.isLoaded = loaded
    }
    return state
}

/// Debian's kernel, with the module beside it.
private func bothStates(native: Bool, module: Bool) -> KexecState {
    var state = moduleState(loaded: module)
    (state.isSupported, state.hasKexecLoad, state.hasKexecFileLoad) = (true, true, true)
    (state.loaded, state.crashLoaded) = (native, false)
    state.module?.isBesideNative = true
    return state
}

private func linkedKernel() -> RecordingKernel {
    var kernel = RecordingKernel()
    kernel.dumps["dump links"] = [Dumped.link(2, "eth0", flags: 0x1043)]
    return kernel
}

private func run(
    _ kernel: RecordingKernel, _ state: KexecState, by choice: SystemCallChoice = .automatic,
    _ options: JumpOptions = JumpOptions(skipsSync: true, skipsLinks: true)
) -> (Result<NetworkOutcome?, ExecutionError>, [String]) {
    var jump = Jump(kernel)
    do throws(ExecutionError) {
        let outcome = try jump.run(options, state: state, by: choice)
        return (.success(outcome), jump.kernel.trace)
    } catch { return (.failure(error), jump.kernel.trace) }
}

@Suite struct ModuleJumpTests {
    @Test func syncsAndTakesLinksDownBeforeTheModuleLeaves() {
        let (_, trace) = run(linkedKernel(), moduleState(loaded: true), JumpOptions())
        // Where links are down no path may lead to /dev/kexec any more.
        #expect(trace.prefix(5) == ["lock memory", "module dryRun", "module open", "sync", "signals wait"])
        let jump = trace.firstIndex(of: "module execute")
        #expect(trace.firstIndex(of: "link 2 down").flatMap { down in jump.map { down < $0 } } == true)
        #expect(!trace.contains { $0.hasPrefix("reboot") })
    }

    @Test func jumpsToTheKernelsOwnImageFirst() {
        #expect(run(RecordingKernel(), bothStates(native: true, module: true)).1 == ["reboot 0x45584543"])
        #expect(run(RecordingKernel(), bothStates(native: true, module: false)).1 == ["reboot 0x45584543"])
        let byModule = ["module dryRun", "module execute"]
        #expect(run(RecordingKernel(), bothStates(native: false, module: true)).1 == byModule)
        #expect(run(RecordingKernel(), bothStates(native: false, module: false)).1 == ["reboot 0x45584543"])
    }

    @Test func jumpsByTheOneThatWasNamed() {
        let state = bothStates(native: true, module: true)
        #expect(run(RecordingKernel(), state, by: .module).1 == ["module dryRun", "module execute"])
        for choice in [SystemCallChoice.kexecLoad, .kexecFileLoad] {
            #expect(
                run(RecordingKernel(), bothStates(native: false, module: true), by: choice).1.first?
                    .hasPrefix("reboot") == true)
        }
    }

    @Test(
        arguments: [
            (EPERM, .policy), (EIO, .wayOutBroken), (ENOMEM, .memoryShort(needed: 0, available: 0)),
            (EBUSY, .busy(seconds: 0)),
            (EOPNOTSUPP, .cannotLeave), (EINVAL, .nothingLoaded),
        ] as [(Int32, RefusalCause)])
    func putsTheNetworkBackWhereTheModuleStays(errno: Int32, cause: RefusalCause) {
        var kernel = linkedKernel()
        kernel.refusals = [.init(line: "module execute", errno: errno)]
        let (result, trace) = run(kernel, moduleState(loaded: true), JumpOptions())
        guard case .failure(.refused(let error, let network)) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(error == SystemCallError(call: .module, purpose: .jump, errno: errno, cause: cause))
        #expect(network?.takenDown == ["eth0"] && network?.isRestored == true)
        #expect(trace.suffix(2) == ["link 2 up", "signals come"])
    }

    @Test(arguments: [EPERM, EIO, ENOMEM, EBUSY, EOPNOTSUPP])
    func touchesNothingWhereTheDryRunFails(errno: Int32) {
        var kernel = linkedKernel()
        kernel.refusals = [.init(line: "module dryRun", errno: errno)]
        let (result, trace) = run(kernel, moduleState(loaded: true), JumpOptions())
        #expect(trace == ["lock memory", "module dryRun"])
        guard case .failure(.refused(let error, nil)) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(error.purpose == .dryRun && error.errno == errno)
    }

    @Test func leavesTheModuleAloneWhereTheKernelDoesNotTellWhatItHolds() {
        var state = bothStates(native: true, module: true)
        state.loaded = nil
        #expect(run(RecordingKernel(), state).1 == ["reboot 0x45584543"])
    }

    /// Both forbid loads, and this one is done.
    @Test func blamesNoSwitchOfLoadsForARefusedJump() {
        var (kernel, state) = (RecordingKernel(), moduleState(loaded: true))
        kernel.refusals = [.init(line: "module", errno: EPERM)]
        state.module?.isDisabled = true
        state.module?.loadsLeft = 0
        state.lockdown = .confidentiality
        guard case .failure(.refused(let error, _)) = run(kernel, state).0 else {
            Issue.record("not refused")
            return
        }
        #expect(error.cause == .lockdown(.confidentiality))
    }
}

@Suite struct ModuleJumpCheckTests {
    private func check(
        _ state: KexecState, _ target: Jump<RecordingKernel>.Target = .loaded,
        by choice: SystemCallChoice = .automatic, privileged: Bool = true
    ) -> Result<[UncheckedFact], ExecutionError> {
        var kernel = RecordingKernel()
        kernel.privileged = privileged
        do throws(ExecutionError) {
            var jump = Jump(kernel)
            return .success(try jump.check(state, target: target, by: choice))
        } catch { return .failure(error) }
    }

    @Test func findsNothingAgainstAnImageInTheModule() {
        #expect(check(moduleState(loaded: true)) == .success([]))
        #expect(check(bothStates(native: false, module: true)) == .success([]))
        #expect(check(bothStates(native: true, module: true), by: .module) == .success([]))
        #expect(check(moduleState(loaded: false), .toBeLoaded) == .success([]))
    }

    @Test func saysThatNothingIsLoadedAndWhere() {
        #expect(check(moduleState(loaded: false)) == .failure(.nothingInModule(besideNative: false)))
        #expect(
            check(bothStates(native: true, module: false), by: .module)
                == .failure(.nothingInModule(besideNative: true)))
        #expect(
            check(bothStates(native: false, module: false)) == .failure(.nothingLoaded(loadDisabled: false)))
    }

    @Test func goesOnWhereTheModuleDoesNotAnswer() {
        #expect(check(moduleState(loaded: nil)) == .success([.moduleLoaded]))
        #expect(check(moduleState(loaded: nil), privileged: false) == .failure(.notPrivileged))
    }

    @Test func refusesAModuleThatCannotDoIt() {
        var state = moduleState(loaded: true)
        state.forcesReboot = true
        #expect(check(state) == .failure(.forcedReboot))
        #expect(check(state, .toBeLoaded) == .failure(.forcedReboot))
        state.sleepingSiblings = .forcedOff
        #expect(check(state) == .failure(.sleepingSiblings(.forcedOff)))
        #expect(check(state, .toBeLoaded) == .failure(.sleepingSiblings(.forcedOff)))
        state.module = ModuleState(interface: 7)
        #expect(check(state) == .failure(.otherInterface(7)))
        state.hasModule = false
        #expect(check(state) == .failure(.notInKernel))
        #expect(check(state, by: .module) == .failure(.noModule))
        // The kernel's own jump ends as any reboot.
        var native = bothStates(native: true, module: false)
        native.forcesReboot = true
        native.sleepingSiblings = .forcedOff
        #expect(check(native) == .success([]))
    }

    @Test func asksTheKernelAloneWhereItIsNamed() {
        #expect(check(moduleState(loaded: true), by: .kexecLoad) == .failure(.notInKernel))
        #expect(
            check(bothStates(native: false, module: true), by: .kexecFileLoad)
                == .failure(.nothingLoaded(loadDisabled: false)))
    }
}

@Suite struct DryRunTests {
    private func rehearse(
        _ state: KexecState, refusing errno: Int32? = nil
    ) -> (ExecutionError?, [String]) {
        var kernel = linkedKernel()
        if let errno { kernel.refusals = [.init(line: "module dryRun", errno: errno)] }
        var jump = Jump(kernel)
        do throws(ExecutionError) {
            try jump.rehearse(state)
            return (nil, jump.kernel.trace)
        } catch { return (error, jump.kernel.trace) }
    }

    @Test func asksTheModuleAndTouchesNothingElse() {
        #expect(rehearse(moduleState(loaded: true)) == (nil, ["module dryRun"]))
        #expect(rehearse(bothStates(native: true, module: true)) == (nil, ["module dryRun"]))
    }

    @Test func saysWhereThereIsNothingToTry() {
        #expect(rehearse(moduleState(loaded: false)) == (.nothingInModule(besideNative: false), []))
        var state = bothStates(native: true, module: false)
        #expect(rehearse(state) == (.nothingInModule(besideNative: true), []))
        (state.hasModule, state.module) = (false, nil)
        #expect(rehearse(state) == (.noModule, []))
    }

    @Test(
        arguments: [
            (EIO, .wayOutBroken), (EINVAL, .nothingLoaded), (ENOMEM, .memoryShort(needed: 0, available: 0)),
            (EBUSY, .busy(seconds: 0)), (EPERM, .policy),
        ] as [(Int32, RefusalCause)])
    func saysWhyTheWayOutFailed(errno: Int32, cause: RefusalCause) {
        let (error, _) = rehearse(moduleState(loaded: true), refusing: errno)
        let expected = SystemCallError(call: .module, purpose: .dryRun, errno: errno, cause: cause)
        #expect(error == .refused(expected, nil))
    }
}

@Suite struct ModuleStatusTests {
    @Test func isLoadedWhereEitherHoldsAnImage() {
        #expect(moduleState(loaded: true).isLoaded(.reboot) == true)
        #expect(moduleState(loaded: false).isLoaded(.reboot) == false)
        #expect(moduleState(loaded: nil).isLoaded(.reboot) == nil)
        #expect(bothStates(native: true, module: false).isLoaded(.reboot) == true)
        #expect(bothStates(native: false, module: true).isLoaded(.reboot) == true)
        #expect(bothStates(native: false, module: false).isLoaded(.reboot) == false)
    }

    @Test func doesNotGuessWhereSysfsIsNotMounted() {
        var state = moduleState(loaded: false)
        (state.isSupported, state.hasKexecLoad, state.hasKexecFileLoad) = (nil, true, true)
        #expect(state.isLoaded(.reboot) == nil)
        state.module?.isLoaded = true
        #expect(state.isLoaded(.reboot) == true)
    }

    @Test func knowsThatTheModuleTakesNoCrashKernel() {
        #expect(moduleState(loaded: true).isLoaded(.crash) == false)
        #expect(moduleState(loaded: nil).isLoaded(.crash) == false)
        #expect(bothStates(native: true, module: true).isLoaded(.crash) == false)
    }

    @Test func believesNothingThatAnotherInterfaceSays() {
        var status = ModuleStatus()
        status.flags = ModuleStatus.loaded | ModuleStatus.disabled | ModuleStatus.besideNative
        status.loadsLeft = 3
        let known = ModuleState(status)
        #expect(known.isLoaded && known.isDisabled && known.isBesideNative && known.loadsLeft == 3)
        status.loadsLeft = -1
        #expect(ModuleState(status).loadsLeft == nil)
        status.interface = 2
        #expect(ModuleState(status) == ModuleState(interface: 2))
        var state = moduleState(loaded: nil)
        state.module = ModuleState(status)
        #expect(state.isLoaded(.reboot) == nil)
    }

    @Test func readsEachFlagByItself() {
        func state(_ flags: UInt32) -> ModuleState {
            var status = ModuleStatus()
            status.flags = flags
            return ModuleState(status)
        }
        #expect(state(ModuleStatus.loaded).isLoaded && !state(~ModuleStatus.loaded).isLoaded)
        #expect(state(ModuleStatus.disabled).isDisabled && !state(~ModuleStatus.disabled).isDisabled)
        #expect(state(ModuleStatus.besideNative).isBesideNative && !state(~ModuleStatus.besideNative).isBesideNative)
    }

    /// `/dev/null` knows none of the module's ioctls, as a module of another interface knows not all of them.
    @Test func asksADeviceThatIsNone() {
        #expect(ModuleState.ofDevice("/dev/null") == ModuleState(interface: 0))
        #expect(ModuleState.ofDevice("/dev/null/kexec") == nil)
        #expect(throws: CallFailure(call: .open, errno: 2)) { _ = try ModuleDevice(opening: "/proc/no-kexec").status() }
        do {
            let device = try ModuleDevice(opening: "/dev/null")
            #expect(throws: CallFailure(call: .ioctl, errno: 25)) { try device.status() }
            for command in [ModuleCommand.unload, .execute, .dryRun] { #expect(device.call(command) == -25) }
            let segment = ModuleSegment(contents: 0, contentSize: 0, start: 0x1000, memorySize: 0x1000)
            #expect(device.load(entry: 0x1000, [segment], flags: 0) == -25)
        } catch { Issue.record("\(error)") }
    }
}
