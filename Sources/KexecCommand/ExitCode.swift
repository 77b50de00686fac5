// SPDX-License-Identifier: MIT
internal import Kexec

/// The exit status of `kexec`, by the reason: a stable table, part of the program's documented interface.
///
/// What callers of kexec-tools rely on is kept: 0 for success, 1 for usage errors and for `-e` with nothing loaded,
/// 253 to 255 as there, and the three answers of `-S`. Everything else, one status (255) in kexec-tools, has a
/// number of its own.
enum ExitCode: Hashable, Sendable, CaseIterable {
    /// 0: done; also `-h`, `-v`, `-u` with nothing loaded.
    case success
    /// 1: unknown option, bad number, an option that needs a load; with the usage text.
    case usage
    /// 1: `-e` with nothing loaded.
    case nothingLoaded
    /// 1: `--hotplug`, and the kernel cannot update a core header.
    case noHotplug
    /// 1: `--crash-check`, and a panic would leave no dump.
    case noDump
    /// 2: a file is missing, unreadable, empty, or no file.
    case file
    /// 3: a file is not the image it should be: unknown, truncated, corrupt, of another type than `--type` says.
    case image
    /// 4: no plan that the kernel would take: no room, too many segments, command line too long, unusable option.
    case plan
    /// 5: CAP_SYS_BOOT is missing.
    case privilege
    /// 6: loading is switched off: `kernel.kexec_load_disabled`, a load limit.
    case switchedOff
    /// 7: the kernel's policy forbids it: lockdown, IMA appraisal, a security module, a container.
    case policy
    /// 8: the kernel file's signature is missing or was not accepted.
    case signature
    /// 9: not enough memory.
    case memory
    /// 10: another kexec operation runs; the same call may succeed a moment later.
    case busy
    /// 11: the running kernel has no kexec, or not the call that was asked for (but see `fileCallMissing`).
    case notInKernel
    /// 12: the kernel refused the call for another reason.
    case refused
    /// 13: the jump was refused by the kernel.
    case jump
    /// 14: no program to shut the system down with could be started.
    case shutdown
    /// 15: the machine's description could not be read or written.
    case machine
    /// 16: output could not be written.
    case output
    /// 17: a fault of this program.
    case fault
    /// 253: `-s`, and the running kernel has no kexec_file_load.
    case fileCallMissing
    /// 254: `-p`, and no memory is reserved for a crash kernel.
    case noCrashRegion
    /// 255: no kernel was named; with the usage text.
    case noKernel

    /// What the program exits with.
    var status: Int32 {
        switch self {
        case .success: 0
        case .usage, .nothingLoaded, .noHotplug, .noDump: 1
        case .file: 2
        case .image: 3
        case .plan: 4
        case .privilege: 5
        case .switchedOff: 6
        case .policy: 7
        case .signature: 8
        case .memory: 9
        case .busy: 10
        case .notInKernel: 11
        case .refused: 12
        case .jump: 13
        case .shutdown: 14
        case .machine: 15
        case .output: 16
        case .fault: 17
        case .fileCallMissing: 253
        case .noCrashRegion: 254
        case .noKernel: 255
        }
    }

    /// `-S` answers by its exit status alone: 1 loaded, 0 not, 255 where the kernel does not tell.
    static func answer(isLoaded: Bool?) -> Int32 {
        switch isLoaded {
        case true?: 1
        case false?: 0
        case nil: 255
        }
    }
}

extension ExitCode {
    /// - Parameter choice: what the user asked for.
    init(_ failure: KexecFailure, choice: SystemCallChoice) {
        switch failure {
        case .machine(.hidesAddresses): self = .privilege
        case .machine: self = .machine
        case .file(let failure):
            if case .memoryShort = failure.problem {
                self = .memory
            } else {
                self = failure.problem.isOfContents ? .image : .file
            }
        case .image: self = .image
        case .typeNotSupported: self = .plan
        case .purgatory: self = .fault
        case .load(let failure): self.init(failure, choice: choice)
        case .execution(let error): self.init(error)
        case .noTrace, .badTrace: self = .machine
        }
    }

