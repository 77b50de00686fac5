// SPDX-License-Identifier: MIT

/// Multiboot kernels: two of ours that print what they were given, and Xen with a domain 0.
enum MultibootCases: CaseGroup {
    static let all: [Case] = first + second + wide + mach + grub + refused + xen + xenOnEFI

    private static let load = """
        echo "first module" > /boot/one; echo "second module" > /boot/two
        try load kexec -l /boot/tiny --command-line="a=b  c" --module="/boot/one x=y" --module=/boot/two && jump
        """

    private static func modules(_ prefix: String) -> [String] {
        [
            "\(prefix)module start=[0-9a-f]{5}000 size=000d text=/boot/one x=y holds=first module$",
            "\(prefix)module start=[0-9a-f]{5}000 size=000e text=/boot/two holds=second module$",
        ]
    }

    /// The interrupt vectors are firmware's, in its ROM, and the BIOS data area tells of 639 KiB.
    private static let first: [Case] = [MultibootKernel.one, .flat].map { kernel in
        Case(
            name: "multiboot/\(kernel == .one ? "1" : "flat")",
            summary: "a Multiboot kernel gets modules, line and memory map; BIOS' low memory survives",
            files: { ["boot/tiny": .host(try await kernel.make(in: $0))] }, script: load,
            expect: [
                "^LAB load rc=0 loaded=1", "^LAB jump",
                "^LAB multiboot magic=2badb002 flags=000012\(kernel == .one ? "6" : "4")d$",
            ]
                + [
                    "^LAB multiboot lower=0000027f upper=000ffb80$", "^LAB multiboot line=/boot/tiny a=b  c$",
                    "^LAB multiboot loader=swift-kexec ",
                ] + modules("^LAB multiboot ")
                + [
                    "^LAB multiboot range start=0{16} size=000000000009fc00 type=00000001$",
                    "^LAB multiboot range start=0000000000100000 size=000000003fee0000 type=00000001$",
                ]
                + (kernel == .one ? ["^LAB multiboot sections size=28 type=03 first=\\."] : [])
                + [
                    "^LAB multiboot framebuffer at=00000000000b8000 pitch=00a0 width=0050 height=0019 depth=10 type=2$",
                    "^LAB multiboot vectors 10=c[0-9a-f]{7} 13=f[0-9a-f]{7} base=027f$",
                    // SeaBIOS's, and its virtual wire.
                    "^LAB multiboot apic=fee00[9b]00 spurious=000001ff lint0=0000[0-9a-f]7",
                    "^LAB multiboot masks=b88e$",
                    "^LAB multiboot end$",
                ],
            // kexec-tools puts the information on top of the vectors.
            needsOurs: true)
    }

    private static let second: [Case] = [MachineShape.Firmware.bios, .efi].map { firmware in
        Case(
            name: "multiboot/2/\(firmware.rawValue)",
            summary: "a Multiboot2 kernel that may be moved gets every tag with \(firmware.rawValue)",
            machine: MachineShape(firmware: firmware),
            files: { ["boot/tiny": .host(try await MultibootKernel.two.make(in: $0))] }, script: load,
            expect: [
                "^LAB load rc=0 loaded=1", "^LAB jump", "^LAB multiboot magic=36d76289 total=0",
                "^LAB multiboot tag type=01 size=001a line=/boot/tiny a=b  c$",
                "^LAB multiboot tag type=02 size=[0-9a-f]+ loader=swift-kexec ",
            ] + modules("^LAB multiboot tag type=03 size=[0-9a-f]+ ")
                + [
                    "^LAB multiboot tag type=04 size=0010 lower=\(firmware == .bios ? "0000027f" : "00000280") upper=000",
                    "^LAB multiboot tag type=06 size=[0-9a-f]+ entry=18 version=0$",
                    "^LAB multiboot range start=0{16} size=[0-9a-f]+ type=00000001$",
                    "^LAB multiboot tag type=08 size=0026 framebuffer at=",
                    "^LAB multiboot tag type=09 size=[0-9a-f]+ sections=0[0-9a-f] each=28$",
                ]
                + (firmware == .bios
                    // "RSD PTR "; EFI's is not shown to anybody by Debian's kernels.
                    ? ["^LAB multiboot tag type=0e size=001c rsdp=2052545020445352 revision=00$"]
                    : [
                        "^LAB multiboot tag type=0c size=0010 efi64=[0-9a-f]{16} signature=5453595320494249$",
                        "^LAB multiboot tag type=11 size=[0-9a-f]+ efimap entry=30 count=00[0-9a-f]+ free=000",
                    ])
                + [
                    "^LAB multiboot tag type=15 size=000c base=03000000$", "^LAB multiboot tag type=00 size=0008 last$",
                    "^LAB multiboot masks=\(firmware == .bios ? "b88e" : "ffff")$", "^LAB multiboot end$",
                ],
            // kexec-tools tells nothing of the screen where it is in text mode, and nothing of EFI.
            needsOurs: true)
    }

