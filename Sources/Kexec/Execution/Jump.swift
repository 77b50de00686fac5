// SPDX-License-Identifier: MIT
internal import CLinux
internal import Handoff

/// How a jump is made.
public struct JumpOptions: Hashable, Sendable {
    /// `-y`: file systems are not synced.
    public var skipsSync: Bool
    /// `-x`: links stay as they are.
    public var skipsLinks: Bool
    public init(skipsSync: Bool = false, skipsLinks: Bool = false) {
        self.skipsSync = skipsSync
        self.skipsLinks = skipsLinks
    }
}

/// Leaves this kernel for the one that is loaded: `kexec -e`, and the second half of `kexec -f`.
///
/// Everything that can refuse the jump is asked before anything is touched. Then: sync, record the network, links
/// down, reboot(2) or the module's `execute`. One that comes back has the network put back as it was.
///
/// From the first link that goes down until the last one is up again, what a link leads to may be gone, the root file
/// system included: so all that runs in between is in memory before, opens nothing by a path, and is not left by a signal.
package struct Jump<Kernel: KernelCalls> {
    package var kernel: Kernel

    package init(_ kernel: Kernel) { self.kernel = kernel }

    /// What is jumped to.
    package enum Target: Hashable, Sendable {
        /// What is loaded now.
        case loaded
        /// What this process is about to load.
        case toBeLoaded
    }

    /// Checks that the jump can happen; changes nothing.
    ///
    /// `kernel.kexec_load_disabled` and lockdown forbid loading, not the jump to what was loaded before them
    /// (`kernel_kexec` of kernel/kexec_core.c asks for neither), so neither forbids it here. The module asks for lockdown
    /// when it leaves, too; `run` has it tell before anything is touched.
    /// - Parameters:
    ///   - choice: `.automatic`: whichever holds an image, the kernel first.
    ///   - takesLinks: links will go down: `run` without `skipsLinks`.
    /// - Returns: what could not be checked, for want of sysfs or proc; the kernel will tell.
    package mutating func check(
        _ state: KexecState, target: Target = .loaded, by choice: SystemCallChoice = .automatic,
        takesLinks: Bool = false
    ) throws(ExecutionError) -> [UncheckedFact] {
        var unchecked: [UncheckedFact] = []
        if state.jumpsByModule(choice, target == .loaded) {
            unchecked += try checkModule(state, target)
        } else {
            if state.isSupported == false { throw .notInKernel }
            if target == .loaded, state.loaded == false { throw .nothingLoaded(loadDisabled: state.loadDisabled) }
            if target == .loaded, state.loaded == nil { unchecked.append(.loaded) }
        }
        guard kernel.hasSysBoot() else { throw .notPrivileged }
        if let namespace = kernel.linkTarget("/proc/self/ns/pid") {
            guard namespace.elementsEqual(Self.initialNamespace.utf8) else { throw .inProcessNamespace }
        } else {
            unchecked.append(.processNamespace)
        }
        if takesLinks, !isLastStepOfShutdown {
            if let fact = try lockMemory() { unchecked.append(fact) }
            // What is loaded in between need not be locked.
            kernel.unlockMemory()
        }
        return unchecked
    }

    /// Reads all of this program, and keeps it in memory.
    /// - Returns: why that cannot be, where nothing says that it has to.
    @inline(never) private mutating func lockMemory() throws(ExecutionError) -> UncheckedFact? {
        let result = kernel.lockMemory()
        guard result < 0 else { return nil }
        if let storage = kernel.networkStorage() { throw .notLocked(errno: Int32(clamping: -result), storage) }
        return .memory
    }

    private func checkModule(_ state: KexecState, _ target: Target) throws(ExecutionError) -> [UncheckedFact] {
        guard state.hasModule else { throw .noModule }
        if let module = state.module, !module.isUnderstood { throw .otherInterface(module.interface) }
        if let siblings = state.sleepingSiblings { throw .sleepingSiblings(siblings) }
        if state.forcesReboot { throw .forcedReboot }
        guard target == .loaded else { return [] }
        if state.isModuleLoaded == false { throw .nothingInModule(besideNative: !state.lacksKexec) }
        // Who may not jump may not ask either, and is told so.
        return state.module == nil && kernel.hasSysBoot() ? [.moduleLoaded] : []
    }

    /// The machine's own PID namespace: `PROC_PID_INIT_INO` of include/linux/proc_ns.h, which never changes.
    private static var initialNamespace: String { "pid:[4026531836]" }

    /// Jumps. Returns only from an image that was loaded with its context preserved and has jumped back.
    ///
    /// As the last step of a shutdown, file systems and links are what the shutdown made of them, and a sync could
    /// hang on one that is gone: then this is the jump and nothing else.
    /// - Throws: `.notLocked`, `.refused`
    package mutating func run(
        _ options: JumpOptions, state: KexecState, by choice: SystemCallChoice = .automatic
    ) throws(ExecutionError) -> NetworkOutcome? {
        let byModule = state.jumpsByModule(choice, true)
        let endsShutdown = isLastStepOfShutdown
        let takesLinks = !options.skipsLinks && !endsShutdown
        if takesLinks { _ = try lockMemory() }
        // What would refuse the jump refuses this, with sync and network still to come.
        if byModule { try rehearseByModule(state) }
        if takesLinks, byModule { kernel.openModule() }
        if !options.skipsSync, !endsShutdown { kernel.sync() }
        if takesLinks { kernel.holdSignals(true) }
        var network = takesLinks ? NetworkShutdown(of: &kernel) : nil
        let result = byModule ? kernel.module(.execute) : kernel.reboot(.kexec)
        network?.undo(on: &kernel)
        // Whoever asked this program to end meanwhile is answered now. It stays in memory, to say what has become of the
        // links.
        if takesLinks { kernel.holdSignals(false) }
        guard result < 0 else { return network?.outcome }
        let errno = Int32(clamping: -result)
        let facts = RefusalFacts(state, hasSysBoot: kernel.hasSysBoot())
        let cause = byModule ? facts.causeOfModule(errno, .jump) : facts.causeOfRefusedJump(errno: errno)
        throw .refused(
            SystemCallError(call: byModule ? .module : .reboot, purpose: .jump, errno: errno, cause: cause),
            network?.outcome)
    }

    /// `kexec --dry-run`: the module walks its way out of the kernel on pages of its own, and comes back.
    /// - Throws: as `check` and `run` by the module.
    package mutating func rehearse(_ state: KexecState) throws(ExecutionError) {
        _ = try check(state, by: .module)
        try rehearseByModule(state)
    }

    private mutating func rehearseByModule(_ state: KexecState) throws(ExecutionError) {
        let result = kernel.module(.dryRun)
        guard result < 0 else { return }
        let errno = Int32(clamping: -result)
        let facts = RefusalFacts(state, hasSysBoot: kernel.hasSysBoot())
        throw .refused(
            SystemCallError(
                call: .module, purpose: .dryRun, errno: errno, cause: facts.causeOfModule(errno, .dryRun)), nil)
    }

    /// Whether the parent is the process 1 of a shutdown: systemd-shutdown (`comm` has 15 bytes), or the script of
    /// dracut's initramfs. A parent 1 alone says nothing: so is that of every process left in the background.
    private var isLastStepOfShutdown: Bool {
        guard kernel.parentProcess() == 1, let name = kernel.head(of: "/proc/1/comm") else { return false }
        let word = name.prefix { $0 != UInt8(ascii: "\n") }
        return word.elementsEqual("systemd-shutdow".utf8) || word.elementsEqual("shutdown".utf8)
    }
}

