// SPDX-License-Identifier: MIT

/// Why the machine goes on as it is.
public enum ExecutionError: Error, Hashable, Sendable {
    /// Nothing is loaded; with `loadDisabled`, nothing can be until the next boot.
    case nothingLoaded(loadDisabled: Bool)
    /// The module holds no image; where it is beside the kernel's own kexec, that is another place to load to.
    case nothingInModule(besideNative: Bool)
    /// The running kernel has no kexec: neither `/sys/kernel/kexec/loaded` nor `/sys/kernel/kexec_loaded` is there.
    case notInKernel
    /// There is no `/dev/kexec`.
    case noModule
    /// The module's interface, which is not this program's.
    case otherInterface(UInt32)
    /// With `reboot=force` the module's way out would leave devices and processors as they are.
    case forcedReboot
    /// Sibling threads would wake in the next kernel's memory, and the module cannot wake them before.
    case sleepingSiblings(SleepingSiblings)
    /// No CAP_SYS_BOOT.
    case notPrivileged
    /// This process is in a PID namespace of its own (a container), where reboot(2) knows no kexec.
    case inProcessNamespace
    /// This program cannot be kept in memory, and where it is read from is out of reach once the links are down.
    case notLocked(errno: Int32, NetworkStorage)
    /// The call came back; what became of the links, where they were taken down.
    case refused(SystemCallError, NetworkOutcome?)
    /// None of the programs that shut a system down could be started; by path.
    case noShutdownProgram([ProgramFailure])
    /// No process of its own could be made for what was to come later.
    case notDetached(errno: Int32)
    /// The module holds the image, and no system's shutdown knows of it: it would end in the firmware.
    case shutdownIgnoresModule
}

/// A program that could not be started.
public struct ProgramFailure: Hashable, Sendable {
    /// As it was called.
    public var path: String
    /// Of execve(2), positive.
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
    /// `/dev/kexec` did not tell: whether it holds anything.
    case moduleLoaded
    /// proc is not mounted: whether this process is in a PID namespace of its own.
    case processNamespace
    /// This program cannot be kept in memory: whether it can be read while the links are down.
    case memory
}
