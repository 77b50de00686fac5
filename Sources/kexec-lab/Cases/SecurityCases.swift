// SPDX-License-Identifier: MIT

/// Secure Boot, lockdown and the administrator's switch: what is allowed boots, what is not is refused with its reason.
enum SecurityCases: CaseGroup {
    static let all: [Case] =
        signed + [unsigned] + lockdown + [disabled, unprivileged, bootCapability, bootCapabilityCrash, masked]

    /// Firmware that trusts Debian's snakeoil key; both kernels carry its signature.
    private static let signed: [Case] = ["-s", "-a"].map { call in
        Case(
            name: "secure-boot/signed/\(call.dropFirst())", summary: "Secure Boot: a signed kernel boots with \(call)",
            machine: MachineShape(firmware: .secureBoot),
            files: { ["boot/vmlinuz": .host(try await $0.signed(.linux7))] },
            script: "say \(secureBoot); load \(call) && jump",
            expect: ["^LAB secure-boot [1-9]", "^LAB load rc=0 loaded=1", Case.second, "^LAB end second"], deadline: 240
        )
    }

    /// What the kernel found out about the firmware; the module that shows its variables is not in the ram disk.
    private static let secureBoot = "secure-boot $(dmesg | grep -c 'Secure boot enabled')"

    private static let unsigned = Case(
        name: "secure-boot/unsigned",
        summary: "Secure Boot: an unsigned kernel is refused by every call, with the reason",
        machine: MachineShape(firmware: .secureBoot),
        script:
            "say \(secureBoot); for call in -s -c -a; do load $call; say refused$call rc=$rc loaded=$(loaded); done",
        expect: ["^LAB secure-boot [1-9]"]
            + [("-s", 8, unsignedFile), ("-c", 7, appraised), ("-a", 8, unsignedFile)].flatMap { call, status, why in
                [why, "^LAB refused\(call) rc=\(status) loaded=0$"]
            },
        deadline: 240, needsOurs: true)

    /// With -s the signature is missing, at which auto stops, too; -c is forbidden by the policy of IMA, which knows Secure
    /// Boot.
    private static let unsignedFile =
        "kexec_file_load: the kernel file has no signature, and the running kernel wants one$"
    private static let appraised = "kexec_load: Secure Boot's policy wants a kernel file that it can appraise$"

