// SPDX-License-Identifier: MIT

/// Reboots that come from elsewhere, in the very form that README shows.
enum SystemRemoteCases: SystemCaseGroup {
    static let all: [SystemCase] = ansible + kured

    /// README's line for both.
    static let command = "/usr/sbin/kexec --reboot --detach=3"

    private static let ansible = SystemCase.cases(
        "remote/ansible", "Ansible's module reboot finds another boot after 'kexec --reboot --detach=3' over ssh",
        in: SystemRelease.stable,
        { test in
            test.servesSSH = true
            test.prepare = { try await AnsibleControl(cache: $0.cache).prepare() }
        }
    ) { guest in
        try await guest.installPackage()
        try await guest.load()
        let key = try await guest.makeKey()
        try await guest.restart(called: "Ansible's reboot", expecting: .kexec) { guest in
            guard let port = guest.sshPort else { throw LabError("this machine has no ssh") }
            try await AnsibleControl(cache: CacheFolder()).reboot(
                by: command, port: port, key: key, patience: guest.patience)
        }
        try await guest.requireLoadedKernel()
    }

    /// kured's container has the host's processes, a root of its own, and no shell, environment or PATH for the command.
    private static let kured = SystemCase.cases(
        "remote/kured", "kured's call in the host's mount namespace returns at once, and another boot follows",
        in: SystemRelease.stable
    ) { guest in
        try await guest.installPackage()
        try await guest.load()
        try await guest.restart(called: "kured's call", expecting: .kexec) { guest in
            try await guest.run("unshare --mount env -i /usr/bin/nsenter -m/proc/1/ns/mnt -- \(command)")
        }
        try await guest.requireLoadedKernel()
    }
}

extension SystemGuest {
    /// A key that root's ssh takes, in `.ssh/lab`.
    /// - Returns: its private half.
    @discardableResult
    func makeKey() async throws -> String {
        try await run(
            """
            mkdir -p -m 700 .ssh && ssh-keygen -q -t ed25519 -N '' -f .ssh/lab && cp .ssh/lab.pub .ssh/authorized_keys
            cat .ssh/lab
            """)
    }
}
