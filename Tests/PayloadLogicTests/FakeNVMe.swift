// SPDX-License-Identifier: MIT
import Handoff

@testable import FirmwareLogic

/// An NVMe controller with queues in the machine's memory and a disk whose blocks it keeps. What the specification forbids
/// or leaves open it notes.
final class FakeNVMe: FakeDevice {
    /// How a namespace is formatted.
    struct Namespace {
        var blocks: UInt64 = 64
        /// `LBADS`
        var power: UInt32 = 9
        /// `MS`
        var metadata: UInt32 = 0
        /// Which of the formats is this one, and `NLBAF`.
        var format: UInt32 = 0
        var lastFormat: UInt32 = 0
    }

    private let machine: FakeMachine
    /// `CAP`: the NVM command set, half a second, queues of 64 entries in one piece.
    var capabilities: UInt64 = 1 << 37 | 1 << 24 | 1 << 16 | 63
    var version: UInt32 = 0x0001_0400
    var namespaces: [UInt32: Namespace] = [1: Namespace()]
    /// `NN`; the highest of the namespaces without it.
    var namespaceCount: UInt32?
    var hasVolatileCache = false
    var hasNamespaceList = true
    var takesNumberOfQueues = true
    /// Microseconds from `CC.EN` to `CSTS.RDY`; nil: for ever.
    var inertia: Int? = 100
    /// Microseconds until a command is answered; nil: never.
    var delay: Int? = 3
    /// It fails with `CSTS.CFS` instead of starting, or of answering.
    var failsToStart = false
    var failsInCommand = false
    /// It has left the bus.
    var isGone = false
    /// Answers for the next commands of the disk, by what they would do.
    var statuses: [UInt32: UInt32] = [:]

    private var words: [UInt64: UInt32] = [:]
    private var isReady = false
    private var hasFailed = false
    private var isChanging = false
    private var waited = 0
    private struct Queue {
        var start: UInt64
        var size: UInt32
        var index: UInt32 = 0
        var phase: UInt32 = 1
    }
    private var submissions: [UInt32: Queue] = [:]
    private var completions: [UInt32: Queue] = [:]
    /// Doorbells that have been rung, by queue: the new tail.
    private var rung: [UInt32: UInt32] = [:]
    private var rungFor = 0

    /// Commands in order, as "admin identify 1" or "write 3+8".
    private(set) var commands: [String] = []
    /// Broken rules.
    private(set) var faults: [String] = []
    private var cache: [UInt64: [UInt8]] = [:]
    private var blocks: [UInt64: [UInt8]] = [:]

    init(_ machine: FakeMachine) {
        self.machine = machine
        machine.device = self
    }

    // MARK: Disk

    private func block(_ number: UInt64, _ size: Int) -> [UInt8] {
        cache[number] ?? blocks[number] ?? [UInt8](repeating: 0, count: size)
    }
    /// The bytes of a sector of 512 bytes on the first namespace.
    func sector(_ number: UInt64) -> [UInt8] {
        let size = 1 << Int(namespaces[1]?.power ?? 9)
        let place = Int(number) * 512
        return Array(block(UInt64(place / size), size)[place % size..<place % size + 512])
    }
    func fill(sector number: UInt64, with byte: UInt8) {
        let size = 1 << Int(namespaces[1]?.power ?? 9)
        let place = Int(number) * 512
        var bytes = block(UInt64(place / size), size)
        bytes.replaceSubrange(place % size..<place % size + 512, with: [UInt8](repeating: byte, count: 512))
        blocks[UInt64(place / size)] = bytes
    }
    func cutPower() { cache = [:] }

    // MARK: Registers

    func read(_ offset: UInt64, _ width: RegisterWidth) -> UInt32 {
        if isGone { return .max }
        switch offset {
        case 0x00: return UInt32(truncatingIfNeeded: capabilities)
        case 0x04: return UInt32(truncatingIfNeeded: capabilities >> 32)
        case 0x08: return version
        case 0x1c: return (isReady ? 1 : 0) | (hasFailed ? 2 : 0)
        default: return words[offset] ?? 0
        }
    }

    func write(_ value: UInt32, _ offset: UInt64, _ width: RegisterWidth) {
        if width != .word { faults.append("a register written in pieces") }
        switch offset {
        case 0x14: configure(value)
        case 0x24...0x34:
            if isEnabled { faults.append("the admin queue changed while enabled") }
            words[offset] = value
        case 0x1000...: ring(offset, value)
        default: faults.append("register \(String(offset, radix: 16)) written")
        }
    }

