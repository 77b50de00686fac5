// SPDX-License-Identifier: MIT
import Hardware

/// A namespace of an NVMe controller, one command at a time and polled (NVM Express Base Specification 1.4).
///
/// What firmware has told the controller of its queues nobody can read back, and it is gone once Linux has made its own: so
/// the payload makes its own as well, and serves int 13h with them.
struct NVMeDisk {
    /// What it needs of memory that stays, in bytes, from a page on: a page for each queue, and one for data.
    static let memorySize: UInt64 = 5 * 4096
    /// Why a controller is of no use.
    enum Problem {
        case doesNotStop, doesNotStart, refusesQueues, noNamespace, oddSectors
    }

    private enum Register {
        static let capabilities: UInt = 0x00
        static let configuration: UInt = 0x14
        static let status: UInt = 0x1c
        static let adminSizes: UInt = 0x24
        static let adminSubmissions: UInt = 0x28
        static let adminCompletions: UInt = 0x30
        static let doorbells: UInt = 0x1000
    }
    private enum Opcode {
        static let createSubmissions: UInt32 = 0x01
        static let createCompletions: UInt32 = 0x05
        static let identify: UInt32 = 0x06
        static let write: UInt32 = 0x01
        static let read: UInt32 = 0x02
    }

    /// Entries of each queue; of the two that are enough one is free.
    private static let depth: UInt32 = 2

    /// A submission queue and the completion queue of its commands.
    private struct Queue {
        let number: UInt32
        let submissions: UInt
        let completions: UInt
        var tail: UInt32 = 0
        var head: UInt32 = 0
        /// What the controller writes in entries of this round.
        var phase: UInt32 = 1
    }

    private let registers: UInt
    private let data: UInt
    private var admin: Queue
    private var io: Queue
    private var namespace: UInt32
    /// Of 512 bytes.
    private(set) var sectorCount: UInt64 = 0
    /// Sectors of 512 bytes in a block of the namespace: 1, 2, 4 or 8.
    private var sectorsPerBlock: UInt32 = 1
    private(set) var problem: Problem?
    /// A command did not come back: its page may still be written, so there is no other.
    private var isDead = false

    /// Starts the controller afresh.
    /// - Parameters:
    ///   - registers: the address of its registers, below 4 GiB.
    ///   - memory: `memorySize` bytes from a page on, below 4 GiB, that stay.
    ///   - namespace: its number; 0 for the first that is active.
    init(registers: UInt, memory: UInt, namespace: UInt32) {
        self.registers = registers
        self.namespace = namespace
        admin = Queue(number: 0, submissions: memory, completions: memory &+ 4096)
        io = Queue(number: 1, submissions: memory &+ 2 * 4096, completions: memory &+ 3 * 4096)
        data = memory &+ 4 * 4096
        unsafe memory_at(memory).initializeMemory(as: UInt8.self, repeating: 0, count: Int(Self.memorySize))
        problem = start() ?? makeQueues() ?? findNamespace()
    }

    private mutating func start() -> Problem? {
        device_store32(registers &+ Register.configuration, 0)
        guard waitUntilReady(0) else { return .doesNotStop }
        device_store32(registers &+ Register.adminSizes, (Self.depth &- 1) << 16 | Self.depth &- 1)
        setAddress(admin.submissions, Register.adminSubmissions)
        setAddress(admin.completions, Register.adminCompletions)
        // Enabled; pages of 4 KiB; entries of 64 bytes to it, of 16 from it.
        device_store32(registers &+ Register.configuration, 4 << 20 | 6 << 16 | 1)
        return waitUntilReady(1) ? nil : .doesNotStart
    }

    private mutating func makeQueues() -> Problem? {
        let size = (Self.depth &- 1) << 16 | io.number
        guard administer(Opcode.createCompletions, 0, io.completions, size, 1),
            administer(Opcode.createSubmissions, 0, io.submissions, size, io.number << 16 | 1)
        else { return .refusesQueues }
        return nil
    }

    /// The namespace, and how its blocks are formatted.
    private mutating func findNamespace() -> Problem? {
        if namespace == 0 {
            guard administer(Opcode.identify, 0, data, 2, 0) else { return .noNamespace }
            namespace = device_load32(data)
        }
        guard namespace != 0, administer(Opcode.identify, namespace, data, 0, 0) else { return .noNamespace }
        let format = device_load32(data &+ 24) >> 16 & 15
        let word = device_load32(data &+ 128 &+ UInt(format) &* 4)
        let shift = word >> 16 & 0xff
        // The lower half is the size of metadata: for that there would have to be a place.
        guard word & 0xffff == 0, 9...12 ~= shift else { return .oddSectors }
        sectorsPerBlock = 1 << (shift &- 9)
        let blocks = UInt64(device_load32(data)) | UInt64(device_load32(data &+ 4)) << 32
        sectorCount = blocks &* UInt64(sectorsPerBlock)
        return blocks > 0 ? nil : .noNamespace
    }

