// SPDX-License-Identifier: MIT
import Foundation

/// QEMU's command line for one boot.
struct QEMUCommand {
    let tools: Toolset
    let shape: MachineShape
    let kernel: String
    let initrd: String
    let commandLine: String
    /// A folder for what QEMU writes: the firmware's variables.
    let folder: String
    /// A socket path for the debug stub; at most 107 bytes, the limit of a socket address.
    let debugSocket: String?
    /// The debug stub is awaited before the first instruction.
    var startsHalted = false
    /// In the place of the kernel.
    var start: [String]?
    /// A socket path for QEMU's machine protocol.
    var controlSocket: String?
    /// The machine goes on from this one's snapshot, with these files of the firmware's configuration, by name.
    var snapshot: StartedMachine?
    var configuration: [String: String] = [:]

    func command() throws -> HostCommand {
        var arguments = [
            "-accel", "tcg", "-cpu", shape.processor, "-m", String(shape.memory), "-smp", String(shape.processors),
            "-display", "none", "-serial", "stdio", "-monitor", "none", "-nic", "none", "-no-reboot",
            "-audiodev", "none,id=none",
            "-L", "\(tools.root)/usr/share/qemu", "-L", "\(tools.root)/usr/share/seabios",
        ]
        let direct = start ?? ["-kernel", kernel, "-initrd", initrd, "-append", commandLine]
        arguments += shape.bootsFromDisk ? try disk() : direct
        arguments += try firmware()
        if shape.servesSecondKernel {
            let server = "user,id=server,restrict=on,tftp=\(Self.served(in: folder))"
            arguments += ["-netdev", server, "-device", "e1000,netdev=server,romfile="]
        }
        if let debugSocket { arguments += ["-gdb", "unix:\(debugSocket),server=on,wait=off"] }
        if startsHalted { arguments.append("-S") }
        if let controlSocket { arguments += ["-qmp", "unix:\(controlSocket),server=on,wait=off"] }
        if let snapshot { arguments += ["-incoming", "file:\(snapshot.state)"] }
        for (name, path) in configuration.sorted(by: { $0.key < $1.key }) {
            arguments += ["-fw_cfg", "name=\(name),file=\(path)"]
        }
        var command = tools.command("qemu-system-x86_64", arguments + shape.options)
        // Else QEMU looks for its modules where the system keeps those of another QEMU.
        command.environment["QEMU_MODULE_DIR"] = "\(tools.libraries)/qemu"
        return command
    }

    /// What the firmware keeps of itself.
    static func variables(in folder: String) -> String { "\(folder)/variables.fd" }

    /// Where the files lie that the machine's server gives away.
    static func served(in folder: String) -> String { "\(folder)/served" }

    private func firmware() throws -> [String] {
        switch shape.firmware {
        case .bios: return ["-machine", "pc"]
        case .efi:
            return ["-machine", "q35"] + (try flash("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"))
        case .secureBoot:
            // Flash is written from system management mode only, or the operating system could change the keys.
            return ["-machine", "q35,smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on"]
                + (try flash("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.snakeoil.fd"))
        }
    }

    /// A folder that QEMU shows as a FAT file system; the UEFI shell runs its `startup.nsh`.
    private func disk() throws -> [String] {
        let root = "\(folder)/disk"
        try? FileManager.default.removeItem(atPath: root)
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: kernel, toPath: "\(root)/linux.efi")
        try FileManager.default.copyItem(atPath: initrd, toPath: "\(root)/initrd.img")
        let script = "fs0:\r\n\\linux.efi initrd=\\initrd.img \(commandLine)\r\n"
        try script.write(toFile: "\(root)/startup.nsh", atomically: true, encoding: .utf8)
        return [
            "-drive", "file=fat:\(root),format=raw,if=none,id=disk,readonly=on", "-device", "virtio-blk-pci,drive=disk",
        ]
    }

    private func flash(_ code: String, _ variables: String) throws -> [String] {
        let copy = Self.variables(in: folder)
        try? FileManager.default.removeItem(atPath: copy)
        try FileManager.default.copyItem(atPath: snapshot?.variables ?? tools.firmware(variables), toPath: copy)
        return [
            "-drive", "if=pflash,format=raw,readonly=on,file=\(tools.firmware(code))",
            "-drive", "if=pflash,format=raw,file=\(copy)",
        ]
    }
}
