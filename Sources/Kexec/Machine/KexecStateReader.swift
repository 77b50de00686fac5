// SPDX-License-Identifier: MIT

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
    /// Whether an IMA policy has a rule that appraises kernel images (Documentation/ABI/testing/ima_policy).
    static func appraisesKernels(policy: [UInt8]) -> Bool {
        policy.lines.contains { line in
            let words = line.words
            return words.first?.equals("appraise") == true
                && words.contains { $0.equals("func=KEXEC_KERNEL_CHECK") }
        }
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
        if imaAppraisesKernels == nil, let policy = context.commandLine.value(of: "ima_policy"),
            policy.split(separator: UInt8(ascii: "|")).contains(where: { $0.trimmed.equals("secure_boot") })
        {
            imaAppraisesKernels = true
        }
        handover = handover ?? handoverSign(context)
    }

    /// What files tell of a call. What the kernel has, a filter may keep from this process all the same.
    private func hasCall(_ option: KernelOptions, _ configuration: KernelConfiguration) -> Bool? {
        let isBuilt = isSupported == false ? false : configuration.has(option)
        return isFiltered && isBuilt == true ? nil : isBuilt
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
        // Mostly written once and never readable (CONFIG_IMA_READ_POLICY); only its rules for kernels are kept.
        let policy = excerpt(of: "sys/kernel/security/ima/policy", within: 1 << 20) { line in
            line.firstIndex(of: "func=KEXEC_KERNEL_CHECK") != nil
        }
        state.imaAppraisesKernels = policy.map { KexecState.appraisesKernels(policy: $0) }
        state.forcesReboot = line("sys/kernel/reboot/force").map { $0.equals("1") } ?? context.forcesReboot
        if hasDirectory("sys/kernel/debug/kho") { state.handover = .debugFiles }
        state.addChoices(of: context)
        return state
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
            commandLine: KernelCommandLine(parsing: []), secureBoot: nil,
            forcesReboot: KernelCommandLine(parsing: root.line("proc/cmdline") ?? []).forcesReboot)
        self = root.kexecState(context)
        sleepingSiblings = root.sleepingSiblings(nil)
    }
}
