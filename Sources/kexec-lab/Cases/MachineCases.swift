// SPDX-License-Identifier: MIT

/// Machines that are unusual: paging, memory maps, firmware.
enum MachineCases: CaseGroup {
    static let all: [Case] = fiveLevel + [tinyBzImage, reservedRanges, manyEntries] + processors + disk

    private static let booted = ["^LAB load rc=0 loaded=1", Case.second, "^LAB end second"]

    /// `-cpu max` has 57-bit linear addresses, and the first kernel uses them.
    private static let fiveLevel: [Case] =
        [KernelName.linux7, .linux61].flatMap { second in
            ["-c", "-s"].map { call in
                Case(
                    name: "machine/la57/\(second.rawValue)/\(call.dropFirst())",
                    summary: "a kernel with 5-level paging boots \(second.rawValue) with \(call)",
                    machine: MachineShape(processor: "max"), secondKernel: second,
                    script: "grep -q ' la57' /proc/cpuinfo && say la57; load \(call) && jump",
                    expect: ["^LAB la57$"] + booted)
            }
        } + [
            Case(
                name: "machine/la57/unaware",
                summary: "a kernel that knows 4 levels only is entered with 4-level paging",
                machine: MachineShape(processor: "max"),
                files: { ["boot/tiny": .host(try await TinyKernel.bzImage.make(in: $0))] },
                script:
                    "grep -q ' la57' /proc/cpuinfo && say la57; try load kexec -l /boot/tiny --initrd=/boot/initrd && jump",
                // CR4 bit 12 is LA57.
                expect: ["^LAB la57$", "^LAB load rc=0", "^LAB tiny bzimage cr4=[0-9a-f]{12}[02468ace][0-9a-f]{3} "],
                needsOurs: true)
        ]

    private static let tinyBzImage = Case(
        name: "machine/tiny-bzimage", summary: "a bzImage of few bytes is entered at its 64-bit entry with boot_params",
        files: { ["boot/tiny": .host(try await TinyKernel.bzImage.make(in: $0))] },
        script: "try load kexec -l -c /boot/tiny --initrd=/boot/initrd --command-line=\"$second\" && jump",
        expect: ["^LAB load rc=0 loaded=1", "^LAB tiny bzimage cr4=.* rsi=0*[1-9a-f].* rsp=0*[1-9a-f]"])

    /// Sixty holes of one page that the firmware knows nothing of.
    private static let reservedRanges = Case(
        name: "machine/reserved-60", summary: "sixty reserved ranges are kept free",
        firstCommandLine: "memmap="
            + (0..<60).map { "4K$0x" + String(0x400_0000 + $0 * 0x90_0000, radix: 16) }.joined(separator: ","),
        script: """
            say reserved $(grep -ci ': reserved' /proc/iomem)
            load -c && jump
            """,
        expect: ["^LAB reserved (6[0-9]|[7-9][0-9])$"] + booted, quick: true)

    /// Cuts one RAM entry of the firmware's map into three hundred, as loaders see it.
    static let longMemoryMap = """
        cp -r /sys/firmware/memmap /tmp/memmap
        cd /tmp/memmap
        next=$(ls | wc -l)
        big=$(grep -l '^0x100000$' */start | head -n 1); big=${big%/start}
        end=$(cat $big/end)
        echo 0x7ffffff > $big/end
        # From 128 MiB on: a page reserved, then 15 pages of RAM, 150 times; the rest is RAM.
        i=0
        add() { mkdir $next; printf '0x%x\\n' $1 > $next/start; printf '0x%x\\n' $2 > $next/end; echo "$3" > $next/type; next=$((next + 1)); }
        while [ $i -lt 150 ]; do
            at=$((0x8000000 + i * 0x10000))
            add $at $((at + 0xfff)) Reserved
            add $((at + 0x1000)) $((at + 0xffff)) "System RAM"
            i=$((i + 1))
        done
        add $((0x8000000 + 150 * 0x10000)) $((end)) "System RAM"
        mount --bind /tmp/memmap /sys/firmware/memmap
        say entries1 $(ls /sys/firmware/memmap | wc -l)

        """

    /// The firmware's map is shown to the first loader with one RAM entry cut into many; the second kernel then runs with
    /// the long map for true, and boots a third.
    private static let manyEntries = Case(
        name: "machine/e820-300", summary: "more than 128 E820 entries survive two jumps",
        secondFiles: { workshop in
            var third = try await InitramfsBuilder(workshop.tools)
            try await third.add("lab/third", .text("say entries3 $(ls /sys/firmware/memmap | wc -l)\n"))
            return [
                "sbin/kexec": .program(workshop.kexec), "boot/vmlinuz": .host(workshop.cache.kernel(.linux61)),
                "boot/initrd": .bytes(third.finished()),
            ]
        },
        script: longMemoryMap + "load -c && jump",
        secondScript: """
            say entries2 $(ls /sys/firmware/memmap | wc -l)
            try load2 kexec -l -c /boot/vmlinuz --initrd=/boot/initrd --command-line="$(line third)" && jump
            """,
        expect: [
            "^LAB entries1 30[0-9]$", "^LAB load rc=0 loaded=1", Case.second, "^LAB entries2 30[0-9]$",
            "^LAB load2 rc=0 loaded=1", "^LAB third nonce=NONCE ", "^LAB entries3 30[0-9]$",
        ])

    /// QEMU's own loader of the other cases is a boot path that no real machine has.
    private static let disk: [Case] = ["-c", "-s"].map { call in
        Case(
            name: "machine/efi-disk/\(call.dropFirst())",
            summary: "a kernel that the firmware loaded from a disk boots another",
            machine: MachineShape(firmware: .efi, bootsFromDisk: true), script: "load \(call) && jump", expect: booted)
    }

    private static let processors: [Case] = [
        Case(
            name: "machine/processors-2", summary: "the jump leaves the second processor startable",
            machine: MachineShape(processors: 2), script: "load -c && jump", secondScript: "say processors $(nproc)",
            expect: booted.dropLast() + ["^LAB processors 2$"]),
        Case(
            name: "machine/sha-ni", summary: "a digest of SHA-256 is right on a processor with SHA instructions",
            machine: MachineShape(processor: "max"), script: "load -c --digest=sha256 && jump", expect: booted,
            needsOurs: true),
    ]
}
