// SPDX-License-Identifier: MIT
public import BootFormats
internal import CLinux
internal import Handoff
internal import Kexec

/// The whole program: what `kexec` does with its arguments, the program's name first; returns the exit status.
public func runKexec(arguments: [ByteString]) -> Int32 {
    kx_occupy_output()
    let terminal = Terminal()
    do throws(UsageError) {
        let invocation = try parse(Array(arguments.dropFirst()))
        reportLostFiles()
        for warning in invocation.warnings { terminal.warn(Diagnostic(warning)) }
        return KexecCommand(invocation: invocation, terminal: terminal).run()
    } catch {
        terminal.complain(Diagnostic(error))
        terminal.explain(HelpText.usage)
        return error.exitStatus
    }
}

/// One run of the program.
struct KexecCommand {
    let invocation: KexecInvocation
    let terminal: Terminal

    func run() -> Int32 {
        do throws(KexecFailure) {
            return try perform(invocation.action)
        } catch {
            let code = ExitCode(error, choice: invocation.systemCall)
            terminal.complain(Diagnostic(error, isShortOfMemory: code == .memory && isAnythingLoaded))
            return code.status
        }
    }

    private func perform(_ action: KexecAction) throws(KexecFailure) -> Int32 {
        switch action {
        case .help: return report(HelpText.full())
        case .version: return report(ProgramVersion.line)
        case .printCrashKernelSize: return report("\(try kexecState().crashSize ?? 0)\n")
        case .status(let target): return ExitCode.answer(isLoaded: try kexecState().isLoaded(target))
        case .unload(let target): try unload(target)
        case .execute: try jump(try kexecState(), by: invocation.systemCall)
        case .load(let request): _ = try load(request)
        case .loadThenShutdown(let request):
            try checkShutdown { state throws(ExecutionError) in
                try state.checkShutdown(afterLoadBy: invocation.systemCall)
            }
            if try load(request) == .module { throw .execution(.shutdownIgnoresModule) }
            try shutDown()
        case .shutdown:
            try checkShutdown { state throws(ExecutionError) in try state.checkShutdown() }
            try shutDown()
        case .loadThenExecute(let request):
            try checkJumpBeforeLoading()
            let call = try load(request)
            try jump(try kexecState(), by: call == .module ? .module : .kexecLoad)
        case .dryRun: return try dryRun()
        case .plan(let request, let format): return try plan(request, format)
        case .crashCheck(let request): return try checkCrash(request)
        case .captureMachine(let directory, let disk): return try capture(into: directory, disk)
        case .recordFirmwareState(let path): return try record(to: path)
        case .show: return try show()
        case .last: return try reportLastJump()
        }
        return ExitCode.success.status
    }

    /// Prints what was asked for; a status of its own where that could not be written, for a pipe or a full disk.
    private func report(_ text: String) -> Int32 {
        let errno = terminal.say(text)
        guard errno != 0 else { return ExitCode.success.status }
        terminal.complain(Diagnostic(unwrittenOutput: errno))
        return ExitCode.output.status
    }

    // MARK: The machine

    private func root(_ path: ByteString) throws(KexecFailure) -> MachineRoot {
        do throws(MachineError) { return try MachineRoot(path: path) } catch { throw .machine(error) }
    }

    /// What is loaded takes memory until what is loaded next has all of its own.
    private var isAnythingLoaded: Bool { kexecStateForJump().isLoaded(.reboot) == true }

    @inline(never) private func kexecState() throws(KexecFailure) -> KexecState { KexecState(reading: try root("/")) }

    /// - Parameter choice: where memory is not shown, kexec_file_load can do without, and no other call that is asked for.
    private func machine(
        below path: ByteString, for choice: SystemCallChoice
    ) throws(KexecFailure) -> MachineDescription {
        let root = try root(path)
        let machine = MachineDescription(readingWhatIsShown: root)
        if let gap = machine.memoryGap, choice == .kexecLoad || choice == .module {
            throw .machine(gap.error(below: root))
        }
        return machine
    }

    private func capture(into directory: ByteString, _ disk: ByteString?) throws(KexecFailure) -> Int32 {
        do throws(MachineError) {
            let capture = try captureMachine(root: "/", into: directory, bootSector: disk)
            if let problem = capture.problem { terminal.warn(Diagnostic(problem)) }
            let sum = "\(capture.files.count) files, \(byteSize(UInt64(capture.byteCount))) in '\(directory)'"
            return report(
                printable(sum) + "\nmay hold secrets: proc/cmdline (command line), physical addresses\n")
        } catch { throw .machine(error) }
    }

    private func record(to path: ByteString) throws(KexecFailure) -> Int32 {
        let root = try root("/")
        do throws(MachineError) {
            let report = RecordingReport(record: try recordFirmwareState(of: root, to: path), path: path)
            if report.hasLateOnes { terminal.warn(Diagnostic.recordedLate) }
            return self.report(report.text)
        } catch { throw .machine(error) }
    }

    private func show() throws(KexecFailure) -> Int32 {
        let root = try root(invocation.machineDirectory ?? "/")
        let machine = MachineDescription(readingWhatIsShown: root)
        return report(StateReport(machine: machine, hasLastJump: lastJumpRecord(below: root) != nil).text)
    }

