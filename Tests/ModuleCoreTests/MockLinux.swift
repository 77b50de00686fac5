// SPDX-License-Identifier: MIT
import Foundation
import Handoff
import ModuleCore
import PhysicalMemory
import Testing

/// All tests of the core: it has one image, and so there is one machine at a time.
@Suite(.serialized) enum CoreTests {}

/// The C side of the kernel module on a machine that is none: linux_glue.h, with answers that a test chooses.
final class MockLinux {
    /// The one that the core runs on.
    nonisolated(unsafe) static var current: MockLinux?

    /// What the core is told.
    struct Answers {
        var mayBoot = true
        var isInInitialProcessNamespace = true
        var isEncrypted = false
        var isParavirtual = false
        /// 1: may be switched on again, 2: not before the next boot.
        var sleepingSiblings: UInt32 = 0
        var lockdown: Int32 = 0
        var policy: Int32 = 0
        var isDisabled = false
        var loadsLeft: Int64 = -1
        var hasNativeKexec = false
        var totalPages: UInt64 = 0
        var addressLimit: UInt64 = 1 << 46
        var elfMachine: UInt64 = 62
        var hasFiveLevels = false
        var hasGigabytePages = false
        var leave: Int32 = -5
        /// What the memory map shows.
        var ram: [PhysicalRange] = []
    }

    /// What a rehearsal does to the pages it should copy and clear.
    enum Sabotage { case none, copiesNothing, clearsNothing, damagesLastWord }

    struct LogLine {
        let isError: Bool
        let text: String
    }

    let memory: MockMemory
    let pages: MockPages
    let caller = MockCaller()
    var answers = Answers()
    var sabotage = Sabotage.none

    /// Tables that have not come back, and their sizes in bytes.
    private(set) var tables: [UnsafeMutableRawPointer: Int] = [:]
    /// Of all that were ever asked for, in bytes.
    private(set) var tableSizes: [Int] = []
    private(set) var tableRequests = 0
    private(set) var copies = 0
    private(set) var questions = 0
    /// Counted from 0.
    var failingTable: Int?
    var failingCopy: Int?
    var interruptedQuestion: Int?

    /// What keeps the module from being removed.
    var pins = 0
    /// Calls of the glue.
    var steps = 0
    /// Those by which the machine is left, in order.
    var exits: [String] = []
    var logLines: [LogLine] = []
    var departures: [Jump] = []
    var rehearsals: [Jump] = []
    /// The root of the last one, as it was then.
    var rehearsedRoot: [UInt64] = []

    /// Text of the module, in RAM that is the kernel's.
    static let departureAddress: UInt64 = 0xffff_ffff_c012_3440
    static let departurePage: UInt64 = 0x10_5000
    /// The running kernel's page table.
    static let kernelRoot: UInt64 = 0x10_8000
    let relocationCode: UnsafeMutableRawBufferPointer
    private static let relocationSize = 171

    /// A small machine: RAM with a hole below 1 MiB, RAM above 4 GiB, reserved memory between, and the kernel at 1 MiB.
    static let smallMachine: [(PhysicalRange, isRAM: Bool)] = [
        (range(0, 0x9_f000), true), (range(0x10_0000, 0x50_0000), true), (range(0x60_0000, 0x68_0000), false),
        (range(0x1_0000_0000, 0x1_0020_0000), true),
    ]
    static let kernelPages = Array(range(0x10_0000, 0x14_0000).pages)

    init(_ ranges: [(PhysicalRange, isRAM: Bool)] = MockLinux.smallMachine) {
        memory = MockMemory(ranges)
        pages = MockPages(memory, free: Self.freePages(of: memory))
        answers.ram = memory.ram
        answers.totalPages = memory.ram.reduce(0) { $0 + $1.size / pageSize }
        relocationCode = .allocate(byteCount: Self.relocationSize, alignment: 16)
        for index in 0..<Self.relocationSize { relocationCode[index] = UInt8(truncatingIfNeeded: index &* 89 &+ 3) }
        for index in 0..<512 { memory.setWord(Self.kernelRoot + UInt64(index) * 8, to: 0xcafe_0000 + UInt64(index)) }
    }

    deinit { relocationCode.deallocate() }

    /// Ascending; page 0 is never handed out.
    private static func freePages(of memory: MockMemory) -> [UInt64] {
        let kernel = Set(kernelPages + [0])
        return memory.ram.flatMap(\.pages).filter { !kernel.contains($0) }
    }

