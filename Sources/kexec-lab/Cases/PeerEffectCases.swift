// SPDX-License-Identifier: MIT

/// What either program does to the machine on the way to a jump, a shutdown or a crash kernel, seen from inside one guest.
enum PeerEffectCases: CaseGroup {
    static let all: [Case] = [going, crash]

    /// One observation: a command for both programs, called `$program` in it.
    struct Observation: Sendable {
        var name: String
        var command: String
        /// Where only "not 0, and not stopped by a signal" is promised, nil.
        var status: Int?
        /// Of `dummy0` afterwards.
        var link: String?
        var loaded: String?
        var crash: String?
        /// What kexec-tools does here is what we do better.
        var oursDiffers = false
    }

    // MARK: Jump and shutdown

    /// The status of a program that called what `restrict CALL=kill` forbids: so it came to that call, and is stopped
    /// there, before it could restore anything.
    private static let reached = 159
    private static let (sync, reboot) = ("/sbin/restrict 162=kill", "/sbin/restrict 169=kill")
    private static let usual = "/boot/vmlinuz --initrd=/boot/initrd --command-line=quiet"

    private static let jumps: [Observation] = [
        // Nothing loaded: neither sync nor links nor reboot(2).
        .init(name: "idle", command: "\(sync) \(reboot) /sbin/$program -e", status: 1, link: "up", loaded: "0"),
        .init(name: "load", command: "/sbin/$program -l -c \(usual)", status: 0, loaded: "1"),
        .init(name: "exec", command: "\(reboot) /sbin/$program -e", status: reached, link: "down"),
        .init(name: "exec-sync", command: "\(sync) /sbin/$program -e -x", status: reached, link: "up"),
        .init(name: "exec-x", command: "\(reboot) /sbin/$program -e -x", status: reached, link: "up"),
        .init(name: "exec-x-first", command: "\(reboot) /sbin/$program -xe", status: reached, link: "up"),
        .init(name: "exec-y", command: "\(sync) \(reboot) /sbin/$program -e -y", status: reached, link: "down"),
        .init(
            name: "exec-y-only", command: "\(sync) /sbin/restrict 169=1 /sbin/$program -y -x -e", link: "up",
            loaded: "1"),
        // kexec-tools leaves the links down.
        .init(
            name: "exec-fails", command: "/sbin/restrict 169=1 /sbin/$program -e", link: "up", loaded: "1",
            oursDiffers: true),
        .init(name: "unload", command: "/sbin/$program -u", status: 0, link: "up", loaded: "0"),
        .init(
            name: "force", command: "\(reboot) /sbin/$program -f -c \(usual)", status: reached, link: "down",
            loaded: "1"),
        .init(name: "force-sync", command: "\(sync) /sbin/$program -f -c \(usual)", status: reached, link: "up"),
        .init(
            name: "force-xy", command: "\(sync) /sbin/restrict 169=1 /sbin/$program -f -x -y -c \(usual)", link: "up",
            loaded: "1"),
        .init(name: "force-absent", command: "\(sync) \(reboot) /sbin/$program -f -c /boot/absent", link: "up"),
        .init(name: "unload-2", command: "/sbin/$program -u", status: 0, loaded: "0"),
        .init(name: "shutdown", command: "/sbin/$program -c \(usual)", status: 0, link: "up", loaded: "1"),
        .init(name: "unload-3", command: "/sbin/$program -u", status: 0, loaded: "0"),
    ]

    /// The other call is tried where one fails with these: ENOSYS, EINVAL, ENOEXEC, ENOTSUP. kexec-tools begins with
    /// kexec_file_load (320), we with kexec_load (246): either may be the one that fails.
    private static let fallbacks: [Observation] =
        [320, 246].flatMap { call in
            [38, 22, 8, 95].flatMap { errno -> [Observation] in
                [
                    .init(
                        name: "auto-\(call)-\(errno)",
                        command: "/sbin/restrict \(call)=\(errno) /sbin/$program -l -a -i \(usual)",
                        status: 0, loaded: "1"),
                    .init(name: "auto-\(call)-\(errno)-u", command: "/sbin/$program -u", status: 0, loaded: "0"),
                ]
            }
        } + [
            .init(
                name: "only-s", command: "/sbin/restrict 320=38 /sbin/$program -l -s \(usual)", status: 253, loaded: "0"
            ),
            .init(name: "only-c", command: "/sbin/restrict 246=38 /sbin/$program -l -c \(usual)", loaded: "0"),
            .init(name: "unload-auto", command: "/sbin/restrict 246=38 /sbin/$program -a -u", status: 0, loaded: "0"),
        ]

