// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import Handoff
import PhysicalMemory
import Testing

@testable import Kexec

/// sysfs with one AHCI controller whose port 1 firmware has started, and a network card.
private func machineFolder(driver: Bool = false, command: UInt8 = 7) throws -> MachineFolder {
    let folder = try MachineFolder()
    var disk = [UInt8](repeating: 0, count: 256)
    disk.replaceSubrange(0..<12, with: [0x86, 0x80, 0x22, 0x29, command, 0, 0, 0, 2, 1, 6, 1])
    disk.replaceSubrange(0x24..<0x28, with: [0, 0x10, 0xbf, 0xfe])
    try folder.add("sys/bus/pci/devices/0000:00:1f.2/config", bytes: disk)
    if driver { try folder.addDirectory("sys/bus/pci/devices/0000:00:1f.2/driver") }
    var registers = [UInt8](repeating: 0, count: 4096)
    registers[0x07] = 0x80
    registers[0x0c] = 0x3f
    registers.replaceSubrange(0x180..<0x18c, with: [0, 0xfc, 0xfd, 0x1f, 0, 0, 0, 0, 0, 0xfb, 0xfd, 0x1f])
    registers.replaceSubrange(0x198..<0x19a, with: [0x17, 0xc0])
    try folder.add("sys/bus/pci/devices/0000:00:1f.2/resource5", bytes: registers)
    var card = [UInt8](repeating: 0, count: 64)
    card.replaceSubrange(0..<12, with: [0x86, 0x80, 0x0e, 0x10, 7, 0, 0, 0, 0, 0, 0, 2])
    try folder.add("sys/bus/pci/devices/0000:00:03.0/config", bytes: card)
    try folder.addDirectory("sys/bus/pci/devices/0000:00:03.0/driver")
    return folder
}

private func recorded(_ folder: MachineFolder) throws -> FirmwareStateRecord {
    let path = folder.path + "/state"
    let record = try recordFirmwareState(of: MachineRoot(path: ByteString(folder.path)), to: ByteString(path))
    #expect(FileManager.default.contents(atPath: path).map { [UInt8]($0) } == record.encoded)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(!names.contains { $0.hasPrefix("state.new-") }, "nothing is left")
    return record
}

struct FirmwareStateRecordingTests {
    private let disk = PCIAddress(bus: 0, deviceAndFunction: 0xfa)

    @Test func readsThePortsThatFirmwareStarted() throws {
        let record = try recorded(machineFolder())
        let function = try #require(record.function(at: disk))
        #expect(function.kind == .ahci && function.standing == .kept && function.channelCount == 1)
        #expect(function.command == 7 && function.baseAddress(5) == 0xfebf_1000 && function.control == 0x8000_0000)
        let port = record.channel(0, of: function)
        #expect(port.number == 1 && port.commands == 0x1ffd_fc00 && port.answers == 0x1ffd_fb00)
        #expect(port.commandOrSize == 0xc017)
        #expect(record.functionCount == 2)
    }

    @Test func tellsADriverThatWasFirstFromNoUse() throws {
        #expect(try recorded(machineFolder(driver: true)).function(at: disk)?.standing == .driverFirst)
        #expect(try recorded(machineFolder(command: 3)).function(at: disk)?.standing == .unused)
    }

    /// The last to have had the controllers is the Linux before, which has left the bus like firmware that uses nothing.
    @Test func takesNothingForFirmwaresAfterAKexec() throws {
        let folder = try machineFolder()
        var parameters = [UInt8](repeating: 0, count: 4096)
        parameters[0x210] = 0xd0
        try folder.add("sys/kernel/boot_params/data", bytes: parameters)
        let record = try recorded(folder)
        #expect((0..<record.functionCount).allSatisfy { record[$0].standing == .driverFirst })
    }

