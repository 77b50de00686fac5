// SPDX-License-Identifier: MIT
import PhysicalMemory
import Testing

struct SortingTests {
    @Test func keepsElementsOfEqualKeysInTheirOrder() {
        let words = ["three", "one", "two", "four", "six"]
        #expect(words.sorted { UInt64($0.utf8.count) } == ["one", "two", "six", "four", "three"])
    }

    @Test func namesThePlacesInAscendingOrder() {
        #expect(ascendingOrder(of: [7, .max, 0, 7]) == [2, 0, 3, 1])
        #expect(ascendingOrder(of: []) == [])
    }

    @Test func agreesWithTheStandardLibrary() {
        var state: UInt64 = 1
        for count in [1, 2, 31, 32, 33, 1000] {
            let keys = (0..<count).map { _ -> UInt64 in
                state = state &* 6_364_136_223_846_793_005 &+ 1
                return state >> 56
            }
            #expect(keys.sorted { $0 } == keys.sorted())
        }
    }
}
