// SPDX-License-Identifier: MIT
import ModuleCore
import PhysicalMemory
import Testing

extension CoreTests {
    /// The page tables of the time between the kernels.
    @Suite struct Tables {
        private let segments = [
            TestSegment(0x20_0000, pages: 3, zeros: 2), TestSegment(0x60_0000, pages: 2),
            TestSegment(0x1_0000_0000, pages: 1),
        ]

        /// With RAM that only the map shows: a piece that begins and ends inside a gibibyte, whole ones, and far ones.
        private func machine(_ hasFiveLevels: Bool, _ hasGigabytePages: Bool) -> MockLinux {
            let linux = MockLinux()
            linux.answers.hasFiveLevels = hasFiveLevels
            linux.answers.hasGigabytePages = hasGigabytePages
            linux.answers.ram += [
                MockLinux.range(0x4000_0000, 0x8000_0000), MockLinux.range(0x1_0000_0000, 0x1_0020_0000),
                MockLinux.range(0x1_3ffe_e000, 0x2_8012_3000), MockLinux.range(0x20_0000_0000, 0x20_4000_1000),
            ]
            if hasFiveLevels {
                linux.answers.addressLimit = 1 << 52
                linux.answers.ram.append(MockLinux.range(0x3_0000_0000_0000, 0x3_0000_4000_0000))
            }
            return linux
        }

        @Test(arguments: [false, true], [false, true])
        func mapRAMAndPlacesAtTheirAddressesAndNothingElse(_ hasFiveLevels: Bool, _ hasGigabytePages: Bool) {
            withMachine(machine(hasFiveLevels, hasGigabytePages)) { linux in
                #expect(linux.load(segments) == 0)
                guard let jump = linux.jump else { return }
                let (tables, leaves) = linux.walk(jump.root).everything
                #expect(Set(tables).count == tables.count)
                let low = leaves.filter { $0.address < 1 << 63 }
                #expect(low.allSatisfy { $0.address == $0.target })
                let places = segments.map { MockLinux.range($0.start, $0.start + $0.size) }
                let wanted = (linux.answers.ram + places).map(Self.inLargePages)
                let found = low.map { MockLinux.range($0.address, $0.address + $0.size) }
                #expect(PhysicalRangeSet(found) == PhysicalRangeSet(wanted))
                #expect(found.reduce(0) { $0 + $1.size } == PhysicalRangeSet(found).size, "something is mapped twice")
                #expect(low.contains { $0.size == 1 << 30 } == hasGigabytePages)

                let high = leaves.filter { $0.address >= 1 << 63 }
                #expect(high.map(\.address) == [MockLinux.departureAddress & ~0xfff])
                #expect(high.map(\.target) == [MockLinux.departurePage])
                #expect(high.map(\.size) == [4096])
            }
        }

        private static func inLargePages(_ range: PhysicalRange) -> PhysicalRange {
            let size: UInt64 = 2 << 20
            return MockLinux.range(
                range.start.rawValue / size * size, (range.end.rawValue + size - 1) / size * size)
        }

        @Test(arguments: [false, true], [false, true])
        func leadToEveryPageOfTheJump(_ hasFiveLevels: Bool, _ hasGigabytePages: Bool) {
            withMachine(machine(hasFiveLevels, hasGigabytePages)) { linux in
                #expect(linux.load(segments) == 0)
                guard let jump = linux.jump else { return }
                let walk = linux.walk(jump.root)
                let (list, entries) = linux.list(of: jump)
                for page in list + [jump.control] + segments.flatMap(\.pages) + entries.flatMap(\.sources) {
                    #expect(walk.translate(page) == page)
                }
                #expect(
                    walk.translate(MockLinux.departureAddress)
                        == MockLinux.departurePage + MockLinux.departureAddress % pageSize)
                #expect(walk.translate(MockLinux.departureAddress + 4096) == nil)
                #expect(walk.translate(0x7000_0000_0000) == nil)
                #expect(walk.translate(0xc000_0000) == nil)
            }
        }

        /// A place of no bytes may be anywhere, also where devices are.
        @Test func mapNothingForAPlaceOfNoBytes() {
            withMachine { linux in
                #expect(linux.load([TestSegment(0xfee0_1000, [], size: 0), TestSegment(0x20_0000, pages: 1)]) == 0)
                guard let jump = linux.jump else { return }
                #expect(linux.walk(jump.root).translate(0xfee0_1000) == nil)
            }
        }
    }
}
