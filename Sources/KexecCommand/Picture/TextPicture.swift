// SPDX-License-Identifier: MIT
internal import Kexec
internal import PhysicalMemory

/// A plan's picture as lines of text, in ASCII: two bars, a scale below each, and what the signs mean.
struct TextPicture {
    let picture: MemoryPicture
    let style: PictureStyle

    var text: String {
        var lines = PictureLines(style: style)
        let whole = bar(over: picture.whole)
        let magnified = bar(over: picture.magnified)
        lines.add("memory      ", whole)
        if !picture.magnified.isEmpty {
            lines.addBrace(below: whole.cells(of: picture.magnified, in: picture))
            lines.addScale(of: whole)
            lines.add("magnified   ", magnified)
        }
        lines.addScale(of: picture.magnified.isEmpty ? whole : magnified)
        lines.addSigns(of: whole, magnified)
        return lines.text
    }

    private func bar(over range: PhysicalRange) -> MemoryBar {
        MemoryBar(picture, over: range, length: style.columns - 2 * PictureLines.indentation, smallest: 1)
    }
}

/// The lines of a picture, one behind the other.
private struct PictureLines {
    /// In front of bars and scales.
    static let indentation = 2

    let style: PictureStyle
    private(set) var text = ""

    init(style: PictureStyle) { self.style = style }

    /// `text` so often, or not at all.
    @inline(never) private mutating func add(_ text: String, _ count: Int = 1) {
        var left = count
        while left > 0 {
            self.text += text
            left -= 1
        }
    }

    /// In the colour of what it shows.
    @inline(never) private mutating func add(_ text: String, _ count: Int, _ content: MemoryBar.Content) {
        let code = style.code(for: content)
        if let code {
            add("\u{1b}[")
            add(code)
            add("m")
        }
        add(text, count)
        if code != nil { add("\u{1b}[m") }
    }

    /// "memory       1 column = 84 MiB", and the bar below.
    mutating func add(_ title: String, _ bar: MemoryBar) {
        add(title)
        add(" 1 column = ")
        add(byteSize(bar.cellSize))
        add("\n")
        add(" ", Self.indentation)
        for span in bar.spans { add(span.content.sign, span.cells.count, span.content) }
        add("\n")
    }

    /// "  \____/": what the second bar shows.
    mutating func addBrace(below cells: Range<Int>) {
        add(" ", Self.indentation + cells.lowerBound)
        add(cells.count == 1 ? "^" : "\\")
        add("_", cells.count - 2)
        add(cells.count == 1 ? "\n" : "/\n")
    }

    /// "  |0x0          |0x40000000"
    mutating func addScale(of bar: MemoryBar) {
        var column = -Self.indentation
        for mark in bar.marks(distance: bar.longestLabel + 2) {
            add(" ", mark.cell - column)
            add("|")
            let label = hexadecimal(mark.address)
            add(label)
            column = mark.cell + 1 + label.utf8.count
        }
        add("\n")
    }

    /// "signs        . RAM  = running kernel", of what is seen.
    mutating func addSigns(of whole: MemoryBar, _ magnified: MemoryBar) {
        add("signs      ")
        for use in MemoryUse.allCases where use != .nothing && (whole.shows(use) || magnified.shows(use)) {
            add(" ", 2)
            add(use.sign, 1, .memory(use))
            add(" ")
            add(use.name)
        }
        add("\n")
    }
}

extension MemoryBar.Content {
    fileprivate var sign: String {
        switch self {
        case .memory(let use): use.sign
        case .segment(let number): MemoryPicture.letter(number)
        }
    }
}