    @Test func writesThroughNothingThatLiesThere() throws {
        let folder = try machineFolder()
        let path = folder.path + "/state"
        try folder.add("victim", bytes: [1])
        try FileManager.default.createSymbolicLink(atPath: path + ".new", withDestinationPath: folder.path + "/victim")
        _ = try recorded(folder)
        #expect(FileManager.default.contents(atPath: folder.path + "/victim") == Data([1]))
        #expect(mkfifo(folder.path + "/pipe", 0o600) == 0)
        #expect(throws: MachineError.cannotWriteRecord(path: ByteString(folder.path + "/pipe"), .failed(errno: EINVAL)))
        {
            try recordFirmwareState(
                of: MachineRoot(path: ByteString(folder.path)), to: ByteString(folder.path + "/pipe"))
        }
    }

    @Test func replacesALinkAndNotWhatItLeadsTo() throws {
        let folder = try machineFolder()
        try folder.add("victim", bytes: [1])
        try folder.addLink("state", to: folder.path + "/victim")
        _ = try recorded(folder)
        #expect(FileManager.default.contents(atPath: folder.path + "/victim") == Data([1]))
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.path + "/state")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(attributes[.type] as? FileAttributeType == .typeRegular)
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give files away"))
    func recordsIntoNoFolderThatALinkOfAnotherUserNames() throws {
        let machine = try machineFolder()
        let victim = try MachineFolder()
        try machine.addLink("link", to: victim.path)
        lchown(machine.path + "/link", 65534, 65534)
        let path = machine.path + "/link/state"
        #expect(throws: MachineError.cannotWriteRecord(path: ByteString(path), .link(owner: 65534))) {
            try recordFirmwareState(of: MachineRoot(path: ByteString(machine.path)), to: ByteString(path))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: victim.path).isEmpty)
    }

    @Test func refusesAMachineWithoutPCI() throws {
        let folder = try MachineFolder()
        #expect(throws: MachineError.noPCI(folder: folder.path + "/sys/bus/pci/devices")) {
            try recordFirmwareState(
                of: MachineRoot(path: ByteString(folder.path)), to: ByteString(folder.path + "/state"))
        }
        let machine = try machineFolder()
        #expect(
            throws: MachineError.cannotWriteRecord(path: ByteString(machine.path + "/no/state"), .failed(errno: ENOENT))
        ) {
            try recordFirmwareState(
                of: MachineRoot(path: ByteString(machine.path)), to: ByteString(machine.path + "/no/state"))
        }
    }

    @Test func spellsAddressesAsSysfsDoes() {
        for name in ["0000:00:1f.2", "10ab:c3:00.7"] {
            #expect(PCIAddress(parsing: Array(name.utf8))?.name == name)
        }
        for name in ["", "0000:00:20.0", "0000:00:00.8", "0000-00", "0000:00:00.0x"] {
            #expect(PCIAddress(parsing: Array(name.utf8)) == nil)
        }
    }
}

struct FirmwareStatePlanTests {
    /// The machine after its drivers have loaded.
    private func machine(_ record: FirmwareStateRecord?) throws -> MachineDescription {
        var machine = MachineDescription.pc(0x1f00_0000)
        let folder = try machineFolder(driver: true)
        machine.pciFunctions = try MachineRoot(path: ByteString(folder.path)).pciFunctions()
        machine.firmwareState = record?.encoded
        return machine
    }

    private func plan(_ machine: MachineDescription) -> BootPlan {
        PlanImage.bzImage().plan(on: machine) { $0.realMode = true }
    }

    @Test func handsTheRecordToThePayload() throws {
        let plan = plan(try machine(recorded(machineFolder())))
        #expect(plan.refusals == [] && plan.warnings == [])
        let segment = try #require(plan["firmware_state"])
        #expect(segment.place.end <= .fourGiB)
        let bytes = plan.bytes("firmware_state")
        let record = try FirmwareStateRecord(parsing: Array(bytes.dropLast(FirmwareStateHeader.scratchSize)))
        // The network card has a driver: no bus mastering for it.
        #expect(record.function(at: PCIAddress(bus: 0, deviceAndFunction: 0x18))?.command == 3)
        #expect(record.function(at: PCIAddress(bus: 0, deviceAndFunction: 0xfa))?.command == 7)
    }

