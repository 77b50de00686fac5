// SPDX-License-Identifier: MIT
internal import BootFormats
internal import PhysicalMemory

/// Finds what a plan does that its user may not expect.
struct PlanAdvisor {
    let request: KexecRequest
    let machine: MachineDescription

    func warnings(for plan: BootPlan, _ image: KernelImage) -> [PlanWarning] {
        var warnings = ignoredOptions(image, plan)
        if request.commandLine == nil, plan.commandLine.isEmpty, !machine.commandLine.isEmpty, takesCommandLine(image) {
            warnings.append(.emptyCommandLine)
        }
        if plan.systemCall == .kexecFileLoad, machine.memoryMap.entries.count > BootParameters.maximumE820Entries {
            warnings.append(
                .memoryMapCut(
                    entries: machine.memoryMap.entries.count, kept: BootParameters.maximumE820Entries))
        }
        if plan.systemCall != .kexecFileLoad, machine.kexec.handoverActive { warnings.append(.handoverLost) }
        if plan.target != .crash {
            warnings += given(
                [.hotplug, .coreHeaders32, .coreHeaders64, .memoryMapInCommandLine], ignoredBy: .noCrashKernel)
        }
        if plan.elfArguments == .nothing { warnings.append(.notVerified) }
        if let warning = linuxWarning(image, plan.elfArguments) { warnings.append(warning) }
        if case .multiboot(let image) = image, image.needsFramebuffer,
            machine.bootParameters.flatMap({ MultibootFramebuffer($0) }) == nil
        {
            warnings.append(.noFramebuffer)
        }
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
                    [.commandLine, .reuseCommandLine, .consoleSerial, .consoleVGA, .resetVGA, .digest, .noEFI],
                    ignoredBy: .argsNone)
            case .elf?: ignored += given([.noEFI], ignoredBy: .elfProgram)
            case .linux?, nil: break
            }
        }
        if !plan.segments.contains(where: { $0.name == "firmware_state" }), plan.refusals.isEmpty {
            let isFileLoad = plan.systemCall == .kexecFileLoad && image.ownPayload != nil
            ignored += given([.firmwareState], ignoredBy: isFileLoad ? .kexecFileLoad : .noBIOSCalls)
        }
        if plan.systemCall == .kexecFileLoad {
            ignored += given(
                [.noChecks, .digest, .consoleSerial, .consoleVGA, .resetVGA, .noEFI]
                    + (plan.target == .crash ? [.coreHeaders32, .memoryMapInCommandLine] : []),
                ignoredBy: .kexecFileLoad)
        } else {
            ignored += given([.forceDeviceTree], ignoredBy: plan.systemCall == .module ? .module : .kexecLoad)
        }
        return ignored
    }

    private func given(_ options: [KexecOption], ignoredBy party: IgnoringParty) -> [PlanWarning] {
        options.filter { request.givenOptions.contains($0) }.map { .optionIgnored($0, by: party) }
    }
}
