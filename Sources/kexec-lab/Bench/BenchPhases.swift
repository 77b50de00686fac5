// SPDX-License-Identifier: MIT

/// Where the instructions of one boot went; all figures are instructions.
struct BenchPhases: Equatable, Sendable {
    var load = 0
    var loadUser = 0
    /// In the order in which they run; together the downtime.
    var phases: [Phase] = []

    struct Phase: Equatable, Sendable {
        var name: Name
        var instructions: Int
    }

    enum Name: String, CaseIterable, Sendable {
        /// From reset to the kernel's entry; direct boots only.
        case firmware
        /// From reboot(2) on, all that the old kernel does but copying.
        case shutdown
        /// The old kernel's or the module's code on its control page.
        case copy
        /// Purgatory.
        case digest
        /// The bzImage's own code.
        case decompress
        /// The unpacked kernel up to `start_kernel`.
        case entry
        /// `start_kernel` up to `/init`, without the initrd.
        case kernel
        /// From the initcall that unpacks the initrd to the next one.
        case initrd
    }

    /// Names of events that the laboratory gives to the plugin, beside the marks.
    enum Event {
        static let compressedEntry = "bzimage", kernelEntry = "vmlinux"
        static let start = "start_kernel", unpack = "do_populate_rootfs", initcall = "do_one_initcall"
        /// Symbols of the second kernel.
        static let symbols = [start, unpack, initcall]
    }

    static let handoff: Set<Name> = [.firmware, .shutdown, .copy, .digest, .decompress, .entry]
    var downtime: Int { phases.reduce(0) { $0 + $1.instructions } }
    var handoff: Int { phases.filter { Self.handoff.contains($0.name) }.reduce(0) { $0 + $1.instructions } }
    subscript(name: Name) -> Int { phases.first { $0.name == name }?.instructions ?? 0 }

    /// - Throws: `LabError` naming the milestone that is missing.
    init(jumpIn log: MilestoneLog) throws {
        let begin = try Self.need(Mark.loadBegins.event, in: log, from: 0)
        let end = try Self.need(Mark.loadEnds.event, in: log, from: begin)
        load = log.entries[end].instructions - log.entries[begin].instructions
        loadUser = log.entries[end].user - log.entries[begin].user
        let jump = try Self.need(Mark.jump.event, in: log, from: end)
        let entry = try Self.entry(in: log, from: jump)
        let pages = log.pages(from: jump, to: entry)
        guard pages.count > 1 else { throw LabError("no code between the kernels: \(pages.map(\.name))") }
        // The control page first, then purgatory, which may have several pages; a jump without one goes to the entry.
        let (start, purgatory) = (log.entries[jump], pages[1])
        let copied = purgatory.user - start.user
        add(.shutdown, purgatory.instructions - start.instructions - copied)
        add(.copy, copied)
        add(.digest, log.entries[entry].instructions - purgatory.instructions)
        try addKernel(log, entry: entry)
    }

    init(directBootIn log: MilestoneLog) throws {
        let entry = try Self.entry(in: log, from: 0)
        add(.firmware, log.entries[entry].instructions)
        try addKernel(log, entry: entry)
    }

    private mutating func addKernel(_ log: MilestoneLog, entry: Int) throws {
        func count(_ position: Int) -> Int { log.entries[position].instructions }
        let unpacked = try Self.need(Event.kernelEntry, in: log, from: entry)
        let start = try Self.need(Event.start, in: log, from: unpacked)
        let unpack = try Self.need(Event.unpack, in: log, from: start)
        let next = try Self.need(Event.initcall, in: log, from: unpack)
        let arrived = try Self.need(Mark.arrived.event, in: log, from: next)
        add(.decompress, count(unpacked) - count(entry))
        add(.entry, count(start) - count(unpacked))
        add(.kernel, count(unpack) - count(start) + count(arrived) - count(next))
        add(.initrd, count(next) - count(unpack))
    }

    private mutating func add(_ name: Name, _ instructions: Int) {
        phases.append(Phase(name: name, instructions: instructions))
    }

    private static func entry(in log: MilestoneLog, from start: Int) throws -> Int {
        guard let entry = log.position(ofAny: [Event.compressedEntry, Event.kernelEntry], from: start) else {
            throw LabError("the second kernel was not entered")
        }
        return entry
    }

    private static func need(_ name: String, in log: MilestoneLog, from start: Int) throws -> Int {
        guard let position = log.position(of: name, from: start) else {
            throw LabError("the milestone '\(name)' was not reached")
        }
        return position
    }
}
