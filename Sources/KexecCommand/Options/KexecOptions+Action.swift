// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Kexec
internal import PhysicalMemory

extension KexecOptions {
    /// Decides what all options and file names together ask for.
    func invocation(operands: [ByteString]) throws(UsageError) -> KexecInvocation {
        if let lateError { throw lateError }
        var result = KexecInvocation(.execute)
        result.warnings = warnings
        let action = try action(operands: operands)
        if detachSeconds != nil, !action.endsInShutdown { throw .detachWithoutReboot }
        result.action = action
        result.skipsSync = skipsSync
        result.skipsInterfaces = skipsInterfaces
        result.debug = request.debug
        result.systemCall = request.systemCall
        result.machineDirectory = machineDirectory
        result.detachSeconds = detachSeconds
        if case .some = action.request {
            if request.commandLine?.isEmpty == true, !request.reusesCommandLine {
                result.warnings.append(.emptyCommandLine)
            }
        } else {
            if let firstNeedingLoad { throw .needsLoad(firstNeedingLoad) }
            if let operand = operands.first, !action.namesDisk { result.warnings.append(.ignoredArgument(operand)) }
        }
        return result
    }

    private func action(operands: [ByteString]) throws(UsageError) -> KexecAction {
        if let own = try ownAction(operands) { return own }
        if given(.reboot) { return try reboot(operands: operands) }
        if given(.status) {
            if planFormat != nil { throw .conflict(.status, .plan) }
            // -p beside -l means the crash kernel here too.
            let asksForReboot = (given(.load) || given(.loadPreserveContext)) && request.target == .reboot
            return .status(asksForReboot ? .reboot : .crash)
        }
        if unloadsBeforePanic && operands.isEmpty && planFormat == nil { return .unload(.crash) }
        switch verb {
        case .execute, .unload:
            if planFormat != nil { throw .conflict(verb == .execute ? .execute : .unload, .plan) }
            return verb == .execute ? .execute : .unload(request.target)
        case nil, .load, .force:
            let request = try completeRequest(operands: operands)
            if let planFormat { return .plan(request, planFormat) }
            return verb == .force
                ? .loadThenExecute(request) : verb == .load ? .load(request) : .loadThenShutdown(request)
        }
    }

    /// Actions that kexec-tools does not have: they go with no other.
    private func ownAction(_ operands: [ByteString]) throws(UsageError) -> KexecAction? {
        if machineDirectory != nil, planFormat == nil, !given(.crashCheck), !given(.show) { throw .machineWithoutPlan }
        let own: (option: KexecOption, action: KexecAction)
        if let captureDirectory {
            let disk = request.forcedType == .bootSector ? operands.first : nil
            own = (.captureMachine, .captureMachine(directory: captureDirectory, bootSector: disk))
        } else if let firmwareStateFile {
            own = (.recordFirmwareState, .recordFirmwareState(path: firmwareStateFile))
        } else if given(.last) {
            own = (.last, .last)
        } else if given(.show) {
            own = (.show, .show)
        } else if given(.dryRun) {
            own = (.dryRun, .dryRun)
        } else if given(.crashCheck) {
            own = (.crashCheck, .crashCheck(try crashRequest(operands)))
        } else {
            return nil
        }
        let others: [KexecOption] = [
            .load, .loadPanic, .force, .execute, .unload, .status, .loadPreserveContext, .loadLiveUpdate, .plan, .last,
            .recordFirmwareState, .dryRun, .reboot, .crashCheck, .show,
        ]
        for other in others where given(other) && other != own.option {
            // A crash kernel is what that is about.
            if other == .loadPanic, own.option == .crashCheck { continue }
            throw .conflict(own.option, other)
        }
        return own.action
    }

    /// `--reboot`: with a kernel, or `-l`, a load comes first.
    private func reboot(operands: [ByteString]) throws(UsageError) -> KexecAction {
        let others: [KexecOption] = [.loadPanic, .force, .execute, .unload, .status, .plan]
        for other in others where given(other) { throw .conflict(.reboot, other) }
        if verb == nil, operands.isEmpty { return .shutdown }
        return .loadThenShutdown(try completeRequest(operands: operands))
    }

    private func crashRequest(_ operands: [ByteString]) throws(UsageError) -> KexecRequest? {
        if operands.isEmpty { return nil }
        var request = try completeRequest(operands: operands)
        request.target = .crash
        return request
    }

    /// The request with its kernel, once nothing in it contradicts anything else.
    private func completeRequest(operands: [ByteString]) throws(UsageError) -> KexecRequest {
        var request = request
        guard let kernel = operands.first, !kernel.isEmpty else { throw .noKernel }
        if operands.count > 1 { throw .unexpectedArgument(operands[1], kernel: kernel) }
        request.kernel = kernel
        let files = [kernel] + request.initrds + request.moduleFiles
        if files.filter({ $0.namesStandardInput }).count > 1 { throw .standardInputTwice }
        if let drive = request.biosDrive {
            switch request.forcedType {
            case .bootSector?: break
            case .diskImage?: if drive & 0x7f != 0 { throw .driveOfImage(drive) }
            default: throw .driveWithoutType
            }
        }
        // A crash kernel waits for a panic; nothing could be started now.
        if request.target == .crash, verb == .force { throw .conflict(.loadPanic, .force) }
        if given(.noChecks) {
            if let digest = request.digest, digest != .none { throw .conflict(.noChecks, .digest) }
            request.digest = DigestChoice.none
        }
        if let minimum = request.memoryMinimum, let maximum = request.memoryMaximum, minimum > maximum {
            throw .memoryLimitsCrossed(minimum: minimum.rawValue, maximum: maximum.rawValue)
        }
        return request
    }

    private func given(_ option: KexecOption) -> Bool { request.givenOptions.contains(option) }
}

extension KexecAction {
    /// What is to be loaded, or would be; nil for actions that load nothing.
    var request: KexecRequest? {
        switch self {
        case .load(let request), .loadThenShutdown(let request), .loadThenExecute(let request), .plan(let request, _),
            .crashCheck(let request?):
            request
        default: nil
        }
    }

    /// The first file name is that of a disk to be captured.
    fileprivate var namesDisk: Bool {
        if case .captureMachine(_, _?) = self { true } else { false }
    }

    fileprivate var endsInShutdown: Bool {
        switch self {
        case .shutdown, .loadThenShutdown: true
        default: false
        }
    }
}

extension OptionEntry {
    /// Where no load is asked for, kexec-tools answers these with its usage text; ours that only shape a load likewise.
    var needsLoad: Bool {
        switch option {
        case .commandLine, .reuseCommandLine, .initrd, .deviceTree, .module, .argumentsELF, .argumentsLinux,
            .argumentsNone, .realMode, .entry32Bit, .noEFI, .reuseVideoType, .memoryMapInCommandLine, .digest,
            .firmwareState, .biosDrive, .decompress, .fast:
            true
        default: false
        }
    }

    /// Only its last value counts.
    var countsOnce: Bool { value != .none && option != .initrd && option != .module }
}
