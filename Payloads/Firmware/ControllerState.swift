// SPDX-License-Identifier: MIT
#if canImport(Handoff)
    import Handoff
#endif

/// Gives one controller back what firmware had told it: first it stops what Linux has left, off the bus; then it may use
/// the bus again; then it learns where firmware's lists are. What does not answer is left as it is.
struct ControllerState<Machine: MachineAccess> {
    let function: MachineFunction<Machine>
    let recorded: FunctionRecord
    /// Where a request of our own can lie: `FirmwareStateHeader.scratchSize` bytes.
    let scratch: UInt64

    private var machine: Machine { function.machine }

    @inline(never) func giveBack(_ record: RawSpan, _ header: FirmwareStateHeader) {
        var index: UInt32 = 0
        while index < UInt32(recorded.channelCount) {
            let place = UInt32(recorded.firstChannel) &+ index
            guard place < header.channelCount else { return }
            let channel = FirmwareState.channel(place, of: record, header)
            switch recorded.kind {
            case .ahci: giveBackPort(channel)
            case .virtioBlock, .virtioSCSI: giveBackQueue(channel)
            case .some(.none), .nvme, nil: break
            }
            index &+= 1
        }
        function.setCommand(recorded.command)
    }

    /// Memory and ports as firmware had them, and no bus: from here on nothing of Linux's can reach the memory.
    private func takeOffTheBus() { function.setCommand(recorded.command & ~PCICommand.master) }
    private func putOnTheBus() { function.setCommand(recorded.command | PCICommand.master) }

    // MARK: AHCI

    @inline(never) private func giveBackPort(_ channel: ChannelRecord) {
        guard let base = function.memory(5), base < reach else { return }
        let port = base &+ AHCIRegister.port(channel.number)
        @inline(never) func read(_ register: UInt64) -> UInt32 { machine.read(port &+ register, .word) }
        @inline(never) func write(_ value: UInt32, _ register: UInt64) { machine.write(value, port &+ register, .word) }
        let running = AHCIRegister.start | AHCIRegister.receive
        let lists =
            UInt64(read(AHCIRegister.commandList)) | UInt64(read(AHCIRegister.commandList &+ 4)) << 32
        if lists == channel.commands, read(AHCIRegister.command) & running == running { return putOnTheBus() }

        takeOffTheBus()
        // Bit 0 would reset the whole controller.
        machine.write(recorded.control & ~1 | 1 << 31, base &+ AHCIRegister.globalControl, .word)
        write(0, AHCIRegister.interruptEnable)
        write(read(AHCIRegister.command) & ~AHCIRegister.start, AHCIRegister.command)
        machine.wait { read(AHCIRegister.command) & AHCIRegister.isRunning == 0 }
        write(read(AHCIRegister.command) & ~AHCIRegister.receive, AHCIRegister.command)
        machine.wait { read(AHCIRegister.command) & AHCIRegister.isReceiving == 0 }
        // While it runs, other lists are forbidden; that the lists are read needs the bus.
        putOnTheBus()
        write(UInt32(truncatingIfNeeded: channel.commands), AHCIRegister.commandList)
        write(UInt32(truncatingIfNeeded: channel.commands >> 32), AHCIRegister.commandList &+ 4)
        write(UInt32(truncatingIfNeeded: channel.answers), AHCIRegister.receivedFIS)
        write(UInt32(truncatingIfNeeded: channel.answers >> 32), AHCIRegister.receivedFIS &+ 4)
        write(channel.controlOrStatus, AHCIRegister.control)
        machine.wait { read(AHCIRegister.status) & 15 == 3 }  // the disk is there, the link is up
        write(.max, AHCIRegister.error)
        write(.max, AHCIRegister.portInterrupts)
        machine.write(1 << (channel.number & 31), base &+ AHCIRegister.interrupts, .word)
        // Spun up, powered, and of what kind the disk is; the rest of the word is not the driver's, or starts.
        let command = channel.commandOrSize & 0x0f00_0006
        write(command | AHCIRegister.receive, AHCIRegister.command)
        machine.wait { read(AHCIRegister.taskFile) & 0x88 == 0 }  // neither busy nor waiting for data
        write(command | running, AHCIRegister.command)
        machine.wait { read(AHCIRegister.command) & AHCIRegister.isRunning != 0 }
        write(channel.interruptsOrNotify, AHCIRegister.interruptEnable)
    }

    // MARK: virtio

    @inline(never) private func giveBackQueue(_ channel: ChannelRecord) {
        guard let device = VirtioDevice(function) else { return }
        if device.holds(channel) { return putOnTheBus() }
        takeOffTheBus()
        guard device.reset() else { return }
        putOnTheBus()
        // All of firmware's requests are done: else its index and the device's would not agree again.
        let replay = RingReplay(
            machine: machine, channel: channel, isSCSI: recorded.kind == .virtioSCSI, scratch: scratch)
        guard let count = replay.prepare() else { return }
        if device.setUp(channel) {
            replay.run(count) { device.notify(channel) }
        }
        replay.finish(count)
    }
}

/// Payloads map the first 4 GiB; the last of it is firmware's own.
private let reach: UInt64 = 0xfff0_0000

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
    func holds(_ channel: ChannelRecord) -> Bool {
        write(channel.number, VirtioRegister.queueSelect, .half)
        let low = UInt64(read(VirtioRegister.descriptors, .word))
        return low | UInt64(read(VirtioRegister.descriptors &+ 4, .word)) << 32 == channel.commands
            && status == channel.controlOrStatus
    }

    func reset() -> Bool {
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
/// failure of its next request (it has asked as many targets when it looked for disks). One at a time, so that their number may be more than the ring holds and the same three
/// descriptors do for all. Then the descriptors, in which drivers keep a list of free ones, are what they were.
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
    @inline(never) func run(_ count: UInt16, _ notify: () -> Void) {
        var done: UInt16 = 0
        while done != count {
            let slot = UInt64(UInt32(done) % channel.commandOrSize)
            setHalf(0, channel.requests &+ 4 &+ 2 &* slot)  // descriptor 0 begins it
            if isSCSI { setWord(0x40_0001 | UInt32(done & 0xff) << 8, scratch) }  // target, unit 0
            done &+= 1
            setHalf(done, channel.requests &+ 2)
            notify()
            if !machine.wait(until: { half(channel.answers &+ 2) == done }) { return }
        }
    }

    /// Descriptors and indices as firmware left them.
    func finish(_ count: UInt16) {
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
