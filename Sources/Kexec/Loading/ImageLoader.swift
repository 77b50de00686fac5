// SPDX-License-Identifier: MIT

/// Hands plans to the kernel, and takes images out of it again.
///
/// The plan names the call to begin with, and those that may carry it, too. A call that is refused is followed by the
/// next one, never because of one errno alone: only an opt-out of the administrator and a failed verification end the
/// search. Every refusal is kept, for the report.
package struct ImageLoader<Kernel: KernelCalls> {
    package var kernel: Kernel
    let machine: MachineDescription
    let request: KexecRequest
    /// Loads and unloads that the kernel has counted against a load limit.
    var countedCalls = 0
    /// One for all calls: they wait for the same lock.
    var patience = BusyPatience()
    package var progress = Progress()

    package init(_ kernel: Kernel, machine: MachineDescription, request: KexecRequest) {
        self.kernel = kernel
        self.machine = machine
        self.request = request
    }

    /// Loads `plan`; what was loaded before stays where that fails, except for a crash kernel's image, which Linux
    /// gives up before it looks at the new one.
    /// - Parameters:
    ///   - kernelBytes: the kernel image, unpacked: what `.kernel` ranges are ranges of.
    ///   - initrdBytes: all initrds together.
    ///   - files: the same image and initrds as open files.
    /// - Throws: `.notLoadable` for a plan with refusals; `.refused` with every attempt, in order.
    package mutating func load(
        _ plan: BootPlan, kernel kernelBytes: RawSpan, initrd initrdBytes: RawSpan, files: LoadFiles
    ) throws(LoadFailure) -> LoadReport {
        guard plan.isLoadable else { throw .notLoadable(plan.refusals) }
        var attempts: [LoadAttempt] = []
        progress.of(.handingOver).tell(kernelBytes.byteCount + initrdBytes.byteCount)
        for call in [plan.systemCall] + plan.alternatives {
            let problem: LoadProblem?
            switch call {
            case .kexecLoad: problem = kexecLoad(plan, kernelBytes, initrdBytes)
            case .kexecFileLoad: problem = kexecFileLoad(plan, files)
            case .module: problem = moduleLoad(plan, kernelBytes, initrdBytes)
            }
            guard let problem else {
                if request.target == .reboot { kernel.removeLoadNote() }
                let warnings = attempts.isEmpty ? [] : plan.alternativeWarnings
                return LoadReport(call: call, refused: attempts, warnings: warnings)
            }
            attempts.append(LoadAttempt(call: call, problem: problem))
            if case .refused(let error) = problem, error.endsAttempts { break }
        }
        throw .refused(attempts)
    }

    /// What tells refusals apart, at this moment.
    func facts(_ plan: BootPlan?) -> RefusalFacts {
        var facts = RefusalFacts(machine, plan: plan, hasSysBoot: kernel.hasSysBoot())
        facts.earlierLoads = countedCalls
        facts.waitedSeconds = patience.seconds
        return facts
    }

    /// Whether to make a call again that had `result`. The kernel counts a call before it looks whether another one runs,
    /// so where loads are limited there is one try.
    mutating func asksAgain(after result: Int, _ call: SystemCall, _ target: LoadTarget) -> Bool {
        let isLimited =
            call == .module ? machine.kexec.module?.loadsLeft != nil : machine.kexec.loadLimit(target) != nil
        guard !isLimited, patience.asksAgain(after: result, &kernel) else { return false }
        progress.of(.waiting).tell(0)
        return true
    }

    /// Keeps count of what the kernel counts: `kexec_load_permitted` of kernel/kexec_core.c takes one off the limit
    /// as soon as privilege and opt-out let a call pass.
    mutating func count(_ cause: RefusalCause?) {
        switch cause {
        case .notInKernel, .notPrivileged, .loadDisabled, .loadLimitUsedUp: break
        default: countedCalls += 1
        }
    }
}

/// The open files that kexec_file_load takes; each must stay open until the load returns.
public struct LoadFiles: Hashable, Sendable {
    /// An open file's descriptor.
    public var kernel: Int32
    /// The same of all initrds together; nil: no initrd.
    public var initrd: Int32?
    public init(kernel: Int32, initrd: Int32? = nil) {
        self.kernel = kernel
        self.initrd = initrd
    }
}

/// How a load ended well.
public struct LoadReport: Hashable, Sendable {
    /// The call that did it.
    public var call: SystemCall
    /// What was tried before, in order.
    public var refused: [LoadAttempt]
    /// What this call lost that the plan did not warn of, for it began with another one.
    public var warnings: [PlanWarning] = []
}

/// A call that did not load the plan.
public struct LoadAttempt: Hashable, Sendable {
    public var call: SystemCall
    public var problem: LoadProblem
    public init(call: SystemCall, problem: LoadProblem) {
        self.call = call
        self.problem = problem
    }
}

/// Why one call did not load a plan.
public enum LoadProblem: Error, Hashable, Sendable {
    case refused(SystemCallError)
    /// A segment's contents end behind the bytes they are a range of: the file changed, or the plan is another's.
    case contentsOutside(segment: String, end: Int, available: Int)
    /// The segment's place is beyond what this 32-bit program can name.
    case addressTooLarge(segment: String)
}

/// Nothing was loaded, and why.
public enum LoadFailure: Error, Hashable, Sendable {
    case notLoadable([PlanRefusal])
    /// Every attempt, in order; never empty.
    case refused([LoadAttempt])
}

extension BootPlan {
    /// Loads the plan into the running kernel.
    ///
    /// - Important: what is loaded runs at the next `reboot` of many systems, also where nobody asks for kexec then.
    /// - Parameters:
    ///   - request: what the plan was made from.
    ///   - machine: the running machine.
    ///   - kernel: the kernel image, unpacked.
    ///   - initrd: all initrds together; an empty span where there is none.
    ///   - files: the same image and initrds as open files, for kexec_file_load.
    ///   - progress: hears of the load.
    public func load(
        for request: KexecRequest, on machine: MachineDescription, kernel: RawSpan, initrd: RawSpan, files: LoadFiles,
        progress: Progress = Progress()
    ) throws(LoadFailure) -> LoadReport {
        var loader = ImageLoader(LinuxKernel(), machine: machine, request: request)
        loader.progress = progress
        return try loader.load(self, kernel: kernel, initrd: initrd, files: files)
    }
}
