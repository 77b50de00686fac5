// SPDX-License-Identifier: MIT
#if canImport(Handoff)
    import Handoff
#endif

/// Why a controller, or its disk, is of no use: what was found.
enum NVMeProblem: Equatable {
    /// All registers read as ones: nothing answers there.
    case absent
    /// `CAP.CSS` lacks bit 0, the NVM command set.
    case noNVMCommands(CSS: UInt32)
    /// `CAP.MPSMIN`: its smallest pages have 4096 bytes times 2 to the power of this, not 4096.
    case largePages(MPSMIN: UInt32)
    /// `CSTS` as it was when time was up.
    case doesNotStop(CSTS: UInt32)
    /// `CSTS` as it was when time was up, or the controller had failed.
    case doesNotStart(CSTS: UInt32)
    /// What a command of the start was answered with: `NVMeStatus`.
    case refused(NVMeCommand.Administration, UInt32)
    /// The namespace is not active; 0: none is.
    case noNamespace(UInt32)
    /// The format of the namespace's blocks: metadata's bytes in the lower half, above them the power of two that a block has.
    case oddBlocks(UInt32)
}

/// The fields `SCT` and `SC` of a completion: 0 where the command was done.
enum NVMeStatus {
    /// No completion came, in time or at all: more than the fields can hold.
    static let silent: UInt32 = 0x800
}

/// Offsets of a controller's registers.
enum NVMeRegister {
    static let capabilities: UInt64 = 0x00
    static let version: UInt64 = 0x08
    static let configuration: UInt64 = 0x14
    static let status: UInt64 = 0x1c
    static let adminSizes: UInt64 = 0x24
    static let adminSubmissions: UInt64 = 0x28
    static let adminCompletions: UInt64 = 0x30
    static let doorbells: UInt64 = 0x1000
}

/// What of a command differs from one to the next.
struct NVMeCommand {
    /// Commands for the admin queue.
    enum Administration: UInt32 {
        case createSubmissions = 0x01
        case createCompletions = 0x05
        case identify = 0x06
        case setFeatures = 0x09
    }
    /// Commands for the disk.
    enum Input: UInt32 {
        case flush = 0x00
        case write = 0x01
        case read = 0x02
    }

    var opcode: UInt32
    var namespace: UInt32 = 0
    /// Of the one page that the command reads or writes, or of a queue.
    var address: UInt64 = 0
    /// Command dwords 10 to 12.
    var words: (UInt32, UInt32, UInt32) = (0, 0, 0)
}

/// An NVMe controller that is started afresh, with a queue of its own for administration and one for the disk, one command
/// at a time and polled (NVM Express Base Specification 1.4, sections 3.1, 4, 5 and 7.6.1).
struct NVMeController<Machine: MachineAccess> {
    /// What it needs of memory that stays, in bytes, from a page on: a page for each side of the queues.
    static var memorySize: UInt64 { 4 * 4096 }
    /// Entries of each queue; of the two that are enough one is free.
    private static var depth: UInt32 { 2 }

    /// A submission queue and the completion queue of its commands.
    private struct Queue {
        let number: UInt32
        let submissions: UInt64
        let completions: UInt64
        var tail: UInt32 = 0
        var head: UInt32 = 0
        /// What the controller writes in entries of this round.
        var phase: UInt32 = 1
    }

    private let machine: Machine
    private let registers: UInt64
    private var admin: Queue
    private var io: Queue
    /// A command did not come back: its page may still be written, so there is no other.
    private(set) var isDead = false

    /// - Parameters:
    ///   - registers: the address of its registers, below 4 GiB.
    ///   - memory: `memorySize` bytes of zeros from a page on, below 4 GiB, that stay.
    init(machine: Machine, registers: UInt64, memory: UInt64) {
        self.machine = machine
        self.registers = registers
        admin = Queue(number: 0, submissions: memory, completions: memory &+ 4096)
        io = Queue(number: 1, submissions: memory &+ 2 * 4096, completions: memory &+ 3 * 4096)
    }

    /// `VS`: major version in the upper half, minor in bits 8 to 15.
    var version: UInt32 { word(NVMeRegister.version) }

    // MARK: Start

    mutating func start() -> NVMeProblem? {
        let capabilities = word(NVMeRegister.capabilities &+ 4)
        if capabilities == .max { return .absent }
        // What `CC` asks for below must be among what `CAP` offers: else it is not defined what the controller does.
        let commandSets = capabilities >> 5 & 0xff
        if commandSets & 1 == 0 { return .noNVMCommands(CSS: commandSets) }
        let smallestPage = capabilities >> 16 & 15
        if smallestPage > 0 { return .largePages(MPSMIN: smallestPage) }
        set(0, NVMeRegister.configuration)
        if let status = wait(untilReady: 0) { return .doesNotStop(CSTS: status) }
        set((Self.depth &- 1) << 16 | Self.depth &- 1, NVMeRegister.adminSizes)
        setAddress(admin.submissions, NVMeRegister.adminSubmissions)
        setAddress(admin.completions, NVMeRegister.adminCompletions)
        // Enabled; the NVM command set; pages of 4 KiB; entries of 64 bytes to it, of 16 from it.
        machine.fence()
        set(4 << 20 | 6 << 16 | 1, NVMeRegister.configuration)
        if let status = wait(untilReady: 1) { return .doesNotStart(CSTS: status) }
        return makeQueues()
    }

