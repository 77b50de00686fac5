// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Handoff
import PhysicalMemory
import Testing

@testable import Kexec

/// Boot sectors and disk images in files; devices are the laboratory's.
struct BIOSBootTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "bios-boot-\(UUID().uuidString)")

    private func file(_ bytes: [UInt8]) throws -> String {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appending(path: "file").path()
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    private func sector(_ size: Int = 512) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        bytes.replaceSubrange(510..<512, with: [0x55, 0xaa])
        return bytes
    }

    private func machine(_ name: String = "bios-512m") throws -> MachineDescription {
        try MachineDescription(reading: MachineRoot(path: ByteString(Self.machines + name)))
    }

    private static let machines = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures/machines/").path()

    private func request(_ type: ForcedImageType, _ bytes: [UInt8]) throws -> KexecRequest {
        var request = KexecRequest(kernel: ByteString(try file(bytes)))
        request.forcedType = type
        return request
    }

    @Test func aDiskImageIsThePayloadsInitrdBelow4GiB() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        var request = try request(.diskImage, sector(1_474_560))
        request.biosDrive = 0
        request.commandLine = "wait=1"
        let prepared = try PreparedLoad(request, on: machine())
        let plan = prepared.plan
        #expect(plan.refusals == [])
        #expect(plan.image.kind == "disk-image")
        #expect(plan.commandLine == "boot=image drive=0 wait=1")
        let initrd = try #require(plan.segments.first { $0.name == "initrd" })
        #expect(initrd.contents == .initrd(0..<1_474_560))
        #expect(initrd.place.start >= PhysicalAddress(1 << 24))
        for segment in plan.segments { #expect(segment.place.end <= .fourGiB, "\(segment.name)") }
    }

    @Test func aBootSectorInAFileIsHandedOverWithItsDrive() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        var request = try request(.bootSector, sector())
        request.biosDrive = 0x81
        request.console.serialPort = 0x2f8
        request.console.serialBaud = 9600
        request.givenOptions.insert(.serial)
        let prepared = try PreparedLoad(request, on: machine())
        #expect(prepared.plan.isLoadable)
        #expect(prepared.plan.commandLine == "boot=sector drive=129 serial=760 baud=9600")
    }

    @Test(
        arguments: [
            (.bootSector, 511, .endsInside("boot sector", at: 0, needed: 512, available: 511)),
            (.bootSector, 8193, .tooLargeForBootSector(size: 8193, limit: 8192)),
            (.diskImage, 513, .partialSector(size: 513)),
        ] as [(ForcedImageType, Int, ImageError)])
    func refusesWhatHasNoSectors(type: ForcedImageType, size: Int, error: ImageError) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let bytes = size < 512 ? [UInt8](repeating: 0, count: size) : sector(size)
        let request = try request(type, bytes)
        let machine = try machine()
        #expect(throws: KexecFailure.image(error, path: request.kernel)) { _ = try PreparedLoad(request, on: machine) }
    }

    @Test(arguments: [ForcedImageType.bootSector, .diskImage]) func refusesWhatHasNoSignature(type: ForcedImageType)
        throws
    {
        defer { try? FileManager.default.removeItem(at: folder) }
        let request = try request(type, [UInt8](repeating: 0x11, count: 1024))
        let machine = try machine()
        let error = ImageError.badValue("boot signature", at: 510, found: 0x1111, needed: .exactly(0xaa55))
        #expect(throws: KexecFailure.image(error, path: request.kernel)) { _ = try PreparedLoad(request, on: machine) }
    }

    @Test func refusesWhatABIOSCannotTake() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let plain = try request(.diskImage, sector())
        var initrd = plain, module = plain, reused = plain, crash = plain
        initrd.initrds = ["initrd"]
        module.modules = ["module"]
        reused.reusesCommandLine = true
        crash.target = .crash
        for (request, obstacle): (KexecRequest, BIOSBootObstacle) in [
            (initrd, .option(.initrd)), (module, .option(.module)), (reused, .option(.reuseCommandLine)),
            (crash, .crashKernel),
        ] {
            #expect(try PreparedLoad(request, on: machine()).plan.refusals == [.biosBoot(obstacle, .diskImage)])
        }
        #expect(try PreparedLoad(plain, on: machine("ovmf-1g")).plan.refusals == [.biosBoot(.noBIOS, .diskImage)])
    }

    // MARK: A disk of a captured machine

    /// A copy of a captured machine, with an NVMe disk or a partition of one that no machine here has.
    private func capture(
        _ change: (MachineFolder) throws -> Void = { _ in }
    ) throws -> MachineFolder {
        let folder = try MachineFolder()
        try folder.copy(fixture: "bios-512m")
        try folder.add("dev/nobodys-disk", bytes: sector())
        try folder.add("sys/class/block/nobodys-disk/dev", "259:7\n")
        try folder.add("sys/dev/block/259:7/queue/logical_block_size", "512\n")
        try folder.add("sys/dev/block/259:7/nsid", "3\n")
        try folder.add("sys/dev/block/259:7/start", "2048\n")
        try folder.add(
            "sys/dev/block/259:7/device/device/uevent",
            "DRIVER=nvme\nPCI_CLASS=10802\nPCI_ID=1B36:0010\nPCI_SLOT_NAME=0000:00:04.0\n")
        try change(folder)
        return folder
    }

    private func prepare(_ path: String = "/dev/disk/by-id/nobodys-disk", in directory: String) throws -> PreparedLoad {
        let machine = try MachineDescription(reading: MachineRoot(path: ByteString(directory)))
        return try PreparedLoad(requestForDisk(path), on: machine, capturedIn: ByteString(directory))
    }

    private func requestForDisk(_ path: String) -> KexecRequest {
        var request = KexecRequest(kernel: ByteString(path))
        request.forcedType = .bootSector
        return request
    }

    @Test func aDiskOfACapturedMachineIsPlannedByTheCapture() throws {
        let folder = try capture()
        let sum = sector().withUnsafeBytes { sectorSum($0.bytes) }
        let words = "boot=sector lba=2048 sum=\(sum) nvme=32 namespace=3"
        let prepared = try prepare(in: folder.path)
        #expect(prepared.plan.commandLine.description == words && prepared.plan.isLoadable)
        // Captured once more it is the same.
        let again = folder.path + "/again"
        try captureMachine(
            root: ByteString(folder.path), into: ByteString(again), bootSector: "/dev/disk/by-id/nobodys-disk")
        #expect(try prepare(in: again).plan.commandLine.description == words)
    }

    @Test func aDiskThatIsNoNVMeDiskHasNoController() throws {
        let folder = try capture { folder in
            try folder.add("sys/dev/block/259:7/device/device/uevent", "PCI_CLASS=10601\nPCI_SLOT_NAME=0000:00:04.0\n")
            try FileManager.default.removeItem(atPath: folder.path + "/sys/dev/block/259:7/start")
        }
        let prepared = try prepare(in: folder.path)
        #expect(prepared.plan.commandLine.description.hasPrefix("boot=sector sum="))
        #expect(!prepared.plan.commandLine.description.contains("nvme"))
    }

    /// Its bus is in the upper half; of other segments the BIOS knows nothing.
    @Test(arguments: [("0000:03:1f.2", " nvme=1018"), ("0001:00:04.0", ""), ("nonsense", "")])
    func aControllerIsNamedByItsPlaceOnTheBus(address: String, word: String) throws {
        let folder = try capture { folder in
            try folder.add(
                "sys/dev/block/259:7/device/device/uevent", "PCI_SLOT_NAME=\(address)\nPCI_CLASS=10802\n")
        }
        let line = try prepare(in: folder.path).plan.commandLine.description
        let words = word.isEmpty ? "" : word + " namespace=3"
        #expect(line.hasSuffix(words) && line.contains("nvme") == !word.isEmpty)
    }

    /// A partition's folder lies in its disk's, and has no queue of its own.
    @Test func whatAPartitionLacksItsDiskHas() throws {
        let folder = try capture { folder in
            try FileManager.default.removeItem(atPath: folder.path + "/sys/dev/block/259:7")
            let disk = "sys/devices/disk/"
            try folder.add(disk + "queue/logical_block_size", "4096\n")
            try folder.add(disk + "part/start", "63\n")
            try folder.addLink("sys/dev/block/259:7", to: "../../devices/disk/part")
        }
        #expect(throws: KexecFailure.image(.sectorSize(4096), path: "/dev/disk/by-id/nobodys-disk")) {
            _ = try prepare(in: folder.path)
        }
        try folder.add("sys/devices/disk/queue/logical_block_size", "512\n")
        #expect(try prepare(in: folder.path).plan.commandLine.description.hasPrefix("boot=sector lba=63 sum="))
    }

    @Test func aDriveThatIsGivenIsMeant() throws {
        let folder = try capture()
        let machine = try folder.describe()
        var request = requestForDisk("/dev/nobodys-disk")
        request.biosDrive = 0x80
        let prepared = try PreparedLoad(request, on: machine, capturedIn: ByteString(folder.path))
        #expect(prepared.plan.commandLine == "boot=sector lba=2048 drive=128")
        #expect(prepared.request.initrds.isEmpty && prepared.request.drivenController == nil)
        #expect(try prepare(in: folder.path).request.drivenController != nil)
    }

    @Test func aCaptureHoldsTheFirstSectorAlone() throws {
        let folder = try capture { try $0.add("dev/nobodys-disk", bytes: sector(4096)) }
        let again = folder.path + "/again"
        let capture = try captureMachine(
            root: ByteString(folder.path), into: ByteString(again), bootSector: "/dev/nobodys-disk")
        #expect(FileManager.default.contents(atPath: again + "/dev/nobodys-disk")?.count == 512)
        #expect(capture.files.contains("sys/dev/block/259:7/nsid"))
        // One that has no sector is captured by nobody.
        try folder.add("dev/nobodys-disk", bytes: [UInt8](repeating: 0, count: 511))
        #expect(throws: MachineError.noDisk(path: "/dev/nobodys-disk")) {
            try captureMachine(
                root: ByteString(folder.path), into: ByteString(folder.path + "/third"), bootSector: "/dev/nobodys-disk"
            )
        }
        let failure = FileFailure(path: "/dev/nobodys-disk", problem: .empty)
        #expect(throws: KexecFailure.file(failure)) { _ = try prepare("/dev/nobodys-disk", in: folder.path) }
    }

    @Test func aBootSectorMayBeAsLargeAsTheBIOSReads() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(try PreparedLoad(request(.bootSector, sector(8192)), on: machine()).plan.isLoadable)
        #expect(try PreparedLoad(request(.diskImage, sector(1024)), on: machine()).plan.isLoadable)
        var request = try request(.diskImage, sector(1024))
        request.console.serialBaud = 1
        #expect(try PreparedLoad(request, on: machine()).plan.commandLine == "boot=image baud=1")
    }

    @Test func aDiskThatTheCaptureLacksIsRefusedWhateverIsHere() throws {
        let here = try FileManager.default.contentsOfDirectory(atPath: "/sys/class/block").map { "/dev/" + $0 }
        for path in here.prefix(8) + ["/dev/nobodys-disk"] {
            #expect(throws: KexecFailure.machine(.noDisk(path: ByteString(path)))) {
                _ = try prepare(path, in: Self.machines + "bios-512m")
            }
            let folder = try MachineFolder()
            #expect(throws: MachineError.noDisk(path: ByteString(path))) {
                try captureMachine(
                    root: ByteString(Self.machines + "bios-512m"), into: ByteString(folder.path + "/new"),
                    bootSector: ByteString(path))
            }
            #expect(!FileManager.default.fileExists(atPath: folder.path + "/new"))
        }
    }

    @Test(arguments: [(4096, .sectorSize(4096)), (512, nil)] as [(UInt64, ImageError?)])
    func checksACapturedDiskAsOneThatIsHere(size: UInt64, error: ImageError?) throws {
        let folder = try capture { folder in
            try folder.add("sys/dev/block/259:7/queue/logical_block_size", "\(size)\n")
            if size == 512 {
                try folder.add("dev/nobodys-disk", bytes: [UInt8](repeating: 0x11, count: 512))
            }
        }
        let needed = ImageError.badValue("boot signature", at: 510, found: 0x1111, needed: .exactly(0xaa55))
        #expect(throws: KexecFailure.image(error ?? needed, path: "/dev/disk/by-id/nobodys-disk")) {
            _ = try prepare(in: folder.path)
        }
    }

    @Test func theSumTellsSectorsApart() {
        var sums: Set<UInt64> = []
        for index in 0..<512 {
            var bytes = [UInt8](repeating: 0, count: 512)
            bytes[index] = 1
            sums.insert(bytes.withUnsafeBytes { sectorSum($0.bytes) })
        }
        #expect(sums.count == 512)
    }
}
