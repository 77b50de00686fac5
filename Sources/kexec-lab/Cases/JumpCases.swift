// SPDX-License-Identifier: MIT

/// The jump itself: when it may not happen nothing else may have happened, and when it may it needs nothing.
enum JumpCases: CaseGroup {
    static let all: [Case] = [
        untouched, restored, withoutKexec, filtered, bare, force, unload, atOnce, show, last, digestOff,
        digestNamed, purgatorySpeaks, purgatoryWrites,
    ]

    /// Interfaces, addresses, routes and mounts of the first guest, with a network card that carries a route. Debian's 6.1
    /// kernel has its modules uncompressed.
    private static let network = """
        insmod /lab/dummy.ko
        ip link set lo up; ip link set dummy0 up; ip addr add 10.9.8.7/24 dev dummy0
        ip route add 10.1.0.0/16 via 10.9.8.1 dev dummy0
        snapshot() { { ip addr; ip route; cat /proc/mounts; } > /tmp/now.$1; }
        compare() { snapshot after; cmp -s /tmp/now.before /tmp/now.after && say $1 unchanged || { say $1 changed; diff /tmp/now.before /tmp/now.after; }; }
        snapshot before
        say network $(ip route | grep -c 10.1.0.0)

        """

    private static func modules(_ workshop: Workshop) async throws -> [String: GuestFile] {
        [
            "lab/dummy.ko": .host("\(workshop.cache.modules(.linux61))/drivers/net/dummy.ko"),
            "sbin/restrict": .program(try await Restrict.make(in: workshop)),
            "etc/passwd": .text("root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"),
        ]
    }

    /// Whoever makes one of kexec_load, kexec_file_load and capset is ended; the calls by number, as `restrict` takes them.
    private static let filtered = Case(
        name: "jump/filtered",
        summary: "status, -u and -e make no system call but their own, and --show knows what it cannot ask",
        files: { ["sbin/restrict": .program(try await Restrict.make(in: $0))] },
        script: """
            asking="restrict 126=kill /sbin/restrict 246=kill /sbin/restrict 320=kill /sbin/restrict 169=kill /sbin/kexec"
            load -c
            try status $asking -S -l
            try size $asking --print-ckr-size
            try plan $asking --plan -l /boot/vmlinuz --command-line=x
            for errno in 1 38; do
                try show$errno restrict 246=$errno /sbin/restrict 320=$errno /sbin/kexec --show
                try plan$errno restrict 246=$errno /sbin/restrict 320=$errno /sbin/kexec --plan -l /boot/vmlinuz --command-line=x
            done
            try unload restrict 126=kill /sbin/kexec -u
            load -c
            say jump
            restrict 126=kill /sbin/restrict 246=kill /sbin/restrict 320=kill /sbin/kexec -e
            """,
        expect: [
            "^LAB load rc=0 loaded=1", "^LAB status rc=1 loaded=1", "^LAB size rc=0 loaded=1",
            "^LAB plan rc=0 loaded=1",
        ]
            + ["1", "38"].flatMap { errno in
                [
                    #"^\| calls +kexec_load not known, kexec_file_load not known$"#, "^LAB show\(errno) rc=0",
                    #"^\| system call +kexec_load \(not known "#, "^LAB plan\(errno) rc=0",
                ]
            } + ["^LAB unload rc=0 loaded=0", "^LAB load rc=0 loaded=1", "^LAB jump$", Case.second], needsOurs: true)