    /// - Parameter choice: what the user asked for: a missing kexec_file_load has a code of its own with `-s`.
    init(_ failure: LoadFailure, choice: SystemCallChoice) {
        switch failure {
        case .notLoadable(let refusals):
            self = refusals.first.map { ExitCode($0, choice: choice) } ?? .plan
        case .refused(let attempts):
            // The last attempt is the one that ended the search.
            switch attempts.last?.problem {
            case .refused(let error)?: self = ExitCode(error.cause)
            case .contentsOutside?: self = .image
            case .addressTooLarge?: self = .plan
            case nil: self = .fault
            }
            if self == .notInKernel, choice == .kexecFileLoad { self = .fileCallMissing }
        }
    }

    /// - Parameter choice: as above.
    init(_ refusal: PlanRefusal, choice: SystemCallChoice) {
        switch refusal {
        case .notPermitted: self = .privilege
        case .loadDisabled, .loadLimitReached: self = .switchedOff
        case .memoryShort: self = .memory
        case .purgatoryUnusable: self = .fault
        case .needsXen: self = .notInKernel
        case .noKexecInKernel: self = choice == .kexecFileLoad ? .fileCallMissing : .notInKernel
        case .firmwareStateUnusable: self = .image
        case .noCrashKernelRegion, .crashSizeIsZero: self = .noCrashRegion
        case .commandLineNotShown: self = .machine
        case .noHotplug: self = .noHotplug
        case .noSystemCall(let obstacles):
            self.init(obstacles)
            if self == .notInKernel, choice == .kexecFileLoad { self = .fileCallMissing }
        case .noRoom, .placeTaken, .commandLineTooLong, .entryMissing, .optionNotSupported, .segmentRule,
            .coreHeaderTooNarrow, .coreHeaderTooLong, .initrdWithoutLinux, .noBIOS, .biosBoot, .firmwareStateElsewhere,
            .initrdWithMultiboot, .initrdWithNBI, .badLayout, .modulesWithoutMultiboot, .needsBootServices:
            self = .plan
        }
    }

    /// What an administrator forbids comes first, then what this kernel can do.
    private init(_ obstacles: [SystemCallObstacle]) {
        if let gap = obstacles.memoryGap {
            self = gap == .addressesHidden ? .privilege : .machine
            return
        }
        var worst = obstacles.allSatisfy { $0.cause == .notInKernel } ? ExitCode.notInKernel : .plan
        for obstacle in obstacles {
            switch obstacle.cause {
            case .lockdown, .signaturesEnforced, .imaAppraisal:
                self = .policy
                return
            case .moduleDisabled, .moduleLimitUsedUp: worst = .switchedOff
            case .moduleNotLoaded, .moduleInterface, .crashKernel, .forcedReboot, .sleepingSiblings:
                if worst == .plan { worst = .notInKernel }
            // Memory that is not shown is told above, with a status of its own.
            case .notInKernel, .imageKind, .lowMemoryOnly, .pagingDepth, .option, .commandLineTooLong, .besideNative,
                .memoryUnknown, .factsNotShown, .memoryMapTooLong, .firmware32Bit:
                break
            }
        }
        self = worst
    }

    init(_ error: ExecutionError) {
        switch error {
        case .nothingLoaded, .nothingInModule: self = .nothingLoaded
        case .notInKernel, .noModule, .otherInterface, .forcedReboot, .sleepingSiblings: self = .notInKernel
        case .notPrivileged, .notLocked: self = .privilege
        case .inProcessNamespace: self = .policy
        case .refused(let error, _): self = error.cause == .nothingLoaded ? .nothingLoaded : .jump
        case .noShutdownProgram, .notDetached, .shutdownIgnoresModule: self = .shutdown
        }
    }

    private init(_ cause: RefusalCause) {
        switch cause {
        case .notPrivileged: self = .privilege
        case .loadDisabled, .loadLimitUsedUp, .moduleDisabled, .moduleLimitUsedUp: self = .switchedOff
        case .lockdown, .appraised, .policy: self = .policy
        case .unsigned, .keyUnknown, .keyRejected, .signatureUnsupported, .signatureMalformed: self = .signature
        case .busy: self = .busy
        case .memoryShort: self = .memory
        case .notInKernel, .otherInterface, .cannotLeave: self = .notInKernel
        case .unknownFormat: self = .image
        case .nothingLoaded: self = .nothingLoaded
        case .fileUnreadable, .fileTooLarge, .fileBeingWritten: self = .file
        case .addressNotAvailable, .argumentsRefused, .liveUpdateRefused, .interrupted, .wayOutBroken, .unknown:
            self = .refused
        }
    }
}
