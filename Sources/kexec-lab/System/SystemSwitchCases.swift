// SPDX-License-Identifier: MIT

/// What the administrator's switches make of a reboot: always by kexec, never this once, and what a failed load means.
enum SystemSwitchCases: SystemCaseGroup {
    static let all: [SystemCase] = coldReboot + always + failure

    private static let coldReboot = SystemCase.cases(
        "cold", "coldreboot and /no-kexec-reboot lead through the firmware, once, and leave nothing behind"
    ) { guest in
        try await guest.installPackage()
        try await guest.load()
        try await guest.restart(by: "coldreboot", expecting: .firmware)
        try await guest.requireNoOptOut()
        try await guest.load()
        try await guest.run("touch /no-kexec-reboot")
        try await guest.restart(by: "reboot", expecting: .firmware)
        try await guest.requireNoOptOut()
        try await guest.load()
        try await guest.restart(by: "reboot", expecting: .kexec)
        try await guest.requireLoadedKernel()
    }

    private static let always = SystemCase.cases(
        "always", "with LOAD_KEXEC=true a plain reboot goes by kexec, unless /no-kexec-reboot says otherwise once"
    ) { guest in
        try await guest.installPackage()
        try await guest.set("LOAD_KEXEC=true")
        try await guest.restart(by: "systemctl reboot", expecting: .kexec)
        try await guest.run("touch /no-kexec-reboot")
        try await guest.restart(by: "systemctl reboot", expecting: .firmware)
        try await guest.requireNoOptOut()
        try await guest.restart(by: "reboot", expecting: .kexec)
        try await guest.set("LOAD_KEXEC=false")
        try await guest.restart(by: "reboot", expecting: .firmware)
    }

    private static let failure = SystemCase.cases(
        "failed-load", "a failed load ends in a cold reboot, or in a system that stays up, as KEXEC_FAILURE says"
    ) { guest in
        try await guest.installPackage()
        try await guest.set("LOAD_KEXEC=true", "KERNEL_IMAGE=/boot/nowhere", "KEXEC_FAILURE=cold")
        try await guest.restart(by: "systemctl reboot", expecting: .firmware)
        try await guest.set("KEXEC_FAILURE=stop")
        let boot = await guest.boot
        try await guest.run("systemctl reboot")
        try await guest.run("until journalctl -b -u kexec-load | grep -q 'called off'; do sleep 1; done")
        try await guest.run("systemctl is-system-running --wait; systemctl is-active multi-user.target ssh.service")
        // Until it is active again it would not be stopped by the next reboot, and do nothing.
        try await guest.run("until systemctl --quiet is-active kexec-load.service; do sleep 1; done")
        try await require(guest.boot == boot, "the system went down although KEXEC_FAILURE is 'stop'")
        try await guest.set("KERNEL_IMAGE=/vmlinuz")
        try await guest.restart(by: "systemctl reboot", expecting: .kexec)
    }
}

extension SystemGuest {
    /// In a file of its own, behind what the package has set.
    func set(_ settings: String...) async throws {
        let lines = settings.map { "echo \($0)" }.joined(separator: "; ")
        try await run("mkdir -p /etc/default/kexec.d; { \(lines); } >> /etc/default/kexec.d/laboratory")
    }

    /// Neither coldreboot's note nor the administrator's file has outlived the reboot that it was for.
    func requireNoOptOut() async throws {
        try await run("test ! -e /no-kexec-reboot && test ! -e /run/swift-kexec/coldreboot")
        try await require(run("cat /sys/kernel/kexec_loaded") == "0", "a kernel is loaded after a cold reboot")
    }
}
