// SPDX-License-Identifier: MIT
internal import BootFormats
internal import CLinux

/// What makes storage one that is out of reach while links are down.
public enum NetworkStorage: Hashable, Sendable {
    case nfs, smb, nineP, ceph, afs, lustre, fuse
    case nbd, iSCSI, nvmeOverFabrics, ataOverEthernet, rbd

    /// What the file system with `path` is on, as far as the kernel tells: its kind, else the device, and what that is
    /// made of.
    init?(holding path: String) {
        var (type, major, minor): (UInt32, UInt32, UInt32) = (0, 0, 0)
        // The path lives for the call, and all results are written before it returns.
        guard unsafe path.withCString({ unsafe kx_file_system($0, &type, &major, &minor) }) == 1 else { return nil }
        var found = Self(fileSystem: type)
        if found == nil, let root = try? MachineRoot(path: "/") {
            var folder = "sys/dev/block/"
            folder.append(word: "", UInt64(major))
            folder.append(word: ":", UInt64(minor))
            found = Self.kind(ofDevice: folder, below: root)
        }
        guard let found else { return nil }
        self = found
    }

    /// By `f_type` of statfs(2), numbers of `<linux/magic.h>` and of the file systems' sources.
    init?(fileSystem type: UInt32) {
        switch type {
        case 0x6969: self = .nfs
        case 0xff53_4d42, 0xfe53_4d42, 0x517b: self = .smb
        case 0x0102_1997: self = .nineP
        case 0x00c3_6400: self = .ceph
        case 0x5346_414f, 0x6b41_4653: self = .afs
        case 0x0bd0_0bd0: self = .lustre
        // A process serves it, from wherever it likes.
        case 0x6573_5546: self = .fuse
        default: return nil
        }
    }

    /// By a block device's folder in sysfs, and those of what a mapped device or a RAID is made of, the first of each.
    @inline(never) static func kind(ofDevice folder: String, below root: MachineRoot) -> Self? {
        var folder = folder
        for _ in 0..<8 {
            if let kind = Self(link: LinuxKernel().linkTarget("/" + folder) ?? []) { return kind }
            folder += "/slaves"
            guard let name = root.names(in: folder)?.first else { break }
            folder = "sys/class/block/"
            folder += name
        }
        return nil
    }

    /// By where a block device's folder really is: "../../devices/platform/host2/session1/…/block/sda". An NVMe namespace
    /// that several controllers may reach is no controller's: such are meant for fabrics.
    init?(link: [UInt8]) {
        for name in link.split(separator: UInt8(ascii: "/")) {
            if name.hasPrefix("nbd") {
                self = .nbd
            } else if name.hasPrefix("session") {
                self = .iSCSI
            } else if name.hasPrefix("nvme-fabrics") || name.hasPrefix("nvme-subsystem") {
                self = .nvmeOverFabrics
            } else if name.hasPrefix("etherd!") {
                self = .ataOverEthernet
            } else if name.hasPrefix("rbd") {
                self = .rbd
            } else {
                continue
            }
            return
        }
        return nil
    }
}
