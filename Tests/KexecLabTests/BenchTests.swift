// SPDX-License-Identifier: MIT
import Foundation
import Testing

@testable import kexec_lab

/// A jump as the plugin writes it: the old kernel's control page, purgatory of two pages, a bzImage, the next kernel.
private let jump = """
    E 1000 900 #1
    L 1010 910 400000
    E 3000 2200 #2
    E 5000 3000 #6
    L 5100 3010 7f000000
    L 6100 4000 be79f000
    L 6400 4300 be7a0000
    E 7000 4900 bzimage
    L 7000 4900 1000000
    E 9000 6900 vmlinux
    E 9500 6950 start_kernel
    E 9600 6950 do_one_initcall
    E 9700 6950 do_populate_rootfs
    E 9900 6950 do_one_initcall
    E 9950 6950 #90
    E 9999 6999 exit
    """

struct MilestoneTests {
    @Test func phasesOfAJumpAddUpToTheDowntime() throws {
        let phases = try BenchPhases(jumpIn: MilestoneLog(jump))
        #expect(phases.load == 2000)
        #expect(phases.loadUser == 1300)
        #expect(phases[.shutdown] == 100)
        #expect(phases[.copy] == 1000)
        #expect(phases[.digest] == 900)
        #expect(phases[.decompress] == 2000)
        #expect(phases[.entry] == 500)
        #expect(phases[.kernel] == 200 + 50)
        #expect(phases[.initrd] == 200)
        #expect(phases.handoff == 4500)
        #expect(phases.downtime == 4950)
    }

    @Test func aRehearsalOnTheControlPageCountsAsCopying() throws {
        let text = jump.replacingOccurrences(
            of: "L 6100 4000 be79f000", with: "L 5200 3020 7f000000\nL 6100 3790 be79f000")
        let phases = try BenchPhases(jumpIn: MilestoneLog(text))
        #expect(phases[.copy] == 790)
        #expect(phases[.shutdown] == 310)
    }

    @Test func anUnpackedKernelHasNothingToDecompress() throws {
        let phases = try BenchPhases(jumpIn: MilestoneLog(jump.replacingOccurrences(of: "bzimage", with: "vmlinux")))
        #expect(phases[.decompress] == 0)
        #expect(phases[.digest] == 900)
        #expect(phases.downtime == 4950)
    }

    @Test func aDirectBootIsCountedFromReset() throws {
        let text =
            "E 300 0 vmlinux\nE 400 0 start_kernel\nE 500 0 do_populate_rootfs\nE 600 0 do_one_initcall\nE 700 0 #90"
        let phases = try BenchPhases(directBootIn: MilestoneLog(text))
        #expect(phases[.firmware] == 300)
        #expect(phases.handoff == 400)
        #expect(phases.downtime == 700)
    }

    @Test func marksOfTheFirstKernelAreNotTakenForTheSecondOnes() throws {
        let first =
            "E 10 0 vmlinux\nE 20 0 start_kernel\nE 30 0 do_populate_rootfs\nE 40 0 do_one_initcall\nE 50 0 #90\n"
        #expect(try BenchPhases(jumpIn: MilestoneLog(first + jump)) == BenchPhases(jumpIn: MilestoneLog(jump)))
    }

    @Test(arguments: ["#2", "#6", "bzimage", "start_kernel", "do_populate_rootfs", "#90"])
    func aMissingMilestoneIsNamed(_ name: String) throws {
        let text = jump.split(separator: "\n").filter { !$0.hasSuffix(" \(name)") }.joined(separator: "\n")
        if name == "bzimage" {
            // Then all up to the unpacked kernel's entry is purgatory.
            #expect(try BenchPhases(jumpIn: MilestoneLog(text))[.digest] == 2900)
        } else {
            #expect { try BenchPhases(jumpIn: MilestoneLog(text)) } throws: { "\($0)".contains("'\(name)'") }
        }
    }

    @Test(arguments: ["E 1 2", "X 1 2 a", "E one 2 a"])
    func aLineThatIsNoMilestoneIsRefused(_ line: String) {
        #expect { try MilestoneLog("E 1 2 a\n" + line) } throws: { "\($0)".contains(line) }
    }

    @Test func pluginOptionListsPointsInOneOrder() {
        let option = MilestonePlugin.option(
            "p.so", out: "o", watch: ["b": 0xffff_ffff_8100_0000, "a": 16],
            match: ["m": .init(offset: 0x200, bytes: [0xfc, 1])])
        #expect(option == "p.so,out=o,watch=a:10+b:ffffffff81000000,match=m:200-fc01")
    }

    @Test func symbolsAreReadFromTheConsole() {
        let text = "SYMBOL ffffffff81000000 start_kernel\r\n[ 1.0] noise\nSYMBOL zz bad\n"
        #expect(BenchMaterial.symbols(in: text) == ["start_kernel": 0xffff_ffff_8100_0000])
    }
}

