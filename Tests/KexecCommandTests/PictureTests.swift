// SPDX-License-Identifier: MIT
import BootFormats
import Foundation
import PhysicalMemory
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

@testable import Kexec
@testable import KexecCommand

/// A plan for the captured machine `name`, or one of which nothing is known, with these segments.
struct PictureFixture {
    var plan: BootPlan
    let machine: MachineDescription

    init(
        _ name: String, _ segments: [(name: String, start: UInt64, size: UInt64)], path: String = "/boot/vmlinuz",
        _ call: SystemCall = .kexecLoad
    ) throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/machines/\(name)").path(percentEncoded: false)
        machine =
            name.isEmpty ? MachineDescription() : try MachineDescription(reading: MachineRoot(path: ByteString(folder)))
        plan = BootPlan(
            image: ImageFacts(path: ByteString(path), kind: "bzImage64"), target: .reboot, systemCall: call,
            systemCallReason: .requested, entry: PhysicalAddress(0x100_0000), commandLine: "quiet", digest: .fast)
        plan.segments = try segments.map { segment in
            let place = try #require(PhysicalRange(start: PhysicalAddress(segment.start), size: segment.size))
            return Segment(name: segment.name, place: place, contents: .kernel(0..<Int(segment.size)))
        }
    }

    static let usual: [(name: String, start: UInt64, size: UInt64)] = [
        ("kernel", 0x100_0000, 0x180_0000), ("purgatory", 0x3ea9_c000, 0x2000), ("boot_params", 0x3ea9_e000, 0x1000),
        ("initrd", 0x3ea9_f000, 0x1000),
    ]

    var picture: MemoryPicture { MemoryPicture(of: plan, on: machine) }
    var report: PlanReport { PlanReport(plan: plan, files: []) }

    func text(_ style: PictureStyle = PictureStyle()) -> [String] {
        report.text(picture: TextPicture(picture: picture, style: style)).components(separatedBy: "\n")
    }
}

