// SPDX-License-Identifier: MIT
internal import CLinux

/// Asks the running kernel what it has and what this process may do, without any effect on kexec.
///
/// A call with CAP_SYS_BOOT is never without effect: whatever its arguments, the kernel has taken one from
/// `kexec_load_limit_*` before it looks at them, and lockdown and IMA have written to the log. A call without it is
/// refused first of all (EPERM), and a kernel that lacks the call says ENOSYS. So the capability is put down for the
/// two calls and taken up again; it stays permitted all the while, and only this thread is concerned. The arguments
/// are invalid on top of that: unknown flags, and for kexec_load more segments than it takes.
/// `/proc/kallsyms` would tell too, in megabytes of text, and lists stubs of calls that were not built.
///
/// A filter of system calls (seccomp) answers before the kernel does, with an errno of its choice, or ends the process:
/// whatever came back would say nothing of the kernel, so nothing is asked there.
struct SystemCallProbe {
    /// CAP_SYS_BOOT of include/uapi/linux/capability.h.
    private static let sysBoot: UInt64 = 1 << 22
    /// No KEXEC_* or KEXEC_FILE_* flag of any kernel.
    private static let unknownFlag: UInt = 0x8000

    static func facts() -> MachineFacts {
        var facts = MachineFacts()
        facts.architecture = machineName()
        var effective: UInt64 = 0
        // The call fills `effective`, which lives here.
        guard unsafe kx_effective_capabilities(&effective) >= 0 else { return facts }
        facts.hasSysBoot = effective & sysBoot != 0
        facts.isFiltered = isFiltered
        if facts.isFiltered { return facts }
        let without = effective & ~sysBoot
        guard effective == without || kx_set_effective_capabilities(without) >= 0 else { return facts }
        // No segments and no command line are handed over.
        let load = kx_kexec_load(0, 1 << 16, nil, unknownFlag)
        let fileLoad = kx_kexec_file_load(-1, -1, 0, nil, unknownFlag)
        if effective != without, kx_set_effective_capabilities(effective) < 0 { facts.hasSysBoot = false }
        facts.hasKexecLoad = exists(load)
        facts.hasKexecFileLoad = exists(fileLoad)
        return facts
    }

    /// A filter may refuse this question, too.
    private static var isFiltered: Bool {
        let mode = kx_seccomp_mode()
        return mode != 0 && mode != -Int(EINVAL)
    }

    /// Nil for a result that no kernel gives to a caller without CAP_SYS_BOOT.
    private static func exists(_ result: Int) -> Bool? {
        switch Int32(truncatingIfNeeded: result) {
        case -ENOSYS: false
        case -EPERM: true
        default: nil
        }
    }

    private static func machineName() -> String? {
        var name = [CChar](repeating: 0, count: 65)
        // The wrapper writes no more than it is told, with a NUL at the end.
        let result = unsafe name.withUnsafeMutableBufferPointer { buffer in
            unsafe kx_machine_name(buffer.baseAddress, UInt(buffer.count))
        }
        guard result >= 0 else { return nil }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension MachineRoot {
    /// Of the kernel on the running machine, of the file in a capture.
    /// - Parameter probing: asks the running kernel for its system calls; false: nothing but files and devices.
    func machineFacts(probing: Bool) -> MachineFacts {
        guard isRunning else { return MachineFacts(parsing: bytes(MachineFacts.path, limit: 1 << 16) ?? []) }
        var facts = probing ? SystemCallProbe.facts() : MachineFacts()
        facts.hasKexecDevice = exists("dev/kexec")
        if facts.hasKexecDevice == true { facts.module = ModuleState.ofDevice(ModuleDevice.path) }
        facts.hasLiveUpdateDevice = exists("dev/liveupdate")
        recording?.add(MachineFacts.path, facts.text)
        return facts
    }
}
