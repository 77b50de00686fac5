// SPDX-License-Identifier: MIT
import Foundation
import Testing

@testable import kexec_lab

struct CatalogueTests {
    @Test func namesAreUniqueAndFitForFolders() {
        let names = Catalogue.all.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { $0.wholeMatch(of: /[A-Za-z0-9._\/-]+/) != nil })
        // A case's folder must not be the parent of another's: consoles would mix.
        #expect(!names.contains { one in names.contains { $0.hasPrefix(one + "/") } })
    }

    @Test func everyPatternIsARegularExpression() throws {
        let matcher = ConsoleMatcher(nonce: "1", firstRelease: "6.1", secondRelease: "7.3")
        for test in Catalogue.all {
            #expect(throws: Never.self) { try (test.expect + test.forbid).forEach { _ = try matcher.pattern($0) } }
        }
    }

    /// A line that names none would let every mutant through.
    @Test func everyLineOfTheMutantsTableNamesCases() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let table = try MachineTable(try String(contentsOf: root.appending(path: "Mutants/machines"), encoding: .utf8))
        #expect(!table.lines.isEmpty)
        for (path, filter) in table.lines {
            let expression = try Regex(filter)
            #expect(Catalogue.all.contains { $0.name.contains(expression) }, "\(path)")
        }
    }

    @Test func theQuickSuiteStaysQuick() {
        #expect((1...12).contains(Catalogue.all.filter(\.quick).count))
    }

    @Test func theMatrixIsWhole() {
        #expect(MatrixCases.all.count == 3 * 3 * 3 * 2 * 3)
    }

    @Test func everyCaseEndsOnALineThatItWaitsFor() {
        #expect(Catalogue.all.allSatisfy { !$0.expect.isEmpty })
    }
}

struct BootParametersLayoutTests {
    @Test func fieldsAscendWithoutOverlap() {
        var end = 0
        for field in BootParametersLayout.fields {
            #expect(field.offset >= end, "\(field.name)")
            end = field.offset + field.size
        }
        #expect(end <= 4096)
    }

    @Test func differencesAreNamed() {
        var one = [UInt8](repeating: 0, count: 4096)
        let other = one
        #expect(BootParametersLayout.differences(one, other).isEmpty)
        one[0x210] = 0xd0
        one[0x26d] = 1
        one[4095] = 1
        #expect(
            BootParametersLayout.differences(one, other).map(\.name)
                == ["type_of_loader", "padding at 0x26c", "padding at 0xeec"])
    }

    @Test func complaintsAreTroubleWithoutNumbers() {
        let line = "[    1.234567] ACPI BIOS Error (bug): 0x1234 is 17 bytes"
        #expect(BootParametersCases.complaint(in: line) == "ACPI BIOS Error (bug): N is N bytes")
        #expect(BootParametersCases.complaint(in: "[    0.1] ACPI: Early table checksum verification disabled") == nil)
        #expect(BootParametersCases.complaint(in: "[    0.1] usb: error") == nil)
    }
}

struct GuestPlanTests {
    @Test func readsAPlanThatWasPrintedInPieces() throws {
        let segment = #"{"name":"kernel","start":"0x1000000","memory_size":4096,"size":12}"#
        let text = #"{"version":1,"entry":"0x1000200","segments":[\#(segment)]}"#
        let lines = [text.prefix(30), text.dropFirst(30)].map { ConsoleLine(seconds: 0, text: "LAB plan \($0)") }
        let plan = try GuestPlan(in: ConsoleLog(lines: lines))
        #expect(try plan.segment("kernel").address == 0x100_0000)
        #expect(try plan.segment("kernel").size == 12 && plan.entryAddress == 0x100_0200)
        #expect(throws: LabError.self) { try plan.segment("initrd") }
    }
}

struct StoryTests {
    @Test func timesTheJumpAndLeavesOutTheRest() throws {
        let story = Story()
        #expect(story.tell(ConsoleLine(seconds: 1, text: "[ 0.0] pci 0000: resource")) == nil)
        #expect(story.tell(ConsoleLine(seconds: 2, text: "LAB first boot=1")) == nil)
        #expect(story.tell(ConsoleLine(seconds: 3, text: "# uname -r"))?.hasSuffix("# uname -r") == true)
        #expect(story.tell(ConsoleLine(seconds: 4, text: "LAB jump up=1")) == nil)
        #expect(story.jump == nil)
        #expect(story.tell(ConsoleLine(seconds: 9, text: "LAB second boot=2")) == nil)
        #expect(try #require(story.jump) == 5)
    }
}

struct GuestDevicesTests {
    private func log(_ texts: [String]) -> ConsoleLog {
        ConsoleLog(lines: texts.map { ConsoleLine(seconds: 0, text: $0) })
    }

    @Test func complaintsCountAndCompareWithoutNumbers() {
        let cold = log(["LAB log [ 0.1] pci 0000:00:01.0: BAR 0x10 odd", "[ 0.2] not asked"])
        let same = log(["LAB log [ 7.1] pci 0000:00:02.0: BAR 0x14 odd"])
        let more = log(["LAB log [ 1.0] nvme nvme0: I/O 7 timeout", "LAB log [ 7.1] pci 0000:00:02.0: BAR 0x14 odd"])
        let twice = log(Array(repeating: "LAB log [ 7.1] pci 0000:00:02.0: BAR 0x14 odd", count: 2))
        #expect(GuestDevices.newComplaints(in: same, against: cold).isEmpty)
        #expect(GuestDevices.newComplaints(in: more, against: cold) == ["nvme nvmeN: I/O N timeout"])
        #expect(GuestDevices.newComplaints(in: twice, against: cold).count == 1)
    }
}

struct MemoryRecordTests {
    private func log(_ pages: [(total: Int, free: Int)]) -> ConsoleLog {
        ConsoleLog(
            lines: pages.enumerated().map { index, pages in
                let text =
                    "LAB memory generation=\(index + 1) MemTotal=\(pages.total) MemFree=\(pages.free) MemAvailable=1"
                return ConsoleLine(seconds: 0, text: text)
            })
    }

    @Test func findsALossOfTotalOrFreeMemoryAndAMissingKernel() {
        let steady = [(100, 50), (100, 40), (100, 50), (100, 40)]
        #expect(MemoryRecord.losses(in: log(steady), generations: 4).isEmpty)
        #expect(MemoryRecord.losses(in: log(steady), generations: 5).count == 1)
        #expect(MemoryRecord.losses(in: log(steady.dropLast() + [(100, 37)]), generations: 4).count == 1)
        #expect(MemoryRecord.losses(in: log(steady.dropLast() + [(97, 40)]), generations: 4).count == 1)
    }
}
