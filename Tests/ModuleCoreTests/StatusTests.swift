// SPDX-License-Identifier: MIT
import Handoff
@testable import ModuleCore
import PhysicalMemory
import Testing

extension CoreTests {
    /// What the device tells, and what it holds.
    @Suite struct Status {
        private let segments = [TestSegment(0x20_0000, pages: 40, zeros: 2), TestSegment(0x60_0000, pages: 9)]

        @Test func tellsOfTheMachineWhereNothingIsLoaded() {
            withMachine { linux in
                var wanted = ModuleStatus()
                #expect(linux.status() == wanted)
                (wanted.flags, wanted.loadsLeft) = (ModuleStatus.disabled | ModuleStatus.besideNative, 5)
                linux.answers.isDisabled = true
                linux.answers.hasNativeKexec = true
                linux.answers.loadsLeft = 5
                #expect(linux.status() == wanted)
                #expect(linux.logLines.isEmpty)
            }
        }

        @Test(arguments: SupplyOrder.allCases) func tellsOfTheImage(_ order: SupplyOrder) {
            let linux = MockLinux()
            var generator = Seeded(3)
            linux.pages.prefer(order.order(linux.freePages, for: segments, &generator))
            withMachine(linux) { linux in
                #expect(linux.load(segments) == 0)
                guard let status = linux.status(), let jump = linux.jump else {
                    Issue.record("no status")
                    return
                }
                #expect(status.interface == ModuleInterface.version)
                #expect(status.flags == ModuleStatus.loaded)
                #expect(status.entry == MockLinux.entry)
                #expect(status.pagesHeld == linux.pages.pagesGiven)
                let copied = linux.list(of: jump).entries.filter { $0.source != nil }.reduce(0) { $0 + $1.pages }
                #expect(status.pagesToCopy == copied)
                #expect(status.pagesInPlace == 49 - copied)
                #expect((status.reserved, status.alsoReserved) == (0, 0))
                let text = linux.logLines.map(\.text)
                #expect(text.first == "loaded: entry 0x100200, \(copied) pages to copy, \(49 - copied) in place")
                #expect(text.last == "control page at 0x\(hex(jump.control))")

                #expect(linux.call(.unload) == 0)
                #expect(linux.status() == ModuleStatus())
                #expect(linux.jump == nil)
            }
        }

        @Test func aThousandLoadsLeaveNothing() {
            withMachine { linux in
                var held: Set<UInt64> = []
                for round in 0..<1000 {
                    #expect(linux.load(segments) == 0)
                    held.insert(linux.pages.pagesGiven)
                    // Every second one replaces the one before.
                    if round % 2 == 1 {
                        #expect(linux.call(.unload) == 0)
                        #expect(linux.pages.given.isEmpty)
                    }
                }
                #expect(held.count <= 2)
                #expect(linux.tables.isEmpty)
                #expect(linux.damage == [])
            }
        }

        @Test func theModuleStaysAsLongAsAnImageIsLoaded() {
            withMachine { linux in
                #expect(linux.load(segments) == 0)
                #expect(linux.pins == 1)
                #expect(linux.load(segments) == 0)
                #expect(linux.pins == 1)
                linux.answers.totalPages = 2
                #expect(linux.load(segments) == -22)
                #expect(linux.pins == 1)
                #expect(linux.call(.unload) == 0)
                #expect(linux.pins == 0)
            }
        }

        @Test func theModuleGivesEverythingBackWhenItGoes() {
            withMachine { linux in
                #expect(linux.load(segments) == 0)
                core_close()
                #expect(linux.pages.given.isEmpty)
                core_close()
                #expect(linux.jump == nil)
            }
        }

        /// `ImagePage` has one page for it.
        @Test func anImageFitsInAPage() {
            #expect(MemoryLayout<Image>.size <= 4096)
        }
    }
}
