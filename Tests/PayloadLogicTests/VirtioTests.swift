// SPDX-License-Identifier: MIT
import Handoff
import Testing

@testable import FirmwareLogic

/// Firmware's driver has filled its ring with writes; none of them may be carried out again.
struct VirtioTests {
    private let machine = FakeMachine()
    private static let ring = FakeMachine.memory
    private static let features = VirtioRegister.versionOne | 0x44

    /// - Parameters:
    ///   - made: requests that firmware had made and been answered, modulo 65536.
    ///   - open: of them, not answered.
    private func record(
        _ device: FakeVirtio, made: UInt16, open: UInt16 = 0, size: UInt32 = 8, isSCSI: Bool = false,
        _ change: (inout ChannelRecord) -> Void = { _ in }
    ) -> FirmwareStateRecord {
        var queue = ChannelRecord()
        (queue.number, queue.commandOrSize, queue.controlOrStatus) = (isSCSI ? 2 : 0, size, 15)
        (queue.interruptsOrNotify, queue.features) = (7, Self.features)
        (queue.commands, queue.requests, queue.answers) = (Self.ring, Self.ring + 0x4_0000, Self.ring + 0x6_0000)
        // All slots name requests to write, one in three descriptors.
        for slot in 0..<UInt64(size) {
            let head = UInt32(slot % 2 * 3)
            machine.write(head, queue.requests + 4 + 2 * slot, .half)
        }
        for descriptor in 0..<UInt32(6) {
            let place = Self.ring + 16 * UInt64(descriptor)
            let isLast = descriptor % 3 == 2
            machine.write(UInt32(Self.ring) + 0x8_0000 + descriptor * 0x1000, place, .word)
            machine.write(isLast ? 1 : descriptor % 3 == 0 ? 16 : 512, place + 8, .word)
            machine.write((isLast ? 2 : 1) | (descriptor + 1) << 16, place + 12, .word)
        }
        for head in [0x8_0000, 0x8_3000] as [UInt64] { machine.write(1, Self.ring + head, .word) }
        machine.write(UInt32(made), queue.requests + 2, .half)
        machine.write(UInt32(made &- open), queue.answers + 2, .half)
        change(&queue)
        var record = FirmwareStateRecord()
        record.add(queue)
        var function = machine.recorded(FakeVirtio.address, command: 0x0107)
        function.set(isSCSI ? .virtioSCSI : .virtioBlock, .kept)
        record.add(function, channels: 1)
        return record
    }

    private func memory(_ size: UInt64 = 96) -> [UInt32] {
        stride(from: 0, to: size, by: 4).map { machine.read(Self.ring + $0, .word) }
    }

    private var indices: [UInt32] {
        [machine.read(Self.ring + 0x4_0002, .half), machine.read(Self.ring + 0x6_0002, .half)]
    }

    /// Firmware's next request, a read, in the slot that is its turn.
    private func readAsFirmwareDoes(_ device: FakeVirtio, made: UInt16, size: UInt32 = 8) {
        for head in [0x8_0000, 0x8_3000] as [UInt64] { machine.write(0, Self.ring + head, .word) }
        machine.write(0, Self.ring + 0x4_0004 + 2 * UInt64(UInt32(made) % size), .half)
        machine.write(UInt32(made &+ 1), Self.ring + 0x4_0002, .half)
        machine.write(0, FakeMachine.registers + 0x3000 + 28, .half)
    }

    private let getID: [Int] = [16, -20, -1]

    /// One request, one less than the ring holds, as many, more, and all that can be counted.
    @Test(arguments: [1, 7, 8, 9, 1000, 65535] as [UInt16]) func countsUpWithHarmlessRequests(made: UInt16) {
        let device = FakeVirtio(machine, isSCSI: false)
        device.startForLinux()
        let record = record(device, made: made)
        let before = memory()
        machine.putBack(record)
        #expect(device.faults == [] && machine.lost == [])
        #expect(device.requests.count == Int(made))
        #expect(device.requests.allSatisfy { $0.words[0] == 8 && $0.sizes == getID })
        #expect(memory() == before && indices == [UInt32(made), UInt32(made)])
        #expect(device.status == 15 && device.features == Self.features && device.descriptors == Self.ring)
        #expect(machine.command(FakeVirtio.address) == 0x0107)

        readAsFirmwareDoes(device, made: made)
        #expect(device.requests.count == Int(made) + 1 && device.requests.last?.words[0] == 0)
        #expect(indices == [UInt32(made &+ 1), UInt32(made &+ 1)])
    }

    /// Both count modulo 65536: after as many requests the device and the ring agree at once.
    @Test func nothingIsReplayedWhereTheCountIsZero() {
        let device = FakeVirtio(machine, isSCSI: false)
        device.startForLinux()
        machine.putBack(record(device, made: 0))
        #expect(device.requests.isEmpty && indices == [0, 0] && device.status == 15)
        readAsFirmwareDoes(device, made: 0)
        #expect(device.requests.map(\.words[0]) == [0])
    }

