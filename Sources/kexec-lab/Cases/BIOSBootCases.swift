// SPDX-License-Identifier: MIT
import Foundation

/// What a BIOS starts, started by its own services after a jump: boot sectors, and disk images in memory.
enum BIOSBootCases: CaseGroup {
    static let all: [Case] =
        untouched + restored + [driven, partition, file] + nvme + dead + loaders + direct + images + grub + [badInput]

    /// Only the second sector of the disk holds this line; the boot sector says it.
    private static let started = "^LAB sector two, 3 ticks$"

    /// The firmware's drives, whose Linux drivers have never been there: so Linux cannot read the sector, and the user says
    /// which drive it is. Debian's cloud kernel has NVMe built in.
    private static let untouched: [Case] = DiskController.allCases.map { controller in
        Case(
            name: "boot-sector/\(controller.rawValue)/none",
            summary: "a boot sector on \(controller.rawValue) starts and reads on; its driver never ran",
            firstKernel: .linux61Full, files: payload, disks: { controller.options(try await BootSector.disk(in: $0)) },
            script: "try load kexec -l /boot/bios_boot --command-line=drive=0x80 && jump",
            expect: ["^LAB load rc=0 loaded=1", "^LAB jump", started])
    }

    /// The driver has been there, after what the BIOS had told the controller was recorded; NVMe's cannot be.
    private static let restored: [Case] = [
        DiskController.virtioBlk, .virtioBlkTransitional, .virtioSCSI, .ahci, .ahciQ35,
    ].map { controller in
        Case(
            name: "boot-sector/\(controller.rawValue)/restored",
            summary: "a boot sector on \(controller.rawValue) starts after Linux's driver, by the recorded state",
            firstKernel: .linux61Full,
            files: { try await controller.drivers($0) },
            disks: { controller.options(try await BootSector.disk(in: $0)) },
            script: """
                mkdir -p /run/swift-kexec
                try record kexec --record-firmware-state=/run/swift-kexec/firmware-state
                \(DiskController.use)
                try load kexec -l --type=boot-sector $disk && jump
                """,
            expect: [
                "^LAB record rc=0", "^LAB disk read=65536$", "^LAB load rc=0 loaded=1", "^LAB jump", started,
            ], needsOurs: true)
    }

    private static let driven = Case(
        name: "boot-sector/ide/loaded", summary: "a disk that Linux has read is found by its boot sector, and started",
        firstKernel: .linux61Full,
        files: { try await DiskController.ide.drivers($0) },
        disks: { second(try await BootSector.disk(in: $0)) },
        script: DiskController.use
            + """
            disk=/dev/sda
            [ "$(dd if=/dev/sda bs=1 skip=510 count=2 2>/dev/null | od -An -tx1 | tr -d ' ')" = 55aa ] || disk=/dev/sdb
            try load kexec -l --type=boot-sector $disk && jump
            """,
        expect: ["^LAB disk read=65536$", "^LAB load rc=0 loaded=1", "^LAB jump", started], needsOurs: true)

    /// The BIOS's first disk has no boot sector, its second one the contents of `file`.
    private static func second(_ file: String) -> [String] {
        [
            "-drive", "driver=null-co,read-zeroes=on,size=4M,if=none,id=other",
            "-device", "ide-hd,drive=other,bus=ide.1,bootindex=1",
            "-drive", "file=\(file),format=raw,snapshot=on,if=none,id=disk",
            "-device", "ide-hd,drive=disk,bus=ide.0,bootindex=2",
        ]
    }