@Suite struct TextPictureTests {
    @Test func drawsAMachineBootedByEFI() throws {
        let fixture = try PictureFixture(
            "ovmf-1g",
            [
                ("kernel", 0x3e00_0000, 0x80_0000), ("purgatory", 0x3ea9_c000, 0x2000),
                ("boot_params", 0x3ea9_e000, 0x1000), ("initrd", 0x3fe0_0000, 0xf_0000),
            ])
        #expect(
            fixture.text().dropFirst(5) == [
                "segment A    0x3e000000-0x3e7fffff kernel, 8192 KiB",
                "segment B    0x3ea9c000-0x3ea9dfff purgatory, 8192 bytes",
                "segment C    0x3ea9e000-0x3ea9efff boot_params, 4096 bytes",
                "segment D    0x3fe00000-0x3feeffff initrd, 960 KiB",
                "memory       1 column = 14 MiB",
                "  ..............................................=====.....................ABCD",
                "                                                                          \\__/",
                "  |0x0               |0x10000000        |0x20000000        |0x30000000",
                "magnified    1 column = 470 KiB",
                "  ........AAAAAAAAAAAAAAAAA.....BC##....................######%............DD.",
                "          |0x3e000000      |0x3e800000       |0x3f000000      |0x3f800000",
                "signs        . RAM  # reserved  % ACPI  = running kernel",
                "loadable     yes",
                "",
            ])
    }

    @Test func drawsTheCrashKernelsRegion() throws {
        let fixture = try PictureFixture(
            "crashkernel", [("kernel", 0x3300_0000, 0x200_0000), ("purgatory", 0x39ff_f000, 0x1000)])
        #expect(
            fixture.text().dropFirst(7) == [
                "memory       1 column = 14 MiB",
                "  ...........................................................+AA++++++B====...",
                "                                                             \\________/",
                "  |0x0               |0x10000000        |0x20000000        |0x30000000",
                "magnified    1 column = 1887 KiB",
                "  +++++++AAAAAAAAAAAAAAAAA++++++++++++++++++++++++++++++++++++++++++++B=======",
                "                  |0x34000000      |0x36000000       |0x38000000",
                "signs        . RAM  + crash kernel region  = running kernel", "loadable     yes", "",
            ])
    }

    @Test func everyLineFitsTheTerminal() throws {
        for columns in [60, 80, 133, 200] {
            let style = PictureStyle(terminalColumns: columns, noColour: "1", terminal: "xterm")
            for name in ["bios-512m", "bios-6g", "ovmf-1g", "many-e820", "reserved-60", ""] {
                let fixture = try PictureFixture(name, PictureFixture.usual)
                let text = TextPicture(picture: fixture.picture, style: style).text
                for line in text.split(separator: "\n").dropLast() { #expect(line.utf8.count <= columns, "\(line)") }
                #expect(text.utf8.allSatisfy { $0 == 0x0a || (0x20...0x7e).contains($0) })
            }
        }
    }

    @Test func aPlanWithoutSegmentsHasOneBar() throws {
        let lines = try PictureFixture("bios-512m", []).text()
        #expect(lines.contains { $0.hasPrefix("memory ") } && !lines.contains { $0.hasPrefix("magnified ") })
    }

    /// As `-d` prints it while it loads.
    @Test func theTextWithoutAPictureHasNoLetters() throws {
        let text = try PictureFixture("bios-512m", PictureFixture.usual).report.text
        #expect(text.contains("\nsegment      0x1000000-0x27fffff kernel, 24 MiB\n") && !text.contains("\nmemory "))
    }

    @Test func coloursAreTheOnlyDifferenceOnATerminal() throws {
        let fixture = try PictureFixture("crashkernel", PictureFixture.usual)
        let coloured = fixture.text(PictureStyle(terminalColumns: 80, noColour: nil, terminal: "xterm"))
            .joined(separator: "\n")
        #expect(coloured.contains("\u{1b}[7mBCD") == false && coloured.contains("\u{1b}[7mB\u{1b}[m\u{1b}[7mC\u{1b}[m"))
        #expect(coloured.contains("\u{1b}[1;34m+++"))
        let plain = fixture.text().joined(separator: "\n")
        #expect(coloured.replacing(/\u{1b}\[[0-9;]*m/, with: "") == plain && !plain.contains("\u{1b}"))
    }

    @Test func aFileNameBringsNoColours() throws {
        let text = try PictureFixture("bios-512m", [], path: "/boot/\u{1b}[31m").text().joined(separator: "\n")
        #expect(text.contains("/boot/\\x1b[31m") && !text.contains("\u{1b}"))
    }

    @Test(
        arguments: [
            (nil, nil, "xterm", 80, false), (120, nil, "xterm", 120, true), (120, "", "xterm", 120, true),
            (120, "1", "xterm", 120, false), (120, nil, "dumb", 120, false), (120, nil, nil, 120, false),
            (0, nil, "xterm", 80, true), (10, nil, "xterm", 60, true), (5000, nil, "xterm", 200, true),
            (1, nil, "xterm", 60, true), (59, nil, "xterm", 60, true), (61, nil, "xterm", 61, true),
            (199, nil, "xterm", 199, true), (201, nil, "xterm", 200, true), (-1, nil, "xterm", 80, true),
        ] as [(Int?, String?, String?, Int, Bool)])
    func widthAndColoursAreTheTerminals(
        _ columns: Int?, _ noColour: String?, _ terminal: String?, _ width: Int, _ isColoured: Bool
    ) {
        let style = PictureStyle(terminalColumns: columns, noColour: noColour, terminal: terminal)
        #expect(style.columns == width && style.isColoured == isColoured)
    }
}

@Suite struct SVGPictureTests {
    private struct Element {
        let name: String
        let numbers: [String: Int]
        let fill: String?
        var text = ""
    }

    /// Elements in the order of their ends, patterns left out; the parser refuses what is no XML.
    private final class Reader: NSObject, XMLParserDelegate {
        var elements: [Element] = []
        private var open: [Element] = []

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            open.append(Element(name: name, numbers: attributes.compactMapValues { Int($0) }, fill: attributes["fill"]))
        }