extension Jump {
    /// Replaces this process by the system's own shutdown, which ends in the jump where something is loaded: `kexec`
    /// without an action.
    /// - Returns: why not; there is no return otherwise.
    package mutating func startShutdown() -> ExecutionError {
        var failures: [ProgramFailure] = []
        for path in ["/sbin/shutdown", "/etc/shutdown", "/bin/shutdown"] {
            let result = kernel.execute(path, ["shutdown", "-r", "now"])
            failures.append(ProgramFailure(path: path, errno: Int32(clamping: -result)))
        }
        return .noShutdownProgram(failures)
    }

    /// One of the two processes that a `detach` returns in.
    package enum Side: Hashable, Sendable {
        /// The one that was started, which can end.
        case here
        /// The one that goes on.
        case detached
    }

    /// Leaves what is to come to a process of its own, which has no session, terminal or standard streams in common with
    /// this one, and which returns from here when `seconds` have passed.
    /// - Throws: `.notDetached`
    package mutating func detach(seconds: UInt32) throws(ExecutionError) -> Side {
        let result = kernel.detach()
        if result < 0 { throw .notDetached(errno: Int32(clamping: -result)) }
        if result > 0 { return .here }
        kernel.sleep(milliseconds: Int32(clamping: UInt64(seconds) * 1000))
        kernel.endPatience()
        return .detached
    }

