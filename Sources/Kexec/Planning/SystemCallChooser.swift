// SPDX-License-Identifier: MIT
internal import BootFormats
internal import PhysicalMemory

/// Chooses the system call by facts: what each call cannot do here is listed first, and what is left decides.
struct SystemCallChooser {
    /// What a choice depends on besides the machine.
    struct Needs {
        var image: KernelImage
        var kind: String
        var commandLineLength: Int
        /// Options given that only kexec_load honours.
        var kexecLoadOptions: [KexecOption]
        /// Options given that the module cannot honour.
        var nativeOptions: [KexecOption] = []
        var target: LoadTarget
    }

    struct Choice {
        var call: SystemCall
        var reason: SystemCallReason
        var alternatives: [SystemCall]
        var refusal: PlanRefusal?
    }

    /// What the in-kernel loader keeps free at the end of a command line for ` elfcorehdr=` (`MAX_ELFCOREHDR_STR_LEN`).
    static let fileLoadLineReserve = 30

    let inputs: PlanningInputs
    private var machine: MachineDescription { inputs.machine }

    func choose(_ wanted: SystemCallChoice, for needs: Needs) -> Choice {
        let against = obstacles(for: needs, isModuleNamed: wanted == .module)
        switch wanted {
        case .kexecLoad: return named(.kexecLoad, against)
        case .kexecFileLoad: return named(.kexecFileLoad, against)
        case .module: return named(.module, against)
        case .automatic: return automatic(against, needs)
        }
    }

    /// The user's own choice is tried even where lockdown or a missing configuration speaks against it: the kernel has
    /// the last word. What the call cannot carry at all is refused here, and so is a call of a kernel without kexec.
    private func named(_ call: SystemCall, _ against: [SystemCallObstacle]) -> Choice {
        let fatal = against.filter { $0.call == call && !isForKernelToSay($0.cause) }
        var reason = SystemCallReason.requested
        // No other would do, asked for or not.
        if call == .kexecFileLoad, let gap = machine.memoryGap {
            reason = .only(against: [SystemCallObstacle(call: .kexecLoad, cause: .memoryUnknown(gap))])
        }
        return Choice(
            call: call, reason: reason, alternatives: [], refusal: fatal.isEmpty ? nil : .noSystemCall(fatal))
    }

    private func automatic(_ against: [SystemCallObstacle], _ needs: Needs) -> Choice {
        var legal = SystemCall.allCases.filter { call in !against.contains { $0.call == call } }
        let isPreferred = legal.first == .kexecLoad
        // What speaks against it is that the next kernel would miss something: better than no next kernel.
        if !isPreferred, isPossible(.kexecLoad, against) { legal.append(.kexecLoad) }
        if machine.kexec.handoverActive, machine.memoryGap == nil, legal.contains(.kexecFileLoad) {
            return Choice(call: .kexecFileLoad, reason: .handoverActive, alternatives: [], refusal: nil)
        }
        // kexec_load would be faster, and nothing would see the kernel's file. A payload of ours is no kernel, and has by
        // kexec_load what firmware left.
        if let sign = machine.kexec.fileChecks, legal == [.kexecLoad, .kexecFileLoad], needs.image.ownPayload == nil {
            // A crash kernel's segments have no core header then that kexec_load could hand over.
            let alternatives: [SystemCall] = needs.target == .crash ? [] : [.kexecLoad]
            return Choice(
                call: .kexecFileLoad, reason: .fileChecks(sign), alternatives: alternatives, refusal: nil)
        }
        guard let first = legal.first else {
            return Choice(call: .kexecLoad, reason: .noneIsLegal, alternatives: [], refusal: .noSystemCall(against))
        }
        let reason: SystemCallReason =
            !isPreferred
            ? .only(against: against.filter { $0.call < first || first == .kexecLoad && $0.call == .kexecFileLoad })
            : machine.kexec.hasKexecLoad == nil && machine.kexec.isFiltered
                ? .nothingKnownAgainstKexecLoad : .nothingAgainstKexecLoad
        return Choice(call: first, reason: reason, alternatives: Array(legal.dropFirst()), refusal: nil)
    }

    private func isPossible(_ call: SystemCall, _ against: [SystemCallObstacle]) -> Bool {
        for obstacle in against where obstacle.call == call {
            guard case .factsNotShown = obstacle.cause else { return false }
        }
        return true
    }

    private func isForKernelToSay(_ cause: SystemCallObstacle.Cause) -> Bool {
        switch cause {
        case .notInKernel: !machine.kexec.lacksKexec
        case .lockdown, .signaturesEnforced, .imaAppraisal, .memoryMapTooLong, .factsNotShown: true
        case .imageKind, .lowMemoryOnly, .pagingDepth, .option, .commandLineTooLong, .firmware32Bit,
            .memoryUnknown, .moduleNotLoaded, .moduleInterface, .moduleDisabled, .moduleLimitUsedUp, .besideNative,
            .crashKernel, .forcedReboot, .sleepingSiblings:
            false
        }
    }

