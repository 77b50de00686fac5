// SPDX-License-Identifier: MIT

/// Debian's releases that cases are run in.
enum SystemRelease: String, CaseIterable, Sendable {
    /// systemd 252, Linux 6.1.
    case bookworm
    /// systemd 257, Linux 6.12.
    case trixie
}
