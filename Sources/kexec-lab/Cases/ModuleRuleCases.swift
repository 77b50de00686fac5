// SPDX-License-Identifier: MIT

/// What the kernel module refuses: by which errno, with which line in the kernel's log, and without losing a page.
enum ModuleRuleCases: CaseGroup {
    static let all: [Case] =
        [
            tables, commands, privileges, disabled, limit, lockdown, native, busy, killed, namespace,
            removal, forcedReboot,
        ] + siblings

    /// One refused call: arguments of `probe`, its errno, and what the log says.
    private struct Refusal {
        var name: String
        var call: String
        var errno: String
        var reason: String
    }

    /// Of a machine with 1 GiB, which has less than 500 MiB for all segments.
    private static let badTables: [Refusal] = [
        Refusal(name: "none", call: "load entry=16M", errno: "EINVAL", reason: "no segments"),
        Refusal(
            name: "seventeen", call: "load " + (0..<17).map { "\(16 + $0)M,4K,4K" }.joined(separator: " "),
            errno: "EINVAL", reason: "17 segments"),
        Refusal(
            name: "countless", call: "load count=0xfffffffffffffff0 16M,4K,4K", errno: "EINVAL", reason: "at most 16"),
        Refusal(name: "overlap", call: "load 0x1000000,8K,4K 0x1001000,8K,4K", errno: "EINVAL", reason: "overlaps"),
        Refusal(name: "same", call: "load 16M,4K,4K 16M,4K,4K", errno: "EINVAL", reason: "overlaps"),
        Refusal(name: "start", call: "load 0x1000800,4K,4K", errno: "EADDRNOTAVAIL", reason: "is not on pages"),
        Refusal(name: "size", call: "load 16M,0x1800,4K", errno: "EADDRNOTAVAIL", reason: "is not on pages"),
        Refusal(name: "wrap", call: "load 0xfffffffffffff000,8K,4K", errno: "EADDRNOTAVAIL", reason: "wraps"),
        Refusal(
            name: "high", call: "load 0x1000000000000000,4K,4K", errno: "EADDRNOTAVAIL", reason: "does not end below"),
        Refusal(name: "bytes", call: "load 16M,4K,8K", errno: "EINVAL", reason: "more bytes than its place"),
        Refusal(name: "half", call: "load 16M,600M,4K", errno: "EINVAL", reason: "half of RAM"),
        Refusal(name: "halves", call: "load 16M,300M,4K 400M,300M,4K", errno: "EINVAL", reason: "half of RAM"),
        Refusal(name: "contents", call: "load 16M,4K,4K,0x1000", errno: "EFAULT", reason: "an address"),
        Refusal(name: "kernel", call: "load 16M,4K,4K,0xffffffff81000000", errno: "EFAULT", reason: "an address"),
        // The last page of several that the caller lacks: what was taken for the others comes back.
        Refusal(name: "late", call: "load 16M,8M,8M 32M,4K,4K,0x1000", errno: "EFAULT", reason: "an address"),
        Refusal(name: "table", call: "load table=0x1000 count=1", errno: "EFAULT", reason: "an address"),
        Refusal(
            name: "kernel-table", call: "load table=0xffffffff81000000 count=16", errno: "EFAULT", reason: "an address"),
        Refusal(name: "flags", call: "load flags=1 16M,4K,4K", errno: "EINVAL", reason: "flags"),
        Refusal(name: "high-flags", call: "load flags=0x100000000 16M,4K,4K", errno: "EINVAL", reason: "flags"),
        Refusal(name: "arm64", call: "load flags=0xb70000 16M,4K,4K", errno: "EINVAL", reason: "ELF machine 183"),
    ]

