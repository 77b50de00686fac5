// SPDX-License-Identifier: MIT
internal import CLinux

/// How a picture is drawn in text.
struct PictureStyle: Hashable {
    /// Of a whole line.
    var columns = Self.usualColumns
    var isColoured = false

    private static let usualColumns = 80

    init() {}

    /// - Parameters:
    ///   - terminalColumns: 0 for a terminal that does not tell; nil for what is none.
    ///   - noColour, terminal: the environment's `NO_COLOR` (https://no-color.org) and `TERM`.
    init(terminalColumns: Int?, noColour: String?, terminal: String?) {
        guard let terminalColumns else { return }
        // Below 60 columns the scale has no room; above 200 an eye loses the line.
        if terminalColumns > 0 { columns = min(max(terminalColumns, 60), 200) }
        isColoured = (noColour ?? "").utf8.isEmpty && understandsSequences(terminal: terminal)
    }

    /// The colour of what is shown (ECMA-48 SGR): only such as are read on black and on white. Nil: as all text.
    func code(for content: MemoryBar.Content) -> String? {
        guard isColoured else { return nil }
        return switch content {
        case .segment: "7"  // reversed: in the terminal's own two colours
        case .memory(.reserved): "31"
        case .memory(.acpi): "35"
        case .memory(.crashKernel): "1;34"
        case .memory(.runningKernel): "36"
        case .memory(.ram), .memory(.nothing): nil
        }
    }
}

extension PictureStyle {
    /// For what is written to standard output.
    init(of terminal: Terminal) {
        let columns = kx_terminal_columns(1)
        self.init(
            terminalColumns: columns < 0 ? nil : Int(columns), noColour: environment("NO_COLOR"),
            terminal: environment("TERM"))
    }
}
