// SPDX-License-Identifier: MIT
#if canImport(Handoff)
    import Handoff
#endif

/// Gives one controller back what firmware had told it: first it stops what Linux has left, off the bus; then it may use
/// the bus again; then it learns where firmware's lists are. What does not stop or answer stays off the bus: it would go on
/// with lists in memory that has another owner by now.
struct ControllerState<Machine: MachineAccess> {
    let function: MachineFunction<Machine>
    let recorded: FunctionRecord
    /// Where a request of our own can lie: `FirmwareStateHeader.scratchSize` bytes.
    let scratch: UInt64

    @inline(never) func giveBack(_ record: RawSpan, _ header: FirmwareStateHeader) {
        let isBack: Bool
        switch recorded.kind {
        case .ahci: isBack = giveBackPorts(record, header)
        case .virtioBlock, .virtioSCSI: isBack = allChannels(record, header) { giveBackQueue($0) }
        case .some(.none), .nvme, nil: isBack = true
        }
        if isBack { function.setCommand(recorded.command) } else { takeOffTheBus() }
    }

    /// - Returns: whether `holds` says so of all channels; it is not asked for others once it said no.
    @inline(never) private func allChannels(
        _ record: RawSpan, _ header: FirmwareStateHeader, _ holds: (ChannelRecord) -> Bool
    ) -> Bool {
        var index: UInt32 = 0
        while index < UInt32(recorded.channelCount) {
            let place = UInt32(recorded.firstChannel) &+ index
            guard place < header.channelCount else { return true }
            if !holds(FirmwareState.channel(place, of: record, header)) { return false }
            index &+= 1
        }
        return true
    }

    /// Memory and ports as firmware had them, and no bus: from here on nothing of Linux's can reach the memory.
    @inline(never) private func takeOffTheBus() { function.setCommand(recorded.command & ~PCICommand.master) }
    @inline(never) private func putOnTheBus() { function.setCommand(recorded.command | PCICommand.master) }

    /// - Returns: whether it may use the bus; so below.
    @inline(never) private func giveBackPorts(_ record: RawSpan, _ header: FirmwareStateHeader) -> Bool {
        guard let ports = AHCIPorts(function) else { return false }
        if allChannels(record, header, { ports.holds($0) }) { return true }
        takeOffTheBus()
        guard ports.stop(recorded.control) else { return false }
        // That the lists are read needs the bus.
        putOnTheBus()
        return allChannels(record, header) { channel in
            ports.start(channel)
            return true
        }
    }

    @inline(never) private func giveBackQueue(_ channel: ChannelRecord) -> Bool {
        guard let device = VirtioDevice(function) else { return false }
        if device.holds(channel) { return true }
        takeOffTheBus()
        guard device.reset() else { return false }
        // All of firmware's requests are done: else its index and the device's would not agree again.
        let replay = RingReplay(
            machine: function.machine, channel: channel, isSCSI: recorded.kind == .virtioSCSI, scratch: scratch)
        guard let count = replay.prepare() else { return true }
        putOnTheBus()
        var isDone = true
        if device.setUp(channel) {
            isDone = replay.run(count) { device.notify(channel) }
        }
        if !isDone {
            // Once it wakes up it would take what the ring still names for new.
            takeOffTheBus()
            _ = device.reset()
        }
        replay.finish(count)
        return isDone
    }
}

/// Payloads map the first 4 GiB; the last of it is firmware's own.
let reach: UInt64 = 0xfff0_0000

/// The registers of a virtio device.
struct VirtioDevice<Machine: MachineAccess> {
    private let machine: Machine
    private let registers: UInt64
    private let notifications: UInt64
    private let multiplier: UInt32

    init?(_ function: MachineFunction<Machine>) {
        guard let places = VirtioPlaces(in: function), let common = function.memory(places.commonRegion),
            let notify = function.memory(places.notifyRegion), common < reach, notify < reach
        else { return nil }
        machine = function.machine
        registers = common &+ UInt64(places.commonOffset)
        notifications = notify &+ UInt64(places.notifyOffset)
        multiplier = places.notifyMultiplier
    }

