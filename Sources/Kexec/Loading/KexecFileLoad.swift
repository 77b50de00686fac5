// SPDX-License-Identifier: MIT
internal import BootFormats
internal import CLinux

extension ImageLoader {
    /// kexec_file_load: the kernel reads the files, places and verifies them by itself.
    mutating func kexecFileLoad(_ plan: BootPlan, _ files: LoadFiles) -> LoadProblem? {
        var flags = fileLoadFlags(plan.target, hasInitrd: files.initrd != nil)
        let line = (plan.fileLoadCommandLine ?? plan.commandLine).terminated
        while true {
            let result = kernel.kexecFileLoad(
                kernel: files.kernel, initrd: files.initrd ?? -1, commandLine: line, flags: flags)
            if result == -Int(EINVAL), let fewer = flags.withoutOneHint {
                // An unknown flag is refused before anything else is looked at.
                count(nil)
                flags = fewer
                continue
            }
            if asksAgain(after: result, .kexecFileLoad, plan.target) { continue }
            return problem(.kexecFileLoad, result, plan, flags: flags.rawValue, segments: 0)
        }
    }

    private func fileLoadFlags(_ target: LoadTarget, hasInitrd: Bool) -> KexecFileLoadFlags {
        var flags: KexecFileLoadFlags = []
        if target == .crash { flags.insert(.onCrash) }
        if !hasInitrd { flags.insert(.noInitramfs) }
        if request.avoidsCMA { flags.insert(.noCMA) }
        if request.forcesDeviceTree { flags.insert(.forceDeviceTree) }
        // A call with a flag that this kernel lacks would be counted against the limit: not worth a line in its log.
        if request.debug, machine.kexec.loadLimit(target) == nil { flags.insert(.debug) }
        return flags
    }
}

extension KexecFileLoadFlags {
    /// Without one flag whose absence changes nothing that was asked for: a kernel that does not know
    /// `KEXEC_FILE_DEBUG` logs nothing, and one that does not know `KEXEC_FILE_NO_CMA` places nothing there.
    fileprivate var withoutOneHint: KexecFileLoadFlags? {
        if contains(.debug) { return subtracting(.debug) }
        if contains(.noCMA) { return subtracting(.noCMA) }
        return nil
    }
}
