// SPDX-License-Identifier: MIT

/// Disks that the BIOS reads again after Linux's driver had them: what firmware left is recorded before the driver loads,
/// and given back before the jump's target runs.
enum FirmwareStateCases {
    static let all: [Case] = controllers.map(restored) + [lost, refused]

    private struct Controller {
        var name: String
        /// QEMU's options; MADE stands for the folder with the disk.
        var options: [String]
        var modules: [String]
        /// As Linux calls the disk.
        var disk: String
    }

    private static let drive = ["-drive", "file=MADE/disk,format=raw,if=none,id=disk,snapshot=on"]
    private static let scsi = [
        "drivers/scsi/scsi_common", "drivers/scsi/scsi_mod", "crypto/crct10dif_common", "lib/crc-t10dif", "lib/crc64",
        "crypto/crc64_rocksoft_generic", "lib/crc64-rocksoft", "block/t10-pi", "drivers/scsi/sd_mod",
    ]
    private static let ahci = scsi + ["drivers/ata/libata", "drivers/ata/libahci", "drivers/ata/ahci"]
    private static let virtio = [
        "drivers/virtio/virtio_ring", "drivers/virtio/virtio", "drivers/virtio/virtio_pci_modern_dev",
        "drivers/virtio/virtio_pci_legacy_dev", "drivers/virtio/virtio_pci",
    ]
    private static let block = virtio + ["drivers/block/virtio_blk"]

    private static let controllers = [
        Controller(
            name: "ahci", options: drive + ["-device", "ahci,id=ahci", "-device", "ide-hd,bus=ahci.0,drive=disk"],
            modules: ahci, disk: "sda"),
        Controller(
            name: "ahci-q35", options: ["-machine", "q35"] + drive + ["-device", "ide-hd,bus=ide.0,drive=disk"],
            modules: ahci, disk: "sda"),
        Controller(
            name: "virtio-blk", options: drive + ["-device", "virtio-blk-pci,drive=disk"], modules: block, disk: "vda"),
        Controller(
            name: "virtio-blk-modern", options: drive + ["-device", "virtio-blk-pci,drive=disk,disable-legacy=on"],
            modules: block, disk: "vda"),
        Controller(
            name: "virtio-scsi",
            options: drive + ["-device", "virtio-scsi-pci,id=scsi", "-device", "scsi-hd,bus=scsi.0,drive=disk"],
            modules: scsi + virtio + ["drivers/scsi/virtio_scsi"], disk: "sda"),
    ]

    /// Loads the modules, and reads the disk until its driver shows it.
    private static func loadDrivers(_ controller: Controller) -> String {
        let names = controller.modules.map { $0.split(separator: "/").last ?? "" }.joined(separator: " ")
        return """
            for module in \(names); do insmod /lab/$module.ko || say cannot load $module; done
            for i in 1 2 3 4 5 6 7 8 9 10; do [ -b /dev/\(controller.disk) ] && break; sleep 1; done
            say read=$(dd if=/dev/\(controller.disk) bs=512 skip=1 count=1 2>/dev/null | tr -d '\\n\\0')

            """
    }

    private static func files(_ modules: [String]) -> @Sendable (Workshop) async throws -> [String: GuestFile] {
        { workshop in
            var files: [String: GuestFile] = ["boot/reader": .host(try await DiskReader.kernel(in: workshop))]
            for module in modules {
                let name = module.split(separator: "/").last ?? ""
                files["lab/\(name).ko"] = .host("\(workshop.cache.modules(.linux61Full))/\(module).ko")
            }
            _ = try await DiskReader.disk(in: workshop)
            return files
        }
    }

    private static func restored(_ controller: Controller) -> Case {
        Case(
            name: "firmware-state/\(controller.name)/restored",
            summary:
                "the BIOS reads a disk after Linux's driver did: \(controller.name), state recorded and given back",
            machine: MachineShape(options: controller.options), firstKernel: .linux61Full,
            files: files(controller.modules),
            script: """
                mkdir -p /run/swift-kexec
                try record kexec --record-firmware-state=/run/swift-kexec/firmware-state
                \(loadDrivers(controller))
                try load kexec -l /boot/reader --console-serial && jump
                """,
            expect: [
                #"^\| 0000:00:.* \S+: recorded"#, "^LAB record rc=0", "^LAB read=LAB read from the disk",
                "^LAB load rc=0 loaded=1", "^LAB jump", "^LAB read from the disk, 600 times",
            ], needsOurs: true)
    }

    /// NVMe, and a driver that was there first: said, not silent.
    private static let lost = Case(
        name: "firmware-state/lost",
        summary: "controllers that cannot be given back are named when a load needs the BIOS",
        machine: MachineShape(options: drive + ["-device", "virtio-blk-pci,drive=disk"]), firstKernel: .linux61Full,
        files: files(block),
        script: loadDrivers(controllers[2]) + """
            try none kexec -l /boot/reader
            try late kexec --record-firmware-state=/tmp/late
            try late-load kexec -l /boot/reader --firmware-state=/tmp/late
            """,
        expect: [
            "^LAB read=LAB read from the disk", #"^\| kexec: warning: the BIOS has lost the disks of '0000:00:0"#,
            "^LAB none rc=0 loaded=1", #"^\| kexec: warning: a driver has a controller already"#, "^LAB late rc=0",
            #"^\| kexec: warning: the BIOS has lost .* when its state was recorded"#, "^LAB late-load rc=0",
            "^LAB end first",
        ], needsOurs: true)

    private static let refused = Case(
        name: "firmware-state/refused", summary: "records of another machine, cut short or changed load nothing",
        machine: MachineShape(options: drive + ["-device", "virtio-blk-pci,drive=disk"]), firstKernel: .linux61Full,
        files: files(block),
        script: """
            try record kexec --record-firmware-state=/tmp/state
            head -c 100 /tmp/state > /tmp/short
            try short kexec -l /boot/reader --firmware-state=/tmp/short
            { head -c 40 /tmp/state; printf x; tail -c +42 /tmp/state; } > /tmp/changed
            try changed kexec -l /boot/reader --firmware-state=/tmp/changed
            echo 1 > /sys/bus/pci/devices/0000:00:02.0/remove
            try removed kexec -l /boot/reader --firmware-state=/tmp/state
            try missing kexec -l /boot/reader --firmware-state=/tmp/none
            """,
        expect: [
            "^LAB record rc=0", #"^\| kexec: .*its size \(stated at offset 12\) is"#, "^LAB short rc=3 loaded=0",
            #"^\| kexec: .*its checksum"#, "^LAB changed rc=3 loaded=0",
            #"^\| kexec: .*PCI function '0000:00:02.0': missing"#, "^LAB removed rc=4 loaded=0",
            #"^\| kexec: .*'/tmp/none'"#, "^LAB missing rc=2 loaded=0", "^LAB end first",
        ], needsOurs: true)
}