    private mutating func makeQueues() -> NVMeProblem? {
        // Number of Queues, feature 7: one more than 0 of each kind. A controller that refuses to be told may still have
        // one, which its answer to the next command shows.
        _ = administer(.setFeatures, (7, 0))
        let size = (Self.depth &- 1) << 16 | io.number
        var status = administer(.createCompletions, address: io.completions, (size, 1))
        if status != 0 { return .refused(.createCompletions, status) }
        status = administer(.createSubmissions, address: io.submissions, (size, io.number << 16 | 1))
        return status == 0 ? nil : .refused(.createSubmissions, status)
    }

    /// As long as the controller says that it may take, in half seconds.
    /// - Returns: nil where it came to that, else `CSTS`.
    @inline(never) private func wait(untilReady ready: UInt32) -> UInt32? {
        var left = (word(NVMeRegister.capabilities) >> 24 &+ 1) &* 500_000
        while true {
            let status = word(NVMeRegister.status)
            // A reset ends a fatal state; in what comes after it, one is for good.
            let hasFailed = status & 2 != 0 && (ready == 1 || status == .max)
            if status & 1 == ready && !hasFailed { return nil }
            if hasFailed || left == 0 { return status }
            machine.pause()
            left &-= 1
        }
    }

    // MARK: Commands

    /// - Returns: `NVMeStatus`.
    @inline(never) mutating func administer(
        _ command: NVMeCommand.Administration, namespace: UInt32 = 0, address: UInt64 = 0, _ words: (UInt32, UInt32)
    ) -> UInt32 {
        var queue = admin
        let status = carryOut(
            NVMeCommand(
                opcode: command.rawValue, namespace: namespace, address: address, words: (words.0, words.1, 0)), &queue)
        admin = queue
        return status
    }

    /// - Returns: `NVMeStatus`.
    mutating func carryOut(_ command: NVMeCommand) -> UInt32 {
        var queue = io
        let status = carryOut(command, &queue)
        io = queue
        return status
    }

    @inline(never) private mutating func carryOut(_ command: NVMeCommand, _ queue: inout Queue) -> UInt32 {
        guard !isDead else { return NVMeStatus.silent }
        fill(queue.submissions &+ UInt64(queue.tail) &* 64, command)
        queue.tail = (queue.tail &+ 1) % Self.depth
        // The entry, and what the command writes to the disk, are in memory before the controller is told.
        machine.fence()
        ring(2 &* queue.number, queue.tail)
        let completion = queue.completions &+ UInt64(queue.head) &* 16 &+ 12
        guard let answer = waitForAnswer(at: completion, phase: queue.phase) else {
            isDead = true
            // Stopped, as far as it still listens: what comes late goes nowhere.
            set(0, NVMeRegister.configuration)
            return NVMeStatus.silent
        }
        // What the command has read is looked at only now.
        machine.fence()
        queue.head = (queue.head &+ 1) % Self.depth
        if queue.head == 0 { queue.phase ^= 1 }
        ring(2 &* queue.number &+ 1, queue.head)
        // The rest says whether trying again is of use, and that there is more to know.
        return answer >> 17 & 0x7ff
    }

    private func fill(_ entry: UInt64, _ command: NVMeCommand) {
        var offset: UInt64 = 0
        while offset < 64 {
            machine.write(0, entry &+ offset, .word)
            offset &+= 4
        }
        machine.write(command.opcode, entry, .word)
        machine.write(command.namespace, entry &+ 4, .word)
        machine.write(UInt32(truncatingIfNeeded: command.address), entry &+ 24, .word)
        machine.write(command.words.0, entry &+ 40, .word)
        machine.write(command.words.1, entry &+ 44, .word)
        machine.write(command.words.2, entry &+ 48, .word)
    }

    /// Waits, five seconds at most, for the completion's last word.
    /// - Returns: nil where none comes, or the controller has failed, or is gone.
    private func waitForAnswer(at address: UInt64, phase: UInt32) -> UInt32? {
        var left = 5_000_000
        while left > 0 {
            let answer = machine.read(address, .word)
            if answer >> 16 & 1 == phase { return answer }
            if word(NVMeRegister.status) & 2 != 0 { return nil }
            machine.pause()
            left &-= 1
        }
        return nil
    }

    // MARK: Registers

    private func ring(_ doorbell: UInt32, _ value: UInt32) {
        let stride = word(NVMeRegister.capabilities &+ 4) & 15
        set(value, NVMeRegister.doorbells &+ UInt64(doorbell) << (2 &+ UInt64(stride)))
    }

    @inline(never) private func word(_ register: UInt64) -> UInt32 { machine.read(registers &+ register, .word) }
    @inline(never) private func set(_ value: UInt32, _ register: UInt64) {
        machine.write(value, registers &+ register, .word)
    }
    private func setAddress(_ address: UInt64, _ register: UInt64) {
        set(UInt32(truncatingIfNeeded: address), register)
        set(0, register &+ 4)
    }
}
