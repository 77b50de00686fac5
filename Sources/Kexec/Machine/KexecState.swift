// SPDX-License-Identifier: MIT

/// How far `/sys/kernel/security/lockdown` has locked the kernel.
public enum Lockdown: Hashable, Sendable {
    /// No such file: securityfs is not mounted, or this kernel has no lockdown.
    case unknown
    case none, integrity, confidentiality

    /// kexec_load is refused, and kexec_file_load wants a signature.
    public var isLocked: Bool { self == .integrity || self == .confidentiality }
}

/// What shows that kexec handover (KHO) or live update (LUO) is in use.
public enum HandoverSign: Hashable, Sendable {
    /// `kho=on` in `/proc/cmdline`
    case commandLine
    /// `/sys/kernel/debug/kho`
    case debugFiles
    /// `/dev/liveupdate`
    case liveUpdateDevice
    /// CONFIG_KEXEC_HANDOVER_ENABLE_DEFAULT, and no `kho=` against it.
    case configuration
}

/// What shows that signatures of kernel images are enforced.
public enum SignatureEnforcement: Hashable, Sendable {
    /// CONFIG_KEXEC_SIG_FORCE
    case configuration
    /// Secure Boot is on, and CONFIG_KEXEC_SIG with CONFIG_IMA_ARCH_POLICY turns it into a demand.
    case secureBoot
}

/// What shows that the running kernel measures, appraises or verifies the kernel files that it is given. Of what
/// kexec_load and the module hand over it sees no file.
public enum FileCheckSign: Hashable, Sendable {
    /// A rule in `/sys/kernel/security/ima/policy` (CONFIG_IMA_READ_POLICY).
    case policyRule
    /// That file is gone while its folder is there: the administrator's own policy was written to it, once and for all
    /// (no CONFIG_IMA_WRITE_POLICY).
    case ownPolicy
    /// A built-in policy in the command line: `ima_policy=`, `ima_tcb`, `ima_appraise_tcb`.
    case commandLine
    /// The list of measurements has more than the boot's own entry.
    case measurements
    /// Secure Boot is on: kexec_file_load looks at signatures (CONFIG_KEXEC_SIG), and IMA's policy for it
    /// (CONFIG_IMA_ARCH_POLICY) measures kernels.
    case secureBoot
    /// CONFIG_KEXEC_SIG_FORCE
    case signaturesForced
}

/// What keeps sibling threads offline (`nosmt`), where none of them can be brought back without another setting.
public enum SleepingSiblings: Hashable, Sendable {
    /// "off" in `/sys/devices/system/cpu/smt/control`: may be switched on again.
    case switchedOff
    /// "forceoff": until the next boot.
    case forcedOff
}

/// The kexec state, switches and limits of the running kernel.
public struct KexecState: Hashable, Sendable {
    /// False: sysfs is mounted and has no kexec files, so this kernel has no kexec. Nil: sysfs is not mounted.
    public var isSupported: Bool?
    /// `/sys/kernel/kexec/loaded`, then `/sys/kernel/kexec_loaded`; nil: no such file.
    public var loaded: Bool?
    /// `crash_loaded`
    public var crashLoaded: Bool?
    /// `crash_size`: bytes reserved for a crash kernel; nil as above.
    public var crashSize: UInt64?
    /// `crash_elfcorehdr_size`; nil where the kernel cannot update it.
    public var crashCoreHeaderSize: UInt64?
    /// `/proc/sys/kernel/kexec_load_disabled`
    public var loadDisabled = false
    /// `/proc/sys/kernel/kexec_load_limit_reboot`: loads left; nil: no limit (-1, or no such file).
    public var loadLimitReboot: Int?
    /// `/proc/sys/kernel/kexec_load_limit_panic`: the same for crash kernels.
    public var loadLimitPanic: Int?
    /// `/sys/kernel/security/lockdown`
    public var lockdown = Lockdown.unknown
    /// Asked of the kernel without effect (see `MachineFacts`), else CONFIG_KEXEC; nil where neither tells.
    public var hasKexecLoad: Bool?
    /// As above, CONFIG_KEXEC_FILE.
    public var hasKexecFileLoad: Bool?
    /// A filter (seccomp) stands before this process's system calls, so that the kernel could not be asked.
    public var isFiltered = false
    /// CONFIG_KEXEC_SIG: kexec_file_load looks at signatures.
    public var checksSignature: Bool?
    /// Nil: not enforced, as far as can be told.
    public var signatureEnforcement: SignatureEnforcement?
    public var forcesSignature: Bool { signatureEnforcement != nil }
    /// IMA appraises kernel images, so that kexec_load is refused and kexec_file_load wants an IMA signature: from
    /// `/sys/kernel/security/ima/policy` (rarely readable), or `ima_policy=secure_boot`; nil where neither tells.
    public var imaAppraisesKernels: Bool?
    /// Nil: no sign that kernel files are looked at.
    public var fileChecks: FileCheckSign?
    /// Kexec handover or live update is in use: only kexec_file_load keeps what it preserved. Nil: no sign of it.
    public var handover: HandoverSign?
    public var handoverActive: Bool { handover != nil }
    /// `/dev/kexec`: our module is loaded.
    public var hasModule = false
    /// What it told; nil where it could not be asked.
    public var module: ModuleState?
    /// `/sys/kernel/reboot/force`, else `reboot=force` in the command line: a reboot leaves the devices and the other
    /// processors as they are, and so would the module's way out.
    public var forcesReboot = false
    /// Sibling threads wait in MWAIT, where a write of the next kernel would wake them. The kernel's own kexec has them wait
    /// in another way first; the module cannot. Nil: none does.
    public var sleepingSiblings: SleepingSiblings?

    public init() {}
}
