// SPDX-License-Identifier: MIT

/// Why a plan goes by the system call it goes by.
public enum SystemCallReason: Hashable, Sendable {
    /// The user named it.
    case requested
    /// No call can carry the plan: it is one with a refusal, and this call stands in it as a call must.
    case noneIsLegal
    /// Nothing stands against kexec_load, which carries every image type and the whole memory map, and copies least.
    case nothingAgainstKexecLoad
    /// The same as far as is known: a filter of system calls keeps the kernel from telling what it has.
    case nothingKnownAgainstKexecLoad
    /// Only one call is left; what speaks against the one named.
    case only(against: [SystemCallObstacle])
    /// kexec_file_load keeps what kexec handover or live update preserved.
    case handoverActive
    /// kexec_file_load shows the kernel's file to what measures, appraises or verifies it.
    case fileChecks(FileCheckSign)
}

/// A call, and what speaks against it.
public struct SystemCallObstacle: Hashable, Sendable {
    /// What speaks against it.
    public enum Cause: Hashable, Sendable {
        /// Not configured into the running kernel.
        case notInKernel
        case lockdown(Lockdown)
        case signaturesEnforced(SignatureEnforcement)
        /// IMA wants a file to appraise, and kexec_load has none.
        case imaAppraisal
        /// The in-kernel loader takes 64-bit bzImages only.
        case imageKind(String)
        /// The in-kernel loader wants an image that may lie above 4 GiB, wherever it places it.
        case lowMemoryOnly
        /// The image cannot run with 5-level paging, and the in-kernel loader does not turn it off.
        case pagingDepth
        /// An option only kexec_load can honour.
        case option(KexecOption)
        /// The in-kernel loader counts 30 bytes more.
        case commandLineTooLong(length: Int, limit: Int)
        /// There is no `/dev/kexec`.
        case moduleNotLoaded(besideNative: Bool)
        /// The module's interface, which is not this program's.
        case moduleInterface(UInt32)
        /// The module's own switch, and its own limit.
        case moduleDisabled, moduleLimitUsedUp
        /// The kernel has kexec of its own: the module is taken there only where it is asked for.
        case besideNative
        /// No module can be jumped to from a panic.
        case crashKernel
        /// With `reboot=force` a reboot, and so the module's way out, leaves devices and processors as they are.
        case forcedReboot
        /// Sibling threads would wake in the next kernel's memory, and the module can neither wake nor park them before.
        case sleepingSiblings(SleepingSiblings)
        /// Segments cannot be placed in memory that is not shown: `MachineDescription.memoryGap`.
        case memoryUnknown(MemoryGap)
        /// boot_params and EFI's tables (sysfs is not mounted), or what `/proc/iomem` reserves: the next kernel would miss
        /// what kexec_file_load takes from the running one. No more than a preference.
        case factsNotShown
        case memoryMapTooLong(entries: Int)
        case firmware32Bit
    }

    public var call: SystemCall
    public var cause: Cause
    public init(call: SystemCall, cause: Cause) {
        self.call = call
        self.cause = cause
    }
}

extension [SystemCallObstacle] {
    /// Why memory is not known, where that speaks against a call.
    package var memoryGap: MemoryGap? {
        for obstacle in self {
            if case .memoryUnknown(let gap) = obstacle.cause { return gap }
        }
        return nil
    }
}
