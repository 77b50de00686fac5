// SPDX-License-Identifier: MIT

/// Debian's kexec-tools beside ours in one guest, same arguments, same outcome.
///
/// Of the matching cases in the drop-in contract these are covered here: 2 (the choice of call), 3 (loaded after -l and -u),
/// 4 (-u -p), 5 (-S), 8 (-e with nothing loaded), 10 and 11 (command line and its synonyms), 12 (-t), 17 (ELF),
/// 22 (--mem-min, --mem-max), 25 (-v, -h, unknown options). Covered by cases of their own: 1 and 6 (`matrix`, `jump/force`),
/// 13 and 14 (`boot-params`), 15 (`matrix` with 6 GiB), 16 (`image/gzip` and its like), 20 (`jump/console-serial`),
/// 21 (`digest`), 9 (`jump/refused`). Left to their own issues: 18, 19, 23, 24, and 7, whose effect is systemd's.
enum PeerCases {
    static let all: [Case] = [same, commandLine]

    /// Command lines for both, with the status that both must give; nil where only "not 0" is promised.
    private static let calls: [(name: String, arguments: String, status: Int?)] = [
        ("nothing-S", "-S", 0), ("nothing-Sl", "-S -l", 0), ("nothing-e", "-e -x -y", 1), ("nothing-u", "-u", 0),
        ("load-c", "-l -c \(usual)", 0), ("loaded-Sl", "-S -l", 1), ("unload", "-u", 0), ("unloaded-Sl", "-S -l", 0),
        ("load-s", "-l -s \(usual)", 0), ("unload-s", "-u -s", 0), ("load-a", "-l -a \(usual)", 0),
        ("append", "-l -c /boot/vmlinuz --ramdisk=/boot/initrd --append=quiet", 0),
        ("separated", "--load /boot/vmlinuz --append quiet --initrd /boot/initrd", 0),
        ("abbreviated", "--load --com=quiet --ini=/boot/initrd /boot/vmlinuz", 0),
        ("kernel-last", "-l --command-line=quiet --initrd=/boot/initrd -c /boot/link", 0),
        ("reuse", "-l -c --reuse-cmdline --initrd=/boot/initrd /boot/vmlinuz", 0),
        ("type", "-l -c -t bzImage64 /boot/vmlinuz", 0), ("wrong-type", "-l -c -t elf-x86_64 /boot/vmlinuz", nil),
        ("mem-max", "-l -c --mem-max=0x30000000 \(usual)", 0), ("no-room", "-l -c --mem-max=0x1000000 \(usual)", nil),
        ("bad-number", "-l -c --mem-max=zz \(usual)", nil), ("elf", "-l -c --args-elf /boot/tiny", 0),
        ("elf-none", "-l -c --args-none /boot/tiny", 0), ("debug", "-l -c -d \(usual)", 0),
        ("no-checks", "-l -c -i \(usual)", 0), ("missing-kernel", "-l /boot/absent", nil),
        ("missing-initrd", "-l -c /boot/vmlinuz --initrd=/boot/absent", nil), ("no-kernel", "-l", nil),
        ("version", "-v", 0), ("help", "-h", 0), ("unknown", "--nonsense", 1), ("unknown-short", "-Q", 1),
        ("panic-unreserved", "-p \(usual)", nil), ("panic-unload", "-p -u", 0), ("crash-size", "--print-ckr-size", 0),
    ]
    private static let usual = "/boot/vmlinuz --initrd=/boot/initrd --command-line=quiet"

    private static let same = Case(
        name: "peer/same", summary: "statuses and effects are kexec-tools' for the same arguments",
        files: {
            [
                "sbin/peer": .program($0.tools.peer), "boot/link": .bytes([]),
                "boot/tiny": .host(try await TinyKernel.elf64.make(in: $0)),
            ]
        },
        script: "ln -sf /boot/vmlinuz /boot/link\n"
            + calls.map { "try \($0.name)/theirs peer \($0.arguments)" }.joined(separator: "\n")
            + "\npeer -u; kexec -u\n"
            + calls.map { "try \($0.name)/ours kexec \($0.arguments)" }.joined(separator: "\n") + "\nsay finished",
        expect: ["^LAB finished$"], judge: { try compare($0) }, deadline: 300, needsOurs: true)

    private static func compare(_ logs: [ConsoleLog]) throws -> [String] {
        guard let log = logs.first else { return ["no console"] }
        return calls.flatMap { call -> [String] in
            func facts(_ side: String) -> (status: Int?, loaded: String?) {
                (
                    log.value("rc", of: "\(call.name)/\(side)").flatMap { Int($0) },
                    log.value("loaded", of: "\(call.name)/\(side)")
                )
            }
            let (ours, theirs) = (facts("ours"), facts("theirs"))
            var complaints: [String] = []
            if ours.loaded != theirs.loaded {
                complaints.append("\(call.name): loaded is \(ours.loaded ?? "?"), theirs \(theirs.loaded ?? "?")")
            }
            if (ours.status == 0) != (theirs.status == 0) || (call.status != nil && ours.status != call.status) {
                complaints.append("\(call.name): status \(ours.status ?? -1), theirs \(theirs.status ?? -1)")
            }
            return complaints
        }
    }

    /// The line that the second kernel sees is the same by either program.
    private static let commandLine = Case(
        name: "peer/reuse-cmdline", summary: "--reuse-cmdline drops BOOT_IMAGE, keeps the rest and appends",
        firstCommandLine: "BOOT_IMAGE=/boot/first root=/dev/x crashkernel=auto quiet",
        files: { ["sbin/peer": .program($0.tools.peer)] },
        script: """
            try load $pass -l -c /boot/vmlinuz --initrd=/boot/initrd --reuse-cmdline --append="lab.stage=second" \
                && { say jump; $pass -e; }
            """,
        secondScript: "say line $(cat /proc/cmdline | sed 's/lab.nonce=[0-9a-f]*//')", passes: ["kexec", "peer"],
        expect: [
            "^LAB load rc=0 loaded=1", Case.second, "^LAB line (?!.*BOOT_IMAGE).*root=/dev/x crashkernel=auto quiet",
        ],
        judge: { logs in
            let lines = logs.map { log in log.lines.last { $0.text.hasPrefix("LAB line ") }?.text }
            return lines[0] == lines[1] ? [] : ["ours: \(lines[0] ?? "?"); theirs: \(lines[1] ?? "?")"]
        }, needsOurs: true)
}
