// SPDX-License-Identifier: MIT
internal import CLinux

/// Facts that no file below `/` shows: asked of the kernel on the running machine, kept in a capture as lines
/// `KEY=VALUE` in the file `swift-kexec/facts`. Nil: unknown.
struct MachineFacts: Hashable {
    /// `uname -m`
    var architecture: String?
    /// CAP_SYS_BOOT, CAP_SYS_ADMIN are effective.
    var hasSysBoot: Bool?
    var hasSysAdmin: Bool?
    /// The system calls exist.
    var hasKexecLoad: Bool?
    var hasKexecFileLoad: Bool?
    /// `/dev/kexec`, `/dev/liveupdate` exist.
    var hasKexecDevice: Bool?
    var hasLiveUpdateDevice: Bool?

    static let path = "swift-kexec/facts"
}

extension MachineFacts {
    init(parsing text: [UInt8]) {
        for line in text.lines {
            guard let (name, value) = line.value(of: "=") else { continue }
            let answer: Bool? = value.equals("yes") ? true : value.equals("no") ? false : nil
            if name.equals("architecture") { architecture = value.isEmpty ? nil : value.string }
            if name.equals("cap_sys_boot") { hasSysBoot = answer }
            if name.equals("cap_sys_admin") { hasSysAdmin = answer }
            if name.equals("kexec_load") { hasKexecLoad = answer }
            if name.equals("kexec_file_load") { hasKexecFileLoad = answer }
            if name.equals("dev_kexec") { hasKexecDevice = answer }
            if name.equals("dev_liveupdate") { hasLiveUpdateDevice = answer }
        }
    }

    /// As `init(parsing:)` reads it; what is unknown has no line.
    var text: [UInt8] {
        var lines = architecture.map { "architecture=\($0)\n" } ?? ""
        let answers: [(String, Bool?)] = [
            ("cap_sys_boot", hasSysBoot), ("cap_sys_admin", hasSysAdmin), ("kexec_load", hasKexecLoad),
            ("kexec_file_load", hasKexecFileLoad), ("dev_kexec", hasKexecDevice),
            ("dev_liveupdate", hasLiveUpdateDevice),
        ]
        for (name, answer) in answers {
            if let answer { lines += name + (answer ? "=yes\n" : "=no\n") }
        }
        return Array(lines.utf8)
    }
}