    private static let untouched = Case(
        name: "jump/refused", summary: "-e and -f that cannot jump leave links, routes and mounts alone",
        firstKernel: .linux61, files: modules,
        script: network + """
            try nothing kexec -e
            compare nothing
            try missing kexec -f /boot/absent --initrd=/boot/initrd
            compare missing
            load -c
            chmod 1777 /tmp
            nobody() { su nobody -c "$1"; }
            try unprivileged nobody "kexec -e"
            compare unprivileged
            kexec -u
            echo 1 > /proc/sys/kernel/kexec_load_disabled
            try disabled kexec -e
            compare disabled
            try disabled-f kexec -f /boot/vmlinuz --initrd=/boot/initrd
            compare disabled-f
            """,
        expect: ["^LAB network 1$"]
            + [
                ("nothing", 1, "nothing has been loaded$"),
                ("missing", 2, "cannot read '/boot/absent': no such file$"),
                ("unprivileged", 5, "cannot jump to the loaded kernel: CAP_SYS_BOOT is missing$"),
                ("disabled", 1, "nothing has been loaded, and nothing can be until the next boot: \(sysctl)$"),
                ("disabled-f", 6, "loading is switched off until the next boot: \(sysctl)$"),
            ].flatMap { name, status, why in
                [#"^\| kexec: \#(why)"#, "^LAB \(name) rc=\(status) ", "^LAB \(name) unchanged$"]
            }, quick: true, needsOurs: true)

    private static let sysctl = #"kernel\.kexec_load_disabled is 1"#

    /// Every check passes, then the call fails: what was taken down comes up again.
    private static let restored = Case(
        name: "jump/restored", summary: "links are restored when the jump fails after all checks",
        firstKernel: .linux61,
        files: modules,
        script: network + """
            load -c
            try failed restrict no-jump /sbin/kexec -e
            compare failed
            """,
        expect: [
            "^LAB network 1$", "^LAB load rc=0 loaded=1",
            #"^\| kexec: cannot jump to the loaded kernel: reboot: .*; the network is as it was$"#,
            "^LAB failed rc=13 ",
            "^LAB failed unchanged$",
        ],
        needsOurs: true)

    /// A kernel without kexec, as its system calls and its sysfs show it.
    private static let withoutKexec = Case(
        name: "jump/no-kexec", summary: "on a kernel without kexec every action fails with that reason",
        firstKernel: .linux61,
        files: modules,
        script: """
            mkdir /tmp/kernel; mount -t tmpfs none /sys/kernel

            """ + network + """
                for action in -e -u "-l /boot/vmlinuz" "-l -c /boot/vmlinuz" "-l -s /boot/vmlinuz" "-f /boot/vmlinuz"; do
                    try absent restrict no-kexec /sbin/kexec $action
                    compare absent
                done
                say done
                """,
        expect: [11, 11, 11, 11, 253, 11].enumerated().flatMap { action, status in
            [
                action == 1
                    ? #"^\| kexec: cannot unload the kernel: .*not configured into the running kernel$"#
                    : "^\\| kexec: the running kernel has no kexec: ",
                "^LAB absent rc=\(status) ", "^LAB absent unchanged$",
            ]
        } + ["^LAB done$"], forbid: Case.alwaysForbidden + ["^LAB absent changed"], needsOurs: true)

    /// The last act of a shutdown: closed descriptors, no environment, nothing mounted, a root that holds one file.
    private static let bare = Case(
        name: "jump/bare", summary: "-e needs nothing but the binary",
        script: """
            load -c || poweroff -f
            mkdir /empty; cp /sbin/kexec /empty/kexec; [ -d /opt ] && cp -r /opt /lib /empty 2>/dev/null
            mount --bind /empty /empty; mount -o remount,ro,bind /empty
            say jump
            env -i chroot /empty /kexec -e <&- >&- 2>&-
            say "jump failed rc=$?"
            """,
        expect: ["^LAB load rc=0 loaded=1", "^LAB jump$", Case.second], needsOurs: true)

    private static let force = Case(
        name: "jump/force", summary: "-f loads and jumps in one go",
        script: "kexec -f -c /boot/vmlinuz --initrd=/boot/initrd --command-line=\"$second\"; say \"jump failed rc=$?\"",
        expect: [Case.second, "^LAB end second"])

    private static let unload = Case(
        name: "jump/unload", summary: "-u unloads, -S tells, and -e then refuses",
        script: """
            try none kexec -S -l
            load -c
            try some kexec -S -l
            try unload kexec -u
            try again kexec -u
            try execute kexec -e
            load -s
            try unload-s kexec -u
            """,
        expect: [
            "^LAB none rc=0 ", "^LAB load rc=0 loaded=1", "^LAB some rc=1 ", "^LAB unload rc=0 loaded=0",
            "^LAB again rc=0 loaded=0", "^LAB execute rc=1 loaded=0", "^LAB load rc=0 loaded=1",
            "^LAB unload-s rc=0 loaded=0",
        ])

    /// Linux has one lock for all of them, and refuses who comes second. They wait for each other for ten seconds: of a
    /// clock that counts instructions, for on a busy host five loads take longer.
    private static let atOnce = Case(
        name: "jump/at-once", summary: "loads that come together all succeed",
        machine: MachineShape(options: ["-icount", "shift=0,sleep=off"]),
        script: """
            dd if=/dev/zero of=/tmp/zeros bs=1M count=24 2>/dev/null
            one() {
                kexec -l $1 -i /boot/vmlinuz --initrd=/boot/initrd --initrd=/tmp/zeros --command-line="$second" 2>/tmp/$2
                say "one rc=$?"
            }
            one -c 1 & one -c 2 & one -s 3 & one -c 4 & one -s 5 & wait
            sed "s/^/| /" /tmp/[12345]
            say "loaded=$(loaded)"
            jump
            """,
        expect: (0..<5).map { _ in "^LAB one rc=0$" } + ["^LAB loaded=1$", Case.second], needsOurs: true)

    /// As the first kernel has it, and as the second one does.
    private static let show = Case(
        name: "jump/show", summary: "--show tells what is loaded, and who started the kernel",
        secondFiles: { ["sbin/kexec": .program($0.kexec)] },
        script: """
            try before kexec --show
            load
            try after kexec --show
            jump
            """,
        secondScript: "try second kexec --show",
        expect: [
            "^\\| kernel .*, started by firmware or a boot loader$", "^\\| next +nothing loaded$", "^LAB before rc=0",
            "^\\| next +loaded: ", "^\\| calls +kexec_load yes, kexec_file_load yes", "^\\| may load +yes$",
            "^LAB after rc=0",
            Case.second, "^\\| kernel .*, started by kexec \\(kexec --last tells more\\)$", "^LAB second rc=0",
        ], needsOurs: true)

    /// Purgatory's own trace, read in the kernel that it started.
    private static let last = Case(
        name: "jump/last", summary: "--last tells in the second kernel what purgatory did",
        secondFiles: { ["sbin/kexec": .program($0.kexec)] },
        script: "load -c && jump", secondScript: "try last kexec --last",
        expect: [Case.second, #"^\| purgatory  ran at 0x[0-9a-f]+$"#, verified("fast"), "^LAB last rc=0"],
        quick: true, needsOurs: true)

    /// What `--last` says of segments that purgatory has found as they were loaded.
    private static func verified(_ digest: String) -> String {
        #"^\| digest     \#(digest), [1-9][0-9]* segments, [0-9.]+ MiB: as loaded$"#
    }

    private static let digestOff = Case(
        name: "jump/no-checks", summary: "-i and --digest=none jump without a digest, and the record says so",
        secondFiles: { ["sbin/kexec": .program($0.kexec)] },
        script: "load -c $pass && jump", secondScript: "try last kexec --last", passes: ["-i", "--digest=none"],
        expect: [Case.second, #"^\| digest     not checked$"#, "^LAB last rc=0"], needsOurs: true)

    private static let digestNamed = Case(
        name: "jump/checks", summary: "--digest=sha256 makes that digest, and the record says so",
        secondFiles: { ["sbin/kexec": .program($0.kexec)] },
        script: "load -c --digest=sha256 && jump", secondScript: "try last kexec --last",
        expect: [Case.second, verified(#"sha256( \(SHA-NI\))?"#), "^LAB last rc=0"], needsOurs: true)

    private static let purgatorySpeaks = Case(
        name: "jump/console-serial", summary: "purgatory says on the serial port that it runs",
        script: "load -c --console-serial --serial=ttyS0 --serial-baud=115200 && jump",
        expect: ["^LAB load rc=0 loaded=1", "I'm in purgatory", Case.second])

    /// Read from text memory before the next kernel clears it.
    private static let purgatoryWrites = Case(
        name: "jump/console-vga", summary: "purgatory says on the screen that it runs, in text mode",
        script: GuestPlan.script("-c --console-vga --reset-vga --initrd=/boot/initrd"),
        expect: ["^LAB load rc=0 loaded=1", "^LAB debugger$", Case.second],
        debugger: { connection, log in
            let entry = try GuestPlan(in: log).entryAddress
            try connection.setBreakpoint(at: entry)
            try connection.resume()
            // 25 rows of 80 cells, each a character and its colours.
            let cells = try connection.read(at: 0xb8000, count: 160)
            let row = String(decoding: stride(from: 0, to: 160, by: 2).map { cells[$0] }, as: UTF8.self)
            guard row.hasPrefix("I'm in purgatory   ") else { throw LabError("the screen says '\(row)'") }
            try connection.removeBreakpoint(at: entry)
            try connection.release()
        }, needsOurs: true)
}