        func parser(_ parser: XMLParser, foundCharacters text: String) {
            if !open.isEmpty { open[open.count - 1].text += text }
        }

        func parser(
            _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
        ) {
            let element = open.removeLast()
            // A title belongs to what it is in.
            if name == "title", !open.isEmpty { open[open.count - 1].text += element.text }
            if name != "title" { elements.append(element) }
        }
    }

    private func elements(_ fixture: PictureFixture) throws -> [Element] {
        let reader = Reader()
        let parser = XMLParser(data: Data(fixture.report.svg(fixture.picture).utf8))
        parser.delegate = reader
        #expect(parser.parse(), "\(String(describing: parser.parserError))")
        return reader.elements
    }

    private func texts(_ fixture: PictureFixture) throws -> [String] {
        try elements(fixture).filter { $0.name == "text" }.map { $0.text }
    }

    private static let many = (0..<64).map {
        (name: "segment-\($0)", start: UInt64(0x1000_0000 + $0 * 0x1000), size: UInt64(0x1000))
    }

    private static let fixtures: [(machine: String, segments: [(name: String, start: UInt64, size: UInt64)])] = [
        ("ovmf-1g", PictureFixture.usual), ("bios-6g", [PictureFixture.usual[0]]), ("many-e820", many),
        ("reserved-60", PictureFixture.usual), ("crashkernel", []), ("", []), ("", PictureFixture.usual),
    ]

    @Test func bothBarsAreRowsOfRectanglesWithoutGapOrOverlap() throws {
        for (machine, segments) in Self.fixtures {
            let rectangles = try elements(PictureFixture(machine, segments)).filter {
                $0.name == "rect" && $0.numbers["height"] == 40
            }
            let rows = Dictionary(grouping: rectangles) { $0.numbers["y"] }
            #expect(rows.count == (segments.isEmpty ? 1 : 2), "\(machine)")
            for row in rows.values {
                var end = 0
                for rectangle in row {
                    #expect(rectangle.numbers["x"] == end, "\(machine)")
                    end += try #require(rectangle.numbers["width"])
                }
                #expect(end >= 760, "\(machine)")
                let named = row.filter { rectangle in segments.contains { rectangle.text.contains(" \($0.name), ") } }
                #expect(named.count == segments.count, "\(machine)")
                #expect(named.allSatisfy { $0.numbers["width"] ?? 0 >= 6 }, "\(machine)")
            }
        }
    }

    /// Texts by their rectangles, a character being 8 wide and 12 high.
    @Test func textsOverlapNeitherEachOtherNorTheBarsAndStayInside() throws {
        for (machine, segments) in Self.fixtures {
            let elements = try elements(PictureFixture(machine, segments))
            let size = try #require(elements.last { $0.name == "svg" }).numbers
            var boxes: [(x: Range<Int>, y: Range<Int>, text: String)] = []
            for element in elements where element.name == "text" {
                let (x, y) = (try #require(element.numbers["x"]), try #require(element.numbers["y"]))
                boxes.append((x..<x + element.text.count * 8, y - 10..<y + 2, element.text))
            }
            let bars = elements.filter { $0.name == "rect" && $0.numbers["height"] == 40 }.compactMap { bar in
                bar.numbers["y"].map { (x: 0..<760, y: $0..<$0 + 40, text: "bar") }
            }
            for (index, box) in boxes.enumerated() {
                for other in boxes[(index + 1)...] + bars {
                    #expect(!(box.x.overlaps(other.x) && box.y.overlaps(other.y)), "\(box.text) | \(other.text)")
                }
                #expect(box.x.upperBound + 24 <= size["width"] ?? 0 && box.y.upperBound <= size["height"] ?? 0)
            }
        }
    }

    /// From the end of the line down to the label.
    @Test func theShortLineToALabelIsLevel() throws {
        let lines = try elements(PictureFixture("bios-6g", PictureFixture.usual)).filter { $0.name == "line" }
        let short = lines.filter { ($0.numbers["x2"] ?? 0) - ($0.numbers["x1"] ?? 0) == 8 }
        #expect(short.count == PictureFixture.usual.count && short.allSatisfy { $0.numbers["y1"] == $0.numbers["y2"] })
        for line in short {
            // It begins where the other ends.
            #expect(lines.contains { $0.numbers["x2"] == line.numbers["x1"] && $0.numbers["y2"] == line.numbers["y1"] })
        }
    }

    @Test func noLineCrossesAText() throws {
        for (machine, segments) in Self.fixtures {
            let elements = try elements(PictureFixture(machine, segments))
            let texts = elements.filter { $0.name == "text" }
            for line in elements where line.name == "line" && line.numbers["x1"] == line.numbers["x2"] {
                let x = try #require(line.numbers["x1"])
                let (top, bottom) = (try #require(line.numbers["y1"]), try #require(line.numbers["y2"]))
                for text in texts {
                    let (left, base) = (try #require(text.numbers["x"]), try #require(text.numbers["y"]))
                    let isBeside = x < left || x >= left + text.text.count * 8
                    #expect(isBeside || bottom <= base - 10 || top >= base + 2, "\(machine): \(text.text)")
                }
            }
        }
    }

    /// The bar, where a label would begin, and the margins.
    @Test func isAsWideAsItsBarWhereNoSegmentHasALabel() throws {
        let svg = try elements(PictureFixture("", [])).last { $0.name == "svg" }
        #expect(svg?.numbers["width"] == 760 + 24 + 2 * 24)
    }

    @Test func everySegmentHasALabel() throws {
        for (machine, segments) in Self.fixtures {
            let texts = try texts(PictureFixture(machine, segments))
            for segment in segments { #expect(texts.filter { $0.contains(" \(segment.name), ") }.count == 1) }
        }
    }

    @Test func namesFromUsersAreText() throws {
        // Bytes 0xbe and 0xbf end other characters, too.
        let name = "/boot/<script>&\"'\u{1b}\u{85}\u{ffff}\u{fffe}é\u{fe}\u{ff}\u{ef3f}\u{ffbf}\u{fffd}"
        let shown = "/boot/<script>&\"'\\x1b\\x85\u{fffd}\u{fffd}é\u{fe}\u{ff}\u{ef3f}\u{ffbf}\u{fffd}"
        let fixture = try PictureFixture("bios-512m", PictureFixture.usual, path: name)
        #expect(try texts(fixture).first == "image        \(shown): bzImage64")
        let root = try #require(try elements(fixture).last)
        #expect(root.name == "svg" && root.text.contains("kexec plan of \(shown)"))
        #expect(try elements(fixture).contains { $0.name == "desc" })
    }

    @Test func refusalsAndThePlacementByTheKernelAreSaid() throws {
        var fixture = try PictureFixture("bios-512m", [], .kexecFileLoad)
        fixture.plan.refusals = [.noKexecInKernel]
        let texts = try texts(fixture)
        #expect(texts.contains("placement    by the kernel; with kexec_load it would be:"))
        let refusal = Diagnostic(PlanRefusal.noKexecInKernel).sentence
        #expect(texts.joined(separator: " ").contains("refused      " + refusal))
        #expect(texts.last == "loadable     no")
    }

    @Test func longLinesAreBrokenAndNothingIsLost() throws {
        var fixture = try PictureFixture("bios-512m", PictureFixture.usual)
        let line = String(repeating: "root=/dev/sda1 ", count: 60) + String(repeating: "é", count: 900)
        fixture.plan.commandLine = ByteString(line)
        let texts = try texts(fixture)
        #expect(texts.allSatisfy { $0.count < 200 })
        let whole = texts.joined().replacing(" ", with: "")
        #expect(whole.contains(line.replacing(" ", with: "")))
    }

    @Test func needsNothingFromElsewhere() throws {
        let fixture = try PictureFixture("ovmf-1g", PictureFixture.usual)
        let text = fixture.report.svg(fixture.picture)
        #expect(text.components(separatedBy: "http").count == 2 && text.contains("\"http://www.w3.org/2000/svg\""))
        #expect(!text.contains("<script") && !text.contains("href") && !text.contains("@import"))
    }
}
