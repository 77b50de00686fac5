// SPDX-License-Identifier: MIT

/// One proof in a whole Debian: what its administrator does, and what has to come of it.
struct SystemCase: NamedTest {
    /// Unique together with the release, which comes before it: `bookworm/reboot/loaded`.
    var title: String
    /// The laboratory's file that it is written in, without its folder; set by the catalogue.
    var source = ""
    /// What passing proves, in one sentence.
    var summary: String
    var release: SystemRelease
    /// It begins before the package is installed.
    var startsBare = false
    /// The machine's ssh is reached through a port of this host, on its loopback address alone.
    var servesSSH = false
    /// Host files that lie in the guest's `/lab`, by their names there; the package under test always does.
    var files: @Sendable (SystemWorkshop) async throws -> [String: String] = { _ in [:] }
    /// What this host has to have for it.
    var prepare: @Sendable (SystemWorkshop) async throws -> Void = { _ in }
    /// Seconds for all of it on a machine that is otherwise idle.
    var deadline: Double = 1500
    /// Throws what is wrong.
    var steps: @Sendable (SystemGuest) async throws -> Void

    var name: String { "\(release.rawValue)/\(title)" }
}

extension SystemCase {
    /// The case in each of these releases.
    static func cases(
        _ title: String, _ summary: String, in releases: [SystemRelease] = SystemRelease.allCases,
        _ change: (inout SystemCase) -> Void = { _ in },
        steps: @escaping @Sendable (SystemGuest) async throws -> Void
    ) -> [SystemCase] {
        releases.map { release in
            var test = SystemCase(title: title, summary: summary, release: release, steps: steps)
            change(&test)
            return test
        }
    }
}

/// A demand of a case.
func require(_ holds: Bool, _ complaint: @autoclosure () -> String) throws {
    guard holds else { throw LabError(complaint()) }
}

/// The cases of one file, which has its name.
protocol SystemCaseGroup: Sendable {
    static var all: [SystemCase] { get }
}
