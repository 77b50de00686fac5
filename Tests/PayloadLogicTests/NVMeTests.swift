// SPDX-License-Identifier: MIT
import Handoff
import Testing

@testable import FirmwareLogic

/// What changes with each transfer, for `#expect`, which changes nothing.
private final class ServedDisk {
    private var disk: NVMeDisk<FakeMachine>

    init(_ disk: NVMeDisk<FakeMachine>) { self.disk = disk }
    var problem: NVMeProblem? { disk.problem }
    var sectorCount: UInt64 { disk.sectorCount }
    func transfer(_ first: UInt64, count: UInt32, at address: UInt64, writes: Bool) -> Bool {
        disk.transfer(first, count: count, at: address, writes: writes)
    }
}

struct NVMeTests {
    private let machine = FakeMachine()
    private let controller: FakeNVMe
    /// Of the caller of int 13h.
    private let buffer = FakeMachine.memory + 0x8_0000

    init() { controller = FakeNVMe(machine) }

    private func disk(namespace: UInt32 = 0) -> ServedDisk {
        // What was there before must not be taken for an answer.
        for offset in stride(from: 0, to: NVMeDisk<FakeMachine>.memorySize + 16, by: 4) {
            machine.write(.max, FakeMachine.memory + offset, .word)
        }
        // What is not the disk's stays as it is.
        defer {
            for offset in stride(from: 0, to: UInt64(16), by: 4) {
                let place = FakeMachine.memory + NVMeDisk<FakeMachine>.memorySize + offset
                #expect(machine.read(place, .word) == .max)
            }
        }
        return ServedDisk(
            NVMeDisk(
                machine: machine, registers: FakeMachine.registers, memory: FakeMachine.memory, namespace: namespace))
    }

    private func fill(_ sectors: Int, from first: UInt8) {
        for offset in 0..<UInt64(512 * sectors) {
            machine.write(UInt32(first + UInt8(offset / 512)), buffer + offset, .byte)
        }
    }

    /// The first byte of each sector in the buffer, and of its last.
    private func contents(_ sectors: Int) -> [UInt32] {
        machine.fence()
        return (0..<UInt64(sectors)).map { machine.read(buffer + 512 * $0 + 511, .byte) }
    }

