// SPDX-License-Identifier: MIT
import Foundation

/// Kernels that mkelfimage has put into ELF files, started by each loader that reads such files.
enum MkelfimageCases: CaseGroup {
    static let all: [Case] =
        kernels.flatMap { kernel in
            [ours(kernel), peer(kernel), multiboot(kernel), pvh(kernel), grub(kernel)]
        } + linuxArguments + [withoutMap, refused]

    private static let kernels: [KernelName] = [.linux61, .linux612, .linux61PAE]

    /// A kernel of 32 bits runs no other programs.
    private static func programs(_ kernel: KernelName) -> @Sendable (Workshop) async throws -> [String: GuestFile] {
        { kernel == .linux61PAE ? ["bin/busybox": .program($0.cache.program("busybox", of: kernel))] : [:] }
    }

    // MARK: By a kexec, in the guest

    private static let make = """
        try make mkelfimage --command-line="$second lab.end=IMAGE" --initrd=/boot/initrd /boot/vmlinuz /boot/image
        try show mkelfimage --show /boot/image
        rm /boot/vmlinuz /boot/initrd

        """

    /// What the kernel got: the line, a loader without a number (0xff), firmware's memory map, ACPI's tables.
    private static let look = """
        say end=$(argument lab.end) machine=$(uname -m) \
            loader=$(od -An -tx1 -j 528 -N 1 /sys/kernel/boot_params/data | tr -d ' ') \
            ranges=$(dmesg | grep -c BIOS-e820) acpi=$(ls /sys/firmware/acpi/tables | wc -l)
        """

    private static func seen(_ kernel: KernelName) -> String {
        let machine = kernel == .linux61PAE ? "i686" : "x86_64"
        return "^LAB end=IMAGE machine=\(machine) loader=ff ranges=[1-9][0-9]* acpi=[1-9][0-9]*$"
    }

    private static func jumping(
        _ name: String, _ summary: String, _ kernel: KernelName, firmware: MachineShape.Firmware = .bios, load: String,
        peer: Bool = false
    ) -> Case {
        Case(
            name: "mkelfimage/\(name)", summary: summary, machine: MachineShape(firmware: firmware),
            secondKernel: kernel,
            files: { workshop in
                var files: [String: GuestFile] = ["sbin/mkelfimage": .program(workshop.mkelfimage)]
                if peer { files["sbin/peer"] = .program(workshop.tools.peer) }
                return files
            },
            secondFiles: programs(kernel), script: make + load, secondScript: look,
            expect: [
                "^LAB make rc=0", "^\\| header +Multiboot$", "^\\| kernel .*SECOND.* boot protocol 2\\.15$",
                "^\\| line .*lab\\.end=IMAGE$", "^LAB show rc=0", "^LAB load rc=0 loaded=1", Case.second, seen(kernel),
                "^LAB end second",
            ],
            needsOurs: !peer)
    }

    private static func ours(_ kernel: KernelName) -> Case {
        jumping(
            "our-kexec/\(kernel.rawValue)", "\(kernel.rawValue) in an ELF file is started by our kexec", kernel,
            load: "try load kexec -l /boot/image && jump")
    }

    /// Without `-c`, kexec-tools 2.0.29 tries kexec_file_load first, for which it knows no memory, and ends there.
    private static func peer(_ kernel: KernelName) -> Case {
        jumping(
            "kexec-tools/\(kernel.rawValue)", "\(kernel.rawValue) in an ELF file is started by Debian's kexec-tools",
            kernel, load: "kexec() { peer \"$@\"; }; try load kexec -l -c /boot/image && jump", peer: true)
    }

    /// What Multiboot does not tell (RSDP, EFI's tables) comes in a boot_params.
    private static let linuxArguments: [Case] = [MachineShape.Firmware.bios, .efi].map { firmware in
        jumping(
            "args-linux/\(firmware.rawValue)", "--args-linux hands the machine's facts on, with \(firmware.rawValue)",
            .linux612, firmware: firmware,
            load: "try load kexec -l --type=elf-x86 --args-linux /boot/image --append=x && jump")
    }

    /// The machine halts until its time is up.
    private static let withoutMap = Case(
        name: "mkelfimage/no-map", summary: "without a memory map the image says so, and halts",
        files: { ["sbin/mkelfimage": .program($0.mkelfimage)] },
        script: make + "try load kexec -l --type=elf-x86 --args-elf /boot/image && jump",
        expect: [
            "^LAB load rc=0 loaded=1", "^LAB jump",
            "^mkelfimage: the boot loader is none of Multiboot, PVH and Linux: eax=0x[0-9a-f]{8} ebx=",
        ], end: .timedOut, deadline: 20, needsOurs: true)

