// SPDX-License-Identifier: MIT

/// The package comes, takes kexec-tools' place, and goes.
enum SystemPackageCases: SystemCaseGroup {
    static let all: [SystemCase] = purge + takeover

    private static let purge = SystemCase.cases(
        "package/purge", "apt purge leaves no file behind, and kexec-tools can be installed afterwards",
        in: SystemRelease.stable, { $0.startsBare = true }
    ) { guest in
        // What apt and dpkg note about their own work, and the journal.
        let changing = "/var/log|/var/cache|/var/lib/dpkg|/var/lib/apt|/var/lib/systemd/(catalog|random-seed|timers)"
        let snapshot =
            "find / -xdev \\( -path /tmp -o -path /root \\) -prune -o -print | grep -vE '^(\(changing))' | sort"
        try await guest.run("\(snapshot) > /tmp/before")
        try await guest.installPackage()
        let files = try await guest.run("dpkg -L swift-kexec")
        try require(files.contains("/usr/sbin/kexec"), "dpkg lists no /usr/sbin/kexec")
        try await guest.run("touch /no-kexec-reboot; kexec -l \(SystemGuest.loadArguments); kexec -u")
        try await guest.run("apt-get purge -y swift-kexec", within: 300)
        let left = try await guest.run("\(snapshot) > /tmp/after; comm -13 /tmp/before /tmp/after")
        try require(left.isEmpty, "left behind: \(left)")
        let gone = try await guest.run("comm -23 /tmp/before /tmp/after")
        try require(gone.isEmpty, "taken away with it: \(gone)")
        try await guest.run("systemctl is-system-running && ! systemctl list-unit-files | grep kexec-load")
        try await guest.run("apt-get install -y kexec-tools && kexec --version", within: 300)
    }

    private static let takeover = SystemCase.cases(
        "package/takeover",
        "an upgrade from kexec-tools removes nothing else, with kdump-tools installed, and goes back",
        in: SystemRelease.stable, { $0.startsBare = true }
    ) { guest in
        let installed = "dpkg-query --show --showformat='${db:Status-Abbrev}${Package}\\n' | sed -n 's/^ii *//p' | sort"
        try await guest.run("apt-get install -y kexec-tools kdump-tools", within: 1200)
        try await guest.run("\(installed) > /tmp/before")
        try await guest.installPackage()
        let changes = try await guest.run("\(installed) > /tmp/after; diff /tmp/before /tmp/after | grep '^[<>]'")
        try require(changes == "< kexec-tools\n> swift-kexec", "packages that came and went: \(changes)")
        try await guest.run("kdump-config show > /dev/null; kexec --version; dpkg --audit")
        try await guest.run("apt-get install -y kexec-tools", within: 300)
        let back = try await guest.run("\(installed) > /tmp/after; diff /tmp/before /tmp/after; true")
        try require(back.isEmpty, "packages that differ after the way back: \(back)")
    }
}
