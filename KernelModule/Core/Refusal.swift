// SPDX-License-Identifier: MIT OR GPL-2.0-only
#if canImport(Handoff)
    import Handoff
#endif

/// Why a call of the device did not do what it was asked for. The core returns these instead of throwing them: what a
/// `throws` leaves in a register between functions confuses Linux's unwinder.
enum Refusal: Equatable {
    // Who asks, and whether anyone may.
    case notPrivileged
    case inProcessNamespace
    case switchedOff
    case loadLimitUsedUp
    case lockedDown(Int64)
    case policy(Int64)
    case memoryEncrypted
    case guestWithSharedMemory
    /// nosmt; `isForGood`: until the next boot.
    case sleepingSiblings(isForGood: Bool)
    // What is asked for.
    case unknownCommand(UInt32)
    case unknownFlags(UInt64)
    case otherArchitecture(UInt64)
    case noSegments
    case tooManySegments(UInt64)
    case brokenRule(BrokenSegmentRule, UInt64, UInt64)
    case badAddress
    case nothingLoaded
    // What the machine has.
    case noMemory
    case interrupted
    // The way out, tried on scratch pages.
    case codeChanged(UInt64)
    case notMapped(UInt64)
    case notCopied(UInt64)
    case notLeft(Int64)

    /// What the caller gets: a negated number of `<asm-generic/errno.h>`.
    var errno: Int64 {
        switch self {
        case .notPrivileged, .inProcessNamespace, .switchedOff, .loadLimitUsedUp: -1  // EPERM
        case .lockedDown(let errno), .policy(let errno), .notLeft(let errno): errno
        case .interrupted: -4  // EINTR
        case .codeChanged, .notMapped, .notCopied: -5  // EIO
        case .noMemory: -12  // ENOMEM
        case .badAddress: -14  // EFAULT
        case .unknownCommand: -25  // ENOTTY
        case .memoryEncrypted, .guestWithSharedMemory, .sleepingSiblings: -95  // EOPNOTSUPP
        case .unknownFlags, .otherArchitecture, .noSegments, .tooManySegments, .nothingLoaded: -22  // EINVAL
        case .brokenRule(let rule, _, _): rule.isOfAddress ? -99 : -22  // EADDRNOTAVAIL, EINVAL
        }
    }
}

extension BrokenSegmentRule {
    /// Linux tells these two kinds apart by the errno.
    fileprivate var isOfAddress: Bool {
        switch self {
        case .endBeforeStart, .notPageAligned, .aboveAddressLimit, .entryOutsideCrashRegion, .outsideCrashRegion: true
        case .tooManySegments, .overlap, .contentsLargerThanPlace, .segmentTooLarge, .allTooLarge: false
        }
    }
}