    /// The payload's own driver; a disk of the BIOS's besides, which must not answer in its place.
    private static let nvme: [Case] = [
        Case(
            name: "boot-sector/nvme/driven/disk", summary: "the payload reads an NVMe disk that the BIOS has lost",
            firstKernel: .linux61Full, files: { try await DiskController.nvme.drivers($0) },
            disks: {
                DiskController.nvme.options(try await BootSector.disk(in: $0)) + [
                    "-drive", "driver=null-co,read-zeroes=on,size=4M,if=ide",
                ]
            },
            script: DiskController.use + captured("$disk")
                + "try load kexec -l --type=boot-sector $disk && jump",
            expect: ["^LAB disk read=65536$"] + same + ["^LAB load rc=0 loaded=1", "^LAB jump", started],
            needsOurs: true),
        Case(
            name: "boot-sector/nvme/driven/partition",
            summary: "a partition of an NVMe disk is started, and the memory that stays is reserved",
            machine: MachineShape(memory: 6144), firstKernel: .linux61Full,
            files: { try await DiskController.nvme.drivers($0) },
            disks: { DiskController.nvme.options(try await SurveyDisk.partition(in: $0)) },
            script: DiskController.use + captured("${disk}p1")
                + "try load kexec -l --type=boot-sector ${disk}p1 && jump",
            expect: ["^LAB disk read=65536$"] + same + [
                "^LAB load rc=0 loaded=1", "^LAB jump", "^LAB partition drive=80 start=00000800 type=83$",
            ], needsOurs: true),
    ]

    /// Shell: a capture with the disk says of it what the machine does, also where the disk is no more.
    private static func captured(_ disk: String) -> String {
        """
        words() { kexec --plan=json "$@" | sed -n 's/.*"\\(boot=sector[^"]*\\)".*/\\1/p' | head -n 1; }
        here=$(words --type=boot-sector \(disk))
        kexec --capture-machine=/tmp/captured --type=boot-sector \(disk) > /dev/null; say captured rc=$?
        mv \(disk) /dev/elsewhere
        there=$(words --machine=/tmp/captured --type=boot-sector \(disk))
        mv /dev/elsewhere \(disk)
        [ "$here" = "$there" ] && say captured same $here || say captured "$there" not "$here"

        """
    }
    private static let same = ["^LAB captured rc=0$", "^LAB captured same boot=sector .*nvme="]

    private static let partition = Case(
        name: "boot-sector/ide/partition",
        summary: "a partition's boot sector is read where it is, and gets its table entry",
        firstKernel: .linux61Full,
        files: { try await DiskController.ide.drivers($0) },
        disks: { DiskController.ide.options(try await SurveyDisk.partition(in: $0)) },
        script: DiskController.use + "try load kexec -l --type=boot-sector ${disk}1 && jump",
        expect: [
            "^LAB disk read=65536$", "^LAB load rc=0 loaded=1", "^LAB jump",
            "^LAB partition drive=80 start=00000800 type=83$",
        ], needsOurs: true)

    private static let file = Case(
        name: "boot-sector/file",
        summary: "a boot sector in a file is started as that of the drive that the user names",
        firstKernel: .linux61Full,
        files: { ["boot/sector": .bytes(try await BootSector.sector(in: $0))] },
        disks: { DiskController.ide.options(try await BootSector.disk(in: $0)) },
        script: "try load kexec -l --type=boot-sector /boot/sector --bios-drive=0x80 && jump",
        expect: ["^LAB load rc=0 loaded=1", "^LAB jump", started], needsOurs: true)

    /// The driver has told the device of other queues, and nobody has recorded the BIOS's. NVMe has a limit of SeaBIOS's own.

    private static let hangs = "drive 0x80, int 13h function 0x42 does not come back, ax="
    private static let dead: [Case] = [
        (DiskController.virtioBlk, hangs), (.virtioSCSI, hangs), (.ahci, hangs),
        // SeaBIOS says that it has read, and has not.
        (.nvme, "the boot sector does not end with 55 aa"),
    ].map { controller, what in
        Case(
            name: "boot-sector/\(controller.rawValue)/dead",
            summary: "a dead disk service is told, and the machine reset: \(controller.rawValue)",
            firstKernel: .linux61Full,
            files: { try await controller.drivers($0) },
            disks: { controller.options(try await BootSector.disk(in: $0)) },
            // The number asks for the BIOS's disk also where the payload could drive it.
            script: DiskController.use
                + "try load kexec -l --type=boot-sector $disk --bios-drive=0x80 --command-line=wait=2 && jump",
            expect: [
                "^LAB disk read=65536$", "^LAB load rc=0 loaded=1", "^LAB jump",
                "^bios_boot: \(what).*; reset in 2 s$",
            ],
            deadline: 60, needsOurs: true)
    }