    private var isEnabled: Bool { (words[0x14] ?? 0) & 1 != 0 }

    private func configure(_ value: UInt32) {
        let wasEnabled = isEnabled
        words[0x14] = value
        guard value & 1 != (wasEnabled ? 1 : 0) else { return }
        (isChanging, waited) = (true, 0)
        if value & 1 == 0 {
            hasFailed = false
            (submissions, completions, rung) = ([:], [:], [:])
            return
        }
        if isReady { faults.append("enabled before it has stopped") }
        if UInt64(value >> 7 & 15) < capabilities >> 48 & 15 { faults.append("CC.MPS below CAP.MPSMIN") }
        if value >> 4 & 7 == 0, capabilities >> 37 & 1 == 0 { faults.append("CC.CSS of no CAP.CSS") }
        if value >> 16 & 0xff != 0x46 { faults.append("CC.IOCQES or CC.IOSQES") }
        let sizes = words[0x24] ?? 0
        submissions[0] = Queue(start: address(0x28), size: (sizes & 0xfff) + 1)
        completions[0] = Queue(start: address(0x30), size: (sizes >> 16 & 0xfff) + 1)
        scribble(address(0x28), entries: (sizes & 0xfff) + 1)
    }

    private func address(_ register: UInt64) -> UInt64 {
        UInt64(words[register] ?? 0) | UInt64(words[register + 4] ?? 0) << 32
    }

    private func ring(_ offset: UInt64, _ value: UInt32) {
        let stride = UInt64(4) << (capabilities >> 32 & 15)
        let (number, rest) = (offset - 0x1000).quotientAndRemainder(dividingBy: stride)
        let queue = UInt32(number / 2)
        guard rest == 0, let entries = (number % 2 == 0 ? submissions : completions)[queue]?.size, value < entries
        else { return faults.append("doorbell at \(String(offset, radix: 16)) rung with \(value)") }
        if number % 2 == 0 {
            rung[queue] = value
            rungFor = 0
        }
    }

    func tick() {
        waited += 1
        if isChanging, let inertia, waited >= inertia {
            isChanging = false
            if isEnabled && failsToStart { hasFailed = true } else { isReady = isEnabled }
        }
        if !isReady || rung.isEmpty { return }
        rungFor += 1
        if failsInCommand { hasFailed = true }
        guard let delay, rungFor >= delay, !hasFailed else { return }
        for (queue, tail) in rung { work(queue, tail) }
        rung = [:]
    }

    // MARK: Commands

    private func work(_ number: UInt32, _ tail: UInt32) {
        while var queue = submissions[number], queue.index != tail {
            let entry = machine.deviceRead(queue.start + UInt64(queue.index) * 64, count: 64)
            let command = stride(from: 0, to: 64, by: 4).map { Self.word(entry[$0..<$0 + 4]) }
            // Metadata, the second page, and what the commands here have no use for.
            if [2, 3, 4, 5, 8, 9, 13, 14, 15].contains(where: { command[$0] != 0 }) {
                faults.append("a reserved word of a command is not 0")
            }
            scribble(queue.start + UInt64(queue.index) * 64, entries: 1)
            queue.index = (queue.index + 1) % queue.size
            submissions[number] = queue
            let status = number == 0 ? administer(command) : carryOut(command)
            complete(number, status, identifier: command[0] >> 16, head: queue.index)
        }
    }

    /// Nobody promises what an entry holds that no command was written to.
    private func scribble(_ start: UInt64, entries: UInt32) {
        machine.deviceWrite([UInt8](repeating: 0xff, count: Int(entries) * 64), start)
    }

    private func complete(_ number: UInt32, _ status: UInt32, identifier: UInt32, head: UInt32) {
        guard var queue = completions[number] else { return faults.append("no completion queue \(number)") }
        let place = queue.start + UInt64(queue.index) * 16
        let words = [0, 0, number << 16 | head, status << 17 | queue.phase << 16 | identifier]
        machine.deviceWrite(words.flatMap(Self.bytes), place)
        queue.index = (queue.index + 1) % queue.size
        if queue.index == 0 { queue.phase ^= 1 }
        completions[number] = queue
    }

