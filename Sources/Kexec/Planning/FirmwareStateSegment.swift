// SPDX-License-Identifier: MIT
internal import Handoff
internal import PhysicalMemory

/// The record of what firmware left in the PCI functions, for a target that calls the BIOS.
///
/// It is checked against the machine, then put into a segment of its own, from which the payload gives the state back:
/// see Payloads/Firmware. What cannot be given back is a warning: the BIOS's disk calls would not return.
struct FirmwareStateSegment {
    let inputs: PlanningInputs
    private var machine: MachineDescription { inputs.machine }
    /// The controller that the payload drives itself: what the BIOS has lost of it nobody misses.
    var driven: PCIAddress?

    /// Adds the segment, where there is a record, and the warnings to `draft`.
    /// - Returns: where the record lies, below 4 GiB; 0 for none; nil where the draft was refused.
    func plan(_ draft: inout PlanDraft) -> PhysicalAddress? {
        // There no BIOS waits for its controllers.
        guard machine.efi == nil else { return .zero }
        guard let bytes = machine.firmwareState else {
            warn(nil, &draft)
            return .zero
        }
        var record: FirmwareStateRecord
        do throws(FirmwareStateError) { record = try FirmwareStateRecord(parsing: bytes) } catch {
            draft.refuse(.firmwareStateUnusable(error))
            return nil
        }
        for index in 0..<record.functionCount {
            let recorded = record[index]
            // What is not given back may have moved, or gone: the payload leaves such functions as they are.
            guard recorded.channelCount > 0, let found = recorded.difference(from: function(at: recorded.address))
            else {
                continue
            }
            draft.refuse(.firmwareStateElsewhere(recorded.address, found))
            return nil
        }
        warn(record, &draft)
        keepOffTheBus(&record)
        let contents = record.encoded + [UInt8](repeating: 0, count: FirmwareStateHeader.scratchSize)
        return draft.addBytes(
            contents, as: "firmware_state", bounds: PhysicalRange(from: .zero, to: .fourGiB))
    }

    @inline(never) private func function(at address: PCIAddress) -> PCIFunction {
        machine.pciFunctions.first { $0.address == address }
            ?? PCIFunction(address: address, configuration: [], hasDriver: false)
    }

    /// A device that a Linux driver has, and that is neither disk nor bridge, may still know an address of the driver's: it
    /// does not get its bus mastering back. Nor is given back what lies in memory that Linux has used since.
    private func keepOffTheBus(_ record: inout FirmwareStateRecord) {
        for index in 0..<record.functionCount {
            let old = record[index]
            var recorded = old
            if !recorded.isStorage, !recorded.isBridge, function(at: recorded.address).hasDriver {
                recorded.command &= ~4
            }
            if let kind = recorded.kind, recorded.standing == .kept, obstacle(to: recorded, record) != nil {
                recorded.set(kind, .notReadable)
            }
            if recorded != old { record[index] = recorded }
        }
    }

    /// The warnings alone, where no segment can be handed over.
    func warn(_ draft: inout PlanDraft) {
        if machine.efi == nil { warn(nil, &draft) }
    }

    private func warn(_ record: FirmwareStateRecord?, _ draft: inout PlanDraft) {
        for function in machine.pciFunctions where function.hasDriver && function.address != driven {
            let classCode = function.classAndRevision >> 16
            // IDE's registers hold nothing that firmware would miss.
            guard classCode >> 8 == 0x01, classCode != 0x0101 else { continue }
            let recorded = record?.function(at: function.address)
            if let obstacle = obstacle(to: recorded, record, kind: ControllerKind(of: function)) {
                draft.warn(.diskLost(controller: function.address.name, obstacle))
            }
        }
    }

    /// Why a controller's state cannot be given back; nil where it can, or firmware never used it.
    private func obstacle(
        to recorded: FunctionRecord?, _ record: FirmwareStateRecord?, kind: ControllerKind
    ) -> LostDiskReason? {
        if kind == .nvme { return .nvme }
        if kind == .none { return .unknownController }
        guard let recorded, let record else { return .noRecord }
        return obstacle(to: recorded, record)
    }

    @inline(never) private func obstacle(to recorded: FunctionRecord, _ record: FirmwareStateRecord) -> LostDiskReason?
    {
        switch recorded.standing {
        case .unused: return nil
        case .driverFirst: return .driverFirst
        case .notReadable, nil: return .notReadable
        case .kept: break
        }
        let function = function(at: recorded.address)
        for index in UInt8(0)..<6 {
            if let start = function.memory(index), start >= 1 << 32 { return .registersTooHigh }
        }
        for index in 0..<Int(recorded.channelCount) {
            let channel = record.channel(index, of: recorded)
            if isRAM(channel.commands) || isRAM(channel.answers) || isRAM(channel.requests) { return .listsInRAM }
        }
        return nil
    }

    /// 0 stands for no address.
    @inline(never) private func isRAM(_ address: UInt64) -> Bool {
        address != 0 && machine.systemRAM.ranges.contains { $0.contains(PhysicalAddress(address)) }
    }
}

/// Why the BIOS has lost a controller.
public enum LostDiskReason: Hashable, Sendable {
    /// There is no record, or this controller is not in it.
    case noRecord
    /// NVM Express: where the queues lie cannot be read back.
    case nvme
    /// A kind of which it is not known what firmware leaves in it.
    case unknownController
    /// The record was made too late.
    case driverFirst
    case notReadable
    /// Registers above 4 GiB, which the payload does not reach.
    case registersTooHigh
    /// What the controller would read and write lies in memory that Linux has used since.
    case listsInRAM
}
