// SPDX-License-Identifier: MIT
public import BootFormats
internal import CLinux
public import Handoff

/// Reads what firmware left in the PCI functions of the machine below `root`, and writes it to `path`, all or nothing.
///
/// To be run before Linux's drivers load. Nothing is changed: registers that only choose what others show are put back.
/// - Throws: `.noPCI`, `.cannotWriteRecord`
public func recordFirmwareState(of root: MachineRoot, to path: ByteString) throws(MachineError) -> FirmwareStateRecord {
    let functions = root.pciFunctions()
    guard !functions.isEmpty else { throw .noPCI(folder: root.name(of: pciFolder)) }
    var record = FirmwareStateRecord()
    let isOurs = root.wasStartedByKexec
    for function in functions {
        ControllerReader(function: function, root: root, isTooLate: isOurs).add(to: &record)
    }
    try write(record.encoded, to: path)
    return record
}

/// Under its name only once it is whole.
private func write(_ bytes: [UInt8], to path: ByteString) throws(MachineError) {
    var type: Int32 = 0
    var size: UInt64 = 0
    // Both are written before the call returns. A device or a pipe would be gone, with a file in its place.
    if unsafe kx_stat(path.cString, &type, &size) == 0, type != S_IFREG {
        throw .cannotWriteRecord(path: path, .failed(errno: EINVAL))
    }
    do throws(PlaceProblem) {
        let file = try NewFile(path: path, mode: 0o600)
        do throws(PlaceProblem) {
            // A span of plain bytes has none that could not be read.
            try file.write(unsafe bytes.span.bytes)
            try file.finish()
        } catch {
            file.remove()
            throw error
        }
    } catch { throw .cannotWriteRecord(path: path, error) }
}

extension MachineRoot {
    /// Then the last to have had the controllers is another Linux, not firmware.
    fileprivate var wasStartedByKexec: Bool { namesKexecAsLoader(bootParameters()) }
}

/// Reads one function.
private struct ControllerReader {
    let function: PCIFunction
    let root: MachineRoot
    /// Drivers of another Linux were there.
    let isTooLate: Bool

    func add(to record: inout FirmwareStateRecord) {
        var recorded = FunctionRecord(function, at: function.address)
        let kind = ControllerKind(of: function)
        var channels = 0
        if isTooLate || (kind != .none && function.hasDriver) {
            recorded.set(kind, .driverFirst)
        } else if kind != .none {
            // Firmware that uses a controller has let it onto the bus; what is off does not even answer.
            let found = recorded.command & 4 == 0 ? 0 : read(kind, &recorded, &record)
            recorded.set(kind, found == nil ? .notReadable : found == 0 ? .unused : .kept)
            channels = found ?? 0
        }
        record.add(recorded, channels: channels)
    }

    /// Adds the channels that firmware uses.
    /// - Returns: how many; nil where they cannot be read, or cannot be given back by what is known of them.
    private func read(
        _ kind: ControllerKind, _ recorded: inout FunctionRecord, _ record: inout FirmwareStateRecord
    ) -> Int? {
        switch kind {
        case .none, .nvme: return nil
        case .ahci: return ports(&recorded, &record)
        case .virtioBlock, .virtioSCSI:
            guard let queue = queue(kind == .virtioSCSI ? 2 : 0) else { return nil }
            guard queue.commands != 0 else { return 0 }
            record.add(queue)
            return 1
        }
    }

    private func registers(_ index: UInt8) -> DeviceRegisters? {
        guard function.memory(index) != nil else { return nil }
        return DeviceRegisters("\(pciFolder)/\(function.address.name)/resource\(index)", below: root)
    }

    private func ports(_ recorded: inout FunctionRecord, _ record: inout FirmwareStateRecord) -> Int? {
        guard let registers = registers(5) else { return nil }
        recorded.control = registers.read(AHCIRegister.globalControl, .word)
        let implemented = registers.read(AHCIRegister.portsImplemented, .word)
        var count = 0
        for number in UInt32(0)..<32 where implemented & 1 << number != 0 {
            let base = AHCIRegister.port(number)
            let command = registers.read(base + AHCIRegister.command, .word)
            guard command != .max, command & AHCIRegister.start != 0 else { continue }
            var port = ChannelRecord()
            port.number = number
            port.commandOrSize = command
            port.interruptsOrNotify = registers.read(base + AHCIRegister.interruptEnable, .word)
            port.controlOrStatus = registers.read(base + AHCIRegister.control, .word)
            port.commands = registers.read64(base + AHCIRegister.commandList)
            port.answers = registers.read64(base + AHCIRegister.receivedFIS)
            record.add(port)
            count += 1
        }
        return count
    }

    /// - Returns: the queue; without an address where firmware does not use it; nil as above.
    private func queue(_ wanted: UInt32) -> ChannelRecord? {
        guard let places = VirtioPlaces(in: function), let registers = registers(places.commonRegion) else {
            return nil
        }
        let base = UInt64(places.commonOffset)
        guard registers.reach(to: base + VirtioRegister.size) else { return nil }
        var queue = ChannelRecord()
        queue.number = wanted
        queue.controlOrStatus = registers.read(base + VirtioRegister.status, .byte)
        guard queue.controlOrStatus != 0xff else { return nil }
        guard queue.controlOrStatus & VirtioRegister.driverOK != 0 else { return ChannelRecord() }
        let shownFeatures = registers.read(base + VirtioRegister.driverFeatureSelect, .word)
        let shownQueue = registers.read(base + VirtioRegister.queueSelect, .half)
        for half in UInt32(0)..<2 {
            registers.write(half, base + VirtioRegister.driverFeatureSelect, .word)
            let features = UInt64(registers.read(base + VirtioRegister.driverFeature, .word))
            queue.features |= features << UInt64(32 * half)
        }
        // What a SCSI adapter's other queues were told cannot be told again: buffers that wait for events.
        var usesOthers = false
        for other in 0..<wanted {
            registers.write(other, base + VirtioRegister.queueSelect, .half)
            if registers.read(base + VirtioRegister.queueEnable, .half) != 0 { usesOthers = true }
        }
        registers.write(wanted, base + VirtioRegister.queueSelect, .half)
        let isEnabled = registers.read(base + VirtioRegister.queueEnable, .half) != 0
        queue.commandOrSize = registers.read(base + VirtioRegister.queueSize, .half)
        queue.interruptsOrNotify = registers.read(base + VirtioRegister.queueNotifyOffset, .half)
        queue.commands = registers.read64(base + VirtioRegister.descriptors)
        queue.requests = registers.read64(base + VirtioRegister.driverArea)
        queue.answers = registers.read64(base + VirtioRegister.deviceArea)
        registers.write(shownQueue, base + VirtioRegister.queueSelect, .half)
        registers.write(shownFeatures, base + VirtioRegister.driverFeatureSelect, .word)
        guard isEnabled else { return ChannelRecord() }
        return usesOthers || queue.features & VirtioRegister.packedRing != 0
            || queue.features & VirtioRegister.versionOne == 0 ? nil : queue
    }
}

extension ControllerKind {
    /// By class and, for virtio, by ids: 0x1000 and the type for the old ones, 0x1040 and the type since version 1.
    init(of function: some PCIConfiguration) {
        let identity = function.identity
        switch (function.classAndRevision >> 8, identity) {
        case (0x010601, _): self = .ahci
        case (0x010802, _): self = .nvme
        case (_, 0x1001_1af4), (_, 0x1042_1af4): self = .virtioBlock
        case (_, 0x1004_1af4), (_, 0x1048_1af4): self = .virtioSCSI
        default: self = .none
        }
    }
}
