// SPDX-License-Identifier: MIT
internal import BootFormats
internal import PhysicalMemory

/// Finds what a plan does that its user may not expect.
struct PlanAdvisor {
    let inputs: PlanningInputs
    var request: KexecRequest { inputs.request }
    var machine: MachineDescription { inputs.machine }

    func warnings(for plan: BootPlan, _ image: KernelImage) -> [PlanWarning] {
        var warnings = ignoredOptions(image, plan)
        if request.commandLine == nil, plan.commandLine.isEmpty, !machine.commandLine.isEmpty, takesCommandLine(image) {
            warnings.append(.emptyCommandLine)
        }
        if let part = appendedBehind(image) { warnings.append(.appendedNotRead(because: part)) }
        warnings += self.warnings(by: plan.systemCall, for: plan.target)
        if plan.target != .crash {
            warnings += given(
                [.hotplug, .coreHeaders32, .coreHeaders64, .memoryMapInCommandLine], ignoredBy: .noCrashKernel)
        }
        if plan.elfArguments == .nothing { warnings.append(.notVerified) }
        if let warning = linuxWarning(image, plan.elfArguments) { warnings.append(warning) }
        if let warning = screenWarning(image) { warnings.append(warning) }
        if request.decompression.namesKernel {
            switch plan.kernelForm {
            case .unpacked?: break
            case .asItIs(let obstacle)?: warnings.append(.asItIs(.kernel, because: obstacle))
            case nil: warnings.append(.asItIs(.kernel, because: .notLinux))
            }
        }
        if request.decompression.namesInitrd {
            switch plan.initrdForm {
            case .unpacked?, .asItIs(.nothingPacked)?, nil: break
            case .asItIs(let obstacle)?: warnings.append(.asItIs(.initrd, because: obstacle))
            }
        }
        if plan.fast == nil {
            warnings += given([.fast], ignoredBy: request.target == .crash ? .crashKernel : .notLinux)
        }
        return warnings
    }

    /// Of an ELF file that is Linux, or may be, and does not get what Linux needs.
    private func linuxWarning(_ image: KernelImage, _ arguments: ELFArguments?) -> PlanWarning? {
        guard case .elf(let image) = image, let arguments, arguments != .linux else { return nil }
        if image.isLinux { return .linuxEntered(with: arguments) }
        return request.elfArguments == nil && image.isLinkedAsLinux ? .mayBeLinux : nil
    }

    /// What `call` loses where it is taken in place of the one that `plan` begins with: kexec_file_load in place of another,
    /// or another in place of it.
    func losses(by call: SystemCall, of plan: BootPlan) -> [PlanWarning] {
        var losses = warnings(by: call, for: plan.target)
        guard call == .kexecFileLoad else { return losses }
        if request.decompression.namesKernel, plan.isUnpacked {
            losses.append(.asItIs(.kernel, because: .kexecFileLoad))
        }
        if request.decompression.namesInitrd, plan.isInitrdUnpacked {
            losses.append(.asItIs(.initrd, because: .kexecFileLoad))
        }
        return losses
    }

    /// What of the request has no effect by `call`, and what of the machine is lost.
    private func warnings(by call: SystemCall, for target: LoadTarget) -> [PlanWarning] {
        var warnings: [PlanWarning]
        if call == .kexecFileLoad {
            warnings = given(
                [.noChecks, .digest, .serial, .serialBaud, .consoleSerial, .consoleVGA, .resetVGA, .noEFI],
                ignoredBy: .kexecFileLoad)
            if target == .crash {
                warnings += given([.coreHeaders32, .memoryMapInCommandLine], ignoredBy: .kexecFileLoad)
            }
            let entries = machine.memoryMap.entries.count, kept = BootParameters.maximumE820Entries
            if entries > kept { warnings.append(.memoryMapCut(entries: entries, kept: kept)) }
        } else {
            warnings = given([.forceDeviceTree], ignoredBy: call == .module ? .module : .kexecLoad)
            if machine.kexec.handoverActive { warnings.append(.handoverLost) }
            if let sign = machine.kexec.fileChecks { warnings.append(.fileNotChecked(sign)) }
        }
        return warnings
    }

