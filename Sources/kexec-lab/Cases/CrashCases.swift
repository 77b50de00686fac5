// SPDX-License-Identifier: MIT

/// Crash kernels: a panic, and what the capture kernel finds in `/proc/vmcore`.
enum CrashCases: CaseGroup {
    static let all: [Case] =
        [KernelName.linux61, .linux612, .linux7].flatMap { kernel in
            ["-c", "-s", "-a"].map { dump("\(version(kernel))/\($0.dropFirst())", $0, kernel) }
        } + machines + options + [refused, unsupported, checked, short, back]

    private static let machines: [Case] = [
        dump("efi-6.1", "-c", .linux61, MachineShape(firmware: .efi)),
        dump("efi-7.x", "-c", .linux7, MachineShape(firmware: .efi)),
        dump("two-processors", "-c", .linux7, MachineShape(processors: 2)),
        dump(
            "high-6.1", "-c", .linux61, MachineShape(memory: 6144),
            reservation: "crashkernel=256M,high crashkernel=64M,low"),
        dump(
            "high-7.x", "-c", .linux7, MachineShape(memory: 6144),
            reservation: "crashkernel=256M,high crashkernel=64M,low"),
        dump("other-kernel", "-c", .linux61, captured: .linux7),
    ]

    private static let options: [Case] = [
        dump(
            "hotplug-6.12", "-c --hotplug", .linux612, MachineShape(processors: 2), expect: updated, events: cycle),
        dump("hotplug-7.x", "-c --hotplug", .linux7, MachineShape(processors: 2), expect: updated, events: cycle),
        dump("elf64", "-c --elf64-core-headers", .linux7),
        dump("elf32", "-c --elf32-core-headers", .linux7, elfClass: 1),
        dump(
            "memmap", "-c --pass-memmap-cmdline", .linux7,
            expectLater: [#"^LAB line .*lab.stage=second .*memmap=exactmap memmap=\d+K[@#$].* elfcorehdr=\d+K$"#]),
    ]

    /// On a busy host the emulated timer is late, and Linux 6.1 gives up.
    private static let trustedTimer = "no_timer_check"
    private static let updated = ["^LAB hotplug memory=1 cpu=1$", "^LAB cycled rc=0$"]
    /// Has the kernel write the header anew.
    private static let cycle =
        "for state in 0 1; do echo $state > /sys/devices/system/cpu/cpu1/online; done; say cycled rc=$?"

    /// - Parameters:
    ///   - expect: between the load and the panic.
    ///   - events: shell for between them.
    ///   - expectLater: of the capture kernel.
    private static func dump(
        _ name: String, _ options: String, _ kernel: KernelName, _ machine: MachineShape = MachineShape(),
        captured: KernelName? = nil, reservation: String = "crashkernel=256M", expect: [String] = [],
        events: String = ":", expectLater: [String] = [], elfClass: UInt8 = 2
    ) -> Case {
        Case(
            name: "crash/\(name)",
            summary: "\(kernel.rawValue) panics; its memory, registers and log are in /proc/vmcore (-p \(options))",
            machine: machine, firstKernel: kernel, secondKernel: captured ?? kernel,
            firstCommandLine: reservation + " " + trustedTimer,
            secondFiles: { ["sbin/vmcore-dmesg": .program($0.tools.vmcoreDmesg)] },
            script: """
                \(facts)
                loadcrash \(options) && { \(events); crash; }
                """,
            secondScript: capture,
            expect: ["^LAB load rc=0 loaded=0 crash=1"] + expect
                // vmcore-dmesg needs the kernel's virtual addresses.
                + [Case.second, elfClass == 2 ? "^LAB log token=1 panic=1$" : "^LAB log "] + expectLater + [
                    "^LAB end second"
                ],
            forbid: ["LAB jump failed", #"\| kexec: warning"#],
            judge: { logs in logs.flatMap { complaints(about: $0, machine, elfClass: elfClass) } },
            deadline: 240, needsOurs: true)
    }

    /// What the dump is compared with, and how to make one.
    private static let facts = #"""
        loadcrash() {
            try load kexec -p "$@" /boot/vmlinuz --initrd=/boot/initrd --command-line="$second irqpoll nr_cpus=1 reset_devices no_timer_check" || return 1
            say hotplug memory=$(cat /sys/devices/system/memory/crash_hotplug) cpu=$(cat /sys/devices/system/cpu/crash_hotplug)
        }
        crash() {
            echo "token $nonce" > /dev/kmsg
            say jump up=$(uptime_now)
            echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger
        }
        grep 'System RAM\|Crash kernel' /proc/iomem | sed 's/^ */LAB iomem /'
        say text at=$(sed -n '/ [Tt] _text$/{s///p;q}' /proc/kallsyms)
        """#

    private static let capture = #"""
        dd if=/proc/vmcore of=/tmp/head bs=4096 count=4 2>/dev/null
        dump /tmp/head core
        vmcore-dmesg /proc/vmcore > /tmp/log
        say log token=$(grep -c "token $nonce" /tmp/log) panic=$(grep -c 'Kernel panic - not syncing: sysrq triggered crash' /tmp/log)
        say line $(cat /proc/cmdline)
        say memory $(awk '/^(MemTotal|MemFree|MemAvailable|Slab|PageTables|Percpu|Shmem):/ { printf "%s%s ", $1, $2 }' /proc/meminfo)
        dmesg | grep -i 'Memory: \|e820' | sed 's/^/| /'
        """#

    private static func complaints(about log: ConsoleLog, _ machine: MachineShape, elfClass: UInt8) -> [String] {
        guard let core = CoreFile(log.dump("core")) else { return ["/proc/vmcore is no ELF core"] }
        var complaints: [String] = []
        if core.elfClass != elfClass { complaints.append("/proc/vmcore has class \(core.elfClass)") }
        let registers = core.notes.filter { $0.name == "CORE" && $0.type == 1 }.count
        if registers != machine.processors { complaints.append("registers of \(registers) processors") }
        let kernel = log.value("release", of: "first") ?? "?"
        let description = core.notes.first { $0.name == "VMCOREINFO" }.map { String(decoding: $0.bytes, as: UTF8.self) }
        if description?.hasPrefix("OSRELEASE=\(kernel)\n") != true {
            complaints.append("VMCOREINFO is missing or another's")
        }
        let expected = MemoryLines(log).dumped, found = core.memory
        if expected.isEmpty || found != expected { complaints.append("memory: \(found), expected \(expected)") }
        let text = log.value("at", of: "text").flatMap { UInt64($0, radix: 16) }
        if elfClass == 2, core.loads.first?.virtual != text {
            complaints.append("the kernel's image is not where it was")
        }
        return complaints
    }

    /// A load that is refused must not cost the image that is loaded: the kernel would drop that first.
    private static let refused: Case = {
        var test = dump("refused", "-c", .linux7)
        test.summary = "a load that is refused leaves the crash kernel of before, and it starts"
        test.script = """
            \(facts)
            zeros 300 > /tmp/large; head -c 5000 /boot/vmlinuz > /tmp/cut
            loadcrash -c
            again() { name=$1; shift; try $name kexec -p "$@" --command-line="$second"; }
            for way in -c -s -a; do
                again large$way $way /boot/vmlinuz --initrd=/tmp/large
                again cut$way $way /tmp/cut
                again absent$way $way /boot/absent
                try line$way kexec -p $way /boot/vmlinuz --command-line="$(head -c 3000 /dev/zero | tr '\\0' x)"
            done
            again narrow -c /boot/vmlinuz --mem-max=0x1000000
            crash
            """
        test.expect =
            ["^LAB load rc=0 loaded=0 crash=1"]
            + ["-c", "-s", "-a"].flatMap { way in
                [("large", 4), ("cut", 3), ("absent", 2), ("line", 4)].map {
                    "^LAB \($0)\(way) rc=\($1) loaded=0 crash=1"
                }
            } + ["^LAB narrow rc=4 loaded=0 crash=1", Case.second, #"^LAB log token=1 panic=1$"#, "^LAB end second"]
        return test
    }()

    private static let unsupported = Case(
        name: "crash/no-hotplug", summary: "--hotplug is refused where the kernel cannot update a header",
        firstKernel: .linux61, firstCommandLine: "crashkernel=256M",
        script: """
            try load kexec -p /boot/vmlinuz --initrd=/boot/initrd --command-line="$second"
            try refused kexec -p --hotplug /boot/vmlinuz --initrd=/boot/initrd --command-line="$second"
            """,
        expect: [
            "^LAB load rc=0 loaded=0 crash=1",
            #"^\| kexec: '--hotplug' needs a kernel that updates crash dump headers"#,
            "^LAB refused rc=1 loaded=0 crash=1",
        ], needsOurs: true)

    /// What is said of a load comes true.
    private static let checked: Case = {
        var test = dump("checked", "-c", .linux7, reservation: "crashkernel=128M")
        test.summary = "--crash-check says what is missing, and in what it finds sufficient a dump is made"
        test.script = """
            \(facts)
            try before kexec --crash-check
            try advance kexec --crash-check /boot/vmlinuz --initrd=/boot/initrd
            loadcrash -a
            try loaded kexec --crash-check
            crash
            """
        test.expect = [
            #"^\| reserved   128 MiB: 0x"#, #"^\| missing    no crash kernel is loaded"#, "^LAB before rc=1 ",
            #"^\| memory     \d+ MiB of 128 MiB: kernel \d+ MiB, initrd \d+"#, #"^\| works      yes"#,
            "^LAB advance rc=0 loaded=0 crash=0", "^LAB load rc=0 loaded=0 crash=1", "^LAB hotplug memory=1 cpu=1",
            #"^\| updates    by the kernel"#, #"^\| works      yes"#, "^LAB loaded rc=0 ", Case.second,
            "^LAB log token=1 panic=1$", "^LAB end second",
        ]
        return test
    }()

    private static let short = Case(
        name: "crash/short", summary: "--crash-check refuses a reservation that is too small, and none at all",
        firstCommandLine: "crashkernel=64M",
        script: """
            try short kexec --crash-check /boot/vmlinuz --initrd=/boot/initrd
            """,
        expect: [
            #"^\| missing    too little memory is reserved for this kernel and initrd"#,
            #"^\| +hint: boot the running kernel with crashkernel=\d+M"#, #"^\| works      no"#, "^LAB short rc=1 ",
        ], needsOurs: true)

    /// From the crash kernel into an ordinary one, by the crash kernel's own line.
    private static let back = Case(
        name: "crash/back", summary: "a kernel that a crash kernel loads by its own line is no crash kernel",
        firstCommandLine: "crashkernel=256M \(trustedTimer)",
        secondFiles: { workshop in
            [
                "sbin/kexec": .program(workshop.kexec), "boot/vmlinuz": .host(workshop.cache.kernel(.linux7)),
                "lab/third": .text(
                    """
                    say third vmcore=$(ls /proc/vmcore 2>/dev/null | wc -l) words=$(grep -cE 'elfcorehdr|memmap' /proc/cmdline)
                    say line $(cat /proc/cmdline)
                    """),
            ]
        },
        script: """
            \(facts)
            loadcrash -c --pass-memmap-cmdline && crash
            """,
        secondScript: """
            say captured vmcore=$(ls /proc/vmcore | wc -l) words=$(grep -cE 'memmap=exactmap .*elfcorehdr=' /proc/cmdline)
            cd /; find . -xdev ! -path './boot*' | cpio -o -H newc > /tmp/again 2>/dev/null
            try again kexec -l -c /boot/vmlinuz --initrd=/tmp/again --reuse-cmdline --append=lab.stage=third && jump
            """,
        expect: [
            "^LAB load rc=0 loaded=0 crash=1", Case.second, "^LAB captured vmcore=1 words=1$",
            "^LAB again rc=0 loaded=1",
            "^LAB third nonce=NONCE ", "^LAB third vmcore=0 words=0$",
            "^LAB line .*lab.stage=second .*lab.stage=third$",
            "^LAB end third",
        ], forbid: ["LAB jump failed", #"\| kexec: warning"#], deadline: 240, needsOurs: true)

    private static func version(_ kernel: KernelName) -> Substring { kernel.rawValue.prefix { $0 != "-" } }
}
