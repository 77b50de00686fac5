// SPDX-License-Identifier: MIT
import Foundation

/// Debian's Ansible, unpacked into the cache and run in there, against a machine's ssh.
struct AnsibleControl: Sendable {
    private static let release = "trixie"
    private static let packages = [
        "ansible-core", "openssh-client", "python3", "base-files", "libc-bin", "dash", "coreutils",
    ]
    /// Written when all is unpacked; another list of packages makes it stale.
    private static let stamp = ([release] + packages).joined(separator: "\n") + "\n"

    let cache: CacheFolder
    private var root: String { "\(cache.path)/ansible" }

    func prepare() async throws {
        try await cache.locked {
            guard (try? String(contentsOfFile: "\(root)/complete", encoding: .utf8)) != Self.stamp else { return }
            announce("fetching Ansible (about 40 MB)")
            let archive = try PrivateArchive(in: cache)
            try await archive.inheritProxies()
            try await archive.update()
            let packages = try cache.folder("packages/ansible")
            try await archive.downloadClosure(Self.packages, release: Self.release, to: packages)
            try? FileManager.default.removeItem(atPath: root)
            try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
            for package in try FileManager.default.contentsOfDirectory(atPath: packages) where package.hasSuffix(".deb")
            {
                _ = try await HostCommand("dpkg-deb", ["-x", "\(packages)/\(package)", root]).output()
            }
            try configure()
            try Self.stamp.write(toFile: "\(root)/complete", atomically: true, encoding: .utf8)
        }
    }

    /// What packages make when they are configured: the user that ssh looks for, and where Python has its semaphores.
    private func configure() throws {
        try "root:x:0:0:root:/root:/bin/sh\n".write(toFile: "\(root)/etc/passwd", atomically: true, encoding: .utf8)
        for folder in ["dev/shm", "tmp", "root"] {
            try FileManager.default.createDirectory(atPath: "\(root)/\(folder)", withIntermediateDirectories: true)
        }
    }

    /// Has the module `reboot` restart the machine behind a port of this host.
    /// - Parameters:
    ///   - key: a private key of ssh's that the machine's root takes.
    ///   - patience: multiplies the module's own time limit.
    func reboot(by command: String, port: Int, key: String, patience: Double) async throws {
        let name = "key-\(port)"
        defer { try? FileManager.default.removeItem(atPath: "\(root)/root/\(name)") }
        try write(key + "\n", to: "\(root)/root/\(name)")
        let environment = BuildEnvironment(cache).script
        let seconds = Int(900 * patience)
        // Ansible asks for the boot_id all the time; a connection that is open at the jump is never closed by its other end,
        // and ssh would wait for it for ever.
        let ssh = "-o UserKnownHostsFile=/dev/null -o ServerAliveInterval=5"
        let answer = try await HostCommand(
            environment,
            [
                root, "env", "LC_ALL=C.UTF-8", "HOME=/root", "ANSIBLE_HOST_KEY_CHECKING=False", "ANSIBLE_TIMEOUT=120",
                "ansible", "all", "--inventory=127.0.0.1,", "--user=root", "--private-key=/root/\(name)",
                "--ssh-common-args=\(ssh)", "--extra-vars=ansible_port=\(port)",
                "--module-name=reboot", "--args=reboot_command='\(command)' reboot_timeout=\(seconds)",
            ]
        ).output()
        try require(answer.contains("\"rebooted\": true"), "Ansible says: \(answer)")
    }

    /// ssh takes no key that others could read.
    private func write(_ text: String, to path: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }
}
