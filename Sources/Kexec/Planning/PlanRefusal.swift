// SPDX-License-Identifier: MIT
public import Handoff
public import PhysicalMemory

/// Why a plan must not be loaded. Facts only.
public enum PlanRefusal: Error, Hashable, Sendable {
    /// No place for a segment: what it needs, and the largest piece there is in its bounds. Bytes.
    case noRoom(segment: String, needed: UInt64, largest: UInt64, bounds: PhysicalRange)
    /// The image names an address where the next kernel may not have it.
    case placeTaken(segment: String, range: PhysicalRange, because: Obstacle)
    /// Bytes without the NUL; where kexec_file_load adds to the line, that counts too.
    case commandLineTooLong(length: Int, limit: Int)
    case entryMissing(EntryKind)
    /// An option that the image type, or this version, does not know how to honour.
    case optionUnusable(RequestedOption, with: String)
    /// One of the kernel's rules on segments; names and places by the index that the rule names.
    case segmentRule(BrokenSegmentRule, names: [String], places: [PhysicalRange])
    /// Bytes that the kernel must be able to allocate, and `MemAvailable`.
    case memoryShort(needed: UInt64, available: UInt64)
    case noCrashKernelRegion
    /// No system call can carry this plan; why each cannot.
    case noSystemCall([SystemCallObstacle])
    case notPermitted(missing: Permission)
    case loadDisabled
    case loadLimitReached(LoadTarget)
    case noKexecInKernel
    /// The purgatory built into this program is broken: no file of the user's can cause it.
    case purgatoryUnusable(PurgatoryImageError)
    case initrdWithoutLinux(arguments: ELFArguments)
}

/// What stands where a segment wants to be.
public enum Obstacle: Hashable, Sendable { case notRAM, firstPage, crashKernel, otherSegment(String) }

/// A way into an image that it does not have, or that is not built yet.
public enum EntryKind: Hashable, Sendable {
    case longMode(bootProtocol: UInt16)
    case protectedMode
    case realMode
}

/// The options a plan may have to refuse or report.
public enum RequestedOption: String, Hashable, Sendable {
    case initrd = "--initrd"
    case module = "--module"
    case deviceTree = "--dtb"
    case entry32Bit = "--entry-32bit"
    case realMode = "--real-mode"
    case preserveContext = "--load-preserve-context"
    case jumpBack = "--load-jump-back-helper"
    case hotplug = "--hotplug"
    case forceDeviceTree = "--force-dtb"
    case noCMA = "--no-cma"
    case entry = "--entry"
    case memoryMinimum = "--mem-min"
    case memoryMaximum = "--mem-max"
    case digest = "--digest"
    case consoleSerial = "--console-serial"
    case consoleVGA = "--console-vga"
    case resetVGA = "--reset-vga"
    case commandLine = "--append"
    case argsELF = "--args-elf"
    case argsLinux = "--args-linux"
    case argsNone = "--args-none"
    case noEFI = "--noefi"
    case passMemoryMap = "--pass-memmap-cmdline"
    case type = "--type"
}

public enum Permission: Hashable, Sendable { case sysBoot }

/// What a plan does that the user may not expect.
public enum PlanWarning: Hashable, Sendable {
    case optionIgnored(RequestedOption, by: String)
    /// Entries that the in-kernel loader drops: it passes 128.
    case memoryMapCut(entries: Int, kept: Int)
    /// A kernel without a command line, where the running one has one: often `root=` was forgotten.
    case emptyCommandLine
    case handoverLost
    case notVerified
}
