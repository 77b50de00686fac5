// SPDX-License-Identifier: MIT
internal import Kexec

extension Diagnostic {
    /// What the kernel refused, and why.
    init(_ error: SystemCallError) {
        self.init(
            "cannot \(Self.words(for: error.purpose)): \(error.call.rawValue): \(Self.reason(error))",
            hint: Self.hint(error))
    }

    /// A load or an unload that no call could do. Of several attempts each is named; the hint is that of the last,
    /// which ended the search.
    init(_ failure: LoadFailure) {
        switch failure {
        case .notLoadable(let refusals):
            self = refusals.first.map { Diagnostic($0) } ?? Diagnostic("the plan cannot be loaded")
        case .refused(let attempts):
            let purpose = attempts.lazy.compactMap { Self.error(of: $0)?.purpose }.first ?? .load(.reboot)
            let reasons = attempts.map { "\($0.call.name): \(Self.reason($0.problem))" }
            self.init(
                "cannot \(Self.words(for: purpose)): " + reasons.joined(separator: "; "),
                hint: attempts.last.flatMap { Self.error(of: $0) }.flatMap { Self.hint($0) })
        }
    }

    /// A call that was tried on the way to the one that worked.
    init(_ attempt: LoadAttempt) {
        self.init("\(attempt.call.name) did not do it: \(Self.reason(attempt.problem))")
    }

    private static func error(of attempt: LoadAttempt) -> SystemCallError? {
        if case .refused(let error) = attempt.problem { error } else { nil }
    }

    private static func words(for purpose: SystemCallError.Purpose) -> String {
        switch purpose {
        case .load(.reboot): "load the kernel"
        case .load(.crash): "load the crash kernel"
        case .unload(.reboot): "unload the kernel"
        case .unload(.crash): "unload the crash kernel"
        case .jump: "jump to the loaded kernel"
        case .dryRun: "do the dry run"
        }
    }

    private static func reason(_ problem: LoadProblem) -> String {
        switch problem {
        case .refused(let error): reason(error)
        case .contentsOutside(let segment, let end, let available):
            "segment '\(segment)' ends at byte \(end) of a file that has \(available)"
        case .addressTooLarge(let segment):
            segment.equals("entry")
                ? "the entry point lies above 4 GiB, beyond this 32-bit program"
                : "segment '\(segment)' lies above 4 GiB, beyond this 32-bit program"
        }
    }

    private static func reason(_ error: SystemCallError) -> String {
        switch error.cause {
        case .notPrivileged: "CAP_SYS_BOOT is missing"
        case .loadDisabled: "switched off until the next boot: kernel.kexec_load_disabled is 1"
        case .loadLimitUsedUp(let target, let byUs):
            "no load is left: kernel.kexec_load_limit_\(target == .crash ? "panic" : "reboot") is used up"
                + (byUs ? " by the attempts before" : "")
        case .lockdown(let level): lockdown(level, error.call)
        case .appraised(let secureBoot): appraisal(secureBoot, error.call)
        case .policy: "the kernel's policy forbids it, and neither capability, sysctl nor lockdown says why"
        case .unsigned: "the kernel file has no signature, and the running kernel wants one"
        case .keyUnknown: "the kernel file is signed with a key that the running kernel does not know"
        case .keyRejected: "the running kernel rejects the key that the kernel file is signed with"
        case .signatureUnsupported: "the running kernel lacks the algorithm of the kernel file's signature"
        case .signatureMalformed: "the kernel file's signature is malformed"
        case .busy(let seconds):
            "another kexec operation is running" + (seconds > 0 ? ", and still was after \(seconds) s" : "")
        case .memoryShort(let needed, let available): memory(needed, available)
        case .notInKernel:
            error.call == .module ? "the module is not loaded" : "not configured into the running kernel"
        case .unknownFormat: "the running kernel's own loader does not take this image"
        case .addressNotAvailable: address(error)
        case .argumentsRefused(let flags, let segments): arguments(error, flags, segments)
        case .nothingLoaded: "nothing is loaded"
        case .liveUpdateRefused:
            "a part of the system refused to preserve its state for the live update"
                + " (\(errnoText(error.errno)))"
        case .fileUnreadable: "the kernel could not read the file (\(errnoText(error.errno)))"
        case .fileTooLarge: "a file is larger than the kernel takes"
        case .fileBeingWritten: "a file is open for writing in another process"
        case .moduleDisabled: "switched off: /sys/module/kexec_mod/parameters/disabled is set"
        case .moduleLimitUsedUp: "no load is left: /sys/module/kexec_mod/parameters/load_limit is 0"
        case .otherInterface: "the module has another interface than this program"
        case .interrupted: "a signal ended it"
        case .cannotLeave:
            "memory is encrypted, sibling threads are offline (nosmt), or the hypervisor lets no guest kernel start another one"
        case .wayOutBroken: "the way out of the running kernel does not work, so it was not taken"
        case .unknown: "\(errnoText(error.errno)) (error \(error.errno)), which this program cannot explain"
        }
    }

