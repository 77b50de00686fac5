// SPDX-License-Identifier: MIT

/// Why the machine goes on as it is.
public enum ExecutionError: Error, Hashable, Sendable {
    /// Nothing is loaded; with `loadDisabled`, nothing can be until the next boot.
    case nothingLoaded(loadDisabled: Bool)
    /// The running kernel has no kexec: neither `/sys/kernel/kexec/loaded` nor `/sys/kernel/kexec_loaded` is there.
    case notInKernel
    /// No CAP_SYS_BOOT.
    case notPrivileged
    /// This process is in a PID namespace of its own (a container), where reboot(2) knows no kexec.
    case inProcessNamespace
    /// The call came back; what became of the links, where they were taken down.
    case refused(SystemCallError, NetworkOutcome?)
    /// None of the programs that shut a system down could be started; by path.
    case noShutdownProgram([ProgramFailure])
}

/// A program that could not be started.
public struct ProgramFailure: Hashable, Sendable {
    public var path: String
    public var errno: Int32
    public init(path: String, errno: Int32) {
        self.path = path
        self.errno = errno
    }
}

/// What could not be checked before a jump.
public enum UncheckedFact: Hashable, Sendable {
    /// sysfs is not mounted: whether anything is loaded.
    case loaded
    /// proc is not mounted: whether this process is in a PID namespace of its own.
    case processNamespace
}
