// SPDX-License-Identifier: MIT
internal import BootFormats

/// What is known before the kexec state is read.
struct KernelContext {
    var facts: MachineFacts
    var configuration: KernelConfiguration
    var commandLine: KernelCommandLine
    var secureBoot: Bool?
    /// What the command line says of it.
    var forcesReboot: Bool
}

extension Lockdown {
    /// `[none] integrity confidentiality`: the level in brackets is in force.
    init(parsing text: [UInt8]) {
        self = .unknown
        for word in text[...].words {
            if word.equals("[none]") { self = .none }
            if word.equals("[integrity]") { self = .integrity }
            if word.equals("[confidentiality]") { self = .confidentiality }
        }
    }
}

extension KexecState {
    /// Takes in a line of IMA's policy (Documentation/ABI/testing/ima_policy). A rule that names no function is for all of
    /// them, and FILE_CHECK (once PATH_CHECK) for a file that is opened: which of them is then started, only kexec_file_load
    /// shows.
    /// - Returns: whether it measures or appraises something.
    mutating func takeRule(_ line: ArraySlice<UInt8>) -> Bool {
        let rule = line.trimmed
        let appraises = rule.hasPrefix("appraise")
        guard appraises || rule.hasPrefix("measure") else { return false }
        let function = rule.firstIndex(of: "func=").map { rule[($0 + 5)...] } ?? []
        let isOfKernels = function.hasPrefix("KEXEC_KERNEL_CHECK")
        imaAppraisesKernels = imaAppraisesKernels == true || appraises && isOfKernels
        if function.isEmpty || function.hasPrefix("KEXEC_") || function.hasPrefix("FILE_")
            || function.hasPrefix("PATH_")
        {
            fileChecks = .policyRule
        }
        return true
    }

    /// `kexec_load_limit_*`: nil for -1, which is no limit, and for what is no number.
    static func limit(parsing text: ArraySlice<UInt8>?) -> Int? {
        text?.decimal.map { Int(exactly: $0) ?? .max }
    }

    /// What CONFIG_*, the command line and Secure Boot decide.
    mutating func addChoices(of context: KernelContext) {
        let configuration = context.configuration
        isFiltered = context.facts.isFiltered
        hasKexecLoad = context.facts.hasKexecLoad ?? hasCall(.kexec, configuration)
        hasKexecFileLoad = context.facts.hasKexecFileLoad ?? hasCall(.kexecFile, configuration)
        hasModule = context.facts.hasKexecDevice ?? false
        module = hasModule ? context.facts.module : nil
        checksSignature = configuration.has(.kexecSignature)
        if configuration.enabled.contains(.kexecSignatureForced) {
            signatureEnforcement = .configuration
        } else if context.secureBoot == true,
            configuration.enabled.isSuperset(of: [.kexecSignature, .imaArchitecturePolicy])
        {
            // security/integrity/ima: the architecture's policy calls set_kexec_sig_enforced() under Secure Boot.
            signatureEnforcement = .secureBoot
        }
        let line = context.commandLine
        if imaAppraisesKernels == nil, line.lists("secure_boot", in: "ima_policy") { imaAppraisesKernels = true }
        fileChecks = fileChecks ?? builtInChecks(line) ?? signatureChecks(context)
        handover = handover ?? handoverSign(context)
    }

    /// What files tell of a call. What the kernel has, a filter may keep from this process all the same.
    private func hasCall(_ option: KernelOptions, _ configuration: KernelConfiguration) -> Bool? {
        let isBuilt = isSupported == false ? false : configuration.has(option)
        return isFiltered && isBuilt == true ? nil : isBuilt
    }

    /// The built-in policies measure or appraise what is read by root or owned by root, `critical_data` what the kernel
    /// itself adds at a kexec_file_load (security/integrity/ima/ima_policy.c).
    private func builtInChecks(_ line: KernelCommandLine) -> FileCheckSign? {
        // A policy that can be read says all.
        guard imaAppraisesKernels != false else { return nil }
        return imaAppraisesKernels == true || line.has("ima_tcb") || line.has("ima_appraise_tcb")
            || line.lists("tcb", in: "ima_policy") || line.lists("appraise_tcb", in: "ima_policy")
            || line.lists("critical_data", in: "ima_policy") ? .commandLine : nil
    }