    /// The image that was loaded before each of them is still there afterwards, with not a page more.
    private static let tables = Case(
        name: "module/refused/segments",
        summary: "a bad segment table has its errno and its line in the log, and the image before it stays",
        firstKernel: .linux61, hasModule: true,
        script: """
            module beside_native=1
            probe load 0x1000000,8K,8K 0x2000000,4K,0
            before=$(held); say held $before
            why

            """
                + badTables.map { "say table \($0.name) $(probe \($0.call))\nwhy\nsay kept $(($(held) - before))\n" }
                .joined() + """
                    probe status
                    free=$(free_pages)
                    i=0; while [ $i -lt 200 ]; do probe load 16M,1M,1M 32M,4K,4K,0x1000 > /dev/null; i=$((i + 1)); done
                    say lost $((free - $(free_pages)))
                    """,
        expect: ["^LAB module rc=0 ", "^probe load result=0", "^LAB held [1-9]"]
            + badTables.flatMap {
                [
                    "^LAB table \($0.name) probe load result=\($0.errno)$", "^LAB why .*kexec_mod: .*\($0.reason)",
                    "^LAB kept 0$",
                ]
            } + ["^probe status result=0 .*loaded=1 .*entry=0x1000000 ", "^LAB lost (-[0-9]+|[0-9]{1,2})$"],
        needsOurs: true)

    private static let commands = Case(
        name: "module/refused/commands",
        summary: "unknown commands are ENOTTY; with nothing loaded there is nothing to do, and unloading is no error",
        firstKernel: .linux61, hasModule: true,
        script: """
            module beside_native=1
            for number in 0x4018be01 0xbe01 0x4020be02 0xbe63 0x5401; do say number $number $(probe call $number); done
            probe dry-run
            why
            probe execute
            probe unload
            say mode $(ls -l /dev/kexec | cut -c 1-10)
            """,
        expect: ["^LAB module rc=0 "]
            + ["0x4018be01", "0xbe01", "0x4020be02", "0xbe63", "0x5401"].map {
                "^LAB number \($0) probe call result=ENOTTY$"
            }
            + [
                "^probe dry-run result=EINVAL", "^LAB why .*kexec_mod: refused: nothing is loaded",
                "^probe execute result=EINVAL", "^probe unload result=0", "^LAB mode crw-------$",
            ], needsOurs: true)

    private static let calls = ["load 16M,4K,4K", "unload", "status", "execute", "dry-run"]

    private static let privileges = Case(
        name: "module/refused/privileges",
        summary: "without CAP_SYS_BOOT in the initial user namespace every call is EPERM, with the device open",
        firstKernel: .linux61, hasModule: true,
        script: "module beside_native=1\nprobe load 16M,4K,4K\nbefore=$(held)\n"
            + ["drop", "userns"].flatMap { way in calls.map { "probe \(way) \($0)\nwhy\n" } }.joined()
            + "say kept $(($(held) - before))\n",
        expect: ["^probe load result=0"]
            + ["drop", "userns"].flatMap { way in
                calls.flatMap { call in
                    [
                        "^probe \(way) \(call.prefix { $0 != " " }) result=EPERM$",
                        "^LAB why .*kexec_mod: refused: the caller lacks CAP_SYS_BOOT",
                    ]
                }
            } + ["^LAB kept 0$"], needsOurs: true)

    private static let parameters = "/sys/module/kexec_mod/parameters"

    private static let disabled = Case(
        name: "module/refused/disabled",
        summary: "the off switch forbids loading and unloading, keeps the image, and cannot be taken back",
        firstKernel: .linux61, hasModule: true,
        script: """
            module beside_native=1
            load --system-call=module
            echo 1 > \(parameters)/disabled; why
            probe load 16M,4K,4K; why
            probe unload; why
            load --system-call=module
            echo 0 > \(parameters)/disabled || say kept $(cat \(parameters)/disabled)
            probe status
            jump --system-call=module
            """,
        expect: [
            "^LAB load rc=0 ", "^probe load result=EPERM", "^LAB why .*kexec_mod: refused: loading is switched off",
            "^probe unload result=EPERM", "^LAB why .*kexec_mod: refused: loading is switched off", #"^\| kexec: "#,
            "^LAB load rc=6 ", "^LAB kept Y$", "^probe status result=0 .*loaded=1 disabled=1 ", "^LAB jump",
        ] + ModuleCases.booted, needsOurs: true)

