// SPDX-License-Identifier: MIT

/// Debian's kdump-tools beside the package: from the panic to a dump that names its kernel.
enum SystemCrashCases: SystemCaseGroup {
    static let all: [SystemCase] = dump("c", "kexec_load") + dump("s", "kexec_file_load")

    private static func dump(_ option: String, _ call: String) -> [SystemCase] {
        SystemCase.cases(
            "kdump/\(option)", "kdump-tools loads by \(call), a panic leaves a dump, and crash names its kernel",
            in: SystemRelease.stable, { $0.deadline = 3600 }
        ) { guest in
            try await guest.installPackage()
            try await guest.installCrashTools(callOption: "-\(option)")
            try await guest.run("update-grub", within: 600)
            try await guest.restart(by: "systemctl reboot", expecting: .firmware)
            try await guest.run("kdump-config unload; kdump-config load; kdump-config status", within: 600)
            try await require(guest.run("cat /sys/kernel/kexec_crash_loaded") == "1", "no capture kernel is loaded")
            try await guest.requireCrashCall("-\(option)")
            try await guest.panic()
            try await guest.requireDump()
        }
    }
}

extension SystemGuest {
    fileprivate func installCrashTools(callOption: String) async throws {
        try await run("apt-get install -y kdump-tools makedumpfile crash", within: 1200)
        // kdump-tools is there beside ours, and did not bring kexec-tools back.
        try await run("dpkg-query --show --showformat='${db:Status-Abbrev}' kdump-tools | grep -q '^ii'")
        let settings = #"echo USE_KDUMP=1; echo 'KDUMP_KEXEC_ARGS="\#(callOption)"'"#
        try await run("{ \(settings); } >> /etc/default/kdump-tools")
    }

    /// The file loader alone marks what it has loaded as no region of its own: what kdump-tools ran is asked instead.
    fileprivate func requireCrashCall(_ option: String) async throws {
        let shown = try await run("kdump-config show")
        try require(shown.contains("/sbin/kexec -p") && shown.contains(" \(option) "), "kdump-tools ran: \(shown)")
    }

    /// The capture kernel writes its dump and resets the machine by itself.
    fileprivate func panic() async throws {
        let mark = console.count
        try await run("sync; sysctl -q kernel.sysrq=1 kernel.panic=30")
        try start("echo c > /proc/sysrq-trigger")
        try await awaitBoot(within: 1500)
        let said = console.texts(since: mark)
        try require(said.contains { $0.contains("sysrq triggered crash") }, "the kernel did not panic")
        let kernels = said.filter { $0.contains("Linux version ") }.count
        try require(kernels == 2, "\(kernels) kernels began after the panic: a capture kernel and the next make 2")
        let capture = said.prefix { !$0.contains("SeaBIOS (version") }
        try require(
            capture.contains { $0.contains("Linux version ") },
            "the machine went through firmware before a capture kernel")
    }

    fileprivate func requireDump() async throws {
        try await run("ls -lR /var/crash; test -s /var/crash/*/dump.*")
        let named = try await run("crash --osrelease /var/crash/*/dump.*")
        let kernel = boot.kernel
        try require(named == kernel, "crash says that the dump is of '\(named)', not of \(kernel)")
        let words = try await run("tail -n 100 /var/crash/*/dmesg.*")
        try require(words.contains("sysrq triggered crash"), "the dump's dmesg does not end with the panic")
    }
}