    private static func bytes(_ word: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) }
    }

    private static func word(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    private enum Status {
        static let invalidField: UInt32 = 0x02 | 1 << 14  // "do not retry"
        static let sequenceError: UInt32 = 0x0c
        static let invalidNamespace: UInt32 = 0x0b | 1 << 14
        static let invalidQueue: UInt32 = 0x101
    }

    private func administer(_ command: [UInt32]) -> UInt32 {
        let (opcode, page) = (command[0] & 0xff, UInt64(command[6]) | UInt64(command[7]) << 32)
        switch opcode {
        case 0x06:
            commands.append("identify \(command[10]) of \(command[1])")
            return identify(command[10], command[1], page)
        case 0x09:
            commands.append("set feature \(command[10]) to \(command[11])")
            guard submissions.count == 1, completions.count == 1 else { return Status.sequenceError }
            return takesNumberOfQueues ? 0 : Status.invalidField
        case 0x01, 0x05:
            let isSubmission = opcode == 0x01
            commands.append("create \(isSubmission ? "submission" : "completion") queue \(command[10] & 0xffff)")
            let (number, size) = (command[10] & 0xffff, command[10] >> 16 + 1)
            guard number == 1, size >= 2, UInt64(size - 1) <= capabilities & 0xffff, command[11] & 1 == 1,
                page % 4096 == 0
            else { return Status.invalidQueue }
            if isSubmission {
                guard completions[command[11] >> 16] != nil else { return Status.invalidQueue }
                submissions[number] = Queue(start: page, size: size)
                scribble(page, entries: size)
            } else {
                completions[number] = Queue(start: page, size: size)
            }
            return 0
        default:
            faults.append("unknown command \(opcode)")
            return 1
        }
    }

    private func identify(_ subject: UInt32, _ number: UInt32, _ page: UInt64) -> UInt32 {
        // Version 1.0 has one bit for it.
        if version < 0x0001_0100, subject > 1 { return Status.invalidField }
        var bytes = [UInt8](repeating: 0, count: 4096)
        func put(_ word: UInt32, _ offset: Int) { bytes.replaceSubrange(offset..<offset + 4, with: Self.bytes(word)) }
        let count = namespaceCount ?? namespaces.keys.max() ?? 0
        switch subject {
        case 0:
            guard 1...max(count, 1) ~= number else { return Status.invalidNamespace }
            if let namespace = namespaces[number] {
                for offset in [0, 8, 16] { put(UInt32(truncatingIfNeeded: namespace.blocks), offset) }
                for offset in [4, 12, 20] { put(UInt32(namespace.blocks >> 32), offset) }
                bytes[25] = UInt8(namespace.lastFormat)
                bytes[26] = UInt8(namespace.format & 15 | (namespace.format >> 4) << 5)
                // The others have blocks of 2 MiB.
                for format in 0..<64 { put(21 << 16, 128 + 4 * format) }
                put(namespace.power << 16 | namespace.metadata, 128 + 4 * Int(namespace.format))
            }
        case 1:
            put(count, 516)
            bytes[525] = hasVolatileCache ? 7 : 6
        case 2:
            guard hasNamespaceList else { return Status.invalidField }
            for (index, key) in namespaces.keys.filter({ $0 > number }).sorted().enumerated() { put(key, 4 * index) }
        default: return Status.invalidField
        }
        machine.deviceWrite(bytes, page)
        return 0
    }

    private func carryOut(_ command: [UInt32]) -> UInt32 {
        let (opcode, number) = (command[0] & 0xff, command[1])
        if let status = statuses.removeValue(forKey: opcode) { return status }
        guard let namespace = namespaces[number] else { return Status.invalidNamespace }
        if opcode == 0 {
            commands.append("flush of \(number)")
            blocks.merge(cache) { $1 }
            cache = [:]
            return 0
        }
        let (first, count) = (UInt64(command[10]) | UInt64(command[11]) << 32, Int(command[12] & 0xffff) + 1)
        let size = 1 << Int(namespace.power)
        let page = UInt64(command[6]) | UInt64(command[7]) << 32
        commands.append("\(opcode == 1 ? "write" : "read") \(first)+\(count) of \(number)")
        guard first + UInt64(count) <= namespace.blocks else { return 0x80 }
        if count * size > 4096 { faults.append("more than the one page that the command names") }
        for index in 0..<count {
            let place = page + UInt64(index * size)
            if opcode == 2 {
                machine.deviceWrite(block(first + UInt64(index), size), place)
            } else {
                let bytes = machine.deviceRead(place, count: size)
                if hasVolatileCache {
                    cache[first + UInt64(index)] = bytes
                } else {
                    blocks[first + UInt64(index)] = bytes
                }
            }
        }
        return 0
    }
}
