// SPDX-License-Identifier: MIT
internal import CLinux

extension ImageLoader {
    /// Takes the image of `target` out of the kernel; nothing loaded is no error.
    ///
    /// kexec_load unloads by a load of no segments and asks lockdown like any load; kexec_file_load does not. So the
    /// latter goes first where the kernel is locked down.
    /// - Parameter choice: `.automatic` tries both, another one only that one.
    /// - Returns: the call that did it.
    /// - Throws: `.refused` with every attempt, in order.
    package mutating func unload(_ target: LoadTarget, by choice: SystemCallChoice) throws(LoadFailure) -> SystemCall {
        var attempts: [LoadAttempt] = []
        for call in unloadOrder(choice) {
            guard let problem = unload(target, call) else { return call }
            attempts.append(LoadAttempt(call: call, problem: problem))
            if case .refused(let error) = problem, error.endsAttempts { break }
        }
        throw .refused(attempts)
    }

    private func unloadOrder(_ choice: SystemCallChoice) -> [SystemCall] {
        switch choice {
        case .kexecLoad: return [.kexecLoad]
        case .kexecFileLoad: return [.kexecFileLoad]
        case .module: return [.module]
        case .automatic:
            let fileFirst = machine.kexec.lockdown.isLocked || machine.kexec.hasKexecLoad == false
            return fileFirst ? [.kexecFileLoad, .kexecLoad] : [.kexecLoad, .kexecFileLoad]
        }
    }

    private mutating func unload(_ target: LoadTarget, _ call: SystemCall) -> LoadProblem? {
        let name: StaticCallName, result: Int, flagBits: UInt
        switch call {
        case .kexecLoad:
            var flags = KexecLoadFlags.architecture(machine.architecture)
            if target == .crash { flags.insert(.onCrash) }
            let nothing: [UInt8] = []
            // The array outlives the call.
            let span = unsafe nothing.span.bytes
            result = kernel.kexecLoad(entry: 0, segments: [], kernel: span, initrd: span, made: span, flags: flags)
            (name, flagBits) = (.kexecLoad, flags.rawValue)
        case .kexecFileLoad:
            var flags: KexecFileLoadFlags = .unload
            if target == .crash { flags.insert(.onCrash) }
            result = kernel.kexecFileLoad(kernel: -1, initrd: -1, commandLine: [], flags: flags)
            (name, flagBits) = (.kexecFileLoad, flags.rawValue)
        case .module: return .notBuilt
        }
        let errno = result < 0 ? Int32(clamping: -result) : 0
        let cause =
            result < 0 ? facts(nil).cause(of: name, target, errno: errno, flags: flagBits, segments: 0) : nil
        count(cause)
        guard let cause else { return nil }
        return .refused(SystemCallError(call: name, purpose: .unload(target), errno: errno, cause: cause))
    }
}

extension KexecState {
    /// Takes the image of `target` out of the running kernel; nothing loaded is no error.
    public static func unload(
        _ target: LoadTarget, by choice: SystemCallChoice, on machine: MachineDescription
    ) throws(LoadFailure) -> SystemCall {
        var loader = ImageLoader(LinuxKernel(), machine: machine, request: KexecRequest(kernel: ""))
        return try loader.unload(target, by: choice)
    }
}
