// SPDX-License-Identifier: MIT

/// What a disk that the BIOS reads hangs on, and the drivers by which Linux reads it.
enum DiskController: String, CaseIterable, Sendable {
    case ide, ahci, ahciQ35 = "ahci-q35", virtioBlk = "virtio-blk", virtioBlkTransitional = "virtio-blk-transitional"
    case virtioSCSI = "virtio-scsi", nvme

    /// QEMU's options for a disk with the contents of `file`, which stays as it is; nil: 64 MiB of zeros.
    func options(_ file: String? = nil) -> [String] {
        let contents = file.map { "file=\($0),format=raw,snapshot=on" } ?? "driver=null-co,read-zeroes=on,size=64M"
        let drive = ["-drive", "\(contents),if=none,id=disk"]
        let disk = "drive=disk,bootindex=1"
        switch self {
        case .ide: return drive + ["-device", "ide-hd,\(disk),bus=ide.0"]
        case .ahci: return drive + ["-device", "ahci,id=ahci", "-device", "ide-hd,\(disk),bus=ahci.0"]
        case .ahciQ35: return ["-machine", "q35"] + drive + ["-device", "ide-hd,\(disk),bus=ide.0"]
        case .virtioBlk: return drive + ["-device", "virtio-blk-pci,disable-legacy=on,\(disk)"]
        // Of the old kind alone SeaBIOS 1.16 takes none from QEMU 10: it reads a queue of 1024 and gives up.
        case .virtioBlkTransitional: return drive + ["-device", "virtio-blk-pci,disable-legacy=off,\(disk)"]
        case .virtioSCSI:
            return drive + ["-device", "virtio-scsi-pci,id=scsi", "-device", "scsi-hd,\(disk),bus=scsi.0"]
        case .nvme: return drive + ["-device", "nvme,serial=lab,\(disk)"]
        }
    }

    /// The modules of the driver, by name.
    private var modules: [String] {
        switch self {
        case .ide: ["ata_piix", "sd_mod"]
        case .ahci, .ahciQ35: ["ahci", "sd_mod"]
        case .virtioBlk, .virtioBlkTransitional: ["virtio_pci", "virtio_blk"]
        case .virtioSCSI: ["virtio_pci", "virtio_scsi", "sd_mod"]
        case .nvme: ["nvme"]
        }
    }

    /// The driver, for the first guest: `use_disk` loads it. For 6.1 with all drivers only.
    func drivers(_ workshop: Workshop) async throws -> [String: GuestFile] {
        try await KernelModules(of: .linux61Full, workshop).guestFiles(modules)
    }

    /// Shell of the first guest: loads the driver and reads the disk, past the page cache. `LAB disk read=65536` is what a
    /// case must ask for: with a module that is missing, all that comes later proves nothing.
    static let use = """
        for module in /lab/modules/*.ko; do insmod $module || say no $module; done
        i=0; disk=
        while [ -z "$disk" ] && [ $i -lt 100 ]; do
            disk=$(ls -d /dev/sda /dev/vda /dev/nvme0n1 2>/dev/null | head -n 1); usleep 100000; i=$((i + 1))
        done
        say disk read=$(dd if=$disk bs=4096 count=16 iflag=direct 2>/dev/null | wc -c)

        """
}
