// SPDX-License-Identifier: MIT

/// Kernels that come and go by apt, and GRUB's choice among two.
enum SystemKernelCases: SystemCaseGroup {
    static let all: [SystemCase] = SystemCase.cases(
        "kernels",
        "a kernel that apt installs is preloaded and booted; GRUB's saved entry is; one that apt purges is unloaded",
        in: SystemRelease.stable, { $0.deadline = 3600 }
    ) { guest in
        try await guest.installPackage()
        let first = await guest.boot.kernel
        try await guest.set("PRELOAD_KEXEC=true")
        let second = try await guest.installSecondKernel()
        try await guest.restart(by: "systemctl reboot", expecting: .kexec)
        try await guest.requireKernel(second)

        try await guest.set("PRELOAD_KEXEC=false", "KEXEC_KERNEL=boot-entry", "LOAD_KEXEC=true")
        try await guest.run("echo GRUB_DEFAULT=saved >> /etc/default/grub; update-grub", within: 600)
        for (kernel, mark) in [(first, "first"), (second, "second")] {
            try await guest.saveEntry(of: kernel)
            let shown = try await guest.run("kexec-load-kernel --print")
            try require(shown.contains("/boot/vmlinuz-\(kernel)\n"), "the entry of \(mark) is not taken: \(shown)")
        }
        try await guest.saveEntry(of: first)
        try await guest.restart(by: "systemctl reboot", expecting: .kexec)
        try await guest.requireKernel(first)

        try await guest.set("LOAD_KEXEC=false", "KEXEC_KERNEL=configured")
        try await guest.run("kexec-load-kernel && grep -F 'vmlinuz-\(second)' /run/swift-kexec/loaded")
        try await guest.run("apt-get purge -y linux-image-\(second)", within: 900)
        try await require(
            guest.run("cat /sys/kernel/kexec_loaded") == "0", "a kernel stays loaded whose package is purged")
        try await guest.restart(by: "reboot", expecting: .firmware)
        try await guest.requireKernel(first)
    }
}

extension SystemGuest {
    /// The release's kernel for all machines, beside the one for virtual ones.
    /// - Returns: its version. By then it is loaded.
    fileprivate func installSecondKernel() async throws -> String {
        try await run("apt-get install -y linux-image-amd64 && apt-get purge -y linux-image-amd64", within: 1800)
        let versions = "for file in /boot/vmlinuz-*; do echo ${file#/boot/vmlinuz-}; done"
        let second = try await run("\(versions) | grep -v cloud")
        try await require(run("cat /sys/kernel/kexec_loaded") == "1", "apt has installed a kernel, and none is loaded")
        try await run("grep -F 'vmlinuz-\(second)' /run/swift-kexec/loaded")
        return second
    }

    /// In the submenu, by the identifiers that grub-mkconfig has given.
    fileprivate func saveEntry(of kernel: String) async throws {
        try await run(
            #"""
            identifier() { sed -n "s/.*\(gnulinux-$1[^']*\)' {$/\1/p" /boot/grub/grub.cfg | head -n 1; }
            grub-set-default "$(identifier advanced)>$(identifier \#(kernel)-advanced)"
            """#)
    }

    fileprivate func requireKernel(_ wanted: String) throws {
        try require(boot.kernel == wanted, "\(boot.kernel) runs, not \(wanted)")
    }
}
