// SPDX-License-Identifier: MIT

/// A refusal of the kernel, with the cause as far as the facts tell it.
public struct SystemCallError: Error, Hashable, Sendable {
    /// What the call was made for.
    public enum Purpose: Hashable, Sendable {
        case load(LoadTarget)
        case unload(LoadTarget)
        case jump
        case dryRun
    }

    /// `.kexecLoad`, `.kexecFileLoad`, `.reboot` or `.module`.
    public var call: StaticCallName
    /// What the call was to do.
    public var purpose: Purpose
    /// Positive.
    public var errno: Int32
    /// The best explanation for `errno` that the facts give.
    public var cause: RefusalCause

    public init(call: StaticCallName, purpose: Purpose, errno: Int32, cause: RefusalCause) {
        self.call = call
        self.purpose = purpose
        self.errno = errno
        self.cause = cause
    }

    /// Whether no other call is to be tried after this refusal: an administrator's opt-out holds for all of them, and
    /// a failed verification is never papered over.
    ///
    /// What forbids kexec_load as such (lockdown, appraisal: it has no file that could be verified) speaks for
    /// kexec_file_load, not against it; the same words from kexec_file_load mean that the file was not accepted.
    public var endsAttempts: Bool {
        switch cause {
        case .notPrivileged, .loadDisabled, .loadLimitUsedUp, .moduleDisabled, .moduleLimitUsedUp: true
        case .unsigned, .keyUnknown, .keyRejected, .signatureUnsupported, .signatureMalformed: true
        case .lockdown, .appraised, .policy: call == .kexecFileLoad
        case .busy, .memoryShort, .notInKernel, .unknownFormat, .addressNotAvailable, .argumentsRefused,
            .nothingLoaded, .liveUpdateRefused, .fileUnreadable, .fileTooLarge, .fileBeingWritten, .otherInterface,
            .interrupted, .cannotLeave, .wayOutBroken, .unknown:
            false
        }
    }
}

/// Why the kernel refused a call; the kernel folds these into a few errno values.
public enum RefusalCause: Hashable, Sendable {
    /// EPERM: no CAP_SYS_BOOT.
    case notPrivileged
    /// EPERM: `kernel.kexec_load_disabled` is 1, until the next boot.
    case loadDisabled
    /// EPERM: `kernel.kexec_load_limit_reboot` or `..._panic` is used up; by this run's own attempts where `byUs`.
    case loadLimitUsedUp(LoadTarget, byUs: Bool)
    /// EPERM: the kernel is locked down.
    case lockdown(Lockdown)
    /// EACCES: integrity measurement (IMA) or Secure Boot appraises kexec images.
    case appraised(secureBoot: Bool)
    /// EPERM that none of the facts explains: a security module, a container's filter or user namespace, or lockdown
    /// where securityfs is not mounted.
    case policy
    /// ENODATA: the file has no signature, and the kernel enforces one.
    case unsigned
    /// ENOKEY: signed by a key that none of the kernel's keyrings has.
    case keyUnknown
    /// EKEYREJECTED, EKEYEXPIRED, EKEYREVOKED; also for a format that cannot carry a signature.
    case keyRejected
    /// ENOPKG: the kernel lacks the signature's algorithm.
    case signatureUnsupported
    /// EBADMSG, ELIBBAD: the signature or the PE file around it is malformed.
    case signatureMalformed
    /// EBUSY: another kexec operation runs, and did for so many seconds; 0: the kernel was asked once.
    case busy(seconds: Int)
    /// ENOMEM: bytes that the plan needs, and `MemAvailable` as it was before.
    case memoryShort(needed: UInt64, available: UInt64)
    /// ENOSYS: the call is not configured into the running kernel. ENOENT, ENODEV, ENXIO: the module is not loaded.
    case notInKernel
    /// ENOEXEC, ENOTSUP, and EINVAL on arm64: the in-kernel loader does not take this image.
    case unknownFormat
    /// EADDRNOTAVAIL: a place outside the crash kernel's region or beyond the limit (kexec_load), no free place
    /// (kexec_file_load).
    case addressNotAvailable
    /// EINVAL: a flag or value that this kernel does not take; the flags as the call was given them.
    case argumentsRefused(flags: UInt, segments: Int)
    /// EINVAL of reboot(2), with nothing loaded.
    case nothingLoaded
    /// reboot(2) came back from preserving state for a live update.
    case liveUpdateRefused
    /// EBADF, EIO, EISDIR, and EFAULT of the module, where a file was cut short: the kernel could not read a file it was given.
    case fileUnreadable
    /// EFBIG: a file is larger than the kernel takes.
    case fileTooLarge
    /// ETXTBSY: someone has a file open for writing.
    case fileBeingWritten
    /// EPERM of the module: its own switch.
    case moduleDisabled
    /// EPERM of the module: its own limit.
    case moduleLimitUsedUp
    /// ENOTTY: the module does not know the call, or not with such an argument.
    case otherInterface
    /// EINTR: a signal that ends this program came first.
    case interrupted
    /// EOPNOTSUPP: memory is encrypted, the hypervisor does not let the kernel go by itself, or sibling threads are kept
    /// offline.
    case cannotLeave
    /// EIO: the module's way out of the kernel was tried first, and does not work.
    case wayOutBroken
    case unknown
}
