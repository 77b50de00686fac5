// SPDX-License-Identifier: MIT
internal import CLinux

/// Facts that no file below `/` shows: asked of the kernel on the running machine, kept in a capture as lines
/// `KEY=VALUE` in the file `swift-kexec/facts`. Nil: unknown.
struct MachineFacts: Hashable {
    /// `uname -m`
    var architecture: String?
    /// CAP_SYS_BOOT is effective.
    var hasSysBoot: Bool?
    /// The system calls exist.
    var hasKexecLoad: Bool?
    var hasKexecFileLoad: Bool?
    /// They could not be asked for: a filter stands before this process's system calls. No part of a capture.
    var isFiltered = false
    /// `/dev/kexec`, `/dev/liveupdate` exist.
    var hasKexecDevice: Bool?
    var hasLiveUpdateDevice: Bool?
    /// What `/dev/kexec` told.
    var module: ModuleState?

    static let path = "swift-kexec/facts"
}

extension MachineFacts {
    init(parsing text: [UInt8]) {
        var interface: UInt32?
        var module = ModuleState(interface: 0)
        for line in text.lines {
            guard let (name, value) = line.value(of: "=") else { continue }
            let answer: Bool? = value.equals("yes") ? true : value.equals("no") ? false : nil
            if name.equals("architecture") { architecture = value.isEmpty ? nil : value.string }
            if name.equals("cap_sys_boot") { hasSysBoot = answer }
            if name.equals("kexec_load") { hasKexecLoad = answer }
            if name.equals("kexec_file_load") { hasKexecFileLoad = answer }
            if name.equals("dev_kexec") { hasKexecDevice = answer }
            if name.equals("dev_liveupdate") { hasLiveUpdateDevice = answer }
            if name.equals("module_interface") { interface = value.decimal.flatMap { UInt32(exactly: $0) } }
            if name.equals("module_loaded") { module.isLoaded = answer ?? false }
            if name.equals("module_disabled") { module.isDisabled = answer ?? false }
            if name.equals("module_beside_native") { module.isBesideNative = answer ?? false }
            if name.equals("module_loads_left") { module.loadsLeft = value.decimal }
        }
        guard let interface else { return }
        module.interface = interface
        self.module = module
    }

    /// As `init(parsing:)` reads it; what is unknown has no line.
    var text: [UInt8] {
        var lines = architecture.map { "architecture=\($0)\n" } ?? ""
        let answers: [(String, Bool?)] = [
            ("cap_sys_boot", hasSysBoot), ("kexec_load", hasKexecLoad), ("kexec_file_load", hasKexecFileLoad),
            ("dev_kexec", hasKexecDevice), ("dev_liveupdate", hasLiveUpdateDevice),
            ("module_loaded", module?.isLoaded), ("module_disabled", module?.isDisabled),
            ("module_beside_native", module?.isBesideNative),
        ]
        for (name, answer) in answers {
            if let answer { lines += name + (answer ? "=yes\n" : "=no\n") }
        }
        if let module { lines += "module_interface=" + String(module.interface) + "\n" }
        if let left = module?.loadsLeft { lines += "module_loads_left=" + String(left) + "\n" }
        return Array(lines.utf8)
    }
}
