// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Handoff
import Testing

@testable import Kexec

/// sysfs with one virtio block device, whose queue firmware has made.
private struct VirtioDeviceFiles {
    /// Of the common configuration, in the memory behind base address 4.
    var place: UInt32 = 0x100
    var identity: UInt32 = 0x1042_1af4
    var configuration = [UInt8](repeating: 0, count: 256)
    var registers = [UInt8](repeating: 0, count: 0x4000)

    init(at place: UInt32 = 0x100) {
        self.place = place
        for (offset, word) in [
            (0x00, identity), (0x04, 0x0010_0007), (0x08, 0x0100_0001), (0x20, 0xfe00_000c), (0x34, 0x84),
            // The common configuration, then the notifications.
            (0x84, 0x0114_5009), (0x88, 4), (0x8c, place), (0x50, 0x0214_0009), (0x54, 4), (0x58, 0x3000), (0x60, 4),
        ] as [(Int, UInt32)] {
            configure(offset, word)
        }
        // Which half of the features is shown, which queue: neither is what the recorder asks for.
        for (register, value) in [
            (VirtioRegister.driverFeatureSelect, 5), (VirtioRegister.driverFeature, 1),
            (VirtioRegister.status, 0x0009_000f), (VirtioRegister.queueSize, 128),
            (VirtioRegister.queueEnable, 0x0007_0001),
            (VirtioRegister.descriptors, 0x1ffd_e000), (VirtioRegister.driverArea, 0x1ffd_f000),
            (VirtioRegister.deviceArea, 0x1ffe_0000), (VirtioRegister.deviceArea + 4, 1),
        ] as [(UInt64, UInt32)] {
            set(register, value)
        }
    }

    mutating func configure(_ offset: Int, _ word: UInt32) { Self.store(word, at: offset, in: &configuration) }
    mutating func set(_ register: UInt64, _ word: UInt32) {
        Self.store(word, at: Int(place) + Int(register), in: &registers)
    }

    /// What lies outside is not there.
    private static func store(_ word: UInt32, at offset: Int, in bytes: inout [UInt8]) {
        for index in 0..<4 where bytes.indices.contains(offset + index) {
            bytes[offset + index] = UInt8(truncatingIfNeeded: word >> UInt32(8 * index))
        }
    }

    static let address = PCIAddress(bus: 0, deviceAndFunction: 0x20)
    static let device = "sys/bus/pci/devices/0000:00:04.0"

    func folder() throws -> MachineFolder {
        let folder = try MachineFolder()
        try folder.add(Self.device + "/config", bytes: configuration)
        try folder.add(Self.device + "/resource4", bytes: registers)
        return folder
    }

    /// What is recorded; that it leaves every register as it was is part of the promise.
    func recorded() throws -> (record: FirmwareStateRecord, function: FunctionRecord) {
        let folder = try folder()
        let record = try recordFirmwareState(
            of: MachineRoot(path: ByteString(folder.path)), to: ByteString(folder.path + "/state"))
        let after = FileManager.default.contents(atPath: folder.path + "/\(Self.device)/resource4")
        #expect(after.map { [UInt8]($0) } == registers)
        return (record, try #require(record.function(at: Self.address)))
    }

    func standing() throws -> ControllerStanding? {
        let (_, function) = try recorded()
        #expect(function.kind == .virtioBlock || function.kind == .virtioSCSI)
        #expect(function.channelCount == (function.standing == .kept ? 1 : 0))
        return function.standing
    }
}

struct VirtioRecordingTests {
    private var device = VirtioDeviceFiles()

    @Test func readsTheQueueThatFirmwareMade() throws {
        let (record, function) = try device.recorded()
        #expect(function.kind == .virtioBlock && function.standing == .kept && function.channelCount == 1)
        let queue = record.channel(0, of: function)
        #expect(queue.number == 0 && queue.commandOrSize == 128 && queue.interruptsOrNotify == 7)
        #expect(queue.controlOrStatus == 15 && queue.features == 0x1_0000_0001)
        #expect(queue.commands == 0x1ffd_e000 && queue.requests == 0x1ffd_f000 && queue.answers == 0x1_1ffe_0000)
    }

    @Test func readsRegistersUpToTheEndOfTheirRegion() throws {
        #expect(try VirtioDeviceFiles(at: 0x4000 - 0x38).standing() == .kept)
    }

