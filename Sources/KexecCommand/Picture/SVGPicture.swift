// SPDX-License-Identifier: MIT
internal import Kexec
internal import PhysicalMemory

/// A plan as an SVG 1.1 document: the report's lines, and between them the two bars with a label for each segment.
///
///     facts               image, system call, …
///     |0x0    |0x40000000
///     ▐▌▐▐▐▐▐▐▐▐▐▐▐       all memory, with a scale above
///      ╲       ╲          what the second bar shows of it
///     ▐▐▐▐▌▐▐▌▐▐▌▐▐       magnified, again with a scale
///         │  │  └ C …     labels, the last segment's on top: so no line crosses one
///         │  └ B initrd
///         └ A kernel
///     legend
///     remarks             warnings, refusals, whether it can be loaded
struct SVGPicture {
    let picture: MemoryPicture
    let hasBars: Bool
    /// One for each segment, printable, in the order of the picture.
    let labels: [String]
    /// Lines of the report, printable, from before and from after the segments.
    let facts: [String]
    let remarks: [String]

    /// The least of bar and segment, in the unit that a bar's cells have here.
    private static let barWidth = 760
    private static let smallest = 6
    private static let barHeight = 40
    /// The height between the bars, where a scale has its place, too.
    private static let funnelHeight = 64

    /// - Parameter title: what the document is, in a few words.
    func document(title: String) -> String {
        let whole = bar(over: picture.whole)
        let magnified = bar(over: picture.magnified)
        // A label begins below its segment, which may be the bar's last unit.
        let longest = labels.reduce(0) { max($0, $1.utf8.count) }
        var canvas = SVGCanvas(title: title, width: whole.length + longest * SVGCanvas.characterWidth + 24)
        for line in facts { canvas.paragraph(line) }
        if hasBars { addBars(whole, magnified, to: &canvas) }
        for line in remarks { canvas.paragraph(line) }
        return canvas.document()
    }

    private func addBars(_ whole: MemoryBar, _ magnified: MemoryBar, to canvas: inout SVGCanvas) {
        canvas.y += 2 * SVGCanvas.lineHeight
        add(whole, to: &canvas)
        if !picture.magnified.isEmpty {
            addFunnel(from: whole, to: &canvas)
            add(magnified, to: &canvas)
            addLabels(of: magnified, to: &canvas)
        }
        addLegend(of: whole, magnified, to: &canvas)
    }

    private func bar(over range: PhysicalRange) -> MemoryBar {
        MemoryBar(picture, over: range, length: Self.barWidth, smallest: Self.smallest)
    }

    /// With its scale, which is above `y`.
    private func add(_ bar: MemoryBar, to canvas: inout SVGCanvas) {
        for mark in bar.marks(distance: (bar.longestLabel + 2) * SVGCanvas.characterWidth) {
            canvas.line(fromX: mark.cell, y: canvas.y - 16, toX: mark.cell, y: canvas.y)
            canvas.text(hexadecimal(mark.address), x: mark.cell + 4, y: canvas.y - 6)
        }
        for span in bar.spans {
            let words =
                switch span.content {
                case .memory(let use): use.name
                case .segment(let number): labels[number]
                }
            canvas.rectangle(
                x: span.cells.lowerBound, y: canvas.y, width: span.cells.count, height: Self.barHeight,
                fill: span.content.fill, title: words)
        }
        canvas.y += Self.barHeight
    }

    /// From the magnified part of the upper bar to above both ends of the lower one.
    private func addFunnel(from bar: MemoryBar, to canvas: inout SVGCanvas) {
        let cells = bar.cells(of: picture.magnified, in: picture)
        // Not through the scale of the lower bar.
        let bottom = canvas.y + Self.funnelHeight - SVGCanvas.lineHeight
        canvas.line(fromX: cells.lowerBound, y: canvas.y, toX: 0, y: bottom)
        canvas.line(fromX: cells.upperBound, y: canvas.y, toX: bar.length, y: bottom)
        canvas.y += Self.funnelHeight
    }

    private func addLabels(of bar: MemoryBar, to canvas: inout SVGCanvas) {
        let top = canvas.y
        for span in bar.spans.reversed() {
            guard case .segment(let number) = span.content else { continue }
            canvas.y += SVGCanvas.lineHeight
            let x = span.cells.lowerBound + span.cells.count / 2
            canvas.line(fromX: x, y: top, toX: x, y: canvas.y - 4)
            canvas.line(fromX: x, y: canvas.y - 4, toX: x + 8, y: canvas.y - 4)
            canvas.text(labels[number], x: x + 12, y: canvas.y)
        }
    }

    private func addLegend(of whole: MemoryBar, _ magnified: MemoryBar, to canvas: inout SVGCanvas) {
        canvas.y += 2 * SVGCanvas.lineHeight
        var x = 0
        for use in MemoryUse.allCases where whole.shows(use) || magnified.shows(use) {
            let name = use.name
            canvas.rectangle(
                x: x, y: canvas.y - 12, width: 16, height: 16, fill: MemoryBar.Content.memory(use).fill, title: name)
            canvas.text(name, x: x + 22, y: canvas.y)
            x += 44 + name.utf8.count * SVGCanvas.characterWidth
        }
        canvas.y += 2 * SVGCanvas.lineHeight
    }
}

extension MemoryBar.Content {
    /// Told apart by lightness or pattern, too; neighbouring segments as well.
    fileprivate var fill: String {
        switch self {
        case .memory(.nothing): "#eee"
        case .memory(.ram): "#cfe8cf"
        case .memory(.reserved): "url(#reserved)"
        case .memory(.acpi): "url(#acpi)"
        case .memory(.crashKernel): "url(#crash)"
        case .memory(.runningKernel): "#444"
        case .segment(let number): number % 2 == 0 ? "#1f5fbf" : "#79aef2"
        }
    }
}
