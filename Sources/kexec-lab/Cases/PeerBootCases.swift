// SPDX-License-Identifier: MIT

/// The same arguments to either program, a boot with each, and what the next kernel finds.
enum PeerBootCases: CaseGroup {
    static let all: [Case] =
        [systemd, force, console, high, low, crashLine, noEFI, longMap, vmlinux] + programs + [checked, unchecked]

    private static let both = ["kexec", "peer"]

    private static let peer: @Sendable (Workshop) async throws -> [String: GuestFile] = {
        ["sbin/peer": .program($0.tools.peer)]
    }

    /// The second kernel's command line, where its initrd and its code lie, and whether it had an initrd at all.
    private static let report = """
        echo "LAB line $(sed 's/lab.nonce=[0-9a-f]*//; s/elfcorehdr=0x[0-9a-f]*/elfcorehdr=/' /proc/cmdline)"
        dump /sys/kernel/boot_params/data bp
        say code $(grep 'Kernel code' /proc/iomem)
        """

    private static func boot(
        _ name: String, _ summary: String, machine: MachineShape = MachineShape(), script: String,
        expect: [String] = ["^LAB load rc=0 loaded=1"], judge: (@Sendable ([ConsoleLog]) throws -> [String])? = nil
    ) -> Case {
        Case(
            name: "peer/\(name)", summary: summary, machine: machine, files: peer, script: script, secondScript: report,
            passes: both, expect: expect + [Case.second, "^LAB line ", "^LAB dumped bp", "^LAB code "],
            judge: { logs in try sameLine(logs) + (judge?(logs) ?? []) }, needsOurs: true)
    }

    private static func sameLine(_ logs: [ConsoleLog]) -> [String] {
        let lines = logs.map { log in log.lines.last { $0.text.hasPrefix("LAB line ") }?.text }
        return lines.count == 2 && lines[0] == lines[1]
            ? [] : ["the second kernel's line: \(lines.map { $0 ?? "?" })"]
    }

    /// `ext_ramdisk_image` and `ramdisk_image` of boot_params.
    private static func initrdAddress(_ log: ConsoleLog) -> UInt64 {
        let bytes = log.dump("bp")
        guard bytes.count == 4096 else { return 0 }
        return [0xc3, 0xc2, 0xc1, 0xc0, 0x21b, 0x21a, 0x219, 0x218].reduce(0) { $0 << 8 | UInt64(bytes[$1]) }
    }

    private static func codeAddress(_ log: ConsoleLog) -> UInt64 {
        let line = log.lines.last { $0.text.hasPrefix("LAB code ") }?.text.dropFirst(9) ?? ""
        return UInt64(line.prefix { $0 != "-" }.drop { $0 == " " }, radix: 16) ?? 0
    }

    /// As systemctl loads and systemd-shutdown jumps: no choice of call, separate values.
    private static let systemd = boot(
        "systemd", "systemctl's arguments load, -e boots with the line given",
        script: """
            try load $pass --load /boot/vmlinuz --append "$second a=\\"b c\\" -- x" --initrd /boot/initrd || poweroff -f
            say jump; $pass -e < /dev/null > /dev/null 2>&1; say jump failed
            """)

    private static let force = boot(
        "force", "-f boots in one go",
        script: "$pass -f -c /boot/vmlinuz --ramdisk=/boot/initrd --command-line=\"$second\"; say jump failed",
        expect: [])

    private static let console = boot(
        "console", "either purgatory says on the serial port that it runs",
        script: """
            try load $pass -l -c --console-serial --serial=0x3f8 --serial-baud=115200 /boot/vmlinuz \\
                --initrd=/boot/initrd --command-line="$second" && { say jump; $pass -e; }
            """, expect: ["^LAB load rc=0 loaded=1", "I'm in purgatory"])

    /// KASLR would move the code, but never the initrd.
    private static func between(_ limits: String) -> String {
        """
        try load $pass -l -c \(limits) /boot/vmlinuz --initrd=/boot/initrd --command-line="$second nokaslr" \\
            && { say jump; $pass -e; }
        """
    }

    private static let high = boot(
        "above-4G", "--mem-min above 4 GiB: kernel and initrd lie there", machine: MachineShape(memory: 6144),
        script: between("--mem-min=0x100000000"),
        judge: { logs in
            zip(both, logs).filter { initrdAddress($1) < 1 << 32 || codeAddress($1) < 1 << 32 }.map {
                "\($0): initrd at \(initrdAddress($1)), code at \(codeAddress($1))"
            }
        })

