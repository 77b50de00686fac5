// SPDX-License-Identifier: MIT
import Handoff

@testable import FirmwareLogic

/// An AHCI controller, in so far as ports stop and start, and lists must not be changed while they run.
final class FakeAHCI: FakeDevice {
    static let address = PCIAddress(bus: 0, deviceAndFunction: 0xf8)
    private let machine: FakeMachine
    var words: [UInt64: UInt32] = [:]
    /// Ports that go on for ever.
    var endless: Set<UInt32> = []
    /// Microseconds until a port stops.
    var inertia = 20
    private var stopping: [UInt64: Int] = [:]
    /// What was written, in order, but for the bits of a port that say how it runs: "0 CMD=17".
    private(set) var events: [String] = []
    /// Broken rules.
    private(set) var faults: [String] = []

    init(_ machine: FakeMachine) {
        self.machine = machine
        machine.add(Self.address, identity: 0x2922_8086, class: 0x01_0601)
        machine.functions[Self.address]?[0x24] = UInt32(FakeMachine.registers)
        words[AHCIRegister.portsImplemented] = 7
        machine.device = self
    }

    /// Linux's lists, and that the port runs.
    func start(_ port: UInt32) {
        let base = AHCIRegister.port(port)
        words[base + AHCIRegister.commandList] = 0x1001_0000
        words[base + AHCIRegister.receivedFIS] = 0x1002_0000
        words[base + AHCIRegister.command] = 0xc017
        words[base + AHCIRegister.status] = 0x123
    }

    func read(_ offset: UInt64, _ width: RegisterWidth) -> UInt32 { words[offset] ?? 0 }

    func write(_ value: UInt32, _ offset: UInt64, _ width: RegisterWidth) {
        let (port, register) = ((offset &- 0x100) / 0x80, (offset &- 0x100) % 0x80)
        guard offset >= 0x100 else {
            note("HBA \(String(offset, radix: 16))=\(String(value, radix: 16))")
            return words[offset] = value
        }
        let base = offset - register
        let command = words[base + AHCIRegister.command] ?? 0
        let runs = command & (AHCIRegister.isRunning | AHCIRegister.isReceiving) != 0
        note("\(port) \(Self.names[register] ?? String(register, radix: 16))=\(String(value, radix: 16))")
        switch register {
        case AHCIRegister.command:
            set(command, value, UInt32(port), base)
        case AHCIRegister.commandList, AHCIRegister.receivedFIS:
            if runs { faults.append("port \(port): lists changed while it runs") }
            words[offset] = value
        case AHCIRegister.error, AHCIRegister.portInterrupts: words[offset] = (words[offset] ?? 0) & ~value
        default: words[offset] = value
        }
    }

    private func set(_ old: UInt32, _ value: UInt32, _ port: UInt32, _ base: UInt64) {
        let kept = old & (AHCIRegister.isRunning | AHCIRegister.isReceiving)
        if value & AHCIRegister.start != 0, value & AHCIRegister.receive == 0 {
            faults.append("port \(port): started without receiving")
        }
        if value & AHCIRegister.receive == 0, kept & AHCIRegister.isRunning != 0 {
            faults.append("port \(port): receiving ends before it has stopped")
        }
        words[base + AHCIRegister.command] = value & 0x0fff_3fff | kept
        // What starts does so at once.
        if value & AHCIRegister.receive != 0 { words[base + AHCIRegister.command]? |= AHCIRegister.isReceiving }
        if value & AHCIRegister.start != 0 { words[base + AHCIRegister.command]? |= AHCIRegister.isRunning }
        stopping[base] = inertia
    }

    func tick() {
        for (base, left) in stopping {
            stopping[base] = left > 0 ? left - 1 : nil
            guard left <= 0, !endless.contains(UInt32((base - 0x100) / 0x80)) else { continue }
            let command = words[base + AHCIRegister.command] ?? 0
            if command & AHCIRegister.start == 0 { words[base + AHCIRegister.command]? &= ~AHCIRegister.isRunning }
            if command & AHCIRegister.receive == 0 { words[base + AHCIRegister.command]? &= ~AHCIRegister.isReceiving }
        }
    }

    private func note(_ text: String) { events.append(machine.isMaster(Self.address) ? text : text + ", off the bus") }

    private static let names = [
        AHCIRegister.commandList: "CLB", AHCIRegister.commandList + 4: "CLBU", AHCIRegister.receivedFIS: "FB",
        AHCIRegister.receivedFIS + 4: "FBU", AHCIRegister.portInterrupts: "IS", AHCIRegister.interruptEnable: "IE",
        AHCIRegister.command: "CMD", AHCIRegister.control: "SCTL", AHCIRegister.error: "SERR",
    ]
}
