// SPDX-License-Identifier: MIT
internal import Handoff
internal import Kexec

extension Diagnostic {
    /// Why no call can load an image.
    static func forSystemCalls(_ obstacles: [SystemCallObstacle]) -> Diagnostic {
        // Who may see memory has a call that can.
        if let gap = obstacles.memoryGap { return Diagnostic(gap) }
        if let call = obstacles.first?.call, obstacles.allSatisfy({ $0.call == call }) {
            // The one that was asked for.
            let reasons = obstacles.map { words(for: $0.cause) }
            return Diagnostic(
                "\(call.name) cannot load this image: " + reasons.joined(separator: "; "),
                hint: hint(for: obstacles) ?? (call == .module ? nil : "-a takes the call that can"))
        }
        let reasons = obstacles.map { "\($0.call.name): \(words(for: $0.cause))" }
        return Diagnostic(
            "no system call can load this image: " + reasons.joined(separator: "; "), hint: hint(for: obstacles))
    }

    static var moduleHint: String { "a module of this program does it instead: modprobe kexec_mod" }

    private static func hint(for obstacles: [SystemCallObstacle]) -> String? {
        for obstacle in obstacles {
            switch obstacle.cause {
            case .moduleNotLoaded(let besideNative): return besideNative ? moduleHint + " beside_native=1" : moduleHint
            case .moduleInterface: return interfaceHint
            case .sleepingSiblings(let siblings): return hint(for: siblings)
            case .notInKernel, .lockdown, .signaturesEnforced, .imaAppraisal, .imageKind, .lowMemoryOnly, .pagingDepth,
                .option, .commandLineTooLong, .moduleDisabled, .moduleLimitUsedUp, .besideNative, .crashKernel,
                .forcedReboot, .memoryUnknown, .factsNotShown, .memoryMapTooLong, .firmware32Bit:
                break
            }
        }
        return nil
    }

    static var interfaceHint: String { "program and module must be of the same version" }

    /// 0: none that could tell.
    static func interface(_ found: UInt32) -> String {
        "/dev/kexec has " + (found == 0 ? "another interface" : "interface " + String(found)) + ", need "
            + String(ModuleInterface.version)
    }

    static var forcedReboot: String {
        "with reboot=force a reboot stops neither devices nor processors, and nor would it"
    }

    @inline(never) static func words(for siblings: SleepingSiblings) -> String {
        "sibling threads are offline (nosmt: /sys/devices/system/cpu/smt/control is "
            + (siblings == .forcedOff ? "forceoff" : "off") + ") and would wake in the next kernel's memory"
    }

    @inline(never) static func hint(for siblings: SleepingSiblings) -> String {
        siblings == .forcedOff
            ? "boot the running kernel without nosmt=force" : "echo on > /sys/devices/system/cpu/smt/control"
    }

    static func words(for cause: SystemCallObstacle.Cause) -> String {
        switch cause {
        case .notInKernel: "not configured into the running kernel"
        case .lockdown(let level):
            "the kernel is locked down (\(level == .integrity ? "integrity" : "confidentiality"))"
        case .signaturesEnforced(.configuration): "the kernel takes signed images only (CONFIG_KEXEC_SIG_FORCE)"
        case .signaturesEnforced(.secureBoot): "Secure Boot is on: the kernel takes signed images only"
        case .imaAppraisal: "IMA appraises kernel images, and this way shows it no file"
        case .imageKind(let kind): "takes 64-bit bzImages only, this is \(kind)"
        case .lowMemoryOnly:
            "the image may not be loaded above 4 GiB: xloadflags at offset 0x236 lacks XLF_CAN_BE_LOADED_ABOVE_4G"
        case .pagingDepth: "the image cannot be entered with 5-level paging, which is on"
        case .option(let option): "cannot honour \(OptionTable.name(of: option))"
        case .commandLineTooLong(let length, let limit): "command line has \(length) bytes, it takes \(limit)"
        case .moduleNotLoaded: "/dev/kexec does not exist"
        case .moduleInterface(let found): interface(found)
        case .moduleDisabled: "switched off: its parameter 'disabled' is set"
        case .moduleLimitUsedUp: "no load is left: its parameter 'load_limit' is 0"
        case .besideNative: "is for kernels without kexec, or where it is asked for"
        case .crashKernel: "loads no crash kernels: a panic leaves the kernel by another way"
        case .forcedReboot: forcedReboot
        case .sleepingSiblings(let siblings): words(for: siblings)
        case .memoryUnknown(let gap): Diagnostic(gap).sentence
        case .factsNotShown:
            "what it hands on is not all shown: boot_params and EFI's tables by /sys, resources by /proc/iomem"
        case .memoryMapTooLong(let entries): "would drop memory map entries beyond 128 of \(entries)"
        case .firmware32Bit: "does not load with 32-bit EFI firmware"
        }
    }

    /// The plan's choice of system call, for people.
    static func words(for reason: SystemCallReason) -> String {
        switch reason {
        case .requested: "asked for"
        case .noneIsLegal: "but none can load this image"
        case .nothingAgainstKexecLoad:
            "carries every image type and the whole memory map, and nothing speaks against it"
        case .nothingKnownAgainstKexecLoad:
            "not known whether the kernel has it: a filter of system calls (seccomp) keeps it from telling"
        case .only(let obstacles):
            obstacles.map { "\($0.call.name): \(words(for: $0.cause))" }.joined(separator: "; ")
        case .handoverActive: "keeps what kexec handover preserved"
        case .fileChecks(let sign): "the kernel sees the file: " + words(for: sign)
        }
    }

    /// Why it matters that the running kernel sees a kernel's file.
    static func words(for sign: FileCheckSign) -> String {
        switch sign {
        case .policyRule: "a rule of IMA's policy is for kernel files"
        case .ownPolicy: "IMA has the administrator's own policy"
        case .commandLine: "the command line gives IMA a policy"
        case .measurements: "IMA measures files"
        case .secureBoot: "Secure Boot is on"
        case .signaturesForced: "CONFIG_KEXEC_SIG_FORCE"
        }
    }
}

extension SystemCall {
    /// As `--system-call` and `--plan=json` spell it.
    var name: String {
        switch self {
        case .kexecLoad: "kexec_load"
        case .kexecFileLoad: "kexec_file_load"
        case .module: "module"
        }
    }

    /// What does it, in a sentence.
    var subject: String { self == .module ? StaticCallName.module.rawValue : name }
}

extension LoadGuarantees {
    /// By bit.
    private static let names: [String] = [
        "signature check", "measurement and appraisal by IMA", "IMA's list of measurements",
        "what kexec handover preserved", "check that names a segment", "unpacking before the jump",
        "memory map entries beyond 128", "start by a shutdown",
    ]

    /// "signature check, start by a shutdown", for the report of a plan; nil for nothing.
    var words: String? {
        var words = ""
        for (bit, name) in Self.names.enumerated() where rawValue >> UInt8(bit) & 1 != 0 {
            words += (words.utf8.isEmpty ? "" : ", ") + name
        }
        return words.utf8.isEmpty ? nil : words
    }
}
