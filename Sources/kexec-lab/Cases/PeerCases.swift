// SPDX-License-Identifier: MIT

/// Debian's kexec-tools beside ours in one guest, same arguments, same outcome.
///
/// Which of the contract's matching cases are proved by which of these is listed in `MatchingCasesTests`.
enum PeerCases: CaseGroup {
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
        ("type-elf64", "-l -c -t elf-x86_64 /boot/tiny", 0), ("type-elf32", "-l -c -t elf-x86 /boot/tiny32", 0),
        ("type-not-elf32", "-l -c -t elf-x86 /boot/tiny", nil), ("type-joined", "-lctbzImage64 /boot/vmlinuz", 0),
        ("type-unknown", "-l -c -t nonsense /boot/vmlinuz", nil), ("type-missing", "-l -t", 1),
        ("elf32", "-l -c /boot/tiny32", 0), ("elf-s", "-l -s /boot/tiny", nil), ("long-value", "-l --load=x", 1),
        ("append-alone", "--append=x", nil), ("append-exec", "-e --append=x", 1), ("append-unload", "-u --append=x", 1),
        ("bad-entry", "-l -c --entry=zz \(usual)", 1), ("bad-serial", "-l -c --serial=zz \(usual)", nil),
        ("bad-baud", "-l -c --serial-baud=77 \(usual)", nil), ("reuseinitrd", "-l --reuseinitrd /boot/vmlinuz", nil),
        ("help-first", "-h --nonsense", 0), ("unknown-first", "--nonsense -h", 1), ("question", "-?", 1),
        ("ambiguous", "--re", 1), ("last-wins", "-f -l -c \(usual)", 0), ("dashes", "-l -c -- /boot/vmlinuz", 0),
        ("nothing", "", 255), ("loaded-S", "-S", 0),
        // What callers say: systemctl, Debian's scripts, nixos-anywhere, tukit, SONiC.
        ("systemctl", "--load /boot/vmlinuz --append=quiet --initrd /boot/initrd", 0),
        ("debian", "-l /boot/vmlinuz --initrd=/boot/initrd --append=quiet", 0),
        (
            "nixos", "--load /boot/vmlinuz --kexec-syscall-auto --initrd /boot/initrd --no-checks --command-line quiet",
            0
        ),
        ("tukit", "-a -l /boot/vmlinuz --initrd=/boot/initrd --append=quiet", 0),
        ("kdump-unload", "-s -p -u", 0), ("kdump-unload-c", "-p -u", 0),
        ("video", "-l -c --reset-vga --console-vga --console-serial --serial=ttyS1 --serial-baud=9600 \(usual)", 0),
        ("no-efi", "-l -c --noefi --reuse-video-type \(usual)", 0),
    ]
    private static let usual = "/boot/vmlinuz --initrd=/boot/initrd --command-line=quiet"

    private static let same = Case(
        name: "peer/same", summary: "statuses and effects are kexec-tools' for the same arguments",
        files: {
            [
                "sbin/peer": .program($0.tools.peer), "boot/link": .bytes([]),
                "boot/tiny": .host(try await TinyKernel.elf64.make(in: $0)),
                "boot/tiny32": .host(try await TinyKernel.elf32.make(in: $0)),
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
            let agreed = call.status.map { ours.status == $0 && theirs.status == $0 }
            if !(agreed ?? ((ours.status == 0) == (theirs.status == 0))) {
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
