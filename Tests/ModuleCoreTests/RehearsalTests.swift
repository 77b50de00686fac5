// SPDX-License-Identifier: MIT
import Handoff
import ModuleCore
import PhysicalMemory
import Testing

extension CoreTests {
    /// The way out, tried and taken.
    @Suite struct WayOut {
        private static let inputOutputError: Int64 = -5
        private let segments = [TestSegment(0x20_0000, pages: 40, zeros: 2), TestSegment(0x60_0000, pages: 9)]

        private func withImage(
            _ linux: MockLinux = MockLinux(), sourceLocation: SourceLocation = #_sourceLocation,
            _ body: (MockLinux, Jump) -> Void
        ) {
            withMachine(linux, sourceLocation: sourceLocation) { linux in
                #expect(linux.load(segments) == 0, sourceLocation: sourceLocation)
                guard let jump = linux.jump else { return }
                let given = linux.pages.given
                linux.logLines = []
                body(linux, jump)
                // Whatever came of it, its pages are given back, and the image stays.
                #expect(linux.pages.given == given, sourceLocation: sourceLocation)
                #expect(linux.jump == jump, sourceLocation: sourceLocation)
                #expect(linux.damage == [], sourceLocation: sourceLocation)
            }
        }

        @Test(arguments: [false, true]) func aDryRunComesBackAndChangesNothing(_ hasFiveLevels: Bool) {
            let linux = MockLinux()
            linux.answers.hasFiveLevels = hasFiveLevels
            withImage(linux) { linux, jump in
                #expect(linux.call(.dryRun) == 0)
                #expect(linux.exits == ["rehearse"])
                #expect(linux.rehearsals.map(\.control) == [jump.control])
                #expect(linux.logLines.map(\.text) == ["dry run: the way out works"])
                linux.memory.restoring {
                    #expect(linux.perform(jump) == nil)
                    #expect(linux.firstWrongPage(of: segments) == nil)
                }
            }
        }

        /// An interrupt that nothing masks finds the kernel's half, and code that clears bit 12 of CR3 changes nothing.
        @Test func rehearsesWithTheKernelsUpperHalf() {
            withImage { linux, jump in
                let image = (0..<UInt64(256)).map { linux.memory.word(jump.root + $0 * 8) }
                let kernel = (UInt64(256)..<512).map { linux.memory.word(MockLinux.kernelRoot + $0 * 8) }
                #expect(linux.call(.dryRun) == 0)
                #expect(linux.rehearsedRoot.map(Optional.some) == image + kernel)
                #expect(linux.rehearsals.first.map { $0.root % 0x2000 } == 0)
                #expect(linux.rehearsals.first?.root != jump.root)
            }
        }

        @Test func aWrongByteOnTheControlPageIsFound() {
            for offset in [0, 1, 100, 170] {
                withImage { linux, jump in
                    guard let page = linux.memory.pointer(jump.control) else { return }
                    let byte = page.load(fromByteOffset: offset, as: UInt8.self)
                    page.storeBytes(of: byte ^ 0x10, toByteOffset: offset, as: UInt8.self)
                    for command in [ModuleCommand.dryRun, .execute] {
                        linux.logLines = []
                        #expect(linux.call(command) == Self.inputOutputError)
                        #expect(
                            linux.logLines.map(\.text)
                                == ["dry run failed: the control page differs at byte 0x\(hex(UInt64(offset)))"])
                    }
                    #expect(linux.exits == [])
                }
            }
        }

        @Test(arguments: SupplyOrder.allCases) func aWrongPageTableEntryIsFound(_ order: SupplyOrder) {
            let linux = MockLinux()
            var generator = Seeded(4)
            linux.pages.prefer(order.order(linux.freePages, for: segments, &generator))
            withImage(linux) { linux, jump in
                let walk = linux.walk(jump.root)
                let (list, entries) = linux.list(of: jump)
                let touched =
                    list + [jump.control, MockLinux.departureAddress] + entries.flatMap(\.sources)
                    + entries.flatMap(\.destinations)
                for slot in Set(touched.compactMap { walk.leaf($0)?.entry }) {
                    let entry = linux.memory.word(slot) ?? 0
                    let named = touched.filter { walk.leaf($0)?.entry == slot }
                    // Cleared, and leading elsewhere.
                    for wrong in [0, entry ^ 1 << 30] {
                        linux.memory.setWord(slot, to: wrong)
                        linux.logLines = []
                        #expect(linux.call(.dryRun) == Self.inputOutputError)
                        let text = linux.logLines.first?.text ?? ""
                        #expect(named.contains { text.hasSuffix(": the page tables do not lead to 0x\(hex($0))") })
                    }
                    linux.memory.setWord(slot, to: entry)
                }
                #expect(linux.exits == [])
                #expect(linux.call(.dryRun) == 0)
            }
        }

        @Test(arguments: [
            (MockLinux.Sabotage.copiesNothing, 0), (.clearsNothing, 0), (.damagesLastWord, 511),
        ])
        func aWayOutThatDoesNotWorkIsNotTaken(_ sabotage: MockLinux.Sabotage, _ word: Int) {
            withImage { linux, _ in
                linux.sabotage = sabotage
                for command in [ModuleCommand.dryRun, .execute] {
                    linux.logLines = []
                    #expect(linux.call(command) == Self.inputOutputError)
                    #expect(
                        linux.logLines.map(\.text) == ["dry run failed: wrong bytes after the copy, at word \(word)"])
                }
                #expect(linux.exits == ["rehearse", "rehearse"])
            }
        }

        /// Two pages for the root, one for the list of what is given back, and four for the copy.
        @Test func aRehearsalTakesNoMoreThanItNeeds() {
            withImage { linux, _ in
                let before = linux.pages.pagesGiven
                linux.pages.mostGiven = before
                #expect(linux.call(.dryRun) == 0)
                #expect(linux.pages.mostGiven - before == 7)
            }
        }

        /// Memory may have been added since the image was loaded, and its tables lead to none of it.
        @Test func aRehearsalStaysOnPagesThatTheTablesLeadTo() {
            let linux = MockLinux()
            let added = linux.memory.ram[2]
            linux.answers.ram.removeLast()
            linux.pages.prefer(linux.freePages.filter { !added.contains(PhysicalAddress($0)) })
            withImage(linux) { linux, _ in
                linux.pages.prefer(Array(added.pages))
                #expect(linux.call(.dryRun) == Self.inputOutputError)
                #expect(linux.logLines.first?.text.contains("page tables do not lead to 0x1000") == true)
                #expect(linux.exits == [])
            }
        }

        @Test(arguments: [Int32(-12), -16]) func leavingRehearsesFirstAndComesBackWithItsErrno(_ errno: Int32) {
            withImage { linux, _ in
                linux.answers.leave = errno
                #expect(linux.call(.execute) == Int64(errno))
                #expect(linux.exits == ["rehearse", "leave"])
                #expect(
                    linux.logLines.map(\.text) == [
                        "dry run: the way out works", "leaving this kernel",
                        "cannot leave this kernel, errno \(-errno)",
                    ])
            }
        }

        @Test func nothingDepartsWhereNothingIsLoaded() {
            withMachine { linux in
                core_depart()
                #expect(linux.departures == [])
            }
        }
    }
}
