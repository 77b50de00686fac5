// SPDX-License-Identifier: MIT

/// A Debian whose first process is sysvinit's.
enum SystemInitCases: SystemCaseGroup {
    static let all: [SystemCase] = SystemCase.cases(
        "sysvinit", "under sysvinit reboots start what is loaded, by hand or by LOAD_KEXEC, and coldreboot does not",
        in: [.bookworm], { ($0.deadline, $0.startsBare) = (2400, true) }
    ) { guest in
        try await guest.installSysvinit()
        // The way there is systemd's own: `reboot` is sysvinit's already.
        try await guest.restart(by: "systemctl reboot", expecting: .firmware)
        try await guest.installPackage()
        // What has the same number runs at the same time.
        try await guest.run(
            """
            number_of() { ls /etc/rc6.d | sed -n "s/^K\\(..\\)$1\\$/\\1/p"; }
            test "$(number_of umountroot)" -lt "$(number_of kexec)" && test "$(number_of kexec)" -lt "$(number_of reboot)"
            """)
        try await guest.load()
        try await guest.restart(by: "reboot", expecting: .kexec, witness: .console)
        try await guest.requireLoadedKernel()
        try await guest.set("LOAD_KEXEC=true")
        try await guest.restart(by: "shutdown -r now", expecting: .kexec, witness: .console)
        try await guest.restart(by: "coldreboot", expecting: .firmware, witness: .console)
        try await guest.requireNoOptOut()
        try await guest.load()
        // From here on nothing can be unloaded.
        try await guest.run("sysctl -q kernel.kexec_load_disabled=1")
        try await guest.restart(by: "coldreboot", expecting: .firmware, witness: .console)
        try await guest.requireNoOptOut()
        try await guest.restart(by: "reboot", expecting: .kexec, witness: .console)
    }
}

extension SystemGuest {
    /// With the laboratory's shell on the second serial port, and init's own words on the first.
    fileprivate func installSysvinit() async throws {
        try await run("apt-get install -y --allow-remove-essential sysvinit-core systemd-sysv-", within: 900)
        try await run(
            """
            rm /etc/systemd/system/multi-user.target.wants/laboratory-shell.service
            line='LS:2345:respawn:/usr/local/sbin/laboratory-shell </dev/ttyS1 >/dev/ttyS1 2>&1'
            echo "$line" >> /etc/inittab
            """)
    }
}