    var freePages: [UInt64] { Self.freePages(of: memory) }

    static func range(_ start: UInt64, _ end: UInt64) -> PhysicalRange {
        PhysicalRange(from: PhysicalAddress(start), to: PhysicalAddress(end))
    }

    /// Pages that were written to and are not the core's.
    var damage: [UInt64] { pages.pagesDamaged(except: [Self.kernelRoot]) }
    var complaints: [String] { pages.complaints }
    func complain(_ text: String) { pages.complain(text) }

    /// Where the loaded image would go; nil: nothing is loaded.
    var jump: Jump? {
        departures = []
        core_depart()
        return departures.first
    }
}

/// Runs `body` on a machine, and holds afterwards that the core gave everything back and did nothing wrong on the way.
func withMachine(
    _ linux: MockLinux = MockLinux(), _ note: String = "", sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (MockLinux) throws -> Void
) rethrows {
    MockLinux.current = linux
    defer { MockLinux.current = nil }
    try body(linux)
    core_close()
    let comment = Comment(rawValue: note)
    #expect(linux.pins == 0, comment, sourceLocation: sourceLocation)
    #expect(linux.pages.given.isEmpty, comment, sourceLocation: sourceLocation)
    #expect(linux.tables.isEmpty, comment, sourceLocation: sourceLocation)
    #expect(linux.complaints.isEmpty, comment, sourceLocation: sourceLocation)
    linux.answers.mayBoot = true
    #expect(linux.status()?.pagesHeld == 0, comment, sourceLocation: sourceLocation)
}

// MARK: What the core calls

extension MockLinux {
    /// Only what the core has may be looked at, and the kernel's page table.
    func pointer(_ address: UInt64) -> UnsafeMutableRawPointer? {
        if pages.state(of: address) != .given, address.roundedDown(to: pageSize) != Self.kernelRoot {
            complain("0x\(hex(address)) is touched, which the core does not have")
        }
        return memory.pointer(address)
    }

    func allocateTable(_ bytes: UInt64) -> UnsafeMutableRawPointer? {
        defer { tableRequests += 1 }
        if tableRequests == failingTable { return nil }
        let table = UnsafeMutableRawPointer.allocate(byteCount: Int(bytes) + 8, alignment: 16)
        table.initializeMemory(as: UInt8.self, repeating: 0, count: Int(bytes))
        table.storeBytes(of: Self.tableEnd, toByteOffset: Int(bytes), as: UInt64.self)
        tables[table] = Int(bytes)
        tableSizes.append(Int(bytes))
        return table
    }

    private static let tableEnd: UInt64 = 0x6e65_6f66_7461_626c

    func freeTable(_ table: UnsafeMutableRawPointer?) {
        guard let table, let bytes = tables.removeValue(forKey: table) else {
            complain("a table comes back that was not given or came back before")
            return
        }
        if table.load(fromByteOffset: bytes, as: UInt64.self) != Self.tableEnd { complain("written behind a table") }
        table.deallocate()
    }

    func copyFromUser(_ to: UnsafeMutableRawPointer, _ address: UInt64, _ size: UInt64) -> Int32 {
        defer { copies += 1 }
        if copies == failingCopy { return -14 }
        if let first = memory.address(of: to) {
            for page in stride(from: first.roundedDown(to: pageSize), to: first + size, by: Int(pageSize))
            where pages.state(of: page) != .given {
                complain("0x\(hex(page)) is copied to, which the core does not have")
            }
        }
        return caller.read(to, address, Int(size)) ? 0 : -14
    }

    func isInterrupted() -> Bool {
        defer { questions += 1 }
        return questions == interruptedQuestion
    }

    func log(_ format: UnsafePointer<CChar>?, _ numbers: [UInt64], isError: Bool) {
        let format = format.map { String(cString: $0) } ?? ""
        let conversions = format.split(separator: "%", omittingEmptySubsequences: false).dropFirst()
        if conversions.count > 3 || !conversions.allSatisfy({ $0.hasPrefix("llu") || $0.hasPrefix("llx") }) {
            complain("a format that the glue does not take: \(format)")
        }
        logLines.append(LogLine(isError: isError, text: String(format: format, numbers[0], numbers[1], numbers[2])))
    }
}
