// SPDX-License-Identifier: MIT

/// What `MilestonePlugin` wrote in one boot.
struct MilestoneLog: Equatable {
    struct Entry: Equatable {
        /// A page's first code, not an event.
        var isPage: Bool
        var instructions: Int
        /// Those among them at addresses of user mode, which identity-mapped code has, too.
        var user: Int
        var name: String
    }
    private(set) var entries: [Entry] = []

    /// - Throws: `LabError` naming the line that is none.
    init(_ text: String) throws {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 3)
            guard words.count == 4, words[0] == "E" || words[0] == "L", let instructions = Int(words[1]),
                let user = Int(words[2])
            else { throw LabError("no milestone: '\(line)'") }
            entries.append(
                Entry(isPage: words[0] == "L", instructions: instructions, user: user, name: String(words[3])))
        }
    }

    /// The first event of that name at or behind a position.
    func position(of name: String, from start: Int = 0) -> Int? {
        entries[min(start, entries.count)...].firstIndex { !$0.isPage && $0.name == name }
    }

    /// The first event of one of the names.
    func position(ofAny names: [String], from start: Int) -> Int? {
        names.compactMap { position(of: $0, from: start) }.min()
    }

    /// The different pages below 64 GiB that begin to run between two positions, in order.
    func pages(from start: Int, to end: Int) -> [Entry] {
        var seen: Set<String> = []
        return entries[start..<end].filter { $0.isPage && seen.insert($0.name).inserted }
    }
}