    private static let low = boot(
        "mem-max", "--mem-max is respected", script: between("--mem-max=0x1fffffff"),
        judge: { logs in
            zip(both, logs).filter {
                !(1..<0x2000_0000).contains(initrdAddress($1)) || !(1..<0x2000_0000).contains(codeAddress($1))
            }.map { "\($0): initrd at \(initrdAddress($1)), code at \(codeAddress($1))" }
        })

    /// After a panic the crash kernel says what it was told. Of several `crashkernel=` kexec-tools leaves all but the first;
    /// we leave none.
    private static let crashLine: Case = {
        var test = boot(
            "crash-line", "a crash kernel gets the line without crashkernel= and BOOT_IMAGE",
            script: """
                try load $pass -p -s --reuse-cmdline --append="lab.stage=second" --initrd=/boot/initrd /boot/vmlinuz \\
                    && { say jump; echo c > /proc/sysrq-trigger; }
                """,
            expect: ["^LAB load rc=0 loaded=0 crash=1"],
            judge: { logs in
                zip(both, logs).filter { log in
                    let line = log.1.lines.last { $0.text.hasPrefix("LAB line ") }?.text ?? ""
                    return line.contains("crashkernel") || line.contains("BOOT_IMAGE") || !line.contains("root=/dev/x")
                        || !line.contains("elfcorehdr=")
                }.map { "\($0.0): the line is wrong" }
            })
        test.firstCommandLine = "BOOT_IMAGE=/boot/first crashkernel=256M root=/dev/x"
        test.forbid = ["LAB jump failed"]
        return test
    }()

    private static let noEFI: Case = {
        var test = boot(
            "noefi", "--noefi: the next kernel learns nothing of EFI", machine: MachineShape(firmware: .efi),
            script: between("--noefi"),
            judge: { logs in
                zip(both, logs).filter { log in
                    let bytes = log.1.dump("bp")
                    return bytes.count != 4096 || bytes[0x1c0..<0x1e0].contains { $0 != 0 }
                        || !log.1.dump("node4").isEmpty || bytes[0x70..<0x78].allSatisfy { $0 == 0 }
                }.map { "\($0.0): efi_info, SETUP_EFI or the RSDP's address is wrong" }
            })
        test.secondScript += """

            say firmware efi=$([ -d /sys/firmware/efi ] && echo yes || echo no)
            for node in /sys/kernel/boot_params/setup_data/*; do
                [ -e $node/data ] || continue
                dump $node/data node$(($(cat $node/type)))
            done
            """
        test.expect.append("^LAB firmware efi=no$")
        return test
    }()

    /// Entries beyond 128 go by SETUP_E820_EXT. Only RAM below 1 MiB begins elsewhere with kexec-tools, at 0x400.
    private static let longMap: Case = {
        var test = boot(
            "e820-300", "the next kernel gets the same three hundred memory map entries",
            script: MachineCases.longMemoryMap + between(""),
            judge: { logs in
                let maps = logs.map { log in log.lines.map(\.text).filter { $0.hasPrefix("LAB map ") } }
                return maps[0] == maps[1] && maps[0].count > 300 ? [] : ["the maps differ: \(maps.map(\.count))"]
            })
        test.secondScript += """

            cd /sys/firmware/memmap
            for entry in *; do echo $(cat $entry/start $entry/end $entry/type); done | sed 's/^0x400 /0x0 /' | sort \\
                | sed 's/^/LAB map /'
            say mapped
            """
        test.expect.append("^LAB mapped$")
        return test
    }()

    // MARK: ELF

    private static let vmlinux: Case = {
        var test = boot(
            "vmlinux", "an ELF vmlinux boots as Linux with --args-linux", machine: MachineShape(memory: 1536),
            script: """
                rm /boot/vmlinuz
                try load $pass -l -c /boot/vmlinux --args-linux --initrd=/boot/initrd --command-line="$second" \\
                    && { say jump; $pass -e; }
                """)
        test.files = {
            ["sbin/peer": .program($0.tools.peer), "boot/vmlinux": .host($0.cache.vmlinux(.linux7))]
        }
        return test
    }()