    @Test func startsInTheOrderOfTheSpecification() {
        let disk = disk()
        #expect(disk.problem == nil && disk.sectorCount == 64)
        #expect(controller.faults == [] && machine.lost == [])
        #expect(
            controller.commands == [
                "set feature 7 to 0", "create completion queue 1", "create submission queue 1", "identify 1 of 0",
                "identify 2 of 0", "identify 0 of 1",
            ])
        #expect(machine.time < 1000)
    }

    @Test(arguments: [1, 4, 15] as [UInt64])
    func refusesPagesThatItDoesNotHave(power: UInt64) {
        controller.capabilities |= power << 48 | 15 << 52
        #expect(disk().problem == .largePages(MPSMIN: UInt32(power)))
        #expect(controller.faults == [] && controller.commands == [])
    }

    /// Bit 6: other command sets, by an identifier; bit 7: administration only.
    @Test(arguments: [0, 0x40, 0x80, 0xfe] as [UInt64])
    func refusesAControllerWithoutTheNVMCommandSet(sets: UInt64) {
        controller.capabilities = controller.capabilities & ~(0xff << 37) | sets << 37
        #expect(disk().problem == .noNVMCommands(CSS: UInt32(sets)))
        #expect(controller.faults == [] && controller.commands == [])
    }

    @Test func takesTheNVMCommandSetAmongOthers() {
        controller.capabilities |= 0xff << 37
        #expect(disk().problem == nil)
    }

    @Test func largestPagesDoNotMatter() {
        controller.capabilities |= 15 << 52
        #expect(disk().problem == nil)
    }

    @Test func aControllerThatIsToldNothingOfQueuesMayHaveOne() {
        controller.takesNumberOfQueues = false
        #expect(disk().problem == nil)
    }

    // MARK: Namespaces

    @Test(arguments: [0x0001_0000, 0, 0x0001_0001] as [UInt32])
    func asksVersionOneForItsNamespacesOneByOne(version: UInt32) {
        controller.version = version
        controller.namespaces = [3: .init(blocks: 8), 4: .init()]
        let disk = disk()
        #expect(disk.problem == nil && disk.sectorCount == 8)
        #expect(controller.commands.suffix(3) == ["identify 0 of 1", "identify 0 of 2", "identify 0 of 3"])
        #expect(!controller.commands.contains("identify 2 of 0"))
    }

    @Test func asksOneByOneWhereTheListIsRefused() {
        controller.hasNamespaceList = false
        controller.namespaces = [2: .init(blocks: 8)]
        let disk = disk()
        #expect(disk.problem == nil && disk.sectorCount == 8)
    }

    @Test(arguments: [0x0001_0000, 0x0001_0400] as [UInt32])
    func tellsThatNoNamespaceIsActive(version: UInt32) {
        controller.version = version
        controller.namespaces = [:]
        for count in [0, 1, 200, UInt32.max] {
            controller.namespaceCount = count
            #expect(disk().problem == .noNamespace(0))
        }
        #expect(machine.time < 1_000_000)
    }

    @Test func takesTheFirstActiveNamespaceOfTheList() {
        controller.namespaces = [7: .init(blocks: 16), 300: .init()]
        #expect(disk().sectorCount == 16)
    }

    @Test func takesTheNamespaceThatIsNamed() {
        controller.namespaces = [1: .init(blocks: 8), 5: .init(blocks: 24)]
        #expect(disk(namespace: 5).sectorCount == 24)
        #expect(disk(namespace: 4).problem == .noNamespace(4))
        #expect(disk(namespace: 6).problem == .refused(.identify, 0x0b))
    }

    @Test(arguments: [(9, 64), (10, 128), (11, 256), (12, 512)] as [(UInt32, UInt64)])
    func countsSectorsOfEachBlockSize(power: UInt32, sectors: UInt64) {
        controller.namespaces = [1: .init(power: power)]
        let disk = disk()
        #expect(disk.problem == nil && disk.sectorCount == sectors)
    }

    @Test(arguments: [(8, 0), (13, 0), (0, 0), (9, 8), (12, 64)] as [(UInt32, UInt32)])
    func refusesBlocksOfOtherSizesOrWithMetadata(power: UInt32, metadata: UInt32) {
        controller.namespaces = [1: .init(power: power, metadata: metadata)]
        #expect(disk().problem == .oddBlocks(power << 16 | metadata))
        // Not by way of the next one: the disk is this one.
        controller.version = 0x0001_0000
        controller.namespaces[2] = .init()
        #expect(disk().problem == .oddBlocks(power << 16 | metadata))
    }

    @Test(arguments: [(3, 5), (15, 15), (16, 16), (63, 63)] as [(UInt32, UInt32)])
    func findsTheFormatInUse(format: UInt32, last: UInt32) {
        controller.namespaces = [1: .init(power: 12, format: format, lastFormat: last)]
        let disk = disk()
        #expect(disk.problem == nil && disk.sectorCount == 512)
    }

    @Test func sizesThatNoDiskHasAreNoLoopAround() {
        controller.namespaces = [1: .init(blocks: .max, power: 12)]
        #expect(disk().sectorCount > UInt64(UInt32.max))
    }

    // MARK: Transfers

    /// Queues of two entries change their phase with every second command.
    @Test(arguments: [0, 1, 4, 12] as [UInt64])
    func readsThroughManyRoundsOfTheQueues(stride: UInt64) {
        controller.capabilities |= stride << 32
        for sector in 0..<64 as Range<UInt64> { controller.fill(sector: sector, with: UInt8(sector + 1)) }
        let disk = disk()
        for first in 0..<31 as Range<UInt64> {
            #expect(disk.transfer(first, count: 33, at: buffer, writes: false))
            #expect(contents(33) == (0..<33).map { UInt32(first) + 1 + $0 })
        }
        #expect(controller.faults == [] && machine.lost == [])
    }

    @Test(arguments: [9, 10, 11, 12] as [UInt32])
    func writesPartsOfBlocksAndLeavesTheRest(power: UInt32) {
        controller.namespaces = [1: .init(power: power)]
        for sector in 0..<32 as Range<UInt64> { controller.fill(sector: sector, with: 0xee) }
        let disk = disk()
        fill(13, from: 1)
        #expect(disk.transfer(3, count: 13, at: buffer, writes: true))
        #expect((3..<16).map { controller.sector($0)[511] } == (1...13).map { UInt8($0) })
        #expect(controller.sector(2)[0] == 0xee && controller.sector(16)[0] == 0xee)
        #expect(controller.faults == [])
    }

    /// Without the fence before the doorbell the controller would write what was in its page before; without the one behind
    /// the phase bit the caller would get that.
    @Test func dataIsThereBeforeTheControllerIsToldAndLookedAtOnlyAfterItsAnswer() {
        let disk = disk()
        for round in 0..<3 as Range<UInt8> {
            fill(8, from: 10 * round + 1)
            #expect(disk.transfer(8, count: 8, at: buffer, writes: true))
            #expect(controller.sector(15)[0] == 10 * round + 8)
            controller.fill(sector: 9, with: 0x70 + round)
            #expect(disk.transfer(9, count: 1, at: buffer, writes: false))
            #expect(contents(1) == [0x70 + UInt32(round)])
        }
    }

    @Test func whatIsWrittenOutlastsTheCacheThatNeedsPower() {
        controller.hasVolatileCache = true
        let disk = disk()
        fill(20, from: 1)
        #expect(disk.transfer(0, count: 20, at: buffer, writes: true))
        controller.cutPower()
        #expect((0..<20).map { controller.sector($0)[0] } == (1...20).map { UInt8($0) })
        #expect(controller.commands.filter { $0.hasPrefix("flush") } == ["flush of 1"])
        #expect(disk.transfer(0, count: 20, at: buffer, writes: false))
        #expect(controller.commands.last?.hasPrefix("read") == true)
    }

    @Test func aDiskWithoutACacheIsNotFlushed() {
        let disk = disk()
        #expect(disk.transfer(0, count: 20, at: buffer, writes: true))
        #expect(controller.commands.last?.hasPrefix("write") == true)
    }

    @Test(arguments: [(0, true), (1, true), (2, false)] as [(UInt32, Bool)])
    func aCommandThatFailsIsTold(opcode: UInt32, writes: Bool) {
        controller.hasVolatileCache = true
        let disk = disk()
        controller.statuses = [opcode: 0x281]
        #expect(!disk.transfer(0, count: 1, at: buffer, writes: writes))
        // The next one is another.
        #expect(disk.transfer(0, count: 1, at: buffer, writes: writes))
    }

    /// "More", "do not retry" and the delay until then are no errors by themselves.
    @Test func whatIsSaidBesideASuccessIsNoFailure() {
        let disk = disk()
        controller.statuses = [2: 1 << 11]
        #expect(disk.transfer(0, count: 1, at: buffer, writes: false))
    }

    // MARK: Time

    @Test func waitsAsLongAsTheControllerMayTake() {
        controller.capabilities |= 3 << 24
        controller.inertia = 1_400_000
        #expect(disk().problem == nil)
    }

    @Test func aControllerThatDoesNotStartIsGivenUpInTime() {
        controller.inertia = nil
        #expect(disk().problem == .doesNotStart(CSTS: 0))
        #expect(500_000...1_100_000 ~= machine.time)
    }

    @Test func aControllerThatDoesNotStopIsGivenUpInTime() {
        _ = disk()
        controller.inertia = nil
        let before = machine.time
        #expect(disk().problem == .doesNotStop(CSTS: 1))
        #expect(500_000...1_100_000 ~= machine.time - before)
    }

    @Test func aFatalStateIsToldAtOnce() {
        controller.failsToStart = true
        #expect(disk().problem == .doesNotStart(CSTS: 2))
        #expect(machine.time < 1000)
        // A reset ends it.
        controller.failsToStart = false
        #expect(disk().problem == nil)
    }

    @Test func aControllerThatIsGoneIsTold() {
        controller.isGone = true
        #expect(disk().problem == .absent)
        #expect(machine.time < 1000)
    }

    @Test func aCommandOfTheStartWithoutAnAnswerIsTold() {
        controller.delay = nil
        #expect(disk().problem == .refused(.createCompletions, NVMeStatus.silent))
        #expect(5_000_000...5_100_000 ~= machine.time)
    }

    @Test(arguments: 0..<3)
    func noCommandFollowsOneThatDidNotComeBack(kind: Int) {
        let disk = disk()
        let before = machine.time
        switch kind {
        case 0: controller.delay = nil
        case 1: controller.failsInCommand = true
        default: controller.isGone = true
        }
        #expect(!disk.transfer(0, count: 1, at: buffer, writes: false))
        let time = machine.time - before
        #expect(kind == 0 ? 5_000_000...5_100_000 ~= time : time < 1000)
        let count = controller.commands.count
        (controller.delay, controller.failsInCommand, controller.isGone) = (3, false, false)
        #expect(!disk.transfer(0, count: 1, at: buffer, writes: false))
        #expect(controller.commands.count == count && machine.time - before == time)
    }
}