    private func obstacles(for needs: Needs, isModuleNamed: Bool) -> [SystemCallObstacle] {
        kexecLoadCauses(needs).map { SystemCallObstacle(call: .kexecLoad, cause: $0) }
            + fileLoadCauses(needs).map { SystemCallObstacle(call: .kexecFileLoad, cause: $0) }
            + moduleCauses(needs, isNamed: isModuleNamed).map { SystemCallObstacle(call: .module, cause: $0) }
    }

    private func kexecLoadCauses(_ needs: Needs) -> [SystemCallObstacle.Cause] {
        (machine.kexec.hasKexecLoad == false ? [.notInKernel] : []) + placementCauses() + policyCauses()
            + (showsFacts(for: needs.target) ? [] : [.factsNotShown])
    }

    /// What forbids to choose addresses here.
    private func placementCauses() -> [SystemCallObstacle.Cause] {
        machine.memoryGap.map { [.memoryUnknown($0)] } ?? []
    }

    /// Whether what would be handed on is shown. Where sysfs is mounted and has no boot_params, the kernel has none.
    private func showsFacts(for target: LoadTarget) -> Bool {
        let hasParameters = machine.bootParameters != nil || machine.kexec.isSupported != nil
        return hasParameters && machine.showsResources || target == .crash || machine.memoryGap != nil
    }

    /// What forbids to load what no file shows, whoever loads it.
    private func policyCauses() -> [SystemCallObstacle.Cause] {
        let kexec = machine.kexec
        var causes: [SystemCallObstacle.Cause] = []
        if kexec.lockdown == .integrity || kexec.lockdown == .confidentiality {
            causes.append(.lockdown(kexec.lockdown))
        }
        if let enforcement = kexec.signatureEnforcement { causes.append(.signaturesEnforced(enforcement)) }
        if kexec.imaAppraisesKernels == true { causes.append(.imaAppraisal) }
        return causes
    }

    private func moduleCauses(_ needs: Needs, isNamed: Bool) -> [SystemCallObstacle.Cause] {
        let kexec = machine.kexec
        if !isNamed, !kexec.lacksKexec { return [.besideNative] }
        // First: to load the module, or another one, would be in vain.
        var causes: [SystemCallObstacle.Cause] = kexec.sleepingSiblings.map { [.sleepingSiblings($0)] } ?? []
        guard kexec.hasModule else { return causes + [.moduleNotLoaded(besideNative: !kexec.lacksKexec)] }
        // What another interface says of itself is not known.
        if let module = kexec.module, !module.isUnderstood { return causes + [.moduleInterface(module.interface)] }
        if needs.target == .crash { causes.append(.crashKernel) }
        causes += needs.nativeOptions.map { .option($0) }
        if kexec.module?.isDisabled == true { causes.append(.moduleDisabled) }
        if kexec.module?.loadsLeft == 0 { causes.append(.moduleLimitUsedUp) }
        if kexec.forcesReboot { causes.append(.forcedReboot) }
        return causes + placementCauses() + policyCauses()
    }

    private func fileLoadCauses(_ needs: Needs) -> [SystemCallObstacle.Cause] {
        var causes: [SystemCallObstacle.Cause] = []
        if machine.kexec.hasKexecFileLoad == false { causes.append(.notInKernel) }
        causes += needs.kexecLoadOptions.map { .option($0) }
        guard case .bzImage(let image) = needs.image, image.header.has64BitEntry, image.header.version >= 0x020c else {
            return causes + [.imageKind(needs.kind)]
        }
        if !image.header.canBeLoadedAbove4G { causes.append(.lowMemoryOnly) }
        if machine.uses5LevelPaging, !image.header.supports5LevelPaging { causes.append(.pagingDepth) }
        if machine.efi?.platformSize == 32 { causes.append(.firmware32Bit) }
        let limit = max(0, Int(clamping: image.header.commandLineSize) - Self.fileLoadLineReserve - 1)
        if needs.commandLineLength > limit {
            causes.append(.commandLineTooLong(length: needs.commandLineLength, limit: limit))
        }
        if machine.memoryMap.entries.count > BootParameters.maximumE820Entries {
            causes.append(.memoryMapTooLong(entries: machine.memoryMap.entries.count))
        }
        return causes
    }
}

extension SystemCall: Comparable {
    /// The order of preference.
    public static func < (left: SystemCall, right: SystemCall) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .kexecLoad: 0
        case .kexecFileLoad: 1
        case .module: 2
        }
    }
}