    /// As GNU Mach's kernels for amd64 are made.
    private static let wide: [Case] = [
        Case(
            name: "multiboot/wide",
            summary: "an ELF64 file is entered as its Multiboot header says, by the version that can be",
            files: { ["boot/tiny": .host(try await MultibootKernel.wide.make(in: $0))] },
            script: """
                try elf kexec -l -t elf-x86_64 --plan /boot/tiny
                try arguments kexec -l --args-none --plan /boot/tiny
                try type kexec -l -t multiboot2-x86 --plan /boot/tiny
                try load kexec -l /boot/tiny --command-line="a=b" && jump
                """,
            expect: [
                "^\\| image .*: elf-x86_64", "^LAB elf rc=0", "^\\| image .*: elf-x86_64", "^LAB arguments rc=0",
                "^\\| kexec: .*requires information tag 18 \\(EFI boot services\\) at offset 0x[0-9a-f]+, which kexec does not",
                "^LAB type rc=3",
                "^\\| kexec: warning: Multiboot version 1 is used: its Multiboot2 header requires information tag 18",
                "^LAB load rc=0 loaded=1", "^LAB jump", "^LAB multiboot magic=2badb002 flags=00001245$",
                "^LAB multiboot line=/boot/tiny a=b$", "^LAB multiboot end$",
            ], needsOurs: true)
    ]

    private static let mach: [Case] = [
        Case(
            name: "multiboot/mach", summary: "GNU Mach for amd64, packed as Debian has it, starts by itself",
            otherKernels: [.gnuMach], files: { ["boot/mach.gz": .host($0.cache.kernel(.gnuMach))] },
            script: "try load kexec -l /boot/mach.gz --append=console=com0 && jump",
            expect: ["^LAB load rc=0 loaded=1", "^LAB jump", "GNU Mach 1\\.8"], deadline: 40, needsOurs: true)
    ]

    private static let grubModules = [
        "biosdisk", "part_msdos", "ext2", "serial", "terminal", "echo", "ls", "time", "reboot",
    ]
    private static let grubCommands = ["echo GRUB-UP", "time ls", "echo GRUB-DONE", "reboot"]

    /// GRUB's core goes back to real mode and asks the BIOS for its drives, of which QEMU's `pc` has an empty floppy drive: an
    /// interrupt tells that, or else each access waits seconds for it, in all more than a minute. GRUB itself counts them. With
    /// lnxboot.img in front it is a Linux image by its header at a fixed place, and is entered in real mode.
    private static let grub: [Case] = [
        ("core", "core.img alone, a Multiboot kernel", "--type=multiboot-x86", GRUBDisk.makeCore),
        ("linux", "lnxboot.img and core.img, by itself a Linux image", "--append=x", GRUBDisk.makeKernel),
    ].map { name, what, option, make in
        Case(
            name: "multiboot/grub/\(name)",
            summary: "GRUB as a kernel, \(what), lists the BIOS's drives, whose interrupts arrive",
            files: { workshop in
                let image = try await workshop.made("grub.\(name)") {
                    try await make(workshop.tools, $0, grubModules, grubCommands)
                }
                return ["boot/grub": .host(image)]
            },
            script: "try load kexec -l \(option) /boot/grub && jump",
            expect: [
                "^LAB load rc=0 loaded=1", "^LAB jump", "GRUB-UP", "^Elapsed time: [0-9]\\.[0-9]+ seconds", "GRUB-DONE",
            ],
            needsOurs: true)
    }