    /// Where the configuration is not known, Secure Boot stands for both.
    private func signatureChecks(_ context: KernelContext) -> FileCheckSign? {
        if signatureEnforcement == .configuration { return .signaturesForced }
        let looks = checksSignature != false || context.configuration.enabled.contains(.imaArchitecturePolicy)
        return context.secureBoot == true && looks ? .secureBoot : nil
    }

    private func handoverSign(_ context: KernelContext) -> HandoverSign? {
        if context.facts.hasLiveUpdateDevice == true { return .liveUpdateDevice }
        if let asked = context.commandLine.flag("kho") { return asked ? .commandLine : nil }
        return context.configuration.enabled.contains(.kexecHandoverByDefault) ? .configuration : nil
    }
}

extension MachineRoot {
    /// Reads the new names of the kexec files first: the old ones go after 2028 (Linux 7.3, ABI documents).
    func kexecState(_ context: KernelContext) -> KexecState {
        var state = KexecState()
        state.loaded = kexecFile("loaded", oldName: "kexec_loaded").map { !$0.equals("0") }
        state.crashLoaded = kexecFile("crash_loaded", oldName: "kexec_crash_loaded").map { !$0.equals("0") }
        state.crashSize = kexecFile("crash_size", oldName: "kexec_crash_size")?.decimal
        state.crashCoreHeaderSize = kexecFile("crash_elfcorehdr_size", oldName: "crash_elfcorehdr_size")?.decimal
        // An empty /sys has nothing mounted on it and tells nothing.
        state.isSupported = state.loaded != nil ? true : hasDirectory("sys/kernel") ? false : nil
        state.loadDisabled = line("proc/sys/kernel/kexec_load_disabled")?.equals("1") == true
        state.loadLimitReboot = KexecState.limit(parsing: line("proc/sys/kernel/kexec_load_limit_reboot"))
        state.loadLimitPanic = KexecState.limit(parsing: line("proc/sys/kernel/kexec_load_limit_panic"))
        state.lockdown = bytes("sys/kernel/security/lockdown", limit: 4096).map { Lockdown(parsing: $0) } ?? .unknown
        addIntegrity(to: &state)
        state.forcesReboot = line("sys/kernel/reboot/force").map { $0.equals("1") } ?? context.forcesReboot
        if hasDirectory("sys/kernel/debug/kho") { state.handover = .debugFiles }
        state.addChoices(of: context)
        return state
    }

    /// What IMA shows of itself.
    private func addIntegrity(to state: inout KexecState) {
        let folder = "sys/kernel/security/ima"
        guard hasDirectory(folder) else { return }
        let path = folder + "/policy"
        let policy = unrecordedBytes(path)
        guard policy != nil || isRunning && exists(path) else {
            state.fileChecks = .ownPolicy
            return
        }
        // Mostly there to be written only; a capture has an empty file then. Only its rules are kept.
        let rules = (policy ?? []).excerpt { state.takeRule($0) }
        recording?.add(path, rules)
        // The first measurement is of the boot itself.
        if rules.isEmpty, let count = line(folder + "/runtime_measurements_count")?.decimal, count > 1 {
            state.fileChecks = .measurements
        }
    }

    private func kexecFile(_ name: String, oldName: String) -> ArraySlice<UInt8>? {
        line("sys/kernel/kexec/\(name)") ?? line("sys/kernel/\(oldName)")
    }
}

extension KexecState {
    /// Reads what proc, sysfs and `/dev/kexec` tell of kexec, and nothing else of the machine: enough for the status, for
    /// unloading and for the jump, which must work in a root that is half torn down. The kernel is not asked for its
    /// system calls: where a filter ends whoever makes them, the status is told all the same.
    public init(reading root: borrowing MachineRoot) {
        let context = KernelContext(
            facts: root.machineFacts(probing: false), configuration: KernelConfiguration(),
            commandLine: KernelCommandLine(""), secureBoot: nil,
            forcesReboot: KernelCommandLine(root.commandLine ?? "").forcesReboot)
        self = root.kexecState(context)
        sleepingSiblings = root.sleepingSiblings(nil)
    }
}
