// SPDX-License-Identifier: MIT

/// Every option of the command line, named after what it does; aliases (`--append`, `--command-line`) are one option.
///
/// A plan that cannot honour an option names it with one of these.
public enum KexecOption: UInt8, CaseIterable, Hashable, Sendable {
    // What to do.
    case help, version, load, loadPanic, execute, force, unload, status
    case loadPreserveContext, loadJumpBackHelper, loadLiveUpdate, executeLiveUpdate
    case printCrashKernelSize, crashCheck, show, plan, captureMachine, last, recordFirmwareState, dryRun, reboot
    // How to do it.
    case skipInterfaces, skipSync, debug, machine, detach
    case fileSystemCall, segmentSystemCall, automaticSystemCall, systemCall
    // What the next kernel gets.
    case type, biosDrive, commandLine, reuseCommandLine, initrd, reuseInitrd, deviceTree, forceDeviceTree, module
    case fast
    case argumentsELF, argumentsLinux, argumentsNone, realMode, entry32Bit, entry
    case firmwareState
    case memoryMinimum, memoryMaximum, noCMA, noEFI, reuseVideoType, decompress
    // Purgatory.
    case noChecks, digest, serial, serialBaud, consoleSerial, consoleVGA, resetVGA
    // Crash kernels.
    case coreHeaders32, coreHeaders64, memoryMapInCommandLine, hotplug
}

/// Options that were given, in any order; one bit each.
public struct KexecOptionSet: Hashable, Sendable {
    private var bits: UInt128 = 0

    public init() {}

    public init(_ options: KexecOption...) { for option in options { insert(option) } }

    public func contains(_ option: KexecOption) -> Bool { bits & mask(option) != 0 }

    public mutating func insert(_ option: KexecOption) { bits |= mask(option) }

    // A test holds that there are at most 128 options.
    private func mask(_ option: KexecOption) -> UInt128 { 1 << UInt128(option.rawValue) }
}
