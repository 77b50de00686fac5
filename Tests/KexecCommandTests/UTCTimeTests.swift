// SPDX-License-Identifier: MIT
import Testing

@testable import KexecCommand

/// Against Python's datetime.
@Suite struct UTCTimeTests {
    @Test(
        arguments: [
            (0, "1970-01-01 00:00:00"), (59, "1970-01-01 00:00:59"), (86399, "1970-01-01 23:59:59"),
            (86400, "1970-01-02 00:00:00"), (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"), (951_868_799, "2000-02-29 23:59:59"),
            (951_868_800, "2000-03-01 00:00:00"), (1_709_164_800, "2024-02-29 00:00:00"),
            (1_709_251_200, "2024-03-01 00:00:00"), (1_735_689_599, "2024-12-31 23:59:59"),
            (1_735_689_600, "2025-01-01 00:00:00"), (1_764_000_000, "2025-11-24 16:00:00"),
            (4_102_444_800, "2100-01-01 00:00:00"), (4_107_542_399, "2100-02-28 23:59:59"),
            (4_107_542_400, "2100-03-01 00:00:00"), (13_569_465_600, "2400-01-01 00:00:00"),
            (13_574_563_200, "2400-02-29 00:00:00"), (13_574_649_600, "2400-03-01 00:00:00"),
            (253_402_300_799, "9999-12-31 23:59:59"),
        ] as [(UInt64, String)])
    func isTheDateOfTheGregorianCalendar(seconds: UInt64, text: String) {
        #expect(utcTime(seconds) == text)
    }

    @Test func countsEveryDayOf400Years() {
        let lengths: [UInt64] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        var seconds: UInt64 = 0
        func digits(_ number: UInt64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        for year in UInt64(1970)..<2370 {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            for (month, length) in lengths.enumerated() {
                for day in 1...length + (isLeap && month == 1 ? 1 : 0) {
                    let text = "\(year)-\(digits(UInt64(month) + 1))-\(digits(day)) 12:34:56"
                    if utcTime(seconds + 45296) != text { Issue.record("\(text)") }
                    seconds += 86400
                }
            }
        }
    }
}
