// SPDX-License-Identifier: MIT
internal import CLinux
internal import PhysicalMemory

/// What tells apart the causes that share an errno.
package struct RefusalFacts: Hashable, Sendable {
    package var state: KexecState
    package var hasSysBoot: Bool
    package var secureBoot: Bool
    /// `uname -m`
    package var architecture: String?
    /// Bytes that the plan's segments take, and `MemAvailable`; 0 where unknown.
    package var memoryNeeded: UInt64
    package var memoryAvailable: UInt64
    /// Loads that this run has asked of the kernel before: each is counted against a load limit, also where it fails.
    package var earlierLoads = 0
    /// How long this run has waited for other kexec operations.
    package var waitedSeconds = 0

    /// What is known where nothing but the state was read.
    package init(_ state: KexecState, hasSysBoot: Bool) {
        self.state = state
        self.hasSysBoot = hasSysBoot
        (secureBoot, memoryNeeded, memoryAvailable) = (false, 0, 0)
    }

    package init(_ machine: MachineDescription, plan: BootPlan? = nil, hasSysBoot: Bool) {
        state = machine.kexec
        self.hasSysBoot = hasSysBoot
        secureBoot = machine.efi?.secureBoot ?? false
        architecture = machine.architecture
        memoryAvailable = machine.memoryAvailable
        memoryNeeded = plan.map { $0.segments.reduce(0) { $0.addingSaturated($1.place.size) } } ?? 0
    }

    /// The cause behind a load's or unload's errno, in the order of the kernel's own checks.
    package func cause(
        of call: StaticCallName, _ target: LoadTarget, errno: Int32, flags: UInt, segments: Int
    ) -> RefusalCause {
        if call == .module { return causeOfModule(errno, .load(target), flags: flags, segments: segments) }
        switch errno {
        case EPERM: return permission(target)
        case EACCES: return .appraised(secureBoot: secureBoot)
        case ENOSYS: return .notInKernel
        case EBUSY: return .busy(seconds: waitedSeconds)
        case ENOMEM: return .memoryShort(needed: memoryNeeded, available: memoryAvailable)
        case EADDRNOTAVAIL: return .addressNotAvailable
        case EINVAL where call == .kexecFileLoad && architecture?.equals("aarch64") == true: return .unknownFormat
        case EINVAL: return .argumentsRefused(flags: flags, segments: segments)
        default: return call == .kexecFileLoad ? fileCause(errno) : .unknown
        }
    }

    /// The cause behind the errno of reboot(`LINUX_REBOOT_CMD_KEXEC`).
    package func causeOfRefusedJump(errno: Int32) -> RefusalCause {
        switch errno {
        case EPERM: hasSysBoot ? .policy : .notPrivileged
        case EBUSY: .busy(seconds: waitedSeconds)
        case EINVAL where state.loaded != true: .nothingLoaded
        case _ where state.handoverActive: .liveUpdateRefused
        case EINVAL: .argumentsRefused(flags: 0, segments: 0)
        case ENOSYS: .notInKernel
        default: .unknown
        }
    }

    /// The cause behind the errno of a call of `/dev/kexec`, as the table of `ModuleInterface` has them.
    package func causeOfModule(
        _ errno: Int32, _ purpose: SystemCallError.Purpose, flags: UInt = 0, segments: Int = 0
    ) -> RefusalCause {
        switch errno {
        case EPERM, EACCES: return modulePermission(purpose)
        case ENOENT, ENODEV, ENXIO: return .notInKernel
        case ENOTTY: return .otherInterface
        case EBUSY: return .busy(seconds: waitedSeconds)
        case ENOMEM: return .memoryShort(needed: memoryNeeded, available: memoryAvailable)
        case EADDRNOTAVAIL: return .addressNotAvailable
        case EFAULT: return .fileUnreadable
        case EINTR: return .interrupted
        case EOPNOTSUPP: return .cannotLeave
        case EIO: return .wayOutBroken
        case EINVAL where purpose == .jump || purpose == .dryRun: return .nothingLoaded
        case EINVAL: return .argumentsRefused(flags: flags, segments: segments)
        default: return .unknown
        }
    }

    /// Its switch and its limit are asked for loads and unloads only; what is loaded may be jumped to.
    private func modulePermission(_ purpose: SystemCallError.Purpose) -> RefusalCause {
        if !hasSysBoot { return .notPrivileged }
        if purpose != .jump, purpose != .dryRun {
            if state.module?.isDisabled == true { return .moduleDisabled }
            if state.module?.loadsLeft == 0 { return .moduleLimitUsedUp }
        }
        if state.lockdown.isLocked { return .lockdown(state.lockdown) }
        return state.imaAppraisesKernels == true ? .appraised(secureBoot: secureBoot) : .policy
    }

    private func permission(_ target: LoadTarget) -> RefusalCause {
        if !hasSysBoot { return .notPrivileged }
        if state.loadDisabled { return .loadDisabled }
        if let limit = state.loadLimit(target), limit <= earlierLoads {
            return .loadLimitUsedUp(target, byUs: limit > 0)
        }
        if state.lockdown.isLocked { return .lockdown(state.lockdown) }
        return .policy
    }

    private func fileCause(_ errno: Int32) -> RefusalCause {
        switch errno {
        case ENODATA: .unsigned
        case ENOKEY: .keyUnknown
        case EKEYREJECTED, EKEYEXPIRED, EKEYREVOKED: .keyRejected
        case ENOPKG: .signatureUnsupported
        case EBADMSG, ELIBBAD: .signatureMalformed
        case ENOEXEC, ENOTSUP: .unknownFormat
        case EBADF, EIO, EISDIR: .fileUnreadable
        case EFBIG: .fileTooLarge
        case ETXTBSY: .fileBeingWritten
        default: .unknown
        }
    }
}

extension KexecState {
    /// Loads left by `kernel.kexec_load_limit_reboot` or `..._panic`; nil: no limit.
    package func loadLimit(_ target: LoadTarget) -> Int? {
        switch target {
        case .reboot: loadLimitReboot
        case .crash: loadLimitPanic
        }
    }

    /// Whether an image is loaded for `target`, in the kernel or in the module, which takes none for a crash; nil: this
    /// machine has neither, or they do not tell.
    public func isLoaded(_ target: LoadTarget) -> Bool? {
        let native = (target == .crash ? crashLoaded : loaded) ?? (lacksKexec && hasModule ? false : nil)
        let module = target == .crash ? false : isModuleLoaded
        if native == true || module == true { return true }
        return native == nil || module == nil ? nil : false
    }
}

extension UInt64 {
    fileprivate func addingSaturated(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