    @inline(never) private func read(_ register: UInt64, _ width: RegisterWidth) -> UInt32 {
        machine.read(registers &+ register, width)
    }
    @inline(never) private func write(_ value: UInt32, _ register: UInt64, _ width: RegisterWidth) {
        machine.write(value, registers &+ register, width)
    }
    @inline(never) private func write64(_ value: UInt64, _ register: UInt64) {
        write(UInt32(truncatingIfNeeded: value), register, .word)
        write(UInt32(truncatingIfNeeded: value >> 32), register &+ 4, .word)
    }
    private func setStatus(_ status: UInt32) { write(status, VirtioRegister.status, .byte) }
    private var status: UInt32 { read(VirtioRegister.status, .byte) }

    /// Whether the queue is where firmware put it, and the device runs: Linux has not touched it.
    @inline(never) func holds(_ channel: ChannelRecord) -> Bool {
        write(channel.number, VirtioRegister.queueSelect, .half)
        let low = UInt64(read(VirtioRegister.descriptors, .word))
        return low | UInt64(read(VirtioRegister.descriptors &+ 4, .word)) << 32 == channel.commands
            && status == channel.controlOrStatus
    }

    @inline(never) func reset() -> Bool {
        setStatus(0)
        return machine.wait { status == 0 }
    }

    /// The dialogue of a driver, with firmware's words.
    @inline(never) func setUp(_ channel: ChannelRecord) -> Bool {
        let began = VirtioRegister.acknowledged | VirtioRegister.driver
        setStatus(VirtioRegister.acknowledged)
        setStatus(began)
        write(0, VirtioRegister.driverFeatureSelect, .word)
        write(UInt32(truncatingIfNeeded: channel.features), VirtioRegister.driverFeature, .word)
        write(1, VirtioRegister.driverFeatureSelect, .word)
        write(UInt32(truncatingIfNeeded: channel.features >> 32), VirtioRegister.driverFeature, .word)
        setStatus(began | VirtioRegister.featuresOK)
        guard status & VirtioRegister.featuresOK != 0 else { return false }
        write(channel.number, VirtioRegister.queueSelect, .half)
        write(channel.commandOrSize, VirtioRegister.queueSize, .half)
        write64(channel.commands, VirtioRegister.descriptors)
        write64(channel.requests, VirtioRegister.driverArea)
        write64(channel.answers, VirtioRegister.deviceArea)
        write(1, VirtioRegister.queueEnable, .half)
        setStatus(channel.controlOrStatus)
        return true
    }

    func notify(_ channel: ChannelRecord) {
        machine.write(
            channel.number, notifications &+ UInt64(channel.interruptsOrNotify) &* UInt64(multiplier), .half)
    }
}

/// Brings a device that was reset to where firmware's driver believes it to be.
///
/// After a reset a device counts requests from 0 again; firmware's driver goes on from where it was, and the device would
/// carry out all that its ring still names: reads into memory that has another owner by now, writes of what is there now.
/// So for as many requests as firmware had made (modulo 65536, as both count), one after the other, the ring names one
/// that does no harm and that every device answers: a disk is asked for its name; behind a SCSI adapter one target after
/// the other is asked whether it is ready, which takes from each the news of the reset that firmware would take for a
/// failure of its next request (it has asked as many targets when it looked for disks). One at a time, so that their
/// number may be more than the ring holds and the same three descriptors do for all. Then the descriptors, in which drivers keep a list of free ones, are what they were.
struct RingReplay<Machine: MachineAccess> {
    let machine: Machine
    let channel: ChannelRecord
    let isSCSI: Bool
    let scratch: UInt64