    /// One file, and every way to start it; Debian's kexec-tools is one of the loaders.
    private static let loaders: [Case] = [
        ("kexec-c", "kexec -l -c"), ("kexec-s", "kexec -l -s"), ("entry-32bit", "kexec -l -c --entry-32bit"),
        ("real-mode", "kexec -l -c --real-mode"), ("debian-c", "peer -l -c"), ("debian-s", "peer -l -s"),
        ("debian-32bit", "peer -l -c --entry-32bit"),
    ].map { name, command in
        Case(
            name: "boot-sector/loaders/\(name)", summary: "the payload is started by '\(command)'",
            machine: MachineShape(memory: 6144), firstKernel: .linux61Full,
            files: { try payload($0).merging(["sbin/peer": .program($0.tools.peer)]) { first, _ in first } },
            disks: { DiskController.ide.options(try await BootSector.disk(in: $0)) },
            script: "try load \(command) /boot/bios_boot --command-line=boot=sector && jump",
            expect: ["^LAB load rc=0 loaded=1", "^LAB jump", started], needsOurs: true)
    }

    /// QEMU starts the payload by its real-mode entry, and the payload GRUB, from a disk or from an image of it; so what GRUB
    /// starts is the first kernel.
    private static let direct: [Case] = ["boot-sector/loaders/qemu", "disk-image/qemu"].map { name in
        Case(
            name: name, summary: "QEMU starts the payload, the payload GRUB, GRUB Linux", firstKernel: .linux61,
            start: { workshop, boot in
                let disk = "\(boot.folder)/disk"
                let commands = "linux /vmlinuz \(boot.commandLine)\ninitrd /initrd\nboot\n"
                try await GRUBDisk(files: ["vmlinuz": boot.kernel, "initrd": boot.initrd], commands: commands)
                    .make(workshop.tools, at: disk)
                let loader = ["-kernel", workshop.payload("bios_boot")]
                return loader + (name.hasPrefix("disk") ? ["-initrd", disk] : DiskController.ide.options(disk))
            },
            script: "say started", expect: ["^LAB first nonce=NONCE release=FIRST boot=", "^LAB started$"],
            deadline: 300,
            needsOurs: true)
    }

    private static let payload: @Sendable (Workshop) throws -> [String: GuestFile] = {
        ["boot/bios_boot": .host($0.payload("bios_boot"))]
    }

    // MARK: Disk images

    /// Beside a real disk, which moves up by one where the image is a hard disk too. By any loader, and from
    /// above 4 GiB, where neither 32-bit code nor the BIOS gets it from.
    private static let images: [Case] = [
        image("floppy", size: 1_474_560, "kexec -l --type=disk-image /boot/disk", drive: "00"),
        image("hard-disk", size: 8 << 20, "kexec -l --type=disk-image /boot/disk", drive: "80"),
        image("forced-drive", size: 1_474_560, "kexec -l --type=disk-image /boot/disk --bios-drive=0x80", drive: "80"),
        image("kexec-s", size: 8 << 20, "kexec -l -s --type=disk-image /boot/disk", drive: "80"),
        image("debian-s", size: 8 << 20, "peer -l -s /boot/bios_boot --initrd=/boot/disk", drive: "80"),
        image(
            "above-4-gib", size: 8 << 20, "kexec -l -c --mem-min=4G /boot/bios_boot --initrd=/boot/disk", drive: "80"),
        image("real-mode", size: 8 << 20, "kexec -l --real-mode /boot/bios_boot --initrd=/boot/disk", drive: "80"),
    ]

