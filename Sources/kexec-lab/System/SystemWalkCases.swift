// SPDX-License-Identifier: MIT

/// README's walk to a machine whose reboots skip the firmware, and back, with nothing but its lines.
enum SystemWalkCases: SystemCaseGroup {
    static let all: [SystemCase] = SystemCase.cases(
        "walk", "README's steps lead to a machine whose reboots skip the firmware, and back", in: SystemRelease.stable,
        { ($0.deadline, $0.startsBare) = (2400, true) }
    ) { guest in
        try await guest.installPackage()
        try await guest.lookFirst()
        try await guest.loadAndTakeBack()
        try await guest.run("kexec-load-kernel")
        try await guest.restart(by: "reboot", expecting: .kexec)
        try await guest.run("kexec --show | head -n 1 | grep '^kernel .*, started by kexec'")
        try await guest.run("kexec --last | grep '^digest .*: as loaded$'")

        try await guest.run("echo LOAD_KEXEC=true >/etc/default/kexec.d/always")
        try await guest.restart(by: "systemctl reboot", expecting: .kexec)
        try await guest.restart(by: "coldreboot", expecting: .firmware)
        try await guest.restart(by: "reboot", expecting: .kexec)

        try await guest.run("kexec-load-kernel")
        try await guest.run("rm /etc/default/kexec.d/always && apt-get purge -y swift-kexec", within: 300)
        try await require(guest.run("cat /sys/kernel/kexec_loaded") == "0", "the purge leaves a kernel loaded")
        try await guest.restart(by: "systemctl reboot", expecting: .firmware)
    }
}

extension SystemGuest {
    fileprivate func lookFirst() async throws {
        let plan = try await run("kexec --plan /vmlinuz --initrd=/initrd.img --reuse-cmdline")
        try require(plan.contains("\nloadable     yes"), "the plan is not loadable: \(plan)")
        let chosen = try await run("kexec-load-kernel --print")
        try require(chosen.contains("\n/vmlinuz\n"), "the settings choose another kernel: \(chosen)")
        try await require(run("cat /sys/kernel/kexec_loaded") == "0", "looking has loaded a kernel")
    }

    fileprivate func loadAndTakeBack() async throws {
        try await run("kexec-load-kernel")
        try await run("kexec --show | grep '^next  *loaded'")
        try await require(answer(to: "kexec -S -l").status == 1, "kexec -S -l does not end with 1 after a load")
        try await run("kexec -u && kexec -S -l")
    }
}