    /// Transfers sectors of 512 bytes, which the disk has.
    /// - Returns: whether the controller has done it, in time.
    mutating func transfer(_ first: UInt64, count: UInt32, at address: UInt, writes: Bool) -> Bool {
        guard !isDead else { return false }
        var (sector, left, address) = (first, count, address)
        while left > 0 {
            let skipped = UInt32(truncatingIfNeeded: sector) & (sectorsPerBlock &- 1)
            // A page at a time: one address is all that the command needs.
            let piece = min(left, 8 &- skipped)
            let block = sector / UInt64(sectorsPerBlock)
            let blocks = (skipped &+ piece &+ sectorsPerBlock &- 1) / sectorsPerBlock
            let isPartial = skipped != 0 || piece % sectorsPerBlock != 0
            if !writes || isPartial { guard command(Opcode.read, block, blocks) else { return false } }
            let part = data &+ UInt(skipped) &* 512
            let size = Int(piece) &* 512
            if writes {
                unsafe memory_at(part).copyMemory(from: memory_at(address), byteCount: size)
                guard command(Opcode.write, block, blocks) else { return false }
            } else {
                unsafe memory_at(address).copyMemory(from: memory_at(part), byteCount: size)
            }
            sector &+= UInt64(piece)
            address &+= UInt(piece) &* 512
            left &-= piece
        }
        return true
    }

    private mutating func command(_ opcode: UInt32, _ block: UInt64, _ count: UInt32) -> Bool {
        let entry = io.submissions &+ UInt(io.tail) &* 64
        fill(entry, opcode, namespace, data)
        device_store32(entry &+ 40, UInt32(truncatingIfNeeded: block))
        device_store32(entry &+ 44, UInt32(truncatingIfNeeded: block >> 32))
        device_store32(entry &+ 48, count &- 1)
        var queue = io
        let isGood = finish(&queue)
        io = queue
        return conclude(isGood)
    }

    private mutating func administer(
        _ opcode: UInt32, _ namespace: UInt32, _ address: UInt, _ word10: UInt32, _ word11: UInt32
    ) -> Bool {
        let entry = admin.submissions &+ UInt(admin.tail) &* 64
        fill(entry, opcode, namespace, address)
        device_store32(entry &+ 40, word10)
        device_store32(entry &+ 44, word11)
        var queue = admin
        let isGood = finish(&queue)
        admin = queue
        return conclude(isGood)
    }

    @inline(never) private func fill(_ entry: UInt, _ opcode: UInt32, _ namespace: UInt32, _ address: UInt) {
        unsafe memory_at(entry).initializeMemory(as: UInt8.self, repeating: 0, count: 64)
        device_store32(entry, opcode)
        device_store32(entry &+ 4, namespace)
        device_store32(entry &+ 24, UInt32(truncatingIfNeeded: address))
    }

    /// Hands the entry at the tail over and waits, five seconds at most, for its completion.
    /// - Returns: whether the controller has done it; nil where it has not answered.
    @inline(never) private func finish(_ queue: inout Queue) -> Bool? {
        queue.tail = (queue.tail &+ 1) % Self.depth
        ring(2 &* queue.number, queue.tail)
        let status = queue.completions &+ UInt(queue.head) &* 16 &+ 12
        var left = 5_000_000
        while device_load32(status) >> 16 & 1 != queue.phase {
            guard left > 0 else { return nil }
            port_write(0x80, 0)
            left &-= 1
        }
        let isGood = device_load32(status) >> 17 == 0
        queue.head = (queue.head &+ 1) % Self.depth
        if queue.head == 0 { queue.phase ^= 1 }
        ring(2 &* queue.number &+ 1, queue.head)
        return isGood
    }

    /// - Parameter isGood: nil where the command has not come back.
    private mutating func conclude(_ isGood: Bool?) -> Bool {
        if isGood == nil {
            isDead = true
            // Stopped, as far as it still listens: what comes late goes nowhere.
            device_store32(registers &+ Register.configuration, 0)
        }
        return isGood ?? false
    }

    private func ring(_ doorbell: UInt32, _ value: UInt32) {
        let stride = device_load32(registers &+ Register.capabilities &+ 4) & 15
        device_store32(registers &+ Register.doorbells &+ UInt(doorbell) << (2 &+ UInt(stride)), value)
    }

    /// As long as the controller says that it may take, in half seconds.
    private func waitUntilReady(_ value: UInt32) -> Bool {
        var left = (device_load32(registers &+ Register.capabilities) >> 24 &+ 1) &* 500_000
        while device_load32(registers &+ Register.status) & 1 != value {
            guard left > 0 else { return false }
            port_write(0x80, 0)
            left &-= 1
        }
        return true
    }

    private func setAddress(_ address: UInt, _ register: UInt) {
        device_store32(registers &+ register, UInt32(truncatingIfNeeded: address))
        device_store32(registers &+ register &+ 4, 0)
    }
}