    private static func lockdown(_ level: Lockdown, _ call: StaticCallName) -> String {
        let words = "the kernel is locked down (\(level == .confidentiality ? "confidentiality" : "integrity"))"
        return call == .kexecFileLoad ? words + " and did not accept the kernel file's signature" : words
    }

    private static func appraisal(_ secureBoot: Bool, _ call: StaticCallName) -> String {
        let policy = secureBoot ? "Secure Boot's policy" : "the integrity policy (IMA)"
        return call == .kexecFileLoad
            ? "\(policy) did not accept the kernel file" : "\(policy) wants a kernel file that it can appraise"
    }

    private static func memory(_ needed: UInt64, _ available: UInt64) -> String {
        guard needed > 0, available > 0 else { return "not enough memory" }
        return "not enough memory: the image needs \(byteSize(needed)), \(availableSize(available)) were available"
    }

    private static func address(_ error: SystemCallError) -> String {
        switch (error.call, error.purpose) {
        case (.kexecFileLoad, .load(.crash)): "no free place for it in the crash kernel's region"
        case (.kexecFileLoad, _): "no free place for it in memory"
        case (_, .load(.crash)): "an address lies outside the crash kernel's region"
        default: "an address lies where the kernel does not allow it"
        }
    }

    private static func arguments(_ error: SystemCallError, _ flags: UInt, _ segments: Int) -> String {
        switch error.call {
        case .kexecLoad: "the kernel does not take flags \(hexadecimal(UInt64(flags))) or these \(segments) segments"
        case .kexecFileLoad:
            flags & KexecFileLoadFlags.forceDeviceTree.rawValue != 0
                ? "the kernel does not take --force-dtb, or this image or initrd"
                : "the kernel does not take this image, initrd or command line"
        case .module: "the module does not take flags \(hexadecimal(UInt64(flags))) or these \(segments) segments"
        default: "the kernel does not take the request"
        }
    }

    private static func hint(_ error: SystemCallError) -> String? {
        switch (error.purpose, error.cause, error.call) {
        case (_, .notPrivileged, _): "run it as root"
        case (.load, .busy(0), _), (.unload, .busy(0), _): "try again; each try counts against the limit of loads"
        case (_, .busy, _): "try again"
        case (.unload, .lockdown, .kexecLoad), (.unload, .appraised, .kexecLoad), (.unload, .policy, .kexecLoad):
            "-s unloads without asking that policy"
        case (_, .notInKernel, .module): moduleHint
        case (_, .otherInterface, _): interfaceHint
        case (.jump, .nothingLoaded, _), (.dryRun, .nothingLoaded, _): "load a kernel first: kexec -l"
        // Only there the reason is told in words.
        case (_, _, .module): "the kernel's log says more: dmesg"
        case (.unload, .notInKernel, let call): call == .kexecLoad ? "-s" : "-c"
        case (.unload, _, _): nil
        case (.jump, .policy, _): "is this a container, or a user namespace?"
        case (.jump, _, _), (.dryRun, _, _): nil
        case (.load, let cause, let call): loadHint(cause, call)
        }
    }

    private static func loadHint(_ cause: RefusalCause, _ call: StaticCallName) -> String? {
        let isFileLoad = call == .kexecFileLoad
        switch cause {
        case .lockdown:
            return isFileLoad
                ? "sign the kernel file with a key of the firmware (db) or of the machine's owner (MOK)" : verifyingHint
        case .appraised: return isFileLoad ? unverifiedHint : verifyingHint
        case .unsigned, .keyUnknown, .keyRejected, .signatureUnsupported, .signatureMalformed: return unverifiedHint
        case .policy:
            return isFileLoad
                ? unverifiedHint : "is this a container, is a security module at work, is securityfs mounted?"
        case .notInKernel where !isFileLoad: return "-s, where the kernel has CONFIG_KEXEC_FILE"
        case .notInKernel, .unknownFormat: return "-c, where the kernel has CONFIG_KEXEC"
        // Told by the sentence itself, or by `hint`.
        case .notPrivileged, .loadDisabled, .loadLimitUsedUp, .busy, .memoryShort, .addressNotAvailable,
            .argumentsRefused, .nothingLoaded, .liveUpdateRefused, .fileUnreadable, .fileTooLarge, .fileBeingWritten,
            .moduleDisabled, .moduleLimitUsedUp, .otherInterface, .interrupted, .cannotLeave, .wayOutBroken, .unknown:
            return nil
        }
    }

    private static var verifyingHint: String { "-s lets the kernel verify the kernel file's signature itself" }
    private static var unverifiedHint: String {
        "to load it without verification, where the kernel permits that, say so: -c"
    }
}