    private func reportLastJump() throws(KexecFailure) -> Int32 {
        let root = try root("/")
        guard let bytes = lastJumpRecord(below: root) else { throw .noTrace }
        do throws(TraceRecordError) {
            // A span of plain bytes has none that could not be read.
            return report(LastReport(record: try TraceRecord(parsing: unsafe bytes.span.bytes)).text)
        } catch { throw .badTrace(error) }
    }

    private func checkCrash(_ request: KexecRequest?) throws(KexecFailure) -> Int32 {
        // What is reserved, and what there is room for, only memory tells.
        let machine = try machine(below: invocation.machineDirectory ?? "/", for: .kexecLoad)
        let check: CrashCheck
        if let request {
            check = CrashCheck(of: try PreparedLoad(request, on: machine, progress: terminal.progressLine.progress))
        } else {
            check = CrashCheck(of: machine)
        }
        let status = report(check.report)
        return status == ExitCode.success.status && !check.obstacles.isEmpty ? ExitCode.noDump.status : status
    }

    // MARK: Planning and loading

    private func plan(_ request: KexecRequest, _ format: PlanFormat) throws(KexecFailure) -> Int32 {
        do throws(KexecFailure) {
            let machine = try machine(below: invocation.machineDirectory ?? "/", for: request.systemCall)
            let prepared = try PreparedLoad(
                request, on: machine, capturedIn: invocation.machineDirectory,
                progress: terminal.progressLine.progress)
            let report = PlanReport(plan: prepared.plan, files: prepared.request.otherFiles)
            let picture = MemoryPicture(of: prepared.plan, on: machine)
            let text =
                switch format {
                case .text:
                    report.text(
                        picture: report.draws(picture)
                            ? TextPicture(picture: picture, style: PictureStyle(of: terminal)) : nil)
                case .json: report.json.text + "\n"
                case .svg: report.svg(picture)
                }
            let status = self.report(text)
            guard status == ExitCode.success.status, let refusal = prepared.plan.refusals.first else { return status }
            return ExitCode(refusal, choice: request.systemCall).status
        } catch {
            if format == .json {
                _ = report(PlanReport.json(refused: Diagnostic(error), kernel: request.kernel).text + "\n")
            }
            throw error
        }
    }

    /// - Returns: the call that did it.
    private func load(_ request: KexecRequest) throws(KexecFailure) -> SystemCall {
        let machine = try machine(below: "/", for: request.systemCall)
        if let refusal = machine.refusal(ofLoadsTo: request.target, by: request.systemCall) {
            throw .load(.notLoadable([refusal]))
        }
        let prepared = try PreparedLoad(request, on: machine, progress: terminal.progressLine.progress)
        if invocation.debug {
            terminal.explain(PlanReport(plan: prepared.plan, files: prepared.request.otherFiles).text)
        } else if prepared.plan.isLoadable {
            warn(prepared.plan.warnings)
            if let fast = prepared.plan.fast {
                terminal.explain("kexec: --fast: " + Diagnostic.words(for: fast) + "\n")
            }
        }
        let report = try prepared.load()
        terminal.progressLine.clear()
        if invocation.debug { terminal.explain("loaded by \(report.call.subject)\n") }
        for attempt in report.refused { terminal.warn(Diagnostic(attempt)) }
        warn(report.warnings)
        return report.call
    }

    @inline(never) private func warn(_ warnings: [PlanWarning]) {
        for warning in warnings { terminal.warn(Diagnostic(warning)) }
    }

    private func unload(_ target: LoadTarget) throws(KexecFailure) {
        var machine = MachineDescription()
        machine.kexec = try kexecState()
        do throws(LoadFailure) {
            _ = try KexecState.unload(target, by: invocation.systemCall, on: machine)
        } catch { throw .load(error) }
    }

    // MARK: Going

    private func checkJumpBeforeLoading() throws(KexecFailure) {
        do throws(ExecutionError) {
            var jump = Jump(LinuxKernel())
            _ = try jump.check(
                kexecStateForJump(), target: .toBeLoaded, by: invocation.systemCall,
                takesLinks: !invocation.skipsInterfaces)
        } catch { throw .execution(error) }
    }

    /// A machine whose root cannot be opened has no state to tell; the kernel will.
    private func kexecStateForJump() -> KexecState { (try? kexecState()) ?? KexecState() }

    private func dryRun() throws(KexecFailure) -> Int32 {
        let state = try kexecState()
        do throws(ExecutionError) { try state.rehearseJump() } catch { throw .execution(error) }
        return report("dry run: the way out of the running kernel works\n")
    }

    private func jump(_ state: KexecState, by choice: SystemCallChoice) throws(KexecFailure) {
        do throws(ExecutionError) {
            let options = JumpOptions(skipsSync: invocation.skipsSync, skipsLinks: invocation.skipsInterfaces)
            for fact in try state.checkJump(options, by: choice) { terminal.warn(Diagnostic(fact)) }
            try state.jump(options, by: choice)
        } catch { throw .execution(error) }
    }

    private func checkShutdown(
        _ check: (KexecState) throws(ExecutionError) -> [UncheckedFact]
    ) throws(KexecFailure) {
        do throws(ExecutionError) {
            for fact in try check(kexecStateForJump()) { terminal.warn(Diagnostic(fact)) }
        } catch { throw .execution(error) }
    }

    private func shutDown() throws(KexecFailure) {
        var jump = Jump(LinuxKernel())
        do throws(ExecutionError) {
            if let seconds = invocation.detachSeconds, try jump.detach(seconds: seconds) == .here { return }
            throw jump.startShutdown()
        } catch { throw .execution(error) }
    }
}
