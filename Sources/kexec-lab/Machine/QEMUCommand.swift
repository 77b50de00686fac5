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

    func command() throws -> HostCommand {
        var arguments = [
            "-accel", "tcg", "-cpu", shape.processor, "-m", String(shape.memory), "-smp", String(shape.processors),
            "-display", "none", "-serial", "stdio", "-monitor", "none", "-nic", "none", "-no-reboot",
            "-audiodev", "none,id=none",
            "-L", "\(tools.root)/usr/share/qemu", "-L", "\(tools.root)/usr/share/seabios",
            "-kernel", kernel, "-initrd", initrd, "-append", commandLine,
        ]
        arguments += try firmware()
        if let debugSocket { arguments += ["-gdb", "unix:\(debugSocket),server=on,wait=off"] }
        var command = tools.command("qemu-system-x86_64", arguments + shape.options)
        // Else QEMU looks for its modules where the system keeps those of another QEMU.
        command.environment["QEMU_MODULE_DIR"] = "\(tools.libraries)/qemu"
        return command
    }

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

    private func flash(_ code: String, _ variables: String) throws -> [String] {
        let copy = "\(folder)/variables.fd"
        try? FileManager.default.removeItem(atPath: copy)
        try FileManager.default.copyItem(atPath: tools.firmware(variables), toPath: copy)
        return [
            "-drive", "if=pflash,format=raw,readonly=on,file=\(tools.firmware(code))",
            "-drive", "if=pflash,format=raw,file=\(copy)",
        ]
    }
}