    private static let lockdown: [Case] = [MachineShape.Firmware.bios, .efi].map { firmware in
        Case(
            name: "lockdown/\(firmware.rawValue)",
            summary: "lockdown=integrity: every call is refused and says lockdown",
            machine: MachineShape(firmware: firmware), firstCommandLine: "lockdown=integrity",
            script: "for call in -c -s -a; do load $call; say refused$call rc=$rc loaded=$(loaded); done",
            expect: [
                ("-c", #"kexec_load: the kernel is locked down \(integrity\)$"#), ("-s", lockedFile),
                ("-a", lockedFile),
            ].flatMap { call, why in [why, "^LAB refused\(call) rc=7 loaded=0$"] }, needsOurs: true)
    }

    private static let lockedFile =
        #"kexec_file_load: the kernel is locked down \(integrity\) and did not accept the kernel file's signature$"#

    private static let disabled = Case(
        name: "refused/kexec_load_disabled",
        summary: "kexec_load_disabled=1 forbids loading and unloading, keeps the image",
        script: """
            load -c
            echo 1 > /proc/sys/kernel/kexec_load_disabled
            for call in -c -s -a; do load $call; say refused$call rc=$rc loaded=$(loaded); done
            try unload kexec -u
            """,
        expect: ["^LAB load rc=0 loaded=1"]
            + ["-c", "-s", "-a"].flatMap { call in
                [#"^\| kexec: loading is \#(switchedOff)"#, "^LAB refused\(call) rc=6 loaded=1$"]
            } + [#"^\| kexec: cannot unload the kernel: kexec_load: \#(switchedOff)"#, "^LAB unload rc=6 loaded=1"],
        needsOurs: true)

    private static let switchedOff = #"switched off until the next boot: kernel\.kexec_load_disabled is 1$"#

    private static func restrict(_ workshop: Workshop) async throws -> [String: GuestFile] {
        ["sbin/restrict": .program(try await Restrict.make(in: workshop))]
    }

    /// kexec_file_load needs no look at memory; what needs kexec_load says what it lacks.
    private static let bootCapability = Case(
        name: "memory/hidden", summary: "CAP_SYS_BOOT alone loads by kexec_file_load and jumps; kexec_load is refused",
        files: restrict,
        script: """
            boot_only="restrict boot-only /sbin/kexec"
            files="/boot/vmlinuz --initrd=/boot/initrd"
            say iomem $(restrict boot-only /bin/grep -cv '00000000-00000000' /proc/iomem)
            try auto $boot_only -l $files --command-line="$second"; kexec -u
            try auto-a $boot_only -a -l $files --command-line="$second"; kexec -u
            try refused-c $boot_only -c -l $files --command-line="$second"
            try refused-option $boot_only -l --entry-32bit $files --command-line="$second"
            try plan $boot_only --plan -l $files --command-line="$second"
            try named $boot_only -s -l $files --command-line="$second" && { say jump; $boot_only -x -e; }
            """,
        expect: ["^LAB iomem 0", "^LAB auto rc=0 loaded=1", "^LAB auto-a rc=0 loaded=1"]
            + ["refused-c", "refused-option"].flatMap {
                [#"^\| kexec: '/proc/iomem' hides its addresses: CAP_SYS_ADMIN needed"#, "^LAB \($0) rc=5 loaded=0"]
            } + [
                #"^\| system call +kexec_file_load \(kexec_load: '/proc/iomem' hides its addresses"#, "^LAB plan rc=0",
                "^LAB named rc=0 loaded=1", "^LAB jump$", Case.second, "^LAB end second",
            ], needsOurs: true)

    private static let bootCapabilityCrash = Case(
        name: "memory/hidden-crash", summary: "CAP_SYS_BOOT alone loads a crash kernel",
        firstCommandLine: "crashkernel=128M", files: restrict,
        script: """
            boot_only="restrict boot-only /sbin/kexec"
            for call in -a -s -c; do
                try panic$call $boot_only -p $call /boot/vmlinuz --initrd=/boot/initrd --command-line=x
                kexec -p -u
            done
            """,
        expect: ["^LAB panic-a rc=0 .*crash=1", "^LAB panic-s rc=0 .*crash=1", "^LAB panic-c rc=5 .*crash=0"],
        needsOurs: true)

    /// As in a chroot, and in a container that masks what shows the machine.
    private static let masked = Case(
        name: "memory/masked",
        summary: "without /proc and /sys, or with parts of them masked, a load goes by what is left",
        script: """
            mkdir /tmp/root
            cp /sbin/kexec /boot/vmlinuz /boot/initrd /tmp/root/
            bare() { try $1 chroot /tmp/root /kexec $2 -l /vmlinuz --initrd=/initrd --command-line="$second"; }
            bare bare; kexec -u
            bare bare-s -s; kexec -u
            bare bare-c -c
            try reuse chroot /tmp/root /kexec -l /vmlinuz --initrd=/initrd --reuse-cmdline
            mkdir /tmp/root/proc
            mount -t proc proc /tmp/root/proc
            bare proc; kexec -u
            mount --bind /dev/null /proc/iomem
            mount -t tmpfs none /sys/firmware
            try masked kexec -l /boot/vmlinuz --initrd=/boot/initrd --command-line="$second"; kexec -u
            try masked-c kexec -c -l /boot/vmlinuz --initrd=/boot/initrd --command-line="$second"
            bare jump && { say jump; chroot /tmp/root /kexec -e; }
            """,
        expect: [
            "^LAB bare rc=0 loaded=1", "^LAB bare-s rc=0 loaded=1", "^LAB bare-c rc=15 loaded=0",
            "^LAB reuse rc=15 loaded=0",
            "^LAB proc rc=0 loaded=1", "^LAB masked rc=0 loaded=1", "^LAB masked-c rc=15 loaded=0",
            "^LAB jump rc=0 loaded=1",
            "^LAB jump$", Case.second, "^LAB end second",
        ], needsOurs: true)

    private static let unprivileged = Case(
        name: "refused/unprivileged", summary: "without CAP_SYS_BOOT nothing is loaded, unloaded or jumped to",
        files: { _ in ["etc/passwd": .text("root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")] },
        script: """
            load -c
            nobody() { su nobody -c "$1"; }
            chmod 1777 /tmp
            for call in -c -s -a; do
                try refused$call nobody "kexec -l $call /boot/vmlinuz --initrd=/boot/initrd --command-line=x"
            done
            try absent nobody "kexec -l /boot/absent"
            try unload nobody "kexec -u"
            try execute nobody "kexec -e"
            try plan nobody "kexec --plan -l /boot/vmlinuz"
            """,
        expect: ["^LAB load rc=0 loaded=1"]
            + [
                ("refused-c", "'/proc/iomem' hides its addresses: CAP_SYS_ADMIN needed"),
                ("refused-s", "CAP_SYS_BOOT is needed"), ("refused-a", "CAP_SYS_BOOT is needed"),
                ("absent", "CAP_SYS_BOOT is needed"),
                ("unload", "cannot unload the kernel: kexec_load: CAP_SYS_BOOT is missing"),
                ("execute", "cannot jump to the loaded kernel: CAP_SYS_BOOT is missing"),
            ].flatMap { name, why in [#"^\| kexec: \#(why)$"#, "^LAB \(name) rc=5 loaded=1"] }
            + [
                #"^\| system call  kexec_file_load"#, #"^\| refused      CAP_SYS_BOOT is needed"#,
                "^LAB plan rc=5 loaded=1",
            ], needsOurs: true)
}