struct KernelEntryTests {
    @Test func entryOfABzImageLiesBehindItsSetupSectors() throws {
        var image = [UInt8](repeating: 0, count: 8192)
        image[0x1f1] = 3
        image.replaceSubrange(0x202..<0x206, with: Array("HdrS".utf8))
        image.replaceSubrange(0xa00..<0xa04, with: [1, 2, 3, 4])
        let entry = try KernelEntry.compressed(image)
        #expect(entry.offset == 0x200)
        #expect(entry.bytes.count == 32 && Array(entry.bytes.prefix(4)) == [1, 2, 3, 4])
    }

    @Test func entryOfAnELFIsFoundThroughItsSegments() throws {
        var elf = [UInt8](repeating: 0, count: 4096)
        func put(_ value: UInt64, _ at: Int, _ size: Int) {
            for byte in 0..<size { elf[at + byte] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(byte))) }
        }
        elf.replaceSubrange(0..<5, with: [0x7f, 0x45, 0x4c, 0x46, 2])
        put(0x100_0123, 0x18, 8)
        put(64, 0x20, 8)
        put(56, 0x36, 2)
        put(1, 0x38, 2)
        put(1, 64, 4)
        put(0x400, 72, 8)
        put(0x100_0000, 88, 8)
        put(0x800, 96, 8)
        elf[0x523] = 0xcc
        let entry = try KernelEntry.unpacked(elf)
        #expect(entry.offset == 0x123)
        #expect(entry.bytes.first == 0xcc)
    }

    @Test func noKernelIsRefused() {
        #expect(throws: LabError.self) { try KernelEntry.compressed([UInt8](repeating: 0, count: 4096)) }
        #expect(throws: LabError.self) { try KernelEntry.unpacked([UInt8](repeating: 0, count: 4096)) }
    }
}

struct InitrdPiecesTests {
    @Test func piecesMakeAnArchiveOfTheSizeInItsHeader() {
        let pieces = InitrdPieces(program: [1, 2, 3, 4, 5], mebibytes: 2)
        var whole: [UInt8] = []
        pieces.assemble { whole += $0 }
        #expect(whole.count == pieces.head.count + 2 * InitrdPieces.blockSize + pieces.tail.count)
        let text = String(decoding: pieces.head.suffix(124), as: UTF8.self)
        #expect(text.contains("00200000") && text.contains("ballast"))
        #expect(pieces.tail.starts(with: Array("070701".utf8)))
    }

    @Test func blocksDifferByTheirNumber() {
        var blocks: [[UInt8]] = []
        InitrdPieces(program: [], mebibytes: 3).assemble { blocks.append($0) }
        #expect(Array(blocks[1].prefix(8)) == [0, 0, 0, 0, 0, 0, 0, 0])
        #expect(Array(blocks[3].prefix(8)) == [2, 0, 0, 0, 0, 0, 0, 0])
        #expect(blocks[1].dropFirst(8) == blocks[3].dropFirst(8))
    }

    @Test func bigInitrdsAreMadeInTheGuest() {
        let test = BenchCase(name: "x", initrd: .raw(100), tools: [])
        let script = BenchMaterial.script(test, .oursModule, measuresMemory: false)
        #expect(script.contains("join\t/data/initrd\t/boot/head\t/boot/block\t100\t/boot/tail\n"))
        #expect(script.contains("--initrd=/data/initrd\t--system-call=module\t"))
        #expect(script.hasSuffix("jump-by-module\n"))
        let memory = BenchMaterial.script(test, .debianUnchecked, measuresMemory: true)
        #expect(memory.contains("memory\t/sbin/kexec\t-l") && memory.contains("\t-c\t-i\t") && !memory.contains("jump"))
    }
}

private func result(_ name: String, _ tool: BenchTool, load: Int, downtime: Int) throws -> BenchResult {
    let text = """
        E 0 0 #1
        E \(load) \(load / 2) #2
        E \(load) 0 #6
        L \(load) 0 1000
        L \(load + 10) 10 2000
        E \(load + 20) 20 vmlinux
        E \(load + 30) 20 start_kernel
        E \(load + 40) 20 do_populate_rootfs
        E \(load + 50) 20 do_one_initcall
        E \(load + downtime) 20 #90
        """
    let test = BenchCase(name: name, initrd: .raw(10), tools: [])
    return BenchResult(test, tool, try BenchPhases(jumpIn: MilestoneLog(text)))
}

struct BenchReportTests {
    private func results() throws -> [BenchResult] {
        [
            try result("a/10M", .debianLoad, load: 4_000_000, downtime: 8_000_000),
            try result("a/10M", .oursLoad, load: 100_000, downtime: 2_000_000),
        ]
    }

