// SPDX-License-Identifier: MIT
#if canImport(Handoff)
    import Handoff
#endif

/// Bits of a PCI function's command word.
enum PCICommand {
    static let ports: UInt16 = 1 << 0
    static let memory: UInt16 = 1 << 1
    static let master: UInt16 = 1 << 2
    static let noInterrupts: UInt16 = 1 << 10
}

/// Puts the PCI functions back as firmware knows them.
///
/// Linux takes bus mastering from all functions at the jump, and its drivers turn the interrupt line off. With a record
/// each function gets its own command word back, and controllers their state. Without one, disks get all that they need,
/// bridges to other buses let their reads and writes pass again, and all else stays off the bus: what Linux has left in a
/// network card may be the address of a buffer that is no more. Interrupts by messages are off for all: firmware knows none.
struct PCICare<Machine: MachineAccess> {
    let machine: Machine

    /// - Parameters:
    ///   - record: of the functions as firmware left them; what is no whole record counts for none.
    ///   - scratch: the address of the bytes behind it.
    func putBack(_ record: RawSpan, scratch: UInt64) {
        let header = FirmwareState.header(of: record)
        forEachFunction { function in
            stopMessages(function)
            function.setCommand(command(for: function, recorded(function, record, header)))
        }
        guard let header else { return }
        var index: UInt32 = 0
        while index < header.functionCount {
            let recorded = FirmwareState.function(index, of: record)
            let function = MachineFunction(machine: machine, address: recorded.address)
            if recorded.isKept, recorded.address.segment == 0, recorded.difference(from: function) == nil {
                ControllerState(function: function, recorded: recorded, scratch: scratch).giveBack(record, header)
            }
            index &+= 1
        }
    }

    /// All buses are asked, behind bridges or not: those that do not exist answer with ones.
    private func forEachFunction(_ body: (MachineFunction<Machine>) -> Void) {
        var number: UInt32 = 0
        while number < 0x1_0000 {
            let function = MachineFunction(
                machine: machine,
                address: PCIAddress(
                    bus: UInt8(truncatingIfNeeded: number >> 8), deviceAndFunction: UInt8(truncatingIfNeeded: number)))
            let exists = function.identity != .max
            if exists { body(function) }
            // Seven more where the first one says so.
            let isFirst = number & 7 == 0
            let hasOthers = exists && function.word(at: 0x0c) & 1 << 23 != 0
            number &+= isFirst && !hasOthers ? 8 : 1
        }
    }

    @inline(never) private func recorded(
        _ function: MachineFunction<Machine>, _ record: RawSpan, _ header: FirmwareStateHeader?
    ) -> FunctionRecord? {
        guard let header else { return nil }
        var index: UInt32 = 0
        while index < header.functionCount {
            let recorded = FirmwareState.function(index, of: record)
            if recorded.address == function.address {
                return recorded.difference(from: function) == nil ? recorded : nil
            }
            index &+= 1
        }
        return nil
    }

    @inline(never) private func stopMessages(_ function: MachineFunction<Machine>) {
        _ = function.firstCapability { offset, first in
            let enabled: UInt32
            switch first & 0xff {
            case 0x05: enabled = 1 << 16  // MSI
            case 0x11: enabled = 1 << 31  // MSI-X
            default: return false
            }
            if first & enabled != 0 { machine.setConfiguration(first & ~enabled, function.address, offset) }
            return false
        }
    }

    @inline(never) private func command(for function: MachineFunction<Machine>, _ recorded: FunctionRecord?) -> UInt16 {
        let now = function.command
        if let recorded, recorded.standing != .driverFirst {
            // A controller that still does what Linux told it last does not get to the memory before that is over.
            return recorded.isKept ? recorded.command & ~PCICommand.master : recorded.command
        }
        switch function.classAndRevision >> 16 {
        case 0x0100..<0x0200:
            return (now | PCICommand.ports | PCICommand.memory | PCICommand.master) & ~PCICommand.noInterrupts
        case 0x0604: return now | PCICommand.master
        case 0x0600..<0x0700: return now
        default: return now & ~PCICommand.master
        }
    }
}

extension FunctionRecord {
    /// Whether there is a state to give back.
    var isKept: Bool { standing == .kept && channelCount > 0 }
}