    /// Adds an error to the kernel's log where standard error is closed or `/dev/null`, as under systemd-shutdown:
    /// there it would be lost otherwise.
    /// - Parameter line: without "kexec: "; newlines become blanks.
    package mutating func logIfUnheard(_ line: String) {
        guard kernel.isLost(2) else { return }
        // "<3>": KERN_ERR. The kernel takes a record of 1024 bytes at most, its prefix included.
        var record = Array("<3>kexec: ".utf8)
        for byte in line.utf8.prefix(900) { record.append(byte == UInt8(ascii: "\n") ? UInt8(ascii: " ") : byte) }
        record.append(UInt8(ascii: "\n"))
        _ = kernel.writeKernelLog(record)
    }
}

extension KexecState {
    /// Whether a jump goes by the module: where it is named, where it alone holds an image, and where the kernel has no
    /// kexec.
    fileprivate func jumpsByModule(_ choice: SystemCallChoice, _ isToWhatIsLoaded: Bool) -> Bool {
        switch choice {
        case .module: true
        case .kexecLoad, .kexecFileLoad: false
        case .automatic:
            lacksKexec && hasModule || isToWhatIsLoaded && loaded == false && isModuleLoaded == true
        }
    }

    /// Checks that the running machine can jump to what is loaded; changes nothing.
    /// - Returns: what could not be checked.
    public func checkJump(
        _ options: JumpOptions = JumpOptions(), by choice: SystemCallChoice = .automatic
    ) throws(ExecutionError) -> [UncheckedFact] {
        var jump = Jump(LinuxKernel())
        return try jump.check(self, by: choice, takesLinks: !options.skipsLinks)
    }

    /// Checks that a shutdown of the running machine would end in a jump to what is loaded; changes nothing.
    /// - Returns: what could not be checked.
    public func checkShutdown() throws(ExecutionError) -> [UncheckedFact] {
        try checkShutdown(by: LinuxKernel())
    }

    /// The same before the load, made by `choice`.
    public func checkShutdown(
        afterLoadBy choice: SystemCallChoice
    ) throws(ExecutionError) -> [UncheckedFact] { try checkShutdown(afterLoadBy: choice, by: LinuxKernel()) }

    /// No shutdown asks the module: what it alone holds would not be started.
    package func checkShutdown(by kernel: some KernelCalls) throws(ExecutionError) -> [UncheckedFact] {
        if loaded != true, isModuleLoaded == true { throw .shutdownIgnoresModule }
        var jump = Jump(kernel)
        return try jump.check(self, by: .kexecLoad)
    }

    package func checkShutdown(
        afterLoadBy choice: SystemCallChoice, by kernel: some KernelCalls
    ) throws(ExecutionError) -> [UncheckedFact] {
        if jumpsByModule(choice, false) { throw .shutdownIgnoresModule }
        var jump = Jump(kernel)
        return try jump.check(self, target: .toBeLoaded, by: .kexecLoad)
    }

    /// Has the module of the running machine try its way out, short of leaving.
    public func rehearseJump() throws(ExecutionError) {
        var jump = Jump(LinuxKernel())
        try jump.rehearse(self)
    }

    /// Jumps to the loaded image at once, without shutting the system down.
    ///
    /// It comes back only from an image that preserved this kernel's context and jumped back. Unless links are left alone,
    /// the memory of this process is locked from then on: mlockall(2).
    /// - Important: every process ends where it is. Call `checkJump()` first.
    public func jump(
        _ options: JumpOptions = JumpOptions(), by choice: SystemCallChoice = .automatic
    ) throws(ExecutionError) {
        var jump = Jump(LinuxKernel())
        _ = try jump.run(options, state: self, by: choice)
    }
}
