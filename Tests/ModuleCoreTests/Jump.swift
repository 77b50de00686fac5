// SPDX-License-Identifier: MIT
import Foundation
import PhysicalMemory

/// What the way out is given: the arguments of kexec_departure.
struct Jump: Equatable {
    let list: UInt64
    let root: UInt64
    let entry: UInt64
    let control: UInt64
}

/// An entry of the copy list.
struct CopyEntry: Equatable {
    let destination: UInt64
    /// nil: zeros.
    let source: UInt64?
    let pages: UInt64

    var destinations: StrideTo<UInt64> {
        stride(from: destination, to: destination + pages * pageSize, by: Int(pageSize))
    }
    var sources: [UInt64] {
        source.map { Array(stride(from: $0, to: $0 + pages * pageSize, by: Int(pageSize))) } ?? []
    }
}

extension MockLinux {
    func walk(_ root: UInt64) -> PageWalk {
        PageWalk(memory: memory, root: root, levels: answers.hasFiveLevels ? 5 : 4)
    }

    /// The list's pages and entries.
    func list(of jump: Jump) -> (pages: [UInt64], entries: [CopyEntry]) {
        var (pages, entries): ([UInt64], [CopyEntry]) = ([], [])
        var page = jump.list
        while page != 0, pages.count < 1 << 16 {
            pages.append(page)
            for index in 0..<(memory.word(page + 8) ?? 0) { entries.append(entry(page + 16 + index * 16)) }
            page = memory.word(page) ?? 0
        }
        return (pages, entries)
    }

    private func entry(_ at: UInt64) -> CopyEntry {
        let (first, second) = (memory.word(at) ?? 0, memory.word(at + 8) ?? 0)
        return CopyEntry(
            destination: first & ~0xfff, source: second == 0 ? nil : second, pages: (first & 0xfff) + 1)
    }

    /// Does what kexec_departure and kexec_relocation do, through the page tables and in their order.
    /// - Returns: nil, or what would have been a fault.
    func perform(_ jump: Jump) -> String? {
        let walk = walk(jump.root)
        guard walk.translate(Self.departureAddress) == Self.departurePage + Self.departureAddress % pageSize else {
            return "no way from the departure page"
        }
        guard let control = walk.translate(jump.control), hasCode(control) else { return "no code on the control page" }
        guard walk.translate(jump.control + pageSize - 8) == control + pageSize - 8 else { return "no stack" }
        var page = jump.list
        // What the copying has damaged may lead in circles.
        for _ in 0..<1 << 12 where page != 0 {
            guard let list = walk.translate(page), let count = memory.word(list + 8), count <= 255 else {
                return "the list's page 0x\(hex(page))"
            }
            for index in 0..<count {
                if let fault = perform(entry(list + 16 + index * 16), walk) { return fault }
            }
            page = memory.word(list) ?? 0
        }
        return page == 0 ? nil : "a list without an end"
    }

    private func hasCode(_ page: UInt64) -> Bool {
        guard let page = memory.pointer(page) else { return false }
        return relocationCode.elementsEqual(UnsafeRawBufferPointer(start: page, count: relocationCode.count))
    }

    private func perform(_ entry: CopyEntry, _ walk: PageWalk) -> String? {
        for offset in stride(from: 0, to: entry.pages * pageSize, by: Int(pageSize)) {
            guard let to = walk.translate(entry.destination + offset).flatMap({ memory.pointer($0) }) else {
                return "destination 0x\(hex(entry.destination + offset))"
            }
            guard let source = entry.source else {
                memset(to, 0, Int(pageSize))
                continue
            }
            guard let from = walk.translate(source + offset).flatMap({ memory.pointer($0) }) else {
                return "source 0x\(hex(source + offset))"
            }
            to.copyMemory(from: from, byteCount: Int(pageSize))
        }
        return nil
    }

    /// The jump's code with another list and root, and back.
    func rehearse(_ jump: Jump) {
        rehearsals.append(jump)
        rehearsedRoot = (0..<512).map { memory.word(jump.root + $0 * 8) ?? 0 }
        for entry in list(of: jump).entries {
            switch (sabotage, entry.source) {
            case (.copiesNothing, .some), (.clearsNothing, nil): continue
            default: break
            }
            if let fault = perform(entry, walk(jump.root)) { complain("a fault in the rehearsal: \(fault)") }
            if sabotage == .damagesLastWord { memory.setWord(entry.destination + pageSize - 8, to: 1) }
        }
    }

    /// What is wrong with a jump for these segments before it is made; nothing, it is hoped.
    func flaws(of jump: Jump, for segments: [TestSegment]) -> [String] {
        var flaws: [String] = []
        let (listPages, entries) = list(of: jump)
        let needed = Set(listPages + [jump.control] + walk(jump.root).everything.tables)
        let wanted = Set(segments.flatMap(\.pages))
        // The last entry that reads a page.
        var lastRead: [UInt64: Int] = [:]
        for (index, entry) in entries.enumerated() { for page in entry.sources { lastRead[page] = index } }
        var written: Set<UInt64> = []
        for (index, entry) in entries.enumerated() {
            let copiesFollow = entries[index...].contains { $0.source != nil }
            if entry.source == nil, copiesFollow { flaws.append("zeros early") }
            for page in entry.destinations {
                if !written.insert(page).inserted { flaws.append("0x\(hex(page)) is written twice") }
                if needed.contains(page) { flaws.append("0x\(hex(page)) is written to and needed") }
                if !wanted.contains(page) { flaws.append("0x\(hex(page)) is no place") }
                if let read = lastRead[page], read >= index { flaws.append("0x\(hex(page)) is read later") }
            }
        }
        for page in needed.union(lastRead.keys) where pages.state(of: page) != .given {
            flaws.append("0x\(hex(page)) is used and not the core's")
        }
        for page in wanted.subtracting(written) where pages.state(of: page) != .given {
            flaws.append("0x\(hex(page)) is neither written nor the core's")
        }
        return flaws
    }

    /// The first page, after the jump, that is not as the segments say; nil: all are.
    func firstWrongPage(of segments: [TestSegment]) -> UInt64? {
        for segment in segments {
            for (index, page) in segment.pages.enumerated() {
                let offset = index * Int(pageSize)
                guard let found = memory.pointer(page) else { return page }
                let rest = segment.contents.dropFirst(offset).prefix(Int(pageSize))
                let wanted = Array(rest) + Array(repeating: 0, count: Int(pageSize) - rest.count)
                // A loop over bytes takes its time in a debug build.
                guard memcmp(found, wanted, Int(pageSize)) == 0 else { return page }
            }
        }
        return nil
    }
}