    private static let programs: [Case] = [
        program(.elf32, "", "cr0=[0-7][0-9a-f]{6}[13579bdf] arg=0*[1-9a-f]"),
        program(.elf64, "--args-elf", "cr4=.* rdi=0*[1-9a-f]"), program(.elf64, "--args-none", "cr4="),
    ]

    private static func program(_ kernel: TinyKernel, _ option: String, _ state: String) -> Case {
        Case(
            name: "peer/\(kernel.rawValue)\(option.dropFirst())",
            summary: "an ELF program is entered alike, with its boot notes or without",
            files: { ["sbin/peer": .program($0.tools.peer), "boot/tiny": .host(try await kernel.make(in: $0))] },
            script: "try load $pass -l -c \(option) /boot/tiny && { say jump; $pass -e; }", passes: both,
            expect: ["^LAB load rc=0 loaded=1", "^LAB jump", "^LAB tiny \(kernel.rawValue) \(state)"], needsOurs: true)
    }

    // MARK: The check between the kernels

    /// A byte of kexec-tools' initrd segment is changed in its purgatory, as `DigestCases` does it to ours.
    private static func damaged(_ options: String) -> String {
        """
        try load peer -l -c -d \(options) /boot/vmlinuz --initrd=/boot/initrd --command-line="$second" || poweroff -f
        say initrd size=$(wc -c < /boot/initrd)
        say debugger
        sleep 3
        say jump; peer -e
        """
    }

    private static let damage: @Sendable (GDBConnection, ConsoleLog) async throws -> Void = { connection, log in
        try DigestCases.change(
            at: try peerInitrd(log) { $0 - 32768 }, whenAt: try peerEntry(log), connection)
    }

    /// "| kexec_load: entry = 0x3f7ff76d0 flags = 0x3e0000"
    static func peerEntry(_ log: ConsoleLog) throws -> UInt64 {
        guard let match = log.lines.lazy.compactMap({ $0.text.firstMatch(of: /entry = 0x([0-9a-f]+) flags/) }).first,
            let entry = UInt64(match.1, radix: 16)
        else { throw LabError("kexec-tools' -d names no entry") }
        return entry
    }

    /// "| segment[2].bufsz = 0x…" and the line "| segment[2].mem   = 0x…" that follows.
    static func peerInitrd(_ log: ConsoleLog, offset: (UInt64) -> UInt64) throws -> UInt64 {
        let size = UInt64(log.value("size", of: "initrd") ?? "") ?? 0
        var segment: Substring?
        for line in log.lines {
            if let match = line.text.firstMatch(of: /segment\[([0-9]+)\]\.bufsz *= 0x([0-9a-f]+)/),
                UInt64(match.2, radix: 16) == size
            {
                segment = match.1
            }
            if let match = line.text.firstMatch(of: /segment\[([0-9]+)\]\.mem *= 0x([0-9a-f]+)/), match.1 == segment,
                let address = UInt64(match.2, radix: 16)
            {
                return address + offset(size)
            }
        }
        throw LabError("kexec-tools' -d names no segment of \(size) bytes")
    }

    private static let padding: @Sendable (Workshop) async throws -> [String: GuestFile] = { _ in
        ["zz/padding": .bytes(Array(repeating: UInt8(ascii: "a"), count: 65536))]
    }

    /// kexec-tools says so and waits for ever; what ours does instead is proved by `digest/…`.
    private static let checked = Case(
        name: "peer/digest", summary: "kexec-tools' purgatory stops at a flipped byte, too", files: peer,
        secondFiles: padding, script: damaged("--console-serial"),
        expect: ["^LAB load rc=0 loaded=1", "^LAB debugger$", "sha256 digests do not match"],
        forbid: Case.alwaysForbidden + ["^LAB second"], end: .timedOut, debugger: damage, deadline: 45, needsOurs: true)

    private static let unchecked = Case(
        name: "peer/no-checks", summary: "kexec-tools' -i does not notice a flipped byte, either", files: peer,
        secondFiles: padding, script: damaged("-i"), secondScript: "say padding $(tr -d a < /zz/padding | wc -c)",
        expect: ["^LAB load rc=0 loaded=1", "^LAB debugger$", Case.second, "^LAB padding 1$"], debugger: damage,
        needsOurs: true)
}
