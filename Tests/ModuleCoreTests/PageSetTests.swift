// SPDX-License-Identifier: MIT
import Glibc
import PhysicalMemory
import Testing

@testable import ModuleCore

extension CoreTests {
    /// What the core keeps of pages, and that nothing of it reaches beyond.
    @Suite struct Pages {
        /// One bit for each page, in whole words.
        @Test(arguments: [(1, 8), (63, 8), (64, 8), (65, 16), (128, 16), (129, 24)])
        func aSetTakesABitForEachContentPage(pages: Int, bytes: Int) {
            withMachine { linux in
                #expect(linux.load([TestSegment(0x20_0000, pages: pages)]) == 0)
                #expect(linux.tableSizes == [bytes])
            }
        }

        /// One page of a block of two is a place, and the other one is as good as any.
        @Test func aPageBesideAPlaceIsUsed() {
            var held: [UInt64] = []
            for isBesideAPlace in [false, true] {
                let linux = MockLinux()
                let single = linux.freePages.filter { $0 % 0x2000 == 0 && $0 < 0x18_0000 }
                let pair: [UInt64] = isBesideAPlace ? [0x20_0000, 0x20_1000] : [0x40_0000, 0x40_1000]
                linux.pages.prefer(single + pair + linux.freePages.filter { $0 >= 0x60_0000 })
                linux.pages.largestOrder = 1
                withMachine(linux) { linux in
                    #expect(linux.load([TestSegment(0x20_1000, pages: 2)]) == 0)
                    #expect(linux.pages.everGiven.isSuperset(of: pair))
                    held.append(linux.pages.pagesGiven)
                }
            }
            #expect(held.first == held.last)
        }

        @Test func aSetHoldsWhatWasPutInAndNoOtherNumber() {
            withMachine { _ in
                guard var set = PageSet(count: 130) else {
                    Issue.record("no set")
                    return
                }
                for number in [0, 63, 64, 129] as [UInt64] { set.insert(number) }
                for number in [130, 131, 1 << 40, .max] as [UInt64] { set.insert(number) }
                let found = (0..<200).filter { set.contains(UInt64($0)) }
                #expect(found == [0, 63, 64, 129] && !set.contains(1 << 40) && !set.contains(.max))
            }
        }

        @Test func aSetOfNothingHoldsNothing() {
            withMachine { linux in
                var none = PageSet()
                guard var empty = PageSet(count: 0) else {
                    Issue.record("no set")
                    return
                }
                none.insert(0)
                empty.insert(0)
                let isEmpty = !none.contains(0) && !empty.contains(0)
                #expect(isEmpty && linux.tableSizes == [])
            }
        }

        /// The calling process ends; no memory of another is touched.
        @Test(arguments: [-1, 512, Int.min, Int.max]) func aWordOutsideAPageIsATrap(index: Int) async {
            for writes in [false, true] {
                await #expect(processExitsWith: .failure) { [index = index as Int, writes = writes as Bool] in
                    MockLinux.current = MockLinux()
                    let words = PageWords(PhysicalAddress(MockLinux.kernelRoot))
                    if writes { words[index] = 1 } else { _ = words[index] }
                    _ = Glibc.write(2, "not trapped\n", 12)
                    exit(0)
                }
            }
        }
    }
}
