// SPDX-License-Identifier: MIT
import Foundation
import ModuleCore
import PhysicalMemory
import Testing

extension CoreTests {
    /// Twice the pages are twice the work, however the memory is.
    @Suite struct Linearity {
        /// Room for 8192 pages of contents, their places and their zeros.
        private static let machine: [(PhysicalRange, isRAM: Bool)] = [
            (MockLinux.range(0x10_0000, 0x600_0000), true)
        ]

        /// What a load of `pages` costs: calls of the glue, and processor time in nanoseconds.
        private func cost(_ pages: Int, _ order: SupplyOrder) -> (steps: Int, time: UInt64) {
            let segments = [TestSegment(0x40_0000, pages: pages, zeros: pages / 4)]
            let linux = MockLinux(Self.machine)
            var generator = Seeded(5)
            var cost = (steps: 0, time: UInt64.max)
            linux.pages.prefer(order.order(linux.freePages, for: segments, &generator))
            linux.pages.largestOrder = 0
            withMachine(linux) { linux in
                let (steps, start) = (linux.steps, Self.processorTime)
                #expect(linux.load(segments) == 0)
                cost = (linux.steps - steps, Self.processorTime - start)
            }
            return cost
        }

        /// Of this thread, for the machine may have other work.
        private static var processorTime: UInt64 {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        }

        @Test(arguments: SupplyOrder.allCases) func stepsGrowAsPagesDo(_ order: SupplyOrder) {
            let steps = [1000, 2000, 4000].map { cost($0, order).steps }
            #expect(steps[1] * 10 < steps[0] * 22)
            #expect(steps[2] * 10 < steps[1] * 22)
        }

        /// What is no step of the glue takes time: 16 times the pages must take nearer to 16 times as long than to 256.
        @Test(arguments: [SupplyOrder.destinationsLast, .contentsFirst, .mixed])
        func timeGrowsAsPagesDo(_ order: SupplyOrder) {
            let few = (0..<3).map { _ in cost(512, order).time }.min() ?? 0
            let many = (0..<3).map { _ in cost(512 * 16, order).time }.min() ?? 0
            #expect(many < few * 64, "\(few) and \(many) ns")
        }
    }
}