    @Test func fileSurvivesAndIsTheSameEachTime() throws {
        let file = BenchFile(versions: ["qemu": "10"], cases: try results())
        #expect(try file.encoded() == file.encoded())
        #expect(try JSONDecoder().decode(BenchFile.self, from: file.encoded()) == file)
        let text = String(decoding: try file.encoded(), as: UTF8.self)
        for key in ["case", "tool", "via", "load", "loadUser", "handoff", "downtime", "phases"] {
            #expect(text.contains("\"\(key)\""))
        }
    }

    @Test func tableShowsRatiosToThePeer() throws {
        let lines = BenchTable.text(try results()).split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[0].contains("load/-c") && lines[0].contains("downtime/-c") && !lines[0].contains("pvh"))
        #expect(lines[2].contains("0.0250") && lines[2].contains("0.2500"))
        #expect(Set(lines.map(\.count)).count == 1)
    }

    @Test func figureIsJudgedWithOnePerCent() throws {
        func ceiling(_ limit: Double, _ against: String? = "kexec-tools -c") -> Ceilings {
            Ceilings(ceilings: [
                .init(case: "a/10M", tool: "swift-kexec -c", metric: "load", against: against, limit: limit)
            ])
        }
        #expect(ceiling(0.025).complaints(try results()).isEmpty)
        #expect(ceiling(0.0248).complaints(try results()).isEmpty)
        #expect(ceiling(0.0247).complaints(try results()).first?.contains("load is 0.0250 of kexec-tools -c") == true)
        #expect(ceiling(0.0989, nil).complaints(try results()).count == 1)
        #expect(ceiling(0.0001, "kexec-tools -s").complaints(try results()).isEmpty)
        #expect(ceiling(0.0001).complaints([]).isEmpty)
    }

    @Test func ceilingsOfTheRepositoryNameMeasuredFigures() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let ceilings = try Ceilings.read(root.appending(path: "bench/ceilings.json").path)
        #expect(!ceilings.ceilings.isEmpty)
        #expect(ceilings.unknown(in: BenchCases.all).isEmpty)
        let wrong = Ceilings(ceilings: [.init(case: "a", tool: "b", metric: "load", limit: 1)])
        #expect(wrong.unknown(in: BenchCases.all) == ["a b load"])
    }

    @Test func pictureStacksThePhasesOfTheCasesAskedFor() throws {
        let picture = DowntimePicture.svg(
            try results() + [try result("b", .direct, load: 1, downtime: 1000)], cases: ["a/10M"])
        let document = try XMLDocumentCheck(picture)
        #expect(document.isWellFormed)
        #expect(picture.contains("swift-kexec -c") && picture.contains("initrd unpacking"))
        #expect(!picture.contains("bzimage"))
        // The longest bar ends at the right margin.
        let widths = picture.split(separator: "width=\"").compactMap { Double($0.prefix { $0 != "\"" }) }
        #expect(widths.contains { $0 > 600 && $0 <= 650 })
    }

    @Test func versionsComeFromThePackagesThatWereFetched() {
        let record = "00 kexec-tools_1%3a2.0.29-2_amd64.deb\n11 kexec-tools_1%3a2.0.25_i386.deb\n22 libc6_2_amd64.deb\n"
        #expect(BenchFile.versions(inRecord: record) == ["kexec-tools": "1:2.0.29-2"])
    }

    @Test func loopsAreReadAndComparedWithCopying() throws {
        let loops = try LoopTimes.loops(in: "memcpy 1000 100\nxz 1000 10000\n")
        #expect(loops.map(\.gigabytesPerSecond) == [10, 0.1])
        #expect(LoopTimes.table(loops).contains("0.0100 of memcpy"))
        #expect(throws: LabError.self) { try LoopTimes.loops(in: "xz 1000") }
    }

    @Test func figuresOfTheGuestAreReadFromItsLastLine() {
        let console = ["LOAD status=0 rss=5", "noise rss=7", "LOAD status=0 rss=6"]
        #expect(BenchRunner.kibibytes("rss", in: console, line: "LOAD ") == 6)
        #expect(BenchRunner.kibibytes("rss", in: [], line: "LOAD ") == nil)
    }
}

/// Whether each element that is opened is closed in order.
private struct XMLDocumentCheck {
    var isWellFormed = true

    init(_ text: String) throws {
        var open: [Substring] = []
        for match in text.matches(
            of: try Regex<(Substring, Substring, Substring, Substring)>("<(/?)([a-z]+)[^<>]*?(/?)>"))
        {
            let (closes, name, isEmpty) = (match.output.1, match.output.2, match.output.3)
            if closes == "/" {
                if open.popLast() != name { isWellFormed = false }
            } else if isEmpty.isEmpty {
                open.append(name)
            }
        }
        if !open.isEmpty { isWellFormed = false }
    }
}
