// SPDX-License-Identifier: MIT

/// The ways into a kernel besides the 64-bit one.
enum EntryCases: CaseGroup {
    static let all: [Case] = protectedMode + [i386] + realMode + [ipxe, memdisk, back]

    /// One word of 600 letters, for a kernel takes only so many that it does not know; the last one shows the end.
    private static let longLine = "$second pad=$(printf '%0600d' 0 | tr 0 x) lab.end=ENDMARK"

    private static let protectedMode: [Case] = [KernelName.linux61, .linux612, .linux7].flatMap { kernel in
        [MachineShape.Firmware.bios, .efi].map { firmware in
            Case(
                name: "entry/32-bit/\(kernel.rawValue)/\(firmware.rawValue)",
                summary: "\(kernel.rawValue) is entered by its 32-bit entry, with a long command line",
                machine: MachineShape(firmware: firmware, memory: 6144), secondKernel: kernel,
                script: """
                    line="\(longLine)"
                    try load kexec -l /boot/vmlinuz --entry-32bit --initrd=/boot/initrd --command-line="$line" && jump
                    """,
                secondScript: "say end=$(argument lab.end) length=$(argument pad | wc -c)",
                expect: ["^LAB load rc=0 loaded=1", Case.second, "^LAB end=ENDMARK length=601$", "^LAB end second"],
                needsOurs: true)
        }
    }

    /// The setup code asks the BIOS for the memory map, and says so: an E820 entry of Linux's own making is no proof, an
    /// `edd` folder is, where there is a disk.
    private static let realMode: [Case] = [KernelName.linux61, .linux612, .linux7].map { kernel in
        Case(
            name: "entry/real-mode/\(kernel.rawValue)",
            summary: "\(kernel.rawValue) is entered in real mode, with a long command line, and its BIOS calls return",
            machine: MachineShape(memory: 2048, options: ["-drive", "driver=null-co,read-zeroes=on,if=ide"]),
            secondKernel: kernel, secondFiles: { ["sbin/kexec": .program($0.kexec)] },
            script: """
                line="\(longLine)"
                try load kexec -l /boot/vmlinuz --real-mode --initrd=/boot/initrd --command-line="$line" && jump
                """,
            secondScript: """
                say end=$(argument lab.end) length=$(argument pad | wc -c)
                bp=/sys/kernel/boot_params/data
                say disks=$(od -An -tu1 -j 489 -N 1 $bp | tr -d ' ') loader=$(od -An -tx1 -j 528 -N 1 $bp | tr -d ' ')
                try last kexec --last
                """,
            expect: [
                "^LAB load rc=0 loaded=1", Case.second, "^LAB end=ENDMARK length=601$", "^LAB disks=[1-9] loader=d0$",
                "^LAB last rc=0", "^LAB end second",
            ],
            needsOurs: true)
    }

    /// iPXE finds the card by its own driver, and waits by the BIOS's tick.
    private static let ipxe = Case(
        name: "entry/ipxe", summary: "Debian's ipxe.lkrn does DHCP and TFTP and boots Linux",
        machine: MachineShape(servesSecondKernel: true), files: { ["boot/ipxe.lkrn": .host($0.tools.ipxe)] },
        script: """
            {
                echo '#!ipxe'; echo dhcp
                echo "kernel tftp://10.0.2.2/vmlinuz initrd=initrd $second lab.end=by-ipxe"
                echo 'initrd tftp://10.0.2.2/initrd'; echo boot
            } > /boot/script
            try load kexec -l /boot/ipxe.lkrn --initrd=/boot/script && jump
            """,
        secondScript: "say end=$(argument lab.end)",
        expect: ["^LAB load rc=0 loaded=1", Case.second, "^LAB end=by-ipxe$", "^LAB end second"], deadline: 300,
        needsOurs: true)

