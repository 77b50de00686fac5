// SPDX-License-Identifier: MIT

/// Packages and people beside ours: DKMS, molly-guard, kexec-tools' remains, a terminal that hangs up.
enum SystemCompanionCases: SystemCaseGroup {
    static let all: [SystemCase] = dkms + mollyGuard + remains + terminal

    private static let dkms = SystemCase.cases(
        "package/dkms", "the module's package says that none is built for Debian's kernel, and goes without a trace",
        in: SystemRelease.stable, { $0.deadline = 3600 }
    ) { guest in
        try await guest.installPackage()
        let said = try await guest.run(
            "apt-get install -y linux-headers-cloud-amd64 /lab/kexec-dkms.deb 2>&1", within: 1800)
        let status = try await guest.run("dkms status; lsmod; find /lib/modules -name 'kexec_mod*'")
        try require(!status.contains("kexec_mod"), "a module was built for a kernel that has kexec: \(status)")
        try require(said.contains("BUILD_EXCLUSIVE"), "apt does not say that no module was built: \(said.suffix(400))")
        try await guest.run("apt-get purge -y swift-kexec-dkms && dpkg --audit", within: 600)
        try await guest.run("! dkms status | grep swift-kexec && ! ls -d /usr/src/swift-kexec*")
        try await guest.load()
        try await guest.restart(by: "reboot", expecting: .kexec)
        try await guest.requireLoadedKernel()
    }

    private static let mollyGuard = SystemCase.cases(
        "package/molly-guard", "through molly-guard's wrappers reboot starts what is loaded, and coldreboot does not",
        // Debian 12's is too old to be beside any package with programs in /usr/sbin: apt removes one of both.
        in: [.trixie]
    ) { guest in
        try await guest.installPackage()
        try await guest.run("apt-get install -y molly-guard", within: 300)
        try await guest.run("grep -q molly-guard \"$(command -v reboot)\"")
        try await guest.load()
        try await guest.restart(by: "reboot", expecting: .kexec)
        try await guest.requireLoadedKernel()
        try await guest.load()
        try await guest.restart(by: "coldreboot", expecting: .firmware)
        try await guest.requireNoOptOut()
        try await guest.run("apt-get purge -y swift-kexec molly-guard && ! command -v kexec", within: 300)
    }

    private static let remains = SystemCase.cases(
        "package/remains", "settings and scripts outlive a purge of kexec-tools, whose place was taken",
        in: SystemRelease.stable, { $0.startsBare = true }
    ) { guest in
        try await guest.run("apt-get install -y kexec-tools", within: 300)
        try await guest.installPackage()
        try await guest.run("sed -i 's/^#LOAD_KEXEC=.*/LOAD_KEXEC=true/' /etc/default/kexec.d/10-swift-kexec")
        try await guest.run("apt-get purge -y kexec-tools && ! dpkg --get-selections kexec-tools | grep .", within: 300)
        try await guest.run("test -x /etc/init.d/kexec && test -x /etc/init.d/kexec-load && dpkg --verify swift-kexec")
        try await guest.restart(by: "systemctl reboot", expecting: .kexec)
        try await guest.run("apt-get purge -y swift-kexec && ! ls -d /etc/default/kexec*", within: 300)
    }

    private static let terminal = SystemCase.cases(
        "remote/terminal", "'kexec --reboot --detach=3' from a terminal of ssh outlives the hangup that follows it",
        in: SystemRelease.stable
    ) { guest in
        try await guest.installPackage()
        try await guest.load()
        try await guest.makeKey()
        try await guest.restart(called: "the call by ssh -tt", expecting: .kexec) { guest in
            // ssh has ended, and its terminal with it, before the three seconds are over.
            try await guest.run(
                "ssh -tt -i .ssh/lab -o StrictHostKeyChecking=no root@localhost kexec --reboot --detach=3")
        }
        try await guest.requireLoadedKernel()
    }
}
