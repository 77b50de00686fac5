// SPDX-License-Identifier: MIT
internal import Kexec

/// Whether an option takes a value; `has_arg` of `struct option` in <getopt.h>.
enum ValueKind: Hashable, Sendable {
    /// `no_argument`
    case none
    /// `required_argument`: `--name=VALUE`, `--name VALUE`, `-nVALUE`, `-n VALUE`.
    case required
    /// `optional_argument`: only as `--name=VALUE`; a word that follows is not the value.
    case optional
}

/// The program that brought an option's name.
///
/// Names count in this order wherever an abbreviation could mean several: what an older kexec-tools understood, a
/// newer name never changes.
enum Generation: UInt8, CaseIterable, Hashable, Sendable {
    /// kexec-tools 2.0.25 (Debian 12).
    case kexecTools25
    /// New in kexec-tools 2.0.26 to 2.0.32 (Debian 13 and newer).
    case kexecTools32
    /// In kexec-tools' repository, in none of its releases yet.
    case kexecToolsNext
    /// Ours.
    case swiftKexec
}

/// Where an option stands in the help text and in the manual.
enum OptionGroup: CaseIterable, Hashable, Sendable {
    case action, going, systemCall, files, image, placement, purgatory, crash, planning

    var title: String {
        switch self {
        case .action: "What to do (without one of these: load, then shut down and reboot into it)"
        case .going: "How to go"
        case .systemCall: "System call"
        case .files: "Command line and files"
        case .image: "Image type and entry"
        case .placement: "Memory"
        case .purgatory: "Check and messages between the two kernels"
        case .crash: "Crash kernels"
        case .planning: "Planning and reports"
        }
    }
}

/// What this build does with an option that it has parsed.
enum OptionStanding: Hashable, Sendable {
    case honoured
    /// Understood, and refused by name: by the planner where it is part of a request, else at once.
    case laterRelease
    /// Refused as soon as it is seen: it can work on no machine of this architecture.
    case notOnThisArchitecture
}

/// One name that the command line knows.
struct OptionEntry: Hashable, Sendable {
    var option: KexecOption
    /// Without the dashes in front.
    var name: String
    /// The short form, in ASCII.
    var letter: UInt8?
    var value: ValueKind
    /// How help and manual call the value: "FILE"; empty where there is none.
    var placeholder: String
    var generation: Generation
    var group: OptionGroup
    var standing: OptionStanding
    /// One line that fits beside the name in 80 columns, without a full stop.
    var help: String
}
