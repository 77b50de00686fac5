// SPDX-License-Identifier: MIT
internal import CLinux
internal import Handoff

/// The time-stamp counter and a clock read together: two samples tell the counter's frequency.
public struct ClockSample: Hashable, Sendable {
    /// `rdtsc`; 0 where there is none.
    public var timeStamp: UInt64
    /// CLOCK_MONOTONIC
    public var nanoseconds: UInt64

    /// Both are read one after the other, and whoever is interrupted in between reads what does not belong together: the
    /// shortest of a few tries counts.
    static var now: ClockSample { .closest(of: 4) { (kx_nanoseconds(CLOCK_MONOTONIC), kx_time_stamp()) } }

    /// - Parameter read: a clock, then the counter.
    static func closest(of tries: Int, _ read: () -> (clock: UInt64, counter: UInt64)) -> ClockSample {
        var best = ClockSample(timeStamp: 0, nanoseconds: 0)
        var shortest = UInt64.max
        var (clock, counter) = read()
        for _ in 0..<tries {
            let next = read()
            let width = next.clock &- clock
            if width < shortest {
                shortest = width
                best = ClockSample(timeStamp: counter, nanoseconds: clock &+ width / 2)
            }
            (clock, counter) = next
        }
        return best
    }

    /// In kHz; 0 where too little time lies between the samples to tell it within a few percent.
    func frequency(until later: ClockSample) -> UInt64 {
        guard later.nanoseconds > nanoseconds, later.timeStamp > timeStamp else { return 0 }
        let elapsed = later.nanoseconds - nanoseconds
        let (scaled, overflow) = (later.timeStamp - timeStamp).multipliedReportingOverflow(by: 1_000_000)
        return overflow || elapsed < 100_000 ? 0 : scaled / elapsed
    }
}

extension TraceRecord {
    /// Writes down when the load was, so that the next kernel can tell the time between.
    mutating func stamp(since start: ClockSample?) {
        let now = ClockSample.now
        loadTime = now.timeStamp
        loadClock = kx_nanoseconds(CLOCK_REALTIME) / 1_000_000_000
        timeStampFrequency = start?.frequency(until: now) ?? 0
    }
}
