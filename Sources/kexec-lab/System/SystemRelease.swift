// SPDX-License-Identifier: MIT

/// Debian's releases that cases are run in.
enum SystemRelease: String, CaseIterable, Sendable {
    /// systemd 252, Linux 6.1.
    case bookworm
    /// systemd 257, Linux 6.12.
    case trixie
    /// What is coming, whatever that is on the day when the system is built: systemd 262 or later, which loads a kernel
    /// by itself.
    case sid

    /// Its packages change from day to day: no run makes its system by itself.
    var isMoving: Bool { self == .sid }

    /// Those that do not change any more.
    static let stable: [SystemRelease] = [.bookworm, .trixie]
}
