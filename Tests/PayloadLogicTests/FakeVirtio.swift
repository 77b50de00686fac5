// SPDX-License-Identifier: MIT
import Handoff

@testable import FirmwareLogic

/// A virtio device of version 1 with one queue, whose ring lies in the machine's memory. It is not asked for anything but
/// to note which requests it was given.
final class FakeVirtio: FakeDevice {
    static let address = PCIAddress(bus: 0, deviceAndFunction: 0x20)
    private let machine: FakeMachine
    private var selected: UInt32 = 0
    private(set) var features: UInt64 = 0
    private(set) var status: UInt32 = 0
    private var featureSelect: UInt32 = 0
    /// The registers of the queue, by their offsets.
    private var words: [UInt64: UInt32] = [:]
    private let queue: UInt32
    /// How far the device has read the ring.
    private var seen: UInt16 = 0
    private var notified = false

    /// Requests that it answers before it falls silent.
    var patience = Int.max
    /// Microseconds until it answers.
    var delay = 0
    private var waited = 0
    var takesFeatures = true
    var canBeReset = true
    /// What it was asked, in order: the first bytes of what it may read, and the sizes of all parts, those that it may
    /// write negative.
    private(set) var requests: [(words: [UInt32], sizes: [Int])] = []
    private(set) var faults: [String] = []

    init(_ machine: FakeMachine, isSCSI: Bool) {
        self.machine = machine
        queue = isSCSI ? 2 : 0
        machine.add(
            Self.address, identity: isSCSI ? 0x1048_1af4 : 0x1042_1af4, class: 0x01_0000, command: 0x0010_0400)
        machine.functions[Self.address]?.merge([
            0x20: UInt32(FakeMachine.registers) | 4, 0x34: 0x84, 0x84: 0x0114_5009, 0x88: 4, 0x8c: 0x100,
            0x50: 0x0214_0009, 0x54: 4, 0x58: 0x3000, 0x60: 4,
        ]) { $1 }
        machine.device = self
    }

    func read(_ offset: UInt64, _ width: RegisterWidth) -> UInt32 {
        switch offset &- 0x100 {
        case VirtioRegister.status: status
        case VirtioRegister.queueSelect: selected
        default: selected == queue ? words[offset &- 0x100] ?? 0 : 0
        }
    }

    func write(_ value: UInt32, _ offset: UInt64, _ width: RegisterWidth) {
        switch offset &- 0x100 {
        case VirtioRegister.status: setStatus(value)
        case VirtioRegister.queueSelect: selected = value
        case VirtioRegister.driverFeatureSelect: featureSelect = value
        case VirtioRegister.driverFeature:
            let shift = UInt64(32 * featureSelect)
            features = features & ~(0xffff_ffff << shift) | UInt64(value) << shift
        case 0x3000 - 0x100 + 4 * 7:
            if value != queue || width != .half { faults.append("notified of queue \(value)") }
            notified = true
            if delay == 0 { work() }
        case VirtioRegister.queueSize...VirtioRegister.deviceArea + 4:
            if words[VirtioRegister.queueEnable] == 1 { faults.append("an enabled queue is changed") }
            if selected == queue { words[offset &- 0x100] = value }
        default: faults.append("unknown register \(String(offset, radix: 16))")
        }
    }

    private func setStatus(_ value: UInt32) {
        if value == 0 {
            guard canBeReset else { return }
            (status, seen, features, notified) = (0, 0, 0, false)
            words = [:]
        } else if value & VirtioRegister.featuresOK != 0, !takesFeatures {
            status = value & ~VirtioRegister.featuresOK
        } else {
            if value & status != status { faults.append("the status goes back") }
            status = value
        }
    }

    /// Linux's ring, which holds nothing.
    func startForLinux(at ring: UInt64 = 0x1008_0000) {
        for (register, offset) in Self.areas { words[register] = UInt32(truncatingIfNeeded: ring + offset) }
        words[VirtioRegister.queueSize] = 256
        words[VirtioRegister.queueEnable] = 1
        (status, features) = (15, VirtioRegister.versionOne)
    }

    private static let areas: [(UInt64, UInt64)] = [
        (VirtioRegister.descriptors, 0), (VirtioRegister.driverArea, 0x1000), (VirtioRegister.deviceArea, 0x2000),
    ]

    func tick() {
        guard delay > 0, notified else { return }
        waited += 1
        if waited >= delay {
            waited = 0
            work()
        }
    }

    /// What it does when it is notified, or wakes up: carries out all that the ring names.
    func work() {
        guard status & VirtioRegister.driverOK != 0, words[VirtioRegister.queueEnable] == 1 else { return }
        guard machine.isMaster(Self.address) else { return }
        let (driver, device) = (area(VirtioRegister.driverArea), area(VirtioRegister.deviceArea))
        let size = words[VirtioRegister.queueSize] ?? 0
        notified = false
        while seen != UInt16(machine.read(driver + 2, .half)) {
            guard patience > 0 else { return }
            patience -= 1
            let slot = UInt64(UInt32(seen) % size)
            let head = machine.read(driver + 4 + 2 * slot, .half)
            carryOut(head)
            machine.write(head, device + 4 + 8 * slot, .word)
            seen &+= 1
            machine.write(UInt32(seen), device + 2, .half)
        }
    }

    private func carryOut(_ head: UInt32) {
        var (index, left) = (head, 8)
        var request: (words: [UInt32], sizes: [Int]) = ([], [])
        while left > 0 {
            let descriptor = area(VirtioRegister.descriptors) + 16 * UInt64(index)
            let (start, size) = (UInt64(machine.read(descriptor, .word)), machine.read(descriptor + 8, .word))
            let flags = machine.read(descriptor + 12, .half)
            if flags & 2 != 0 {
                for byte in 0..<UInt64(size) { machine.write(0x5a, start + byte, .byte) }
            } else if request.words.isEmpty {
                request.words = (0..<4).map { machine.read(start + 4 * $0, .word) }
            }
            request.sizes.append(flags & 2 != 0 ? -Int(size) : Int(size))
            guard flags & 1 != 0 else { break }
            (index, left) = (machine.read(descriptor + 14, .half), left - 1)
        }
        requests.append(request)
    }

    private func area(_ register: UInt64) -> UInt64 { UInt64(words[register] ?? 0) }
    /// Where the queue lies, as the device knows it.
    var descriptors: UInt64 { area(VirtioRegister.descriptors) }
}