    private static func image(_ name: String, size: UInt64, _ command: String, drive: String) -> Case {
        // The code of the real disk's boot sector begins so.
        let next = drive == "80" ? ["^LAB next drive=81 first=8ec031fa$"] : []
        return Case(
            name: "disk-image/\(name)",
            summary: "a disk image in memory is read by its boot sector, and kept out of RAM",
            machine: MachineShape(memory: 6144), firstKernel: .linux61Full,
            files: {
                try payload($0).merging(
                    [
                        "boot/disk": .host(try await SurveyDisk.make(in: $0, size: size)),
                        "sbin/peer": .program($0.tools.peer),
                    ]) { first, _ in first }
            },
            disks: { DiskController.ide.options(try await BootSector.disk(in: $0)) },
            script: "try load \(command) && jump",
            expect: ["^LAB load rc=0 loaded=1", "^LAB jump", "^LAB survey drive=\(drive) kib=", "^LAB sector three$"]
                + next
                + ["^LAB survey end$"],
            judge: { logs in logs.flatMap { judgeMemory($0, size: size) } }, needsOurs: true)
    }

    /// What int 12h and E820 tell: of low memory the same, and enough reserved for the image where only RAM was.
    private static func judgeMemory(_ log: ConsoleLog, size: UInt64) -> [String] {
        let words = log.lines.map { $0.text.split(separator: " ").map(String.init) }
        let entries = words.filter { $0.count == 5 && $0[0...1] == ["LAB", "e820"] }
            .map { $0[2...].map { UInt64($0, radix: 16) ?? 0 } }
        guard let low = words.first(where: { $0.starts(with: ["LAB", "survey"]) && $0.count == 4 }),
            let kibibytes = UInt64(low[3].dropFirst(4), radix: 16)
        else { return ["no survey"] }
        var complaints: [String] = []
        if entries.first != [0, kibibytes << 10, 1] {
            complaints.append("E820 begins with another size than int 12h tells")
        }
        if kibibytes >= 639 { complaints.append("int 12h tells as much as ever: \(kibibytes) KiB") }
        let resident = entries.filter { $0[2] == 2 && $0[0] >= 1 << 24 && $0[0] + $0[1] <= 1 << 32 }
        if !resident.contains(where: { $0[1] >= size }) {
            complaints.append("E820 reserves nothing for the image: \(entries)")
        }
        return complaints
    }

    // MARK: GRUB

    /// GRUB reads its modules, its configuration and Linux by int 13h, and lays Linux out by int 15h.
    private static let grub: [Case] =
        [DiskController.ide, .ahci, .virtioBlk, .virtioSCSI, .nvme].map { controller in
            grub(
                "boot-sector/grub/\(controller.rawValue)", "DISK --type=boot-sector",
                files: { try await controller.drivers($0) },
                disks: { controller.options(try await linuxDisk($0)) })
        } + [
            grub(
                "disk-image/grub", "/boot/disk --type=disk-image",
                files: { ["boot/disk": .host(try await linuxDisk($0))] }, disks: { _ in [] })
        ]

    private static func grub(
        _ name: String, _ options: String,
        files: @escaping @Sendable (Workshop) async throws -> [String: GuestFile],
        disks: @escaping @Sendable (Workshop) async throws -> [String]
    ) -> Case {
        let record = "try record kexec --record-firmware-state=/run/swift-kexec/firmware-state\n"
        let use = "mkdir -p /run/swift-kexec\n" + record + DiskController.use
        let options = options.replacingOccurrences(of: "DISK", with: "$disk")
        let usesDisk = options.hasPrefix("$")
        return Case(
            name: name, summary: "GRUB is started from its boot sector, and starts Linux",
            machine: MachineShape(memory: 2048), firstKernel: .linux61Full, files: files, disks: disks,
            script: (usesDisk ? use : "") + "try load kexec -l \(options) && jump",
            expect: (usesDisk ? ["^LAB disk read=65536$"] : []) + [
                "^LAB load rc=0 loaded=1", "^LAB jump", "LAB grub", "^LAB second nonce=by-GRUB release=SECOND boot=",
                "^LAB end second",
            ],
            deadline: 300, needsOurs: true)
    }

