// SPDX-License-Identifier: MIT

/// As much of an ELF64 program as the assertions on the payloads need; the linker wrote it, so nothing is checked.
struct ELFProgram {
    struct Section { let name: String, type: Int, flags: Int, address: Int, offset: Int, size: Int, link: Int }
    struct Symbol { let name: String, section: Int, address: Int, size: Int }

    let bytes: [UInt8]
    private(set) var sections: [Section] = []
    private(set) var symbols: [Symbol] = []

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        let table = number(0x28, 8)
        let names = table + number(0x3e, 2) * 64
        let namesOffset = number(names + 0x18, 8)
        for index in 0..<number(0x3c, 2) {
            let header = table + index * 64
            sections.append(
                Section(
                    name: text(namesOffset + number(header, 4)), type: number(header + 4, 4),
                    flags: number(header + 8, 8), address: number(header + 0x10, 8),
                    offset: number(header + 0x18, 8), size: number(header + 0x20, 8), link: number(header + 0x28, 4)))
        }
        for section in sections where section.type == 2 {
            for entry in stride(from: section.offset + 24, to: section.offset + section.size, by: 24) {
                symbols.append(
                    Symbol(
                        name: text(sections[section.link].offset + number(entry, 4)), section: number(entry + 6, 2),
                        address: number(entry + 8, 8), size: number(entry + 16, 8)))
            }
        }
    }

    func symbol(_ name: String) -> Symbol? { symbols.first { $0.name == name } }

    /// Little-endian.
    private func number(_ offset: Int, _ size: Int) -> Int {
        (0..<size).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }

    private func text(_ offset: Int) -> String {
        String(decoding: bytes[offset...].prefix { $0 != 0 }, as: UTF8.self)
    }
}