    private static let limit = Case(
        name: "module/refused/limit", summary: "loads and unloads are counted against the limit, which only falls",
        firstKernel: .linux61, hasModule: true,
        script: """
            module beside_native=1
            echo 2 > \(parameters)/load_limit
            probe load 16M,4K,4K
            probe unload
            probe status
            why
            probe load 16M,4K,4K; why
            for wanted in -1 3; do echo $wanted > \(parameters)/load_limit || say kept $(cat \(parameters)/load_limit); done
            """,
        expect: [
            "^probe load result=0", "^probe unload result=0", "^probe status result=0 .* left=0 ",
            "^probe load result=EPERM", "^LAB why .*kexec_mod: refused: no load is left", "^LAB kept 0$",
            "^LAB kept 0$",
        ], needsOurs: true)

    /// On a kernel without kexec, where the module is the only way.
    private static let lockdown = Case(
        name: "module/refused/lockdown",
        summary: "a locked-down kernel loads nothing, and does not leave with what it has",
        firstKernel: .noKexec, hasModule: true,
        script: """
            module
            load
            before=$(held)
            echo integrity > /sys/kernel/security/lockdown; why
            probe load 16M,4K,4K; why
            probe execute; why
            load
            say kept $(($(held) - before))
            """,
        expect: [
            "^LAB load rc=0 ", "^probe load result=EPERM", "^LAB why .*kexec_mod: refused: the kernel is locked down",
            "^probe execute result=EPERM", "^LAB why .*kexec_mod: refused: the kernel is locked down",
            #"^\| kexec: .*lock(ed )?down"#, "^LAB load rc=7 ", "^LAB kept 0$",
        ], needsOurs: true)

    private static let native = Case(
        name: "module/refused/native",
        summary: "beside native kexec the module does not load by itself, and kexec obeys kexec_load_disabled with it",
        firstKernel: .linux61, hasModule: true,
        script: """
            module; why
            module beside_native=1
            echo 1 > /proc/sys/kernel/kexec_load_disabled
            load --system-call=module
            probe status
            """,
        expect: [
            "^LAB module rc=95 ", "^LAB why .*kexec_mod: this kernel has kexec of its own", "^LAB module rc=0 ",
            #"^\| kexec: .*kexec_load_disabled"#, "^LAB load rc=6 ", "^probe status result=0 .*loaded=0 ",
        ], needsOurs: true)

    private static let busy = Case(
        name: "module/refused/busy", summary: "a second caller gets EBUSY while a load runs, and the load goes on",
        machine: MachineShape(processors: 2), firstKernel: .linux61, hasModule: true,
        script: "module beside_native=1\nprobe busy 16M,200M,200M\nprobe status\n",
        expect: [
            "^probe busy result=EBUSY .*child-signal=0 child-status=0", "^probe status result=0 .*loaded=1 ",
        ], needsOurs: true)

    /// The image before the one that was being loaded stays; all that the killed one had comes back.
    private static let killed = Case(
        name: "module/refused/killed", summary: "a loader that is killed ends at once, and leaves nothing behind",
        machine: MachineShape(processors: 2), firstKernel: .linux61, hasModule: true,
        script: """
            module beside_native=1
            probe load 16M,4K,4K
            before=$(held); free=$(free_pages); why
            i=0; while [ $i -lt 5 ]; do probe kill 16M,200M,200M; i=$((i + 1)); done
            why
            say kept $(($(held) - before)) lost $((free - $(free_pages)))
            probe status
            """,
        expect: [
            "^probe load result=0", "^probe kill result=EBUSY .*child-signal=9 .*ended-after-ms=[0-9]{1,3}$",
            "^LAB why .*kexec_mod: load ended by a signal", "^LAB kept 0 lost (-[0-9]+|[0-9]{1,3})$",
            "^probe status result=0 .*loaded=1 .*entry=0x1000000 ",
        ], needsOurs: true)

