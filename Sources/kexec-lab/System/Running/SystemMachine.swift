// SPDX-License-Identifier: MIT
import Foundation

/// QEMU's command line for a whole Debian.
struct SystemMachine {
    let tools: Toolset
    /// What the first disk holds, as qcow2, and the file system of `/lab`.
    let disk: String, files: String
    /// The port of this host, if any, that leads to the machine's ssh.
    var sshPort: Int?
    /// Where the second serial port can be reached.
    var shellSocket = ""
    /// Where QEMU's machine protocol is.
    var controlSocket = ""
    /// The machine goes on from the state in this file.
    var snapshot: String?

    func command() -> HostCommand {
        var network = "user,id=net,restrict=on"
        if let sshPort { network += ",hostfwd=tcp:127.0.0.1:\(sshPort)-:22" }
        var command = tools.command(
            "qemu-system-x86_64",
            [
                "-accel", "tcg", "-cpu", "qemu64", "-m", "1024", "-smp", "1",
                // Without graphics SeaBIOS writes to the first serial port, and so shows that it was passed.
                "-machine", "pc,graphics=off", "-vga", "none", "-display", "none", "-monitor", "none",
                "-audiodev", "none,id=none",
                "-serial", "stdio", "-chardev", "socket,id=shell,path=\(shellSocket),server=on,wait=off",
                "-serial", "chardev:shell", "-qmp", "unix:\(controlSocket),server=on,wait=off",
                "-drive", "file=\(disk),format=qcow2,if=virtio,cache=unsafe",
                "-drive", "file=\(files),format=raw,if=virtio,readonly=on",
                "-netdev", network, "-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci",
                "-L", "\(tools.root)/usr/share/qemu", "-L", "\(tools.root)/usr/share/seabios",
            ] + (snapshot.map { ["-incoming", "file:\($0)"] } ?? []))
        // Else QEMU looks for its modules where the system keeps those of another QEMU.
        command.environment["QEMU_MODULE_DIR"] = "\(tools.libraries)/qemu"
        return command
    }

    /// A port of the loopback address that nothing listened on a moment ago.
    static func freePort() throws -> Int {
        let socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 && getsockname(socket, $0, &length) == 0
            }
        }
        guard bound else { throw LabError("no free port: \(String(cString: strerror(errno)))") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