    /// A kernel whose sysfs has no kexec files.
    private static let unknown: [Observation] = [
        .init(name: "unknown-S", command: "$program -S", status: 255),
        .init(name: "unknown-Sl", command: "$program -S -l", status: 255),
        .init(name: "unknown-size", command: "$program --print-ckr-size", status: 0),
    ]

    /// The administrator's switch cannot be taken back: last.
    private static let disabled: [Observation] = [
        .init(name: "disabled-l", command: "/sbin/$program -l -c \(usual)", loaded: "1"),
        .init(name: "disabled-f", command: "\(sync) \(reboot) /sbin/$program -f -c \(usual)", link: "up", loaded: "1"),
        .init(name: "disabled-u", command: "/sbin/$program -u", loaded: "1"),
        .init(name: "disabled-e", command: "\(reboot) /sbin/$program -e", status: reached, link: "down", loaded: "1"),
    ]

    /// Shell that makes each observation, first all of kexec-tools.
    private static func both(_ observations: [Observation]) -> String {
        "for program in peer kexec; do\n"
            + observations.map { "observe \($0.name) \($0.command)\n" }.joined() + "done\n"
    }

    /// `restrict` sets no-new-privileges, and a shutdown that is a script shows that it was called, and how.
    private static let going = Case(
        name: "peer/effects",
        summary: "sync, links, jump, shutdown and fallback are kexec-tools' for the same arguments",
        firstKernel: .linux61,
        files: { workshop in
            [
                "sbin/peer": .program(workshop.tools.peer),
                "sbin/restrict": .program(try await Restrict.make(in: workshop)),
                "lab/dummy.ko": .host("\(workshop.cache.modules(.linux61))/drivers/net/dummy.ko"),
                "sbin/shutdown": .text("#!/bin/sh\necho LAB called/$program shutdown $*\n"),
            ]
        },
        script: """
            insmod /lab/dummy.ko
            link() { ip link show dev dummy0 | grep -q '[<,]UP[,>]' && echo up || echo down; }
            observe() {
                ip link set dummy0 up; what=$1/$program; shift
                try $what "$@"; say link/$what is=$(link)
                [ ! -s /tmp/out ] || grep '^LAB called' /tmp/out
            }
            # What is opened must not get the number of a closed descriptor, and with it the program's words.
            unheard() { cat /boot/vmlinuz | kexec -d -l -s - --initrd=/boot/initrd --command-line=x 2>&-; }
            export program

            """ + both(jumps + fallbacks) + "mount -t tmpfs none /sys/kernel\n" + both(unknown) + """
                umount /sys/kernel
                try unheard unheard
                kexec -u
                kexec --plan /boot/vmlinuz --command-line=x > /dev/full; say full rc=$?
                load -c
                echo 1 > /proc/sys/kernel/kexec_load_disabled

                """ + both(disabled) + """
                    # As under systemd-shutdown: what is wrong stands in the kernel's log.
                    kexec -l /boot/vmlinuz --command-line=x < /dev/null > /dev/null 2>&1
                    say logged $(dmesg | grep -c 'kexec: .*kexec_load_disabled')
                    say finished
                    """,
        expect: ["^LAB unheard rc=0 loaded=1", "^LAB full rc=16$", "^LAB logged 1$", "^LAB finished$"],
        judge: { logs in
            judge(jumps + fallbacks + unknown + disabled, logs[0])
                + ["peer", "kexec"].filter { program in
                    !logs[0].lines.contains { $0.text == "LAB called/\(program) shutdown -r now" }
                }.map { "\($0): no call of 'shutdown -r now'" }
        }, deadline: 400, needsOurs: true)

    // MARK: Crash kernels