    private static let namespace = Case(
        name: "module/refused/namespace", summary: "from a PID namespace of its own nobody ends the machine",
        firstKernel: .linux61, hasModule: true,
        script: """
            module beside_native=1
            probe load 16M,4K,4K
            for call in dry-run execute; do unshare -p -f probe $call; why; done
            probe status
            """,
        expect: ["^probe load result=0"]
            + ["dry-run", "execute"].flatMap {
                ["^probe \($0) result=EPERM$", "^LAB why .*kexec_mod: refused: the caller is in a PID namespace"]
            } + ["^probe status result=0 .*loaded=1 "], needsOurs: true)

    /// A module that came back would have no image, and no switch that is set.
    private static let removal = Case(
        name: "module/refused/removal",
        summary: "the module stays while it holds an image, and once it is switched off",
        firstKernel: .linux61, hasModule: true,
        script: """
            module beside_native=1
            probe load 16M,4K,4K
            rmmod kexec_mod || say stays loaded
            probe unload
            rmmod kexec_mod && say gone
            module beside_native=1
            echo 1 > \(parameters)/disabled
            rmmod kexec_mod || say stays disabled
            """,
        expect: [
            "^probe load result=0", "^LAB stays loaded$", "^probe unload result=0", "^LAB gone$", "^LAB module rc=0 ",
            "^LAB stays disabled$",
        ], needsOurs: true)

    /// Such a kernel does not stop the other processors; the loader does not begin, and the module resets the machine.
    private static let forcedReboot = Case(
        name: "module/refused/forced-reboot",
        summary: "a kernel with reboot=force is not left: kexec says why, and the module alone resets the machine",
        firstKernel: .linux61, firstCommandLine: "reboot=force", hasModule: true,
        script: """
            module beside_native=1
            load --system-call=module
            probe load 16M,4K,4K
            try jump kexec -e --system-call=module
            probe execute
            say not reached
            """,
        expect: [
            #"^\| kexec: .*reboot=force"#, "^LAB load rc=11 ", "^probe load result=0",
            #"^\| kexec: .*reboot=force"#, "^LAB jump rc=11 ",
            "kexec_mod: processors and interrupts were not stopped: resetting the machine",
        ], forbid: Case.alwaysForbidden + ["^LAB not reached"], needsOurs: true)

    /// Two threads of one core, of which Linux keeps the second one offline. `off` and `forceoff` are the kernel's words.
    private static let siblings: [Case] = [("nosmt", "off"), ("nosmt=force", "forceoff")].map { word, control in
        let refusals = [
            #"^\| kexec: .*sibling threads are offline \(nosmt: .* is \#(control)\)"#, "^LAB load rc=11 ",
            "^probe load result=EOPNOTSUPP$", "^LAB why .*kexec_mod: refused: sibling threads are offline",
        ]
        let native = ["^LAB load rc=0 loaded=1 ", "^LAB load rc=0 loaded=1 "]
        return Case(
            name: "module/refused/siblings-\(control)",
            summary: "with \(word) the module loads nothing and says why; the system calls load as ever",
            machine: MachineShape(
                processor: "qemu64,vendor=GenuineIntel,+monitor", processors: 2,
                options: ["-smp", "2,sockets=1,cores=1,threads=2"]),
            firstKernel: .linux61, firstCommandLine: word, hasModule: true,
            script: """
                control=/sys/devices/system/cpu/smt/control
                say control $(cat $control) online $(cat /sys/devices/system/cpu/online)
                module beside_native=1
                why
                load --system-call=module
                probe load 16M,4K,4K; why
                load -c
                load -s
                kexec -u
                echo on > $control 2> /dev/null
                say control $(cat $control)
                load --system-call=module && jump --system-call=module
                """,
            expect: ["^LAB control \(control) online 0$", "^LAB module rc=0 "] + refusals + native
                + (control == "off"
                    ? ["^LAB control on$", "^LAB load rc=0 ", "^LAB jump"] + ModuleCases.booted
                    : ["^LAB control forceoff$", "^LAB load rc=11 "]),
            deadline: 240, needsOurs: true)
    }
}
