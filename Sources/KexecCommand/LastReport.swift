// SPDX-License-Identifier: MIT
internal import Handoff

/// What purgatory did on the way into this kernel, for people: `kexec --last`.
struct LastReport {
    let record: TraceRecord

    var text: String {
        guard record.entered else { return "purgatory has left no trace: it was not entered\n" }
        var lines = ["purgatory  ran at \(hexadecimal(record.purgatoryAddress))"]
        lines.append("digest     \(verdict)")
        if record.loadClock != 0 { lines.append("loaded     \(utcTime(record.loadClock)) UTC") }
        lines.append("digest     took \(duration(from: record.entryTime, to: record.digestTime))")
        lines.append("purgatory  took \(duration(from: record.entryTime, to: record.jumpTime))")
        if record.turnedOff5LevelPaging { lines.append("paging     turned down from 5 to 4 levels") }
        return lines.joined(separator: "\n") + "\n"
    }

    private var verdict: String {
        switch record.digestKind {
        case DigestKind.none?: return "not checked"
        case nil: return "of an unknown kind"
        case .fast?, .sha256?: break
        }
        let name = record.digestKind == .fast ? "fast" : record.usedSHAExtensions ? "sha256 (SHA-NI)" : "sha256"
        let count = Int(record.segmentCount)
        let all = count >= 16 ? UInt16.max : UInt16(1) << UInt16(count) - 1
        let outcome = record.verdicts & all == all ? "as loaded" : "NOT all as loaded"
        return "\(name), \(count) segments, \(byteSize(record.digestedBytes)): \(outcome)"
    }

    /// Microseconds where the counter's frequency is known, else its ticks.
    private func duration(from start: UInt64, to end: UInt64) -> String {
        guard end >= start else { return "an unknown time" }
        let ticks = end - start
        guard record.timeStampFrequency > 0 else { return "\(ticks) ticks" }
        let (scaled, overflow) = ticks.multipliedReportingOverflow(by: 1000)
        return overflow ? "\(ticks) ticks" : "\(scaled / record.timeStampFrequency) µs"
    }
}

/// "2026-11-23 22:14:57", by the proleptic Gregorian calendar.
func utcTime(_ secondsSince1970: UInt64) -> String {
    let days = secondsSince1970 / 86400, rest = secondsSince1970 % 86400
    // Counted from 1 March of year 0, so that the leap day ends a year.
    let shifted = days + 719_468
    let era = shifted / 146_097, day = shifted % 146_097
    let year = (day - day / 1460 + day / 36524 - day / 146_096) / 365
    let dayOfYear = day - (365 * year + year / 4 - year / 100)
    let monthIndex = (5 * dayOfYear + 2) / 153
    let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
    let date = [era * 400 + year + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthIndex + 2) / 5 + 1]
    return date.map(twoDigits).joined(separator: "-") + " "
        + [rest / 3600, rest / 60 % 60, rest % 60].map(twoDigits).joined(separator: ":")
}

private func twoDigits(_ number: UInt64) -> String { number < 10 ? "0\(number)" : "\(number)" }