    /// Fills the ring with the harmless request, while the device does not look at it.
    /// - Returns: how many requests firmware had made; nil where one of them is still under way, or the ring lies where
    ///   the payload cannot reach.
    @inline(never) func prepare() -> UInt16? {
        guard channel.commands < reach, channel.requests < reach, channel.answers < reach,
            channel.commandOrSize >= 4, channel.commandOrSize <= 0x8000
        else { return nil }
        let count = half(channel.requests &+ 2)
        guard half(channel.answers &+ 2) == count else { return nil }
        fill()
        copyDescriptors(from: channel.commands, to: saved)
        writeRequest()
        setIndices(0)
        return count
    }

    /// Has the device carry the request out `count` times.
    /// - Returns: whether it has.
    @inline(never) func run(_ count: UInt16, _ notify: () -> Void) -> Bool {
        var done: UInt16 = 0
        while done != count {
            let slot = UInt64(UInt32(done) % channel.commandOrSize)
            setHalf(0, channel.requests &+ 4 &+ 2 &* slot)  // descriptor 0 begins it
            if isSCSI { setWord(0x40_0001 | UInt32(done & 0xff) << 8, scratch) }  // target, unit 0
            done &+= 1
            setHalf(done, channel.requests &+ 2)
            notify()
            if !machine.wait(until: { half(channel.answers &+ 2) == done }) { return false }
        }
        return true
    }

    /// Descriptors and indices as firmware left them.
    @inline(never) func finish(_ count: UInt16) {
        copyDescriptors(from: saved, to: channel.commands)
        setIndices(count)
    }

    // The scratch memory: 64 bytes of request, three descriptors of firmware's, and from 128 on the answer.
    private var saved: UInt64 { scratch &+ 64 }

    private func fill() {
        var offset: UInt64 = 0
        while offset < UInt64(FirmwareStateHeader.scratchSize) {
            setWord(0, scratch &+ offset)
            offset &+= 4
        }
    }

    @inline(never) private func copyDescriptors(from source: UInt64, to destination: UInt64) {
        var offset: UInt64 = 0
        while offset < 48 {
            setWord(machine.read(source &+ offset, .word), destination &+ offset)
            offset &+= 4
        }
    }

    @inline(never) private func setIndices(_ count: UInt16) {
        setHalf(count, channel.requests &+ 2)
        setHalf(count, channel.answers &+ 2)
    }

    /// The request, and the descriptors that name its parts.
    @inline(never) private func writeRequest() {
        let answer = scratch &+ 128
        if isSCSI {
            // virtio_scsi_cmd_req of 51 bytes: an address, and TEST UNIT READY, which is all zeros. Its answer has 108.
            describe(0, scratch, size: 51, isAnswer: false, next: 1)
            describe(1, answer, size: 108, isAnswer: true, next: nil)
        } else {
            setWord(8, scratch)  // VIRTIO_BLK_T_GET_ID: 20 bytes, then the status
            describe(0, scratch, size: 16, isAnswer: false, next: 1)
            describe(1, answer, size: 20, isAnswer: true, next: 2)
            describe(2, answer &+ 32, size: 1, isAnswer: true, next: nil)
        }
    }

    @inline(never) private func describe(
        _ index: UInt64, _ address: UInt64, size: UInt32, isAnswer: Bool, next: UInt32?
    ) {
        let descriptor = channel.commands &+ 16 &* index
        setWord(UInt32(truncatingIfNeeded: address), descriptor)
        setWord(0, descriptor &+ 4)
        setWord(size, descriptor &+ 8)
        // The flags: another follows, the device writes.
        setWord((next == nil ? 0 : 1) | (isAnswer ? 2 : 0) | (next ?? 0) << 16, descriptor &+ 12)
    }

    @inline(never) private func half(_ address: UInt64) -> UInt16 {
        UInt16(truncatingIfNeeded: machine.read(address, .half))
    }
    @inline(never) private func setHalf(_ value: UInt16, _ address: UInt64) {
        machine.write(UInt32(value), address, .half)
    }
    @inline(never) private func setWord(_ value: UInt32, _ address: UInt64) { machine.write(value, address, .word) }
}