    @Test func aSCSIAdaptersTargetsAreAskedInTurn() {
        let device = FakeVirtio(machine, isSCSI: true)
        device.startForLinux()
        machine.putBack(record(device, made: 258, isSCSI: true))
        #expect(device.faults == [] && device.requests.count == 258)
        for (index, request) in device.requests.enumerated() {
            // virtio_scsi_cmd_req: 1, the target, unit 0 in the flat form; all of the command is zeros.
            #expect(request.words == [0x40_0001 | UInt32(index & 0xff) << 8, 0, 0, 0] && request.sizes == [51, -108])
        }
    }

    @Test func leavesAQueueThatIsAsItWasAlone() {
        let device = FakeVirtio(machine, isSCSI: false)
        device.startForLinux(at: Self.ring)
        machine.putBack(record(device, made: 5))
        #expect(device.requests.isEmpty && indices == [5, 5] && device.status == 15)
        #expect(machine.command(FakeVirtio.address) == 0x0107)
    }

    @Test func waitsForASlowDevice() {
        let device = FakeVirtio(machine, isSCSI: false)
        device.startForLinux()
        device.delay = 100
        machine.putBack(record(device, made: 20))
        #expect(device.requests.count == 20 && indices == [20, 20])
        #expect(machine.time < 20 * 110)
    }

    /// Else it would carry out what firmware's ring still names, once it wakes up or firmware's next request wakes it.
    @Test(arguments: [0, 3]) func aDeviceThatFallsSilentGetsNoStaleRequest(after answers: Int) {
        let device = FakeVirtio(machine, isSCSI: false)
        device.startForLinux()
        device.patience = answers
        let record = record(device, made: 20)
        let before = memory()
        machine.putBack(record)
        #expect(500_000...510_000 ~= machine.time)
        #expect(machine.command(FakeVirtio.address) == 0x0103)
        #expect(device.status == 0 && memory() == before && indices == [20, 20])

        device.patience = .max
        device.work()
        readAsFirmwareDoes(device, made: 20)
        #expect(device.requests.count == answers && device.requests.allSatisfy { $0.words[0] == 8 })
    }

    /// It still has the ring of Linux's driver.
    @Test func aDeviceThatCannotBeResetStaysOffTheBus() {
        let device = FakeVirtio(machine, isSCSI: false)
        device.startForLinux()
        device.canBeReset = false
        machine.putBack(record(device, made: 20))
        #expect(500_000...510_000 ~= machine.time)
        #expect(machine.command(FakeVirtio.address) == 0x0103)
        #expect(device.requests.isEmpty && indices == [20, 20])
    }

    @Test func aDeviceThatRefusesTheFeaturesIsNotStarted() {
        let device = FakeVirtio(machine, isSCSI: false)
        device.startForLinux()
        device.takesFeatures = false
        let record = record(device, made: 20)
        let before = memory()
        machine.putBack(record)
        #expect(device.requests.isEmpty && memory() == before && indices == [20, 20])
        readAsFirmwareDoes(device, made: 20)
        #expect(device.requests.isEmpty)
    }

    @Test func aRingWithOpenRequestsIsNotStarted() {
        let device = FakeVirtio(machine, isSCSI: false)
        device.startForLinux()
        let record = record(device, made: 3, open: 1)
        let before = memory()
        machine.putBack(record)
        #expect(device.requests.isEmpty && memory() == before && indices == [3, 2] && device.status == 0)
    }

    /// Sizes that no queue has, places that the payload does not reach.
    @Test(arguments: 0..<5) func aRingThatCannotBeUsedIsNotTouched(_ number: Int) {
        let device = FakeVirtio(machine, isSCSI: false)
        device.startForLinux()
        let record = record(device, made: 3) { queue in
            switch number {
            case 0: queue.commandOrSize = 3
            case 1: queue.commandOrSize = 0x8001
            case 2: queue.commands = 1 << 32
            case 3: queue.requests = 0xfff0_0000
            default: queue.answers = .max
            }
        }
        machine.putBack(record)
        #expect(device.requests.isEmpty && machine.lost == [] && indices == [3, 3] && device.status == 0)
    }

    /// Those above 4 GiB, and those in the last MiB below, which is firmware's own.
    @Test(arguments: [(1, nil), (0, 0xfff0_0000), (0, 0xfff0_1000)] as [(UInt32, UInt32?)])
    func registersOutOfReachAreLeftAlone(high: UInt32, low: UInt32?) {
        let device = FakeVirtio(machine, isSCSI: false)
        device.startForLinux()
        machine.functions[FakeVirtio.address]?[0x24] = high
        if let low, let flags = machine.functions[FakeVirtio.address]?[0x20] {
            machine.functions[FakeVirtio.address]?[0x20] = low | flags & 15
        }
        machine.putBack(record(device, made: 3))
        #expect(device.requests.isEmpty && machine.lost == [] && indices == [3, 3] && device.status == 15)
        #expect(machine.command(FakeVirtio.address) == 0x0103)
    }
}
