// SPDX-License-Identifier: MIT
import PhysicalMemory

/// The page allocator of a machine that is none. It hands out its pages in the order that a test wants, the same ones
/// again as soon as they come back, and notices what comes back twice or was never given.
final class MockPages {
    enum State: UInt8 { case kernel, free, given }

    /// What lies in a free page, in one just given out, and in one that is the kernel's.
    static let freeByte: UInt8 = 0xdf
    static let givenByte: UInt8 = 0xa5
    static let kernelByte: UInt8 = 0x4b

    private let memory: MockMemory
    private var states: [State]
    private var preferred: [UInt64] = []
    /// For each order that was asked for the blocks, the one to be given out first at the beginning, and how many of them
    /// are taken for sure.
    private var blocks: [UInt32: [UInt64]] = [:]
    private var taken: [UInt32: Int] = [:]

    /// Blocks that have not come back, with their orders.
    private(set) var given: [UInt64: UInt32] = [:]
    private(set) var pagesGiven: UInt64 = 0 { didSet { mostGiven = max(mostGiven, pagesGiven) } }
    /// The most there were at once, since a test last set it.
    var mostGiven: UInt64 = 0
    /// Every page that was given out at some time.
    private(set) var everGiven: Set<UInt64> = []
    private(set) var requests = 0
    /// What the core did wrong.
    private(set) var complaints: [String] = []

    /// Counted from 0: the request that fails; with `failsForGood` all that follow, too.
    var failingRequest: Int?
    var failsForGood = true
    /// What there is of larger blocks is in pieces.
    var largestOrder: UInt32 = 9

    /// - Parameter free: pages that may be handed out, in this order.
    init(_ memory: MockMemory, free: [UInt64]) {
        self.memory = memory
        states = Array(repeating: .kernel, count: memory.pageCount)
        for bank in memory.banks {
            for page in bank.range.pages { memory.fill(page, with: Self.kernelByte) }
        }
        for page in free {
            setState(page, .free)
            memory.fill(page, with: Self.freeByte)
        }
        prefer(free)
    }

    /// Hands pages out in another order from now on.
    /// - Parameter order: all that may be handed out.
    func prefer(_ order: [UInt64]) {
        (preferred, blocks, taken) = (order, [0: order], [:])
    }

    private func blocks(of order: UInt32) -> [UInt64] {
        if let blocks = blocks[order] { return blocks }
        let pages = Set(preferred)
        var seen: Set<UInt64> = []
        let blocks = preferred.map { $0.roundedDown(to: pageSize << UInt64(order)) }.filter { block in
            seen.insert(block).inserted && Self.pages(block, order).allSatisfy { pages.contains($0) }
        }
        self.blocks[order] = blocks
        return blocks
    }

    func state(of address: UInt64) -> State? { memory.page(of: address).map { states[$0] } }

    private func setState(_ address: UInt64, _ state: State) {
        if let page = memory.page(of: address) { states[page] = state }
    }

    func complain(_ text: String) { complaints.append(text) }

    func allocate(_ order: UInt32) -> UInt64 {
        defer { requests += 1 }
        guard order <= 9 else {
            complain("a block of order \(order) is asked for")
            return 0
        }
        if let failing = failingRequest, requests == failing || failsForGood && requests > failing { return 0 }
        guard order <= largestOrder, let block = firstFree(order) else { return 0 }
        for page in Self.pages(block, order) {
            setState(page, .given)
            everGiven.insert(page)
            memory.fill(page, with: Self.givenByte)
        }
        given[block] = order
        pagesGiven += 1 << UInt64(order)
        return block
    }

    private func firstFree(_ order: UInt32) -> UInt64? {
        let blocks = blocks(of: order)
        var index = taken[order] ?? 0
        defer { taken[order] = index }
        while index < blocks.count {
            let block = blocks[index]
            index += 1
            if Self.pages(block, order).allSatisfy({ state(of: $0) == .free }) { return block }
        }
        return nil
    }

    func free(_ block: UInt64, _ order: UInt32) {
        guard given[block] == order else {
            complain("0x\(hex(block)) of order \(order) comes back, which was not given or came back before")
            return
        }
        given[block] = nil
        pagesGiven -= 1 << UInt64(order)
        for page in Self.pages(block, order) {
            setState(page, .free)
            memory.fill(page, with: Self.freeByte)
        }
        taken = [:]
    }

    private static func pages(_ block: UInt64, _ order: UInt32) -> StrideTo<UInt64> {
        stride(from: block, to: block + pageSize << UInt64(order), by: Int(pageSize))
    }

    /// Pages that something was written to although they were free, or the kernel's.
    /// - Parameter untouched: pages of the kernel's that a test fills itself.
    func pagesDamaged(except untouched: Set<UInt64> = []) -> [UInt64] {
        memory.banks.flatMap { $0.range.pages }.filter { page in
            switch state(of: page) {
            case .free: !memory.page(page, isAll: Self.freeByte)
            case .kernel: !untouched.contains(page) && !memory.page(page, isAll: Self.kernelByte)
            default: false
            }
        }
    }
}

extension PhysicalRange {
    /// The addresses of its pages.
    var pages: StrideTo<UInt64> { stride(from: start.rawValue, to: end.rawValue, by: Int(pageSize)) }
}

func hex(_ number: UInt64) -> String { String(number, radix: 16) }