    /// Domain 0's console is Xen's, which is on the serial port. Of Debian's kernels only the full ones can be domain 0.
    private static let xen = [
        xen("2", .xen417, #"4\.17"#), xen("1", .xen417, #"4\.17"#, "--type=multiboot-x86"),
        xen("4.20", .xen420, #"4\.20"#),
    ]

    private static func xen(_ name: String, _ xen: KernelName, _ version: String, _ type: String = "") -> Case {
        Case(
            name: "multiboot/xen/\(name)",
            summary: "Xen, packed as Debian has it, starts a domain 0 up to its own init",
            secondKernel: .linux61Full, otherKernels: [xen],
            files: { ["boot/xen.gz": .host($0.cache.kernel(xen))] },
            script: """
                try load kexec -l \(type) /boot/xen.gz \
                    --command-line="com1=115200,8n1 console=com1 dom0_mem=400M noreboot" \
                    --module="/boot/vmlinuz $(line second | sed s/ttyS0/hvc0/)" --module=/boot/initrd && jump
                """,
            secondScript: "say hypervisor $(cat /sys/hypervisor/type)",
            expect: [
                "^LAB load rc=0 loaded=1", "^LAB jump", "^\\(XEN\\) Xen version \(version)", Case.second,
                "^LAB hypervisor xen$", "^LAB end second",
            ], deadline: 300)
    }

    /// Its header asks for EFI's boot services; whatever it was told, it died after the jump.
    private static let xenOnEFI: [Case] = [
        Case(
            name: "multiboot/xen/efi", summary: "Xen is refused where EFI started the machine, unless a type is forced",
            machine: MachineShape(firmware: .efi), otherKernels: [.xen417, .xen420],
            files: {
                ["boot/xen.gz": .host($0.cache.kernel(.xen417)), "boot/xen-4.20.gz": .host($0.cache.kernel(.xen420))]
            },
            script: """
                try newer kexec -l /boot/xen-4.20.gz --append=x
                try load kexec -l /boot/xen.gz --append=x; try noefi kexec -l --noefi /boot/xen.gz --append=x
                try one kexec -l -t multiboot-x86 /boot/xen.gz --append=x; kexec -u
                try two kexec -l -t multiboot2-x86 /boot/xen.gz --append=x
                """,
            expect: [
                "^LAB newer rc=4 loaded=0",
                "^\\| kexec: the image is to be started by EFI's boot services", "^LAB load rc=4 loaded=0",
                "^LAB noefi rc=4 loaded=0",
                "^\\| kexec: warning: the image is to be started by EFI's boot services", "^LAB one rc=0 loaded=1",
                "^\\| kexec: warning: the image is to be started by EFI's boot services", "^LAB two rc=0 loaded=1",
                "^LAB end first",
            ], needsOurs: true)
    ]

    /// Headers that are cut or contradict themselves end in one line; nothing is loaded.
    private static let refused: [Case] = [
        Case(
            name: "multiboot/refused", summary: "bad Multiboot headers and modules end in one line, and load nothing",
            files: {
                [
                    "boot/tiny": .host(try await MultibootKernel.two.make(in: $0)),
                    "boot/first": .host(try await MultibootKernel.one.make(in: $0)),
                ]
            },
            script: """
                patch() {
                    cp /boot/tiny /boot/bad
                    printf "$2" | dd of=/boot/bad bs=1 seek=$((4096 + $1)) conv=notrunc 2>/dev/null
                }
                patch 20 '\\000\\000\\000\\000'; try size kexec -l /boot/bad
                patch 32 '\\143'; try tag kexec -l /boot/bad
                dd if=/boot/tiny of=/boot/bad bs=1 count=4160 2>/dev/null; try cut kexec -l /boot/bad
                try module kexec -l /boot/tiny --module=/boot/none
                try initrd kexec -l /boot/tiny --initrd=/boot/initrd
                try linux kexec -l /boot/vmlinuz --module=/boot/initrd --append=x
                try call kexec -l -s /boot/tiny
                try type kexec -l --type=multiboot2-x86 /boot/first
                try elf kexec -l -c --type=elf-x86 --plan /boot/first
                """,
            expect: [
                "^\\| kexec: .*'size' is 0x0 at offset 0x1014, need 0x8 or more$", "^LAB size rc=3 loaded=0",
                "^\\| kexec: .*requires tag 99 at offset ", "^LAB tag rc=3 loaded=0",
                "^\\| kexec: .*cut short", "^LAB cut rc=3 loaded=0",
                "^\\| kexec: .*'/boot/none'", "^LAB module rc=2 loaded=0",
                "^\\| kexec: an initrd cannot be passed to a Multiboot kernel", "^LAB initrd rc=4 loaded=0",
                "^\\| kexec: '--module' is for Multiboot kernels, this is bzImage64", "^LAB linux rc=4 loaded=0",
                "^\\| kexec: kexec_file_load cannot load this image", "^LAB call rc=4 loaded=0",
                "^\\| kexec: .*it is of type multiboot-x86, not multiboot2-x86", "^LAB type rc=3 loaded=0",
                "^\\| image .*: elf-x86$", "^LAB elf rc=0 loaded=0", "^LAB end first",
            ],
            needsOurs: true)
    ]
}
