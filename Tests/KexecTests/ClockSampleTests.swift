// SPDX-License-Identifier: MIT
import Testing

@testable import Kexec

@Suite struct ClockSampleTests {
    @Test func tellsTheFrequencyInKilohertz() {
        let start = ClockSample(timeStamp: 5, nanoseconds: 1000)
        #expect(start.frequency(until: ClockSample(timeStamp: 2_100_005, nanoseconds: 1_001_000)) == 2_100_000)
    }

    @Test func tellsNoFrequencyOfTooShortATimeOrOfACounterThatStandsStill() {
        let start = ClockSample(timeStamp: 5, nanoseconds: 1000)
        #expect(start.frequency(until: ClockSample(timeStamp: 50, nanoseconds: 2000)) == 0)
        #expect(start.frequency(until: ClockSample(timeStamp: 5, nanoseconds: 1_001_000)) == 0)
        #expect(start.frequency(until: ClockSample(timeStamp: .max, nanoseconds: 1_001_000)) == 0)
    }

    /// A tenth of a millisecond is the least.
    @Test(arguments: [(99_999, 0), (100_000, 2_000_000)] as [(UInt64, UInt64)])
    func tellsNoFrequencyBelowATenthOfAMillisecond(nanoseconds: UInt64, frequency: UInt64) {
        let start = ClockSample(timeStamp: 5, nanoseconds: 1000)
        let later = ClockSample(timeStamp: 5 + nanoseconds * 2, nanoseconds: 1000 + nanoseconds)
        #expect(start.frequency(until: later) == frequency)
    }

    /// An interrupt of 10 ms between clock and counter would be most of the time between two samples.
    @Test func readsAgainWhereItWasInterrupted() {
        var readings: [(UInt64, UInt64)] = [(100, 200), (10_000_100, 20_000_200), (10_000_140, 20_000_280)]
        let sample = ClockSample.closest(of: 2) { readings.removeFirst() }
        #expect(sample == ClockSample(timeStamp: 20_000_200, nanoseconds: 10_000_120))
    }
}
