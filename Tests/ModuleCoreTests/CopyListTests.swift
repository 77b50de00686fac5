// SPDX-License-Identifier: MIT
import ModuleCore
import PhysicalMemory
import Testing

extension CoreTests {
    /// What the copy list holds for chosen supplies. That it is right in general is in `Model`.
    @Suite struct CopyListOfAnImage {
        /// Contents and zeros, on pages that are free.
        private let segments = [
            TestSegment(0x20_0000, pages: 40, zeros: 30), TestSegment(0x1_0004_0000, pages: 25),
            TestSegment(0x30_0000, pages: 0, zeros: 50),
        ]
        private var contents: [UInt64] { segments.flatMap(\.contentPages) }
        private var zeros: [UInt64] { segments.flatMap(\.zeroPages) }

        private func machine(_ order: SupplyOrder, largestOrder: UInt32 = 0) -> MockLinux {
            let linux = MockLinux()
            var generator = Seeded(1)
            linux.pages.prefer(order.order(linux.freePages, for: segments, &generator))
            linux.pages.largestOrder = largestOrder
            return linux
        }

        @Test func pagesThatComeAtTheirPlaceAreNotCopied() {
            let linux = machine(.contentsFirst)
            let others = linux.freePages.filter { !contents.contains($0) }
            // The first page is for the image, and the third for the list of those that the core has.
            linux.pages.prefer([others[0], contents[0], others[1]] + contents.dropFirst() + others.dropFirst(2))
            withMachine(linux) { linux in
                #expect(linux.load(segments) == 0)
                #expect(linux.pages.everGiven.isSuperset(of: contents))
                let status = linux.status()
                #expect(status?.pagesToCopy == 0)
                #expect(status?.pagesInPlace == UInt64(contents.count))
                let entries = linux.jump.map { linux.list(of: $0).entries } ?? []
                #expect(entries.flatMap(\.sources) == [])
                #expect(entries.flatMap(\.destinations) == zeros)
            }
        }

        @Test func pagesThatBecomeZerosHoldContentsUntilThen() {
            withMachine(machine(.zerosFirst)) { linux in
                #expect(linux.load(segments) == 0)
                guard let jump = linux.jump else { return }
                let entries = linux.list(of: jump).entries
                let sources = Set(entries.flatMap(\.sources))
                #expect(sources.count == contents.count)
                // The image and the list of pages have taken two.
                #expect(sources.subtracting(zeros) == [])
                #expect(linux.flaws(of: jump, for: segments) == [])
                linux.memory.restoring {
                    #expect(linux.perform(jump) == nil)
                    #expect(linux.firstWrongPage(of: segments) == nil)
                }
            }
        }

        /// The allocator gives them, the core refuses none, and gives back those of no use.
        @Test(arguments: [SupplyOrder.contentsFirst, .zerosFirst, .destinationsShuffledFirst])
        func everyDestinationIsHandedOutAndOnlyUsefulOnesAreKept(_ order: SupplyOrder) {
            withMachine(machine(order)) { linux in
                #expect(linux.load(segments) == 0)
                if order != .zerosFirst { #expect(linux.pages.everGiven.isSuperset(of: contents)) }
                if order == .zerosFirst { #expect(linux.pages.everGiven.isSuperset(of: zeros.prefix(contents.count))) }
                if order == .destinationsShuffledFirst { #expect(linux.pages.everGiven.isSuperset(of: zeros)) }
                // A page that becomes zeros is kept although a content's own comes later. Beside contents there are some
                // pages for the image, its lists, tables and code.
                #expect(linux.pages.pagesGiven <= UInt64(contents.count) * 2 + 20)
            }
        }

        /// The list's second page is looked for among pages to zero, when the contents have all they need.
        @Test func pagesThatBecomeZerosAreNotHoardedWhileTheListGrows() {
            let contents = TestSegment(0x30_0000, pages: 400)
            let zeros = TestSegment(0x20_0000, pages: 0, zeros: 256)
            // Sources in every second page, so that each is an entry: one list page for 255.
            let others = MockLinux().freePages.filter { !contents.pages.contains($0) && !zeros.pages.contains($0) }
            let scattered = others.filter { $0 & 4096 == 0 }
            let machine = { (first: [UInt64], then: [UInt64]) in
                let linux = MockLinux()
                linux.pages.largestOrder = 0
                linux.pages.prefer(first + then + others.filter { !first.contains($0) } + contents.pages)
                return linux
            }
            var needed = 0
            withMachine(machine(scattered, zeros.pages)) { linux in
                #expect(linux.load([contents, zeros]) == 0)
                needed = Int(linux.pages.pagesGiven)
            }
            // Now all but the list's second page are taken when the zeros' places begin to come.
            withMachine(machine(Array(scattered.prefix(needed - 1)), zeros.pages)) { linux in
                #expect(linux.load([contents, zeros]) == 0)
                #expect(linux.pages.everGiven.isSuperset(of: zeros.pages))
                #expect(linux.status()?.pagesToCopy == 400)
                #expect(linux.pages.pagesGiven <= needed + 1)
            }
        }

        @Test func contiguousPagesAreOneEntry() {
            let segments = [TestSegment(0x14_0000, pages: 300), TestSegment(0x9_0000, pages: 4, zeros: 8)]
            withMachine(machine(.descending, largestOrder: 9)) { linux in
                #expect(linux.load(segments) == 0)
                guard let jump = linux.jump else { return }
                let entries = linux.list(of: jump).entries
                // Blocks of 256, 32 and 16, and one that is shared by both segments.
                #expect(entries.filter { $0.source != nil }.count <= 7)
                let zeros = entries.filter { $0.source == nil }
                #expect(zeros == [CopyEntry(destination: 0x9_4000, source: nil, pages: 8)])
                #expect(linux.status()?.pagesToCopy == 304)
            }
        }

        @Test func zerosOfMoreThanOneEntryAreSplitAtItsLimit() {
            let linux = MockLinux([
                (MockLinux.range(0, 0x9_f000), true), (MockLinux.range(0x10_0000, 0x50_0000), true),
                (MockLinux.range(0x1000_0000, 0x1300_1000), false),
            ])
            linux.answers.totalPages = 1 << 20
            let segment = TestSegment(0x1000_0000, pages: 1, zeros: 0x3000)
            withMachine(linux) { linux in
                #expect(linux.load([segment]) == 0)
                guard let jump = linux.jump else { return }
                let zeros = linux.list(of: jump).entries.filter { $0.source == nil }
                #expect(zeros.map(\.pages) == [4096, 4096, 4096])
                #expect(linux.perform(jump) == nil)
                #expect(linux.firstWrongPage(of: [segment]) == nil)
            }
        }

        /// The first megabyte begins with it, and its address is that of "no source".
        @Test func pageZeroIsADestinationAsAnyOther() {
            let segments = [TestSegment(0, pages: 1), TestSegment(0x1000, pages: 0, zeros: 1)]
            withMachine { linux in
                #expect(linux.load(segments) == 0)
                guard let jump = linux.jump else { return }
                linux.memory.restoring {
                    #expect(linux.perform(jump) == nil)
                    #expect(linux.firstWrongPage(of: segments) == nil)
                }
            }
        }
    }
}