    /// The second kernel and a RAM disk; as it is there for all runs, no number of this one is in it.
    private static func linuxDisk(_ workshop: Workshop) async throws -> String {
        try await workshop.made("grub-linux") { [cache = workshop.cache, tools = workshop.tools] path in
            var builder = try await InitramfsBuilder(tools)
            let initrd = path + ".initrd"
            try Data(builder.finished()).write(to: URL(fileURLWithPath: initrd))
            try await GRUBDisk(
                files: ["vmlinuz": cache.kernel(.linux7), "initrd": initrd],
                commands: """
                    echo LAB grub
                    linux /vmlinuz console=ttyS0 panic=-1 oops=panic lab.nonce=by-GRUB lab.stage=second
                    initrd /initrd
                    boot

                    """
            ).make(tools, at: path)
        }
    }

    // MARK: Bad input

    private static let badInput = Case(
        name: "bad-input/bios-boot", summary: "what no BIOS can start is refused in one line",
        firstKernel: .linux61Full,
        files: {
            let signature: [UInt8] = [0x55, 0xaa]
            func sector(_ more: Int) -> [UInt8] {
                [UInt8](repeating: 0, count: 510) + signature + [UInt8](repeating: 0, count: more)
            }
            return try await DiskController.virtioBlk.drivers($0).merging([
                "bad/text": .text("no boot sector\n"), "bad/zeros": .bytes([UInt8](repeating: 0, count: 512)),
                "bad/large": .bytes(sector(16384)), "bad/odd": .bytes(sector(1)), "bad/good": .bytes(sector(0)),
                "bad/empty": .bytes([]),
            ]) { first, _ in first }
        },
        disks: { _ in
            [
                "-drive", "driver=null-co,read-zeroes=on,size=4M,if=none,id=zeros", "-device",
                "virtio-blk-pci,drive=zeros", "-drive", "driver=null-co,read-zeroes=on,size=4M,if=none,id=large",
                "-device", "virtio-blk-pci,drive=large,logical_block_size=4096,physical_block_size=4096",
            ]
        },
        script: DiskController.use
            + """
            load -c || poweroff -f
            mkdir /bad/directory
            for type in boot-sector disk-image; do
                k="kexec -l --type=$type"
                for file in text zeros empty directory absent; do try bad/$type/$file $k /bad/$file; done
                try bad/$type/character $k /dev/zero
                : | try bad/$type/stdin $k -
                try bad/$type/initrd $k /bad/good --initrd=/boot/initrd
                try bad/$type/reuse $k /bad/good --reuse-cmdline
                try bad/$type/crash kexec -p --type=$type /bad/good
            done
            truncate -s 3G /tmp/huge; printf '\\125\\252' | dd of=/tmp/huge bs=1 seek=510 conv=notrunc 2>/dev/null
            try bad/large kexec -l --type=boot-sector /bad/large
            try bad/disk-zeros kexec -l --type=boot-sector /dev/vda
            try bad/disk-4096 kexec -l --type=boot-sector /dev/vdb
            try bad/odd kexec -l --type=disk-image /bad/odd
            try bad/huge kexec -l --type=disk-image /tmp/huge
            try bad/device kexec -l --type=disk-image /dev/vda
            say finished
            """,
        expect: ["^LAB disk read=65536$", "^LAB load rc=0 loaded=1", "^LAB finished$"],
        judge: { BadInputCases.judge($0, atLeast: 26) }, deadline: 300, needsOurs: true)
}
