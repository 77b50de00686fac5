// SPDX-License-Identifier: MIT
internal import Kexec
internal import PhysicalMemory

/// `kexec --show`: what is loaded, and what a load would meet, on one screen.
struct StateReport {
    let machine: MachineDescription
    /// There is a record for `--last`.
    let hasLastJump: Bool

    private var kexec: KexecState { machine.kexec }

    var text: String {
        var lines = ["kernel      \(machine.release ?? "unknown")\(startedBy)", "next        \(next)"]
        lines.append("crash       \(crash)")
        lines.append("calls       \(calls)")
        lines.append("module      \(module)")
        lines.append("lockdown    \(lockdown)")
        for policy in policies { lines.append("policy      \(policy)") }
        lines.append("limits      \(limits)")
        lines.append("may load    \(permission)")
        return lines.map { printable($0) }.joined(separator: "\n") + "\n"
    }

    private var startedBy: String {
        guard machine.bootParameters != nil else { return "" }
        guard machine.wasStartedByKexec else { return ", started by firmware or a boot loader" }
        return ", started by kexec" + (hasLastJump ? " (kexec --last tells more)" : "")
    }

    private var next: String {
        if kexec.loaded == true {
            return "loaded: kexec --reboot, reboot or systemctl kexec starts it, kexec -e at once"
        }
        if kexec.isModuleLoaded == true { return "loaded in /dev/kexec: kexec -e starts it, a reboot does not" }
        if hasNoKexec { return "nothing loaded: the running kernel has no kexec" }
        return kexec.isLoaded(.reboot) == nil ? "not known: the kernel does not tell" : "nothing loaded"
    }

    private var crash: String {
        let ranges = machine.crashKernel + machine.crash.lentRanges
        var size = PhysicalRangeSet(ranges).size
        if size == 0 { size = kexec.crashSize ?? 0 }
        guard size > 0 else { return "no memory set aside" }
        let place = ranges.isEmpty ? "" : " at " + ranges.map { addresses($0) }.joined(separator: ", ")
        let state: String
        switch kexec.crashLoaded {
        case true?: state = "loaded, \(machine.crash.isKeptUpToDate == true ? "" : "not ")kept up to date by the kernel"
        case false?: state = "nothing loaded"
        case nil: state = "not known whether loaded"
        }
        return state + "; " + byteSize(size) + " set aside" + place
    }

    private var calls: String {
        var text = "kexec_load \(answer(kexec.hasKexecLoad)), kexec_file_load \(answer(kexec.hasKexecFileLoad))"
        if kexec.forcesSignature {
            text += " (signatures enforced)"
        } else if kexec.checksSignature == true {
            text += " (signatures checked, not enforced)"
        }
        return text
    }

    private func answer(_ fact: Bool?) -> String { fact == true ? "yes" : fact == false ? "no" : "not known" }

    private var module: String {
        guard kexec.hasModule else { return "not loaded" }
        guard let module = kexec.module else { return "loaded, and does not answer" }
        guard module.isUnderstood else { return "loaded, with another interface than this program's" }
        var text = "loaded" + (module.isBesideNative ? ", beside the kernel's own kexec" : "")
        if module.isDisabled { text += ", switched off (parameter disabled)" }
        if let left = module.loadsLeft { text += ", loads left: \(left)" }
        return text
    }

    private var lockdown: String {
        switch kexec.lockdown {
        case .unknown: "not shown: no lockdown, or securityfs is not mounted"
        case .none: "none"
        case .integrity: "integrity"
        case .confidentiality: "confidentiality"
        }
    }

    private var policies: [String] {
        var policies: [String] = []
        if machine.efi?.secureBoot == true { policies.append("Secure Boot is on") }
        if kexec.imaAppraisesKernels == true { policies.append("IMA appraises kernel files") }
        if let sign = kexec.fileChecks {
            policies.append("by kexec_load " + Diagnostic(PlanWarning.fileNotChecked(sign)).sentence)
        }
        if kexec.handoverActive {
            policies.append("kexec handover is on: only kexec_file_load keeps what it preserved")
        }
        return policies
    }

    private var limits: String {
        let left = "loads left: " + count(kexec.loadLimitReboot) + " for a reboot, " + count(kexec.loadLimitPanic)
        return left + " for a crash" + (kexec.loadDisabled ? "; kernel.kexec_load_disabled is 1" : "")
    }

    private func count(_ limit: Int?) -> String { limit.map { String($0) } ?? "any number" }

    private var permission: String {
        if let refusal { return "no: " + Diagnostic(refusal).sentence }
        if kexec.isModuleAlone {
            guard let module = kexec.module else { return "not known: /dev/kexec does not answer" }
            guard module.isUnderstood, !module.isDisabled, module.loadsLeft != 0 else { return "no: see 'module'" }
            return kexec.lockdown.isLocked ? "no: see 'lockdown'" : "yes, by the module"
        }
        if kexec.hasKexecLoad == nil, kexec.hasKexecFileLoad == nil { return "not known: see 'calls'" }
        let wantsSignature = kexec.lockdown.isLocked || kexec.forcesSignature || kexec.imaAppraisesKernels == true
        return wantsSignature ? "yes, a kernel that is signed for it, by kexec_file_load" : "yes"
    }

    private var refusal: PlanRefusal? {
        if machine.isXen { return .needsXen }
        return hasNoKexec ? .noKexecInKernel : machine.refusal(ofLoadsTo: .reboot)
    }

    private var hasNoKexec: Bool {
        kexec.hasKexecLoad == false && kexec.hasKexecFileLoad == false && !kexec.hasModule
    }
}