    @Test func namesTheRecordsPlaceToThePayloadThatStartsBootSectors() throws {
        let machine = try machine(recorded(machineFolder()))
        let payload = PlanImage.bzImage { $0.kernelVersion = "swift-kexec bios_boot" }
        let plan = payload.plan(on: machine)
        let place = try #require(plan["firmware_state"]).place.start.rawValue
        #expect(plan.commandLine.description.hasSuffix(" firmware-state=\(place)"))
        // The kernel's own loader takes no such segment.
        var withModule = machine
        withModule.kexec.hasModule = true
        let byModule = payload.plan(on: withModule) { $0.systemCall = .module }
        #expect(byModule.isLoadable && byModule.commandLine == plan.commandLine)
        let other = payload.plan(on: machine) { $0.systemCall = .kexecFileLoad }
        #expect(other["firmware_state"] == nil && !other.commandLine.description.contains("firmware-state"))
        #expect(other.warnings == [.diskLost(controller: "0000:00:1f.2", .noRecord)])
        // Nor is it tried where the first call was refused: its command line would name a segment that is not there.
        #expect(!payload.plan(on: machine) { $0.systemCall = .automatic }.alternatives.contains(.kexecFileLoad))
    }

    @Test func warnsOfDisksThatTheBIOSHasLost() throws {
        #expect(plan(try machine(nil)).warnings == [.diskLost(controller: "0000:00:1f.2", .noRecord)])
        let late = try recorded(machineFolder(driver: true))
        #expect(plan(try machine(late)).warnings == [.diskLost(controller: "0000:00:1f.2", .driverFirst)])
        #expect(plan(try machine(recorded(machineFolder(command: 3)))).warnings == [])
        // The lists at 0x1ffdfc00 are Linux's memory here.
        var used = try machine(recorded(machineFolder()))
        used.systemRAM = PhysicalRangeSet([range(0, 0x9fc00), range(0x10_0000, 0x4000_0000)])
        #expect(plan(used).warnings == [.diskLost(controller: "0000:00:1f.2", .listsInRAM)])
    }

    /// What no driver has used is as firmware left it.
    @Test func warnsOfNothingThatLinuxLeftAlone() throws {
        var idle = try machine(nil)
        let folder = try machineFolder(driver: false)
        idle.pciFunctions = try MachineRoot(path: ByteString(folder.path)).pciFunctions()
        #expect(plan(idle).warnings == [])
    }

    /// One of a controller's lists is enough.
    @Test func warnsWhereAnyListIsLinuxsMemory() throws {
        let record = try recorded(machineFolder())
        let function = try #require(record.function(at: PCIAddress(bus: 0, deviceAndFunction: 0xfa)))
        let channel = record.channel(0, of: function)
        #expect(channel.commands != 0 && channel.answers != 0 && channel.commands != channel.answers)
        for list in [channel.commands, channel.answers] {
            var used = try machine(record)
            used.systemRAM = PhysicalRangeSet([range(0, 0x9fc00), range(0x10_0000, 0x1f00_0000), range(list, list + 1)])
            #expect(plan(used).warnings == [.diskLost(controller: "0000:00:1f.2", .listsInRAM)])
        }
    }

    @Test func refusesTheRecordOfAnotherMachine() throws {
        let address = PCIAddress(bus: 0, deviceAndFunction: 0xfa)
        var machine = try machine(recorded(machineFolder()))
        machine.pciFunctions.removeAll { $0.address == address }
        #expect(plan(machine).refusals == [.firmwareStateElsewhere(address, .missing)])
        #expect(plan(machine)["firmware_state"] == nil)
        // A card that has moved since is nobody's loss.
        var moved = try self.machine(recorded(machineFolder()))
        moved.pciFunctions.removeAll { $0.address != address }
        #expect(plan(moved).refusals == [])
        machine.firmwareState?[50] ^= 1
        guard case .firmwareStateUnusable(let error)? = plan(machine).refusals.first else {
            Issue.record("not refused")
            return
        }
        #expect(error.field == .checksum)
    }
}