    /// What another call keeps and `call` does not, as far as this machine and image have it.
    @inline(never) func notKept(by call: SystemCall, _ image: KernelImage) -> LoadGuarantees {
        var lost: LoadGuarantees
        if call == .kexecFileLoad {
            lost = .namedDigest
            if case .bzImage = image, request.decompression != .nothing, request.target != .crash {
                lost.insert(.unpacking)
            }
            if machine.memoryMap.entries.count > BootParameters.maximumE820Entries { lost.insert(.wholeMemoryMap) }
        } else {
            let kexec = machine.kexec
            lost = call == .module ? .startByShutdown : []
            if kexec.checksSignature != false { lost.insert(.signatureCheck) }
            if kexec.fileChecks != nil { lost.insert(.measurement) }
            if machine.configuration.enabled.contains(.imaKexec) { lost.insert(.measurementList) }
            if kexec.handoverActive { lost.insert(.handover) }
        }
        return lost
    }

    /// Of a header that needs a screen, and not in the mode that it is in.
    private func screenWarning(_ image: KernelImage) -> PlanWarning? {
        guard case .multiboot(let image) = image, image.needsFramebuffer else { return nil }
        let isText = machine.bootParameters.flatMap { MultibootFramebuffer($0) }.map { $0.isText }
        if let isText, isText ? image.takesText : image.takesPixels { return nil }
        return .noFramebuffer(isText: isText)
    }

    private func appendedBehind(_ image: KernelImage) -> AppendedBehind? {
        guard request.reusesCommandLine, request.commandLine?.isEmpty == false, takesCommandLine(image) else {
            return nil
        }
        // Their lines have other rules.
        if case .multiboot = image { return nil }
        let kept = KernelCommandLine(CommandLine.kept(for: request.target, on: machine))
        return kept.isQuoteOpen ? .openQuote : kept.initStart == nil ? nil : .dashes
    }

    private func takesCommandLine(_ image: KernelImage) -> Bool {
        switch image {
        case .elf: return request.arguments(for: image) == .linux
        case .nbi: return false  // It has one of its own.
        default: return true
        }
    }

    /// Options that were given and that this image or system call has no use for.
    private func ignoredOptions(_ image: KernelImage, _ plan: BootPlan) -> [PlanWarning] {
        var ignored: [PlanWarning] = []
        switch image {
        case .multiboot(let multiboot):
            ignored += given(
                [.entry32Bit, .realMode, .argumentsELF, .argumentsLinux, .argumentsNone]
                    + (multiboot.version == .one ? [.noEFI] : []), ignoredBy: .multiboot)
        case .nbi:
            ignored += given(
                [.entry32Bit, .realMode, .argumentsELF, .argumentsLinux, .argumentsNone, .noEFI], ignoredBy: .nbi)
        case .bzImage:
            ignored += given([.argumentsELF, .argumentsLinux, .argumentsNone], ignoredBy: .bzImage)
        case .elf:
            ignored += given([.entry32Bit, .realMode], ignoredBy: .elf)
            switch plan.elfArguments {
            case .nothing?:
                ignored += given(
                    [
                        .commandLine, .reuseCommandLine, .consoleSerial, .consoleVGA, .resetVGA, .serial, .serialBaud,
                        .digest, .noEFI,
                    ], ignoredBy: .argsNone)
            case .elf?: ignored += given([.noEFI], ignoredBy: .elfProgram)
            case .linux?, nil: break
            }
        }
        if !plan.segments.contains(where: { $0.name.equals("firmware_state") }), plan.refusals.isEmpty {
            let isFileLoad = plan.systemCall == .kexecFileLoad && image.ownPayload != nil
            ignored += given([.firmwareState], ignoredBy: isFileLoad ? .kexecFileLoad : .noBIOSCalls)
        }
        return ignored
    }

    private func given(_ options: [KexecOption], ignoredBy party: IgnoringParty) -> [PlanWarning] {
        options.filter { request.givenOptions.contains($0) }.map { .optionIgnored($0, by: party) }
    }
}
