// SPDX-License-Identifier: MIT

/// A loaded kernel, and every way in which systems are rebooted.
enum SystemRebootCases: SystemCaseGroup {
    static let all: [SystemCase] = loaded + systemctlReboot + opener

    /// Ways from a loaded kernel, each taken on a machine of its own.
    private static let ways: [(title: String, command: String)] = [
        ("systemctl-kexec", "systemctl kexec"),
        ("reboot", "reboot"),
        ("shutdown", "shutdown -r now"),
    ]

    private static let loaded = ways.flatMap { way in
        SystemCase.cases(
            "loaded/\(way.title)", "after kexec -l, '\(way.command)' shuts down cleanly and starts the loaded kernel"
        ) { guest in
            try await guest.installPackage()
            try await guest.load()
            try await guest.restart(by: way.command, expecting: .kexec)
            try await guest.requireLoadedKernel()
        }
    }

    /// systemd 252 looks for a loaded kernel where `reboot` and `shutdown` are called, not in this form.
    private static let systemctlReboot = SystemCase.cases(
        "loaded/systemctl-reboot", "after kexec -l, 'systemctl reboot' starts the loaded kernel", in: [.trixie, .sid]
    ) { guest in
        try await guest.installPackage()
        try await guest.load()
        try await guest.restart(by: "systemctl reboot", expecting: .kexec)
        try await guest.requireLoadedKernel()
    }

    private static let opener = SystemCase.cases(
        "without-action", "kexec KERNEL without an action loads, shuts down cleanly and starts the kernel"
    ) { guest in
        try await guest.installPackage()
        try await guest.restart(by: "kexec \(SystemGuest.loadArguments)", expecting: .kexec)
        try await guest.requireLoadedKernel()
    }
}

extension SystemGuest {
    /// The installed kernel with the running one's command line, and a word by which the next boot is known.
    static let loadArguments = """
        /boot/vmlinuz-$(uname -r) --initrd=/boot/initrd.img-$(uname -r) --reuse-cmdline --append=laboratory.loaded
        """

    /// By apt, as README says; a snapshot may have it.
    func installPackage() async throws {
        guard !hasPackage else { return }
        // Mounted by hand once, so not after a restart.
        try await run("mountpoint -q /lab || mount -o ro /dev/vdb /lab")
        try await run("apt-get install -y \(package.argument)", within: 300)
    }

    func load() async throws {
        try await run("kexec -l \(Self.loadArguments)")
        try await require(run("cat /sys/kernel/kexec_loaded") == "1", "no kernel is loaded after kexec -l")
    }

    /// The present boot is that of `loadArguments`.
    func requireLoadedKernel() async throws {
        let line = try await run("cat /proc/cmdline")
        try require(line.contains("laboratory.loaded"), "the kernel that was loaded does not run, but '\(line)'")
    }
}