    /// memdisk puts a disk into memory behind int 13h; its boot sector reads the next one, and counts the BIOS's ticks.
    private static let memdisk = Case(
        name: "entry/memdisk", summary: "syslinux's memdisk boots a floppy disk from memory",
        files: {
            ["boot/memdisk": .host($0.tools.memdisk), "boot/floppy": .host(try await BootSector.floppy(in: $0))]
        },
        script: "try load kexec -l /boot/memdisk --initrd=/boot/floppy --command-line=floppy && jump",
        expect: ["^LAB load rc=0 loaded=1", "^LAB jump", "^LAB sector two, 3 ticks$"], quick: true, needsOurs: true)

    /// What a loader has to hand on of the machine: the firmware's map, and of boot_params `acpi_rsdp_addr` (0x070) and
    /// `eddbuf_entries` (0x1e9), the BIOS's disks.
    private static let machineFacts = """
        facts() {
            map=$(for e in /sys/firmware/memmap/*; do echo $(cat $e/start $e/end $e/type); done | sort | md5sum | cut -c-32)
            bp=/sys/kernel/boot_params/data
            say facts stage=$1 map=$map entries=$(ls /sys/firmware/memmap | wc -l) \
            rsdp=$(od -An -tx8 -j 112 -N 8 $bp | tr -d ' ') edd=$(od -An -tu1 -j 489 -N 1 $bp | tr -d ' ') \
            tables=$(ls /sys/firmware/acpi/tables | wc -l)
        }

        """

    /// There is no build of ours for 32 bits, so the way back is kexec-tools'.
    private static let back = Case(
        name: "entry/i386/back",
        summary: "from 64 bits to 32 by ours, with the same machine, and back to 64 by Debian's kexec-tools for i386",
        machine: MachineShape(memory: 2048, options: ["-drive", "driver=null-co,read-zeroes=on,size=64M,if=ide"]),
        secondKernel: .linux61PAE, otherKernels: [.linux61],
        secondFiles: { workshop in
            func program(_ name: String) -> GuestFile { .program(workshop.cache.program(name, of: .linux61PAE)) }
            var third = try await InitramfsBuilder(workshop.tools)
            try await third.add("lab/third", .text("say machine=$(uname -m)\n"))
            return [
                "bin/busybox": program("busybox"), "sbin/kexec": program("kexec"),
                "lib/ld-linux.so.2": program("ld-linux.so.2"),
                "lib/i386-linux-gnu/libc.so.6": program("libc.so.6"),
                "lib/i386-linux-gnu/libz.so.1": program("libz.so.1"),
                "boot/vmlinuz": .host(workshop.cache.kernel(.linux61)), "boot/initrd": .bytes(third.finished()),
            ]
        },
        script: machineFacts + "facts first; load && jump",
        secondScript: machineFacts + """
            facts second; say machine=$(uname -m)
            try back kexec -l -c /boot/vmlinuz --initrd=/boot/initrd --command-line="$(line third)" && jump
            """,
        expect: [
            "^LAB load rc=0 loaded=1", Case.second, "^LAB machine=i686$", "^LAB back rc=0 loaded=1",
            "^LAB third nonce=NONCE ", "^LAB machine=x86_64$", "^LAB end third",
        ],
        judge: { logs in
            let lines = logs.flatMap { log in log.lines.map(\.text).filter { $0.hasPrefix("LAB facts stage=") } }
            let facts = lines.map { $0.split(separator: " ").dropFirst(3).joined(separator: " ") }
            guard facts.count == 2 else { return ["the facts were not told twice"] }
            return facts[0] == facts[1] ? [] : ["the first kernel's facts are \(facts[0]), the second's \(facts[1])"]
        }, deadline: 300)

    /// A kernel of 32 bits has no other entry, and nobody need know.
    private static let i386 = Case(
        name: "entry/i386/to",
        summary: "a kernel of 32 bits is started from one of 64 bits, by itself in the right mode",
        machine: MachineShape(memory: 6144), secondKernel: .linux61PAE,
        secondFiles: { ["bin/busybox": .program($0.cache.program("busybox", of: .linux61PAE))] },
        script: "load && jump", secondScript: "say machine=$(uname -m)",
        expect: ["^LAB load rc=0 loaded=1", Case.second, "^LAB machine=i686$", "^LAB end second"])
}
