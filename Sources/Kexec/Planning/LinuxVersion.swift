// SPDX-License-Identifier: MIT

/// The first two numbers of a Linux release, "6.1.0-56-cloud-amd64".
struct LinuxVersion: Comparable, Sendable {
    let major: UInt64
    let minor: UInt64

    init(_ major: UInt64, _ minor: UInt64) { (self.major, self.minor) = (major, minor) }

    /// - Parameter release: nil, and what does not begin with two numbers, is no version.
    init?(_ release: String?) {
        guard let (major, rest) = Array((release ?? "").utf8)[...].value(of: "."), let major = major.decimal,
            let minor = rest.prefix(while: { $0.digit ?? 10 < 10 }).decimal
        else { return nil }
        self.init(major, minor)
    }

    static func < (left: Self, right: Self) -> Bool {
        left.major < right.major || left.major == right.major && left.minor < right.minor
    }
}
