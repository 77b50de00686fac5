// SPDX-License-Identifier: MIT
import Handoff

@testable import FirmwareLogic

/// What answers at some addresses of a `FakeMachine`, by offsets from the first.
protocol FakeDevice: AnyObject {
    func read(_ offset: UInt64, _ width: RegisterWidth) -> UInt32
    func write(_ value: UInt32, _ offset: UInt64, _ width: RegisterWidth)
    /// A microsecond goes by.
    func tick()
}

/// PCI functions, some memory and one device. It notes what is done to it.
final class FakeMachine: MachineAccess {
    /// Words of the functions' configuration spaces, by their offsets.
    var functions: [PCIAddress: [UInt8: UInt32]] = [:]
    /// Command words as they were written, in order.
    private(set) var commands: [(address: PCIAddress, command: UInt16)] = []
    /// Microseconds.
    private(set) var time = 0
    var device: (any FakeDevice)?
    /// Where the device's registers are.
    static let registers: UInt64 = 0xfebf_0000
    /// RAM: 1 MiB from here on.
    static let memory: UInt64 = 0x1000_0000
    private var bytes = [UInt8](repeating: 0, count: 1 << 20)
    /// Accesses where nothing is.
    private(set) var lost: [UInt64] = []

    func configuration(_ address: PCIAddress, _ offset: UInt8) -> UInt32 {
        guard let words = functions[address] else { return .max }
        return words[offset] ?? 0
    }

    func setConfiguration(_ value: UInt32, _ address: PCIAddress, _ offset: UInt8) {
        guard var words = functions[address] else { return }
        if offset == 0x04 {
            commands.append((address, UInt16(truncatingIfNeeded: value)))
            // The status's bits are cleared by ones.
            let status = (words[offset] ?? 0) & 0xffff_0000
            words[offset] = status & ~(value & 0xf900_0000) | value & 0xffff
        } else {
            words[offset] = value
        }
        functions[address] = words
    }

    func command(_ address: PCIAddress) -> UInt16 { UInt16(truncatingIfNeeded: functions[address]?[0x04] ?? 0) }
    func isMaster(_ address: PCIAddress) -> Bool { command(address) & PCICommand.master != 0 }

    func read(_ address: UInt64, _ width: RegisterWidth) -> UInt32 {
        if let device, 0..<0x1_0000 ~= address &- Self.registers { return device.read(address - Self.registers, width) }
        guard let place = place(address, width) else { return .max }
        // Loops that wait come here some million times.
        if width == .byte { return UInt32(bytes[place]) }
        let half = UInt32(bytes[place]) | UInt32(bytes[place + 1]) << 8
        return width == .half ? half : half | UInt32(bytes[place + 2]) << 16 | UInt32(bytes[place + 3]) << 24
    }

    func write(_ value: UInt32, _ address: UInt64, _ width: RegisterWidth) {
        if let device, 0..<0x1_0000 ~= address &- Self.registers {
            return device.write(value, address - Self.registers, width)
        }
        guard let place = place(address, width) else { return }
        for index in 0..<width.bytes {
            let byte = UInt8(truncatingIfNeeded: value >> UInt32(8 * index))
            (bytes[place + index], view[place + index]) = (byte, byte)
        }
    }

    /// What `copy` may know of `bytes` without a fence: what the program has stored itself, and of a device's doing only
    /// what was there at the last fence.
    private var view = [UInt8](repeating: 0, count: 1 << 20)
    /// Copies that have not reached `bytes`: the compiler may put them off until the next fence.
    private var late: [(place: Int, bytes: [UInt8])] = []
    /// What devices have written since the last fence.
    private var unseen: [Range<Int>] = []

    func copy(from source: UInt64, to destination: UInt64, count: UInt64) {
        guard count > 0, place(source + count - 1, .byte) != nil, place(destination + count - 1, .byte) != nil,
            let from = place(source, .byte), let to = place(destination, .byte)
        else { return }
        let copied = Array(view[from..<from + Int(count)])
        view.replaceSubrange(to..<to + copied.count, with: copied)
        late.append((to, copied))
    }

    func fence() {
        for (place, copied) in late {
            bytes.replaceSubrange(place..<place + copied.count, with: copied)
            unseen.append(place..<place + copied.count)
        }
        late = []
        for places in unseen { view.replaceSubrange(places, with: bytes[places]) }
        unseen = []
    }

    /// Memory as a device finds it, and leaves it: it knows nothing of what is late.
    func deviceRead(_ address: UInt64, count: Int) -> [UInt8] {
        guard let start = place(address, .byte), bytes.count - start >= count else { return [] }
        return Array(bytes[start..<start + count])
    }
    func deviceWrite(_ values: [UInt8], _ address: UInt64) {
        guard let start = place(address, .byte), bytes.count - start >= values.count else { return }
        bytes.replaceSubrange(start..<start + values.count, with: values)
        unseen.append(start..<start + values.count)
    }

    private func place(_ address: UInt64, _ width: RegisterWidth) -> Int? {
        guard address >= Self.memory, address - Self.memory <= UInt64(bytes.count - width.bytes) else {
            lost.append(address)
            return nil
        }
        return Int(address - Self.memory)
    }

    func pause() {
        time += 1
        device?.tick()
    }

    /// Gives back what `record` says; the scratch memory ends where RAM does.
    func putBack(_ record: FirmwareStateRecord?) {
        let bytes = record?.encoded ?? []
        putBack(bytes)
    }

    func putBack(_ record: [UInt8]) {
        record.withUnsafeBytes { PCICare(machine: self).putBack($0.bytes, scratch: Self.scratch) }
    }

    static let scratch = memory + (1 << 20) - UInt64(FirmwareStateHeader.scratchSize)
}

extension RegisterWidth {
    fileprivate var bytes: Int { self == .byte ? 1 : self == .half ? 2 : 4 }
}

extension FakeMachine {
    /// Adds a function without interrupts, on the bus.
    func add(_ address: PCIAddress, identity: UInt32 = 0x1234_8086, class code: UInt32, command: UInt32 = 0x0400) {
        functions[address, default: [:]].merge([0: identity, 4: command, 8: code << 8]) { $1 }
    }

    /// A function as it would be recorded now, but for its command word.
    func recorded(_ address: PCIAddress, command: UInt16) -> FunctionRecord {
        var record = FunctionRecord(MachineFunction(machine: self, address: address), at: address)
        record.command = command
        return record
    }
}
