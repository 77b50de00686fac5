// SPDX-License-Identifier: MIT
internal import BootFormats
internal import PhysicalMemory

/// Finds what a plan does that its user may not expect.
struct PlanAdvisor {
    let request: KexecRequest
    let machine: MachineDescription

    func warnings(for plan: BootPlan, _ image: KernelImage) -> [PlanWarning] {
        var warnings = ignoredOptions(image, plan)
        if plan.commandLine.isEmpty, !machine.commandLine.isEmpty, takesCommandLine(image) {
            warnings.append(.emptyCommandLine)
        }
        if plan.systemCall == .kexecFileLoad, machine.memoryMap.entries.count > BootParameters.maximumE820Entries {
            warnings.append(
                .memoryMapCut(
                    entries: machine.memoryMap.entries.count, kept: BootParameters.maximumE820Entries))
        }
        if plan.systemCall == .kexecLoad, machine.kexec.handoverActive { warnings.append(.handoverLost) }
        if plan.purgatory == nil { warnings.append(.notVerified) }
        return warnings
    }

    private func takesCommandLine(_ image: KernelImage) -> Bool {
        if case .elf = image { return request.elfArguments == .linux }
        return true
    }

    /// Options that this image has no use for.
    private func ignoredOptions(_ image: KernelImage, _ plan: BootPlan) -> [PlanWarning] {
        guard case .elf = image, request.elfArguments == .none else { return [] }
        var options: [RequestedOption] = []
        if request.commandLine != nil { options.append(.commandLine) }
        if request.console.serial { options.append(.consoleSerial) }
        if request.console.vga { options.append(.consoleVGA) }
        if request.digest != nil { options.append(.digest) }
        return options.map { .optionIgnored($0, by: RequestedOption.argsNone.rawValue) }
    }
}
