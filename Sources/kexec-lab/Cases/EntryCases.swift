// SPDX-License-Identifier: MIT

/// The ways into a kernel besides the 64-bit one.
enum EntryCases {
    static let all: [Case] = protectedMode + [i386] + realMode + [ipxe, memdisk]

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

    /// A kernel of 32 bits has no other entry, and nobody need know.
    private static let i386 = Case(
        name: "entry/i386", summary: "a kernel of 32 bits is started from one of 64 bits, by itself in the right mode",
        machine: MachineShape(memory: 6144), secondKernel: .linux61PAE,
        secondFiles: { ["bin/busybox": .program($0.cache.busybox(.linux61PAE))] },
        script: "load && jump", secondScript: "say machine=$(uname -m)",
        expect: ["^LAB load rc=0 loaded=1", Case.second, "^LAB machine=i686$", "^LAB end second"])
}
