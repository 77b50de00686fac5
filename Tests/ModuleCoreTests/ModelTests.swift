// SPDX-License-Identifier: MIT
import ModuleCore
import PhysicalMemory
import Testing

extension CoreTests {
    /// Random images on machines that hand out their pages in every order, against what the segments say.
    @Suite struct Model {
        private static let rounds = 16

        @Test(arguments: SupplyOrder.allCases, [UInt32(0), 9])
        func everyPageIsAsTheSegmentsSayAfterTheJump(_ order: SupplyOrder, _ largestOrder: UInt32) {
            for _ in 0..<Self.rounds {
                var generator = Seeded.fresh
                let linux = MockLinux()
                withMachine(linux, "MODULE_CORE_SEED=\(generator.seed)") {
                    jumps($0, order, largestOrder, &generator)
                }
            }
        }

        private func jumps(_ linux: MockLinux, _ order: SupplyOrder, _ largestOrder: UInt32, _ generator: inout Seeded)
        {
            let segments = generator.segments(in: linux.memory, atMostPages: Int(linux.answers.totalPages / 2))
            linux.pages.prefer(order.order(linux.freePages, for: segments, &generator))
            linux.pages.largestOrder = largestOrder
            linux.answers.hasFiveLevels = generator.chance(2)
            linux.answers.hasGigabytePages = generator.chance(2)
            let note = Comment(rawValue: "MODULE_CORE_SEED=\(generator.seed) \(segments)")

            #expect(linux.load(segments) == 0, note)
            guard let jump = linux.jump else {
                Issue.record("nothing is loaded, \(note)")
                return
            }
            #expect(jump.entry == MockLinux.entry)
            #expect(linux.flaws(of: jump, for: segments) == [], note)
            #expect(linux.damage == [], note)
            #expect(linux.status()?.pagesHeld == linux.pages.pagesGiven, note)
            #expect(linux.tables.isEmpty, note)
            linux.memory.restoring {
                #expect(linux.perform(jump) == nil, note)
                #expect(linux.firstWrongPage(of: segments) == nil, note)
            }
        }
    }
}
