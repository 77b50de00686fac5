// SPDX-License-Identifier: MIT
internal import BootFormats
internal import CLinux
internal import Handoff

extension ImageLoader {
    /// Takes the image of `target` out of the kernel and out of the module; nothing loaded is no error.
    ///
    /// kexec_load unloads by a load of no segments and asks lockdown like any load; kexec_file_load does not. So the
    /// latter goes first where the kernel is locked down.
    /// - Parameter choice: `.automatic` tries all, another one only that one.
    /// - Returns: the calls that did it; none where it is known that nothing is loaded.
    /// - Throws: `.refused` with every attempt, in order.
    package mutating func unload(
        _ target: LoadTarget, by choice: SystemCallChoice
    ) throws(LoadFailure) -> [SystemCall] {
        var done: [SystemCall] = []
        var refused: [LoadAttempt] = []
        for calls in unloadOrder(target, choice) {
            var attempts: [LoadAttempt] = []
            for call in calls {
                guard let problem = unload(target, call) else {
                    done.append(call)
                    attempts = []
                    break
                }
                attempts.append(LoadAttempt(call: call, problem: problem))
                if case .refused(let error) = problem, error.endsAttempts { break }
            }
            refused += attempts
        }
        guard refused.isEmpty else { throw .refused(refused) }
        if target == .reboot { kernel.removeLoadNote() }
        return done
    }

    /// For each place where an image can be, the calls of which one must work.
    private func unloadOrder(_ target: LoadTarget, _ choice: SystemCallChoice) -> [[SystemCall]] {
        let kexec = machine.kexec
        switch choice {
        case .kexecLoad: return [[.kexecLoad]]
        case .kexecFileLoad: return [[.kexecFileLoad]]
        // An unload is counted against the module's limit, so one for nothing is not made.
        case .module: return target == .crash || (kexec.hasModule && kexec.isModuleLoaded == false) ? [] : [[.module]]
        case .automatic:
            let fileFirst = kexec.lockdown.isLocked || kexec.hasKexecLoad == false
            let native: [SystemCall] = fileFirst ? [.kexecFileLoad, .kexecLoad] : [.kexecLoad, .kexecFileLoad]
            let module: [[SystemCall]] = target == .reboot && kexec.isModuleLoaded != false ? [[.module]] : []
            return kexec.lacksKexec && kexec.hasModule ? module : [native] + module
        }
    }

    private mutating func unload(_ target: LoadTarget, _ call: SystemCall) -> LoadProblem? {
        var name: StaticCallName, result: Int, flags: UInt
        repeat {
            (name, result, flags) = makeUnload(target, call)
        } while asksAgain(after: result, call, target)
        let errno = result < 0 ? Int32(clamping: -result) : 0
        let cause =
            result < 0 ? facts(nil).cause(of: name, target, errno: errno, flags: flags, segments: 0) : nil
        count(cause)
        guard let cause else { return nil }
        return .refused(SystemCallError(call: name, purpose: .unload(target), errno: errno, cause: cause))
    }

    private mutating func makeUnload(
        _ target: LoadTarget, _ call: SystemCall
    ) -> (name: StaticCallName, result: Int, flags: UInt) {
        switch call {
        case .kexecLoad:
            var flags = KexecLoadFlags.architecture(machine.architecture)
            if target == .crash { flags.insert(.onCrash) }
            let nothing: [UInt8] = []
            // The array outlives the call.
            let span = unsafe nothing.span.bytes
            let result = kernel.kexecLoad(entry: 0, segments: [], kernel: span, initrd: span, made: span, flags: flags)
            return (.kexecLoad, result, flags.rawValue)
        case .kexecFileLoad:
            var flags: KexecFileLoadFlags = .unload
            if target == .crash { flags.insert(.onCrash) }
            let result = kernel.kexecFileLoad(kernel: -1, initrd: -1, commandLine: [], flags: flags)
            return (.kexecFileLoad, result, flags.rawValue)
        case .module: return (.module, kernel.module(.unload), 0)
        }
    }
}

extension KexecState {
    /// Takes the image of `target` out of the running kernel; nothing loaded is no error.
    public static func unload(
        _ target: LoadTarget, by choice: SystemCallChoice, on machine: MachineDescription
    ) throws(LoadFailure) -> [SystemCall] {
        var loader = ImageLoader(LinuxKernel(), machine: machine, request: KexecRequest(kernel: ""))
        return try loader.unload(target, by: choice)
    }
}
