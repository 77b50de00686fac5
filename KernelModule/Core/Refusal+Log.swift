// SPDX-License-Identifier: MIT OR GPL-2.0-only
import LinuxGlue

#if canImport(Handoff)
    import Handoff
#endif

/// Adds a line to the kernel's log.
/// - Parameter format: of printf, for numbers of 64 bits.
func log(_ format: StaticString, _ first: UInt64 = 0, _ second: UInt64 = 0, _ third: UInt64 = 0) {
    // A literal ends with a NUL.
    unsafe glue_log(UnsafeRawPointer(format.utf8Start).assumingMemoryBound(to: CChar.self), first, second, third)
}

private func complain(_ format: StaticString, _ first: UInt64 = 0, _ second: UInt64 = 0, _ third: UInt64 = 0) {
    // As above.
    unsafe glue_log_error(UnsafeRawPointer(format.utf8Start).assumingMemoryBound(to: CChar.self), first, second, third)
}

extension Refusal {
    /// Says in the kernel's log what the errno cannot.
    func log() {
        switch self {
        case .notPrivileged: complain("refused: the caller lacks CAP_SYS_BOOT in the initial user namespace")
        case .inProcessNamespace: complain("refused: the caller is in a PID namespace of its own")
        case .switchedOff: complain("refused: loading is switched off (parameter 'disabled')")
        case .loadLimitUsedUp: complain("refused: no load is left (parameter 'load_limit')")
        case .lockedDown: complain("refused: the kernel is locked down")
        case .policy(let errno):
            complain("refused: a security module forbids it, errno %llu", UInt64(errno.magnitude))
        case .memoryEncrypted: complain("refused: memory encryption is active, which this module cannot hand over")
        case .guestWithSharedMemory: complain("refused: a hypervisor (Xen, Hyper-V) has pages of this machine in use")
        case .sleepingSiblings(false):
            complain("refused: sibling threads are offline (nosmt): echo on > /sys/devices/system/cpu/smt/control")
        case .sleepingSiblings(true):
            complain("refused: sibling threads are offline for good (nosmt=force): boot this kernel without it")
        case .unknownCommand(let command): complain("refused: no command 0x%llx", UInt64(command))
        case .unknownFlags(let flags): complain("refused: flags 0x%llx, of which some are unknown", flags)
        case .otherArchitecture(let machine):
            complain("refused: segments for ELF machine %llu, this kernel is %llu", machine, glue_elf_machine())
        case .noSegments: complain("refused: a load of no segments")
        case .tooManySegments(let count):
            complain("refused: %llu segments, at most %llu", count, UInt64(SegmentRules.kernelSegmentLimit))
        case .brokenRule(let rule, let start, let size): rule.log(start, size)
        case .badAddress: complain("refused: an address that the caller does not have")
        case .nothingLoaded: complain("refused: nothing is loaded")
        case .noMemory: complain("refused: out of memory")
        case .interrupted: complain("load ended by a signal")
        case .codeChanged(let offset): complain("dry run failed: the control page differs at byte 0x%llx", offset)
        case .notMapped(let address): complain("dry run failed: the page tables do not lead to 0x%llx", address)
        case .notCopied(let offset): complain("dry run failed: wrong bytes after the copy, at word %llu", offset)
        case .notLeft(let errno): complain("cannot leave this kernel, errno %llu", UInt64(errno.magnitude))
        }
    }
}

extension BrokenSegmentRule {
    /// - Parameters:
    ///   - start: of the segment's place.
    ///   - size: of it.
    fileprivate func log(_ start: UInt64, _ size: UInt64) {
        switch self {
        case .endBeforeStart(let segment):
            complain("refused: segment %llu at 0x%llx, 0x%llx bytes, wraps", UInt64(segment), start, size)
        case .notPageAligned(let segment):
            complain("refused: segment %llu at 0x%llx, 0x%llx bytes, is not on pages", UInt64(segment), start, size)
        case .aboveAddressLimit(let segment, let limit):
            complain("refused: segment %llu at 0x%llx does not end below 0x%llx", UInt64(segment), start, limit)
        case .overlap(let segment, let other):
            complain("refused: segment %llu at 0x%llx overlaps segment %llu", UInt64(segment), start, UInt64(other))
        case .contentsLargerThanPlace(let segment):
            complain("refused: segment %llu has more bytes than its place of 0x%llx", UInt64(segment), size)
        case .segmentTooLarge(let segment, let pages, let limit):
            complain("refused: segment %llu has %llu pages, at most %llu (half of RAM)", UInt64(segment), pages, limit)
        case .allTooLarge(let pages, let limit):
            complain("refused: segments of %llu pages, at most %llu (half of RAM)", pages, limit)
        case .tooManySegments(let count, let limit):
            complain("refused: %llu segments, at most %llu", UInt64(count), UInt64(limit))
        // The module loads no crash kernel.
        case .entryOutsideCrashRegion, .outsideCrashRegion: complain("refused: a crash kernel")
        }
    }
}