    /// Ones would be read there, and taken for addresses.
    @Test(arguments: [0x4000 - 0x37, 0x4000 - 0x20, 0x4000 - 0x18, 0x4000, 0x1_0000, 0x3fff_ffff, 0x4000_0000, .max])
    func registersOutsideTheirRegionAreNotReadable(place: UInt32) throws {
        #expect(try VirtioDeviceFiles(at: place).standing() == .notReadable)
    }

    /// No such base address, one of ports, one that is not used.
    @Test(arguments: [5, 6, 7, 0xff, 0, 1] as [UInt32]) func registersInNoMemoryAreNotReadable(region: UInt32) throws {
        var device = device
        device.configure(0x10, 0xc001)
        device.configure(0x88, region)
        #expect(try device.standing() == .notReadable)
    }

    @Test(arguments: [64, 0x4f, 0x53, 0x57, 0x5b, 0x63, 0x64, 0x87, 0x8b, 0x8f])
    func aConfigurationCutShortIsNotReadable(count: Int) throws {
        var device = device
        device.configuration.removeLast(256 - count)
        #expect(try device.standing() == .notReadable)
    }

    @Test func aConfigurationWithoutItsHeadIsNoFunction() throws {
        var device = device
        device.configuration.removeLast(256 - 63)
        let folder = try device.folder()
        #expect(throws: MachineError.noPCI(folder: folder.path + "/sys/bus/pci/devices")) {
            try recordFirmwareState(
                of: MachineRoot(path: ByteString(folder.path)), to: ByteString(folder.path + "/state"))
        }
    }

    @Test(arguments: [0, 1, 0x100, 0x114, 0x137]) func registersCutShortAreNotReadable(count: Int) throws {
        var device = device
        device.registers.removeLast(0x4000 - count)
        #expect(try device.standing() == .notReadable)
    }

    @Test func registersThatCannotBeOpenedAreNotReadable() throws {
        let folder = try device.folder()
        try FileManager.default.removeItem(atPath: folder.path + "/\(VirtioDeviceFiles.device)/resource4")
        let record = try recordFirmwareState(
            of: MachineRoot(path: ByteString(folder.path)), to: ByteString(folder.path + "/state"))
        #expect(record.function(at: VirtioDeviceFiles.address)?.standing == .notReadable)
    }

    @Test func theInterfaceFromBeforeVersionOneIsNotReadable() throws {
        var device = device
        device.configure(0x34, 0x50)
        #expect(try device.standing() == .notReadable)
        device.configure(0x04, 0x0000_0007)
        #expect(try device.standing() == .notReadable)
    }

    @Test func tellsNoUseFromWhatCannotBeGivenBack() throws {
        var off = device
        off.configure(0x04, 0x0010_0003)
        #expect(try off.standing() == .unused)
        var noDriver = device
        noDriver.set(VirtioRegister.status, 3)
        #expect(try noDriver.standing() == .unused)
        var noQueue = device
        noQueue.set(VirtioRegister.queueEnable, 0)
        #expect(try noQueue.standing() == .unused)
        var dead = device
        dead.set(VirtioRegister.status, 0xff)
        #expect(try dead.standing() == .notReadable)
        // Both halves of the features show the same here: bit 0 is version 1's, bit 2 the packed ring's.
        for features in [0, 5] as [UInt32] {
            var other = device
            other.set(VirtioRegister.driverFeature, features)
            #expect(try other.standing() == .notReadable)
        }
        // All queues show the same: those for events have been made, too.
        var adapter = device
        adapter.configure(0, 0x1048_1af4)
        #expect(try adapter.standing() == .notReadable)
    }

    @Test func registersAbove4GiBAreRecordedAndWarnedOf() throws {
        var device = device
        device.configure(0x24, 0x38)
        let (record, function) = try device.recorded()
        #expect(function.standing == .kept && function.baseAddress(5) == 0x38)
        let folder = try device.folder()
        try folder.addDirectory(VirtioDeviceFiles.device + "/driver")
        var machine = MachineDescription.pc(0x1f00_0000)
        machine.pciFunctions = try MachineRoot(path: ByteString(folder.path)).pciFunctions()
        machine.firmwareState = record.encoded
        let plan = PlanImage.bzImage().plan(on: machine) { $0.realMode = true }
        #expect(plan.refusals == [])
        #expect(plan.warnings == [.diskLost(controller: "0000:00:04.0", .registersTooHigh)])
        // The payload does not try: what it is handed says so.
        let bytes = plan.bytes("firmware_state").dropLast(FirmwareStateHeader.scratchSize)
        let handed = try FirmwareStateRecord(parsing: Array(bytes))
        #expect(handed.function(at: VirtioDeviceFiles.address)?.standing == .notReadable)
    }
}
