// SPDX-License-Identifier: MIT
import Hardware

/// The VGA's text memory: 25 rows of 80 cells, each a character and its colours.
struct Screen {
    static let memory: UInt = 0xb8000
    private static let cells: UInt = 80 * 25
    /// Where the next character goes.
    private var cell: UInt = 0

    /// Writes one character; a line feed clears the rest of the row. After the last row comes the first again.
    mutating func put(_ byte: UInt8) {
        guard byte == UInt8(ascii: "\n") else { return store(byte) }
        repeat { store(UInt8(ascii: " ")) } while cell % 80 != 0
    }

    private mutating func store(_ byte: UInt8) {
        device_store(Self.memory &+ cell &* 2, 0x0700 | UInt16(byte))  // light grey on black
        cell &+= 1
        if cell == Self.cells { cell = 0 }
    }
}
