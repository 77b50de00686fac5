// SPDX-License-Identifier: MIT
import ModuleCore
import PhysicalMemory
import Testing

extension CoreTests {
    /// Whatever fails, and wherever: the errno is right, nothing stays behind, and the image loaded before is as it was.
    @Suite struct Errors {
        private let before = [TestSegment(0x20_0000, pages: 5, zeros: 3)]
        /// Two list pages where memory is in pieces: 261 content pages.
        private let segments = [
            TestSegment(0x24_0000, pages: 200, zeros: 20), TestSegment(0x1_0001_0000, pages: 60),
            TestSegment(0x60_0000, [1, 2, 3], size: 0x3000),
        ]

        /// Loads one image, and then another one for each number that `prepare` is given, until it fits.
        /// - Returns: how many loads were refused.
        private func refusals(
            _ errno: Int64, _ order: SupplyOrder, largestOrder: UInt32, of others: [TestSegment]? = nil,
            _ prepare: (MockLinux, Int) -> Void
        ) -> Int {
            let segments = others ?? segments
            var refusals = 0
            let linux = MockLinux()
            var generator = Seeded(2)
            linux.pages.prefer(order.order(linux.freePages, for: segments, &generator))
            linux.pages.largestOrder = largestOrder
            withMachine(linux) { linux in
                #expect(linux.load(before) == 0)
                let (jump, given) = (linux.jump, linux.pages.given)
                while true {
                    prepare(linux, refusals)
                    linux.logLines = []
                    let result = linux.load(segments)
                    if result == 0 { break }
                    #expect(result == errno, "at \(refusals)")
                    #expect(linux.logLines.map(\.isError) == [true], "at \(refusals)")
                    #expect(linux.pages.given == given, "at \(refusals)")
                    #expect(linux.tables.isEmpty, "at \(refusals)")
                    #expect(linux.jump == jump, "at \(refusals)")
                    refusals += 1
                }
                linux.memory.restoring {
                    guard let jump = linux.jump else { return }
                    #expect(linux.perform(jump) == nil)
                    #expect(linux.firstWrongPage(of: segments) == nil)
                }
            }
            return refusals
        }

        @Test(arguments: [SupplyOrder.ascending, .everySecond, .destinationsShuffledFirst, .mixed], [UInt32(0), 9])
        func everyAllocationMayBeTheLastOne(_ order: SupplyOrder, _ largestOrder: UInt32) {
            let count = refusals(-12, order, largestOrder: largestOrder) { linux, number in
                linux.pages.failingRequest = linux.pages.requests + number
            }
            #expect(count > (largestOrder == 0 ? 230 : 10))
        }

        /// The contents have an entry each, and the list's second page is wanted among those of the zeros.
        @Test func theListMayHaveNoPageForZeros() {
            let zeros = (0..<15).map { TestSegment(0x60_0000 + $0 * 0x2000, pages: 0, zeros: 1) }
            let segments = [TestSegment(0x24_0000, pages: 250)] + zeros
            let count = refusals(-12, .destinationsLast, largestOrder: 0, of: segments) { linux, number in
                linux.pages.failingRequest = linux.pages.requests + number
            }
            #expect(count > 250)
        }

        /// Where a large block is missing, smaller ones do: not each of these is an end.
        @Test(arguments: [UInt32(0), 9]) func everyAllocationMayFailOnce(_ largestOrder: UInt32) {
            withMachine { linux in
                linux.pages.failsForGood = false
                linux.pages.largestOrder = largestOrder
                #expect(linux.load(before) == 0)
                var given = linux.pages.given
                var (number, refusals) = (0, 0)
                while true {
                    let first = linux.pages.requests
                    linux.pages.failingRequest = first + number
                    let result = linux.load(segments)
                    guard linux.pages.requests > first + number else { break }
                    #expect(result == 0 || result == -12)
                    if result == 0 {
                        linux.pages.failingRequest = nil
                        #expect(linux.load(before) == 0)
                        given = linux.pages.given
                    }
                    #expect(linux.pages.given.count == given.count)
                    number += 1
                    refusals += result == 0 ? 0 : 1
                }
                #expect(refusals > 5)
                #expect(number > refusals || largestOrder == 0)
            }
        }

        @Test func theTableMayFail() {
            let count = refusals(-12, .ascending, largestOrder: 9) { linux, number in
                linux.failingTable = number == 0 ? linux.tableRequests : nil
            }
            #expect(count == 1)
        }

        @Test(arguments: [UInt32(0), 9]) func everyCopyFromTheCallerMayFail(_ largestOrder: UInt32) {
            let count = refusals(-14, .ascending, largestOrder: largestOrder) { linux, number in
                linux.failingCopy = linux.copies + number
            }
            // The request, three segments, and their contents.
            #expect(count >= (largestOrder == 0 ? 4 + 250 : 4 + 3))
        }

        @Test(arguments: [SupplyOrder.everySecond, .destinationsLast, .contentsFirst])
        func aSignalEndsALoadAnywhere(_ order: SupplyOrder) {
            let count = refusals(-4, order, largestOrder: 0) { linux, number in
                linux.interruptedQuestion = linux.questions + number
            }
            #expect(count > 1)
        }

        /// Each page that comes may be a place, and none of them what is looked for.
        @Test func aSignalEndsTheSearchForAPageOutsideAllPlaces() {
            let linux = MockLinux()
            var generator = Seeded(6)
            linux.pages.prefer(SupplyOrder.contentsFirst.order(linux.freePages, for: segments, &generator))
            withMachine(linux) { linux in
                linux.interruptedQuestion = 3
                #expect(linux.load(segments) == -4)
                #expect(linux.logLines.map(\.text) == ["load ended by a signal"])
                #expect(linux.pages.everGiven.count < 10)
            }
        }

        /// Also where it is the first step of leaving.
        @Test(arguments: [false, true]) func everyAllocationOfARehearsalMayFail(_ leaves: Bool) {
            withMachine { linux in
                #expect(linux.load(before) == 0)
                let (jump, given) = (linux.jump, linux.pages.given)
                var refusals = 0
                while true {
                    linux.pages.failingRequest = linux.pages.requests + refusals
                    linux.exits = []
                    if linux.call(leaves ? .execute : .dryRun) != -12 { break }
                    #expect(linux.exits == [])
                    #expect(linux.pages.given == given)
                    #expect(linux.jump == jump)
                    refusals += 1
                }
                // A root, four pages, and the list of them.
                #expect(refusals == 6)
                #expect(linux.exits == (leaves ? ["rehearse", "leave"] : ["rehearse"]))
                #expect(linux.pages.given == given)
            }
        }
    }
}