    private static let refused = Case(
        name: "mkelfimage/refused", summary: "what makes no image ends in one line, and leaves no file behind",
        files: {
            [
                "sbin/mkelfimage": .program($0.mkelfimage), "boot/memdisk": .host($0.tools.memdisk),
                "boot/xen": .host(try await MultibootKernel.one.make(in: $0)),
            ]
        },
        script: """
            image() { mkelfimage "$@" /boot/image; }
            head -c 100000 /boot/vmlinuz > /boot/cut; cp /boot/vmlinuz /boot/zimage; : > /boot/nothing
            printf '\\000' | dd of=/boot/zimage bs=1 seek=529 conv=notrunc 2>/dev/null
            try text image /init; try cut image /boot/cut; try zimage image /boot/zimage
            try memdisk image /boot/memdisk; try multiboot image /boot/xen
            try initrd image --initrd=/boot/none /boot/vmlinuz; try empty image --initrd=/boot/nothing /boot/vmlinuz
            try line image --command-line="$(printf '%03000d' 0)" /boot/vmlinuz
            try folder mkelfimage /boot/vmlinuz /boot; try same mkelfimage /boot/vmlinuz /boot/../boot/vmlinuz
            try nowhere mkelfimage /boot/vmlinuz /none/image; try full mkelfimage /boot/vmlinuz /dev/full
            try option mkelfimage --nonsense; try one mkelfimage /boot/vmlinuz; try show mkelfimage --show /boot/vmlinuz
            mkdir /small; mount -t tmpfs -o size=8M small /small
            try space mkelfimage /boot/vmlinuz /small/image
            say left $(ls /small /boot | grep -c image$) $(ls /boot /small | grep -c new)
            """,
        expect: [
            "^\\| mkelfimage: cannot load '/init': it is a script", "^LAB text rc=3 ", "^\\| mkelfimage: .*cut short",
            "^LAB cut rc=3 ", "^\\| mkelfimage: .*it is a zImage", "^LAB zimage rc=3 ",
            "^\\| mkelfimage: .*boot protocol 2\\.03 at offset 0x206, need 2\\.08", "^LAB memdisk rc=3 ",
            "^\\| mkelfimage: .*of type multiboot-x86 already", "^LAB multiboot rc=3 ",
            "^\\| mkelfimage: cannot read '/boot/none': no such file", "^LAB initrd rc=2 ",
            "^\\| mkelfimage: cannot read '/boot/nothing': it is empty", "^LAB empty rc=2 ",
            "^\\| mkelfimage: .*the command line has 3000 bytes, the kernel takes 2047", "^LAB line rc=4 ",
            "^\\| mkelfimage: cannot write '/boot': it is a directory", "^LAB folder rc=16 ",
            "^\\| mkelfimage: .*it is the file '/boot/vmlinuz', which is read", "^LAB same rc=16 ",
            "^\\| mkelfimage: cannot write '/none/image': open: No such file", "^LAB nowhere rc=16 ",
            "^\\| mkelfimage: .*no regular file", "^LAB full rc=16 ",
            "^\\| mkelfimage: unknown option", "^LAB option rc=1 ", "^\\| mkelfimage: no IMAGE is named",
            "^LAB one rc=1 ",
            "^\\| mkelfimage: .*of type bzImage64, need an ELF executable", "^LAB show rc=3 ",
            "^\\| mkelfimage: cannot write '/small/image': write: No space left", "^LAB space rc=16 ",
            "^LAB left 1 0$", "^LAB end first",
        ],
        needsOurs: true)

    // MARK: Without any kexec

    private static func direct(
        _ loader: String, _ kernel: KernelName,
        start: @escaping @Sendable (Workshop, FirstBoot, _ image: String) async throws -> [String]
    ) -> Case {
        Case(
            name: "mkelfimage/\(loader)/\(kernel.rawValue)",
            summary: "\(kernel.rawValue) in an ELF file is started by \(loader)", firstKernel: kernel,
            files: programs(kernel),
            start: { workshop, boot in
                let image = "\(boot.folder)/image"
                let line = "--command-line=\(boot.commandLine) lab.end=IMAGE"
                _ = try await HostCommand(
                    workshop.mkelfimage, [line, "--initrd=\(boot.initrd)", boot.kernel, image]
                ).output()
                return try await start(workshop, boot, image)
            },
            script: look, expect: ["^LAB first nonce=NONCE release=FIRST boot=", seen(kernel), "^LAB end first"])
    }

    private static func multiboot(_ kernel: KernelName) -> Case {
        direct("qemu-multiboot", kernel) { _, _, image in ["-kernel", image] }
    }

    /// QEMU takes a file with a Multiboot header by that, so the header loses its magic number.
    private static func pvh(_ kernel: KernelName) -> Case {
        direct("qemu-pvh", kernel) { _, _, image in
            guard let file = FileHandle(forUpdatingAtPath: image) else { throw LabError("cannot write '\(image)'") }
            try file.seek(toOffset: 512)
            try file.write(contentsOf: Data([0, 0, 0, 0]))
            try file.close()
            return ["-kernel", image]
        }
    }

    private static func grub(_ kernel: KernelName) -> Case {
        direct("grub", kernel) { workshop, boot, image in
            let disk = "\(boot.folder)/disk"
            try await GRUBDisk(files: ["image": image], commands: "echo LAB grub\nmultiboot /image\nboot\n")
                .make(workshop.tools, at: disk)
            return ["-drive", "file=\(disk),format=raw,if=ide"]
        }
    }
}
