// SPDX-License-Identifier: MIT
internal import Kexec

extension Diagnostic {
    /// Why a panic would end in no dump.
    init(_ obstacle: CrashCheck.Obstacle) {
        switch obstacle {
        case .nothingReserved(isAskedFor: false, let advised):
            self.init("no memory is reserved for a crash kernel", hint: Self.reservation(advised))
        case .nothingReserved(isAskedFor: true, _):
            self.init(
                "the running kernel was asked to reserve memory, and did not: '/proc/iomem' has no \"Crash kernel\"",
                hint: "its log says why: dmesg | grep -i crashkernel")
        case .nothingLoaded: self.init("no crash kernel is loaded", hint: "load one with -p")
        case .refused(let refusal): self.init(refusal)
        case .memoryShort(let advised):
            self.init("too little memory is reserved for this kernel and initrd", hint: Self.reservation(advised))
        }
    }

    private static func reservation(_ size: UInt64) -> String {
        "boot the running kernel with crashkernel=" + String(size >> 20) + "M"
    }
}