    private static let crashes: [Observation] = [
        .init(name: "none", command: "/sbin/$program -S", status: 0, crash: "0"),
        .init(name: "size", command: "/sbin/$program --print-ckr-size", status: 0),
        .init(name: "load-s", command: "/sbin/$program -p -s \(usual)", status: 0, loaded: "0", crash: "1"),
        .init(name: "status", command: "/sbin/$program -S", status: 1, crash: "1"),
        .init(name: "status-p", command: "/sbin/$program -S -p", status: 1, crash: "1"),
        .init(name: "status-l", command: "/sbin/$program -S -l", status: 0, crash: "1"),
        .init(name: "unload-other", command: "/sbin/$program -u", status: 0, loaded: "0", crash: "1"),
        .init(name: "load-both", command: "/sbin/$program -l -c -i \(usual)", status: 0, loaded: "1", crash: "1"),
        .init(name: "status-both", command: "/sbin/$program -S -l", status: 1, loaded: "1", crash: "1"),
        .init(name: "unload", command: "/sbin/$program -p -u", status: 0, loaded: "1", crash: "0"),
        .init(name: "unload-again", command: "/sbin/$program -p -u", status: 0, loaded: "1", crash: "0"),
        .init(name: "unload-plain", command: "/sbin/$program -u", status: 0, loaded: "0", crash: "0"),
        .init(name: "load-c", command: "/sbin/$program -p -c \(usual)", status: 0, loaded: "0", crash: "1"),
        .init(name: "unload-s", command: "/sbin/$program -s -p -u", status: 0, crash: "0"),
        .init(
            name: "debian", command: "/sbin/$program -p --command-line=quiet --initrd=/boot/initrd /boot/link",
            status: 0,
            crash: "1"),
        .init(
            name: "fedora",
            command:
                "/sbin/$program -s -p --elf64-core-headers --command-line=quiet --initrd=/boot/initrd /boot/vmlinuz",
            status: 0, crash: "1"),
        .init(name: "absent", command: "/sbin/$program -p /boot/absent", crash: "1"),
        // kexec-tools takes the last one, and wants a kernel.
        .init(name: "unload-order", command: "/sbin/$program -u -p", status: 0, crash: "0", oursDiffers: true),
        .init(name: "unload-end", command: "/sbin/$program -p -u", status: 0, crash: "0"),
    ]

    private static let crash = Case(
        name: "peer/crash", summary: "-p, -p -u, -S and --print-ckr-size are kexec-tools' for the same arguments",
        firstCommandLine: "crashkernel=256M",
        files: { ["sbin/peer": .program($0.tools.peer), "boot/link": .bytes([])] },
        script: """
            ln -sf /boot/vmlinuz /boot/link
            for program in peer kexec; do
                say bytes/$program bytes=$($program --print-ckr-size)

            """ + crashes.map { "try \($0.name)/$program \($0.command)\n" }.joined() + "done\nsay finished",
        expect: ["^LAB finished$"],
        judge: { logs in
            let sizes = ["peer", "kexec"].map { logs[0].value("bytes", of: "bytes/\($0)") }
            return judge(crashes, logs[0])
                + (sizes[0] == sizes[1] && sizes[0] == "268435456" ? [] : ["--print-ckr-size: \(sizes)"])
        }, deadline: 300, needsOurs: true)

    // MARK: Judgement

    static func judge(_ observations: [Observation], _ log: ConsoleLog) -> [String] {
        observations.flatMap { observation in
            ["peer", "kexec"].filter { $0 == "kexec" || !observation.oursDiffers }.flatMap {
                judge(observation, $0, log)
            }
        }
    }

    private static func judge(_ observation: Observation, _ program: String, _ log: ConsoleLog) -> [String] {
        let name = "\(observation.name)/\(program)"
        var complaints: [String] = []
        let status = log.value("rc", of: name).flatMap { Int($0) }
        if let wanted = observation.status {
            if status != wanted { complaints.append("\(name): status \(status ?? -1), not \(wanted)") }
        } else if status == nil || status == 0 || [139, 134, reached].contains(status) {
            complaints.append("\(name): status \(status ?? -1)")
        }
        for (what, wanted, found) in [
            ("link", observation.link, log.value("is", of: "link/\(name)")),
            ("loaded", observation.loaded, log.value("loaded", of: name)),
            ("crash", observation.crash, log.value("crash", of: name)),
        ] where wanted != nil && wanted != found {
            complaints.append("\(name): \(what) is \(found ?? "?"), not \(wanted ?? "?")")
        }
        return complaints
    }
}
