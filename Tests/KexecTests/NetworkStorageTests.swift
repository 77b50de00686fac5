// SPDX-License-Identifier: MIT
import BootFormats
import Testing

@testable import Kexec

@Suite struct NetworkStorageTests {
    @Test(
        arguments: [
            (0x6969, .nfs), (0xff53_4d42, .smb), (0xfe53_4d42, .smb), (0x0102_1997, .nineP), (0x00c3_6400, .ceph),
            (0x517b, .smb), (0x5346_414f, .afs), (0x6b41_4653, .afs), (0x0bd0_0bd0, .lustre), (0x6573_5546, .fuse),
            (0xef53, nil), (0x9123_683e, nil), (0x0102_1994, nil), (0x794c_7630, nil),
        ] as [(UInt32, NetworkStorage?)])
    func knowsFileSystemsOfTheNetwork(type: UInt32, storage: NetworkStorage?) {
        #expect(NetworkStorage(fileSystem: type) == storage)
    }

    @Test(
        arguments: [
            ("../../devices/virtual/block/nbd0", .nbd), ("../../devices/virtual/block/nbd12/nbd12p3", .nbd),
            ("../../devices/platform/host2/session1/target2:0:0/2:0:0:0/block/sda/sda1", .iSCSI),
            ("../../devices/virtual/block/etherd!e0.0", .ataOverEthernet), ("../../devices/rbd/0/block/rbd0", .rbd),
            ("../../devices/pci0000:00/0000:00:04.0/nvme/nvme0/nvme0n1", nil),
            ("../../devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda", nil),
            ("../../devices/virtual/block/dm-0", nil), ("", nil),
            ("../../devices/virtual/nvme-fabrics/ctl/nvme0/nvme0n1/nvme0n1p2", .nvmeOverFabrics),
            ("../../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1", .nvmeOverFabrics),
        ] as [(String, NetworkStorage?)])
    func knowsDevicesOfTheNetwork(link: String, storage: NetworkStorage?) {
        #expect(NetworkStorage(link: Array(link.utf8)) == storage)
    }

    /// A list that goes in circles ends.
    @Test func looksAtWhatADeviceIsMadeOf() throws {
        let folder = try MachineFolder()
        try folder.add("sys/class/block/dm-99977/slaves/dm-99977/dev", "1:7")
        let root = try MachineRoot(path: ByteString(folder.path))
        #expect(NetworkStorage.kind(ofDevice: "sys/class/block/dm-99977", below: root) == nil)
    }

    /// Whatever this machine is on: it ends.
    @Test func looksAtTheRunningMachine() {
        _ = LinuxKernel().networkStorage()
        #expect(NetworkStorage(holding: "/no/such/path") == nil)
    }
}
