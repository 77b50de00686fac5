// SPDX-License-Identifier: MIT

/// The elements of an SVG document, one behind the other, in units of a pixel.
struct SVGCanvas {
    /// The height of a line of text.
    static let lineHeight = 20
    /// What a character takes at most, by far: most fonts have 7.2 at this size.
    static let characterWidth = 8
    /// Around everything; x is counted from its inner edge.
    static let margin = 24
    /// In front of what a paragraph's second line has.
    private static let indentation = 13 * characterWidth

    /// Where the next thing goes, from the top.
    var y = margin
    /// Of all that is not margin.
    private let width: Int
    private var bytes: [UInt8] = []

    /// - Parameter title: what the document is, in a few words.
    init(title: String, width: Int) {
        self.width = width
        add("<title>")
        addEscaped(title)
        add(Self.beginning)
    }

    /// The whole document. It needs nothing from elsewhere, and brings its background: it may be shown on black.
    func document() -> String {
        var all = self
        all.bytes = []
        all.add(Self.head)
        all.add("width", width + 2 * Self.margin)
        all.add("height", y)
        all.add(">\n")
        all.bytes += bytes
        all.add("</g>\n</svg>\n")
        return String(decoding: all.bytes, as: UTF8.self)
    }

    @inline(never) mutating func text(_ text: String, x: Int, y: Int) {
        openText(x: x, y: y)
        addEscaped(text)
        add("</text>\n")
    }

    /// Lines from the left edge on, broken at blanks; a word that has no end is broken, too.
    mutating func paragraph(_ text: String) {
        // A quarter of the line is for the word at its end.
        let limit = width / Self.characterWidth * 3 / 4
        var column = 0
        openText(x: 0, y: y)
        for byte in text.utf8 {
            let isFull = column >= limit && byte == UInt8(ascii: " ")
            if isFull || column * 3 >= limit * 4 && byte & 0xc0 != 0x80 {
                add("</text>\n")
                y += Self.lineHeight
                column = Self.indentation / Self.characterWidth
                openText(x: Self.indentation, y: y)
                if isFull { continue }
            }
            addEscaped(byte)
            column += 1
        }
        add("</text>\n")
        y += Self.lineHeight
    }

    /// - Parameter title: what a pointer above it, or a reading voice, tells.
    @inline(never) mutating func rectangle(x: Int, y: Int, width: Int, height: Int, fill: String, title: String) {
        add("<rect")
        add("x", x)
        add("y", y)
        add("width", width)
        add("height", height)
        add(" fill=\"")
        add(fill)
        add("\"><title>")
        addEscaped(title)
        add("</title></rect>\n")
    }

    @inline(never) mutating func line(fromX x1: Int, y y1: Int, toX x2: Int, y y2: Int) {
        add("<line")
        add("x1", x1)
        add("y1", y1)
        add("x2", x2)
        add("y2", y2)
        add(" stroke=\"#555\"/>\n")
    }

    // MARK: Characters

    private mutating func openText(x: Int, y: Int) {
        add("<text")
        add("x", x)
        add("y", y)
        add(">")
    }

    @inline(never) private mutating func add(_ attribute: String, _ value: Int) {
        add(" ")
        add(attribute)
        add("=\"")
        add(String(value))
        add("\"")
    }

    @inline(never) private mutating func add(_ markup: String) { bytes += Array(markup.utf8) }

    @inline(never) private mutating func addEscaped(_ text: String) {
        for byte in text.utf8 { addEscaped(byte) }
    }

    /// A byte of a text without control characters, as XML 1.0 takes it between tags.
    @inline(never) private mutating func addEscaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "&"): add("&amp;")
        case UInt8(ascii: "<"): add("&lt;")
        case UInt8(ascii: ">"): add("&gt;")
        // U+FFFE and U+FFFF are no characters of XML; U+FFFD stands for what cannot be shown.
        case 0xbe, 0xbf: bytes.append(bytes.suffix(2).elementsEqual([0xef, 0xbf]) ? 0xbd : byte)
        default: bytes.append(byte)
        }
    }

    private static let head = """
        <?xml version="1.0" encoding="UTF-8"?>
        <svg xmlns="http://www.w3.org/2000/svg" version="1.1"
        """

    private static let beginning = """
        </title>
        <desc>Two bars of physical memory, addresses from left to right: all of it, and magnified the part that the \
        segments are in. Each segment has a label below.</desc>
        <defs>
        <pattern id="reserved" width="6" height="6" patternUnits="userSpaceOnUse"><path d="M0 6L6 0" stroke="#777"/>\
        </pattern>
        <pattern id="acpi" width="6" height="6" patternUnits="userSpaceOnUse"><path d="M0 3H6M3 0V6" stroke="#93c"/>\
        </pattern>
        <pattern id="crash" width="6" height="6" patternUnits="userSpaceOnUse"><path d="M3 0V6" stroke="#d70" \
        stroke-width="3"/></pattern>
        </defs>
        <rect width="100%" height="100%" fill="#fff"/>
        <g transform="translate(24)" font-family="monospace" font-size="12" xml:space="preserve">

        """
}
