// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Kexec
internal import PhysicalMemory

/// Reads a whole command line.
///
/// Never traps, whatever the words are, and looks at nothing but them.
/// - Parameter arguments: without the program's own name.
func parse(_ arguments: [ByteString]) throws(UsageError) -> KexecInvocation {
    var parser = OptionParser(arguments)
    var options = KexecOptions()
    while let found = try parser.next() {
        if let action = try options.take(found) { return KexecInvocation(action) }
    }
    return try options.invocation(operands: parser.operands)
}

/// What the options seen so far add up to.
///
/// kexec-tools reads a command line twice. The first time it acts on `-h`, `-v` and `--print-ckr-size` as soon as it
/// sees them, and stops at unknown options and bad addresses; all other values are looked at the second time. So a bad
/// value of those is kept here, and counts only if nothing else ended the first reading.
struct KexecOptions {
    /// The action so far; the last one given counts.
    enum Verb { case load, force, execute, unload }

    var request = KexecRequest(kernel: "")
    var verb: Verb?
    /// `-u`, and after it `-p` as the last action: an unload unless a kernel is named as well.
    var unloadsBeforePanic = false
    var skipsSync = false
    var skipsInterfaces = false
    var planFormat: PlanFormat?
    var machineDirectory: ByteString?
    var captureDirectory: ByteString?
    var firmwareStateFile: ByteString?
    var detachSeconds: UInt32?
    var warnings: [UsageWarning] = []
    /// The first option that only a load can honour, as written.
    var firstNeedingLoad: String?
    /// The first bad value that does not count yet.
    var lateError: UsageError?

    /// Takes in one option; the result is what must be done at once.
    mutating func take(_ found: FoundOption) throws(UsageError) -> KexecAction? {
        let option = found.entry.option
        if found.entry.needsLoad, firstNeedingLoad == nil { firstNeedingLoad = found.written }
        if request.givenOptions.contains(option), found.entry.countsOnce, let value = found.value {
            noteRepetition(of: option, value: value)
        }
        request.givenOptions.insert(option)
        switch option {
        case .help: return .help
        case .version: return .version
        case .printCrashKernelSize: return .printCrashKernelSize
        case .memoryMinimum: request.memoryMinimum = try address(found)
        case .memoryMaximum: request.memoryMaximum = try address(found)
        case .entry:
            let address = try address(found)
            request.entry = address == .zero ? nil : address
        default:
            if takeVerb(option) || takeSwitch(option) { return nil }
            do throws(UsageError) {
                try takeValue(found)
            } catch { lateError = lateError ?? error }
        }
        return nil
    }

    private func address(_ found: FoundOption) throws(UsageError) -> PhysicalAddress {
        PhysicalAddress(try parseNumber(found.text, option: found.written))
    }

    private mutating func noteRepetition(of option: KexecOption, value: ByteString) {
        warnings.removeAll { warning in
            if case .repeated(option, _) = warning { true } else { false }
        }
        warnings.append(.repeated(option, used: value))
    }

    /// Actions: each replaces the one before it, but that a crash kernel is meant stays meant.
    private mutating func takeVerb(_ option: KexecOption) -> Bool {
        switch option {
        case .load, .loadLiveUpdate, .loadPreserveContext:
            verb = .load
            if option == .loadLiveUpdate { request.keepsGuests = true }
            if option == .loadPreserveContext { request.preservesContext = true }
        case .loadPanic:
            unloadsBeforePanic = unloadsBeforePanic || verb == .unload
            verb = .load
            request.target = .crash
            return true
        case .force: verb = .force
        case .execute: verb = .execute
        case .unload: verb = .unload
        default: return false
        }
        unloadsBeforePanic = false
        return true
    }

    /// Options that only say that they are there.
    private mutating func takeSwitch(_ option: KexecOption) -> Bool {
        switch option {
        case .skipInterfaces: skipsInterfaces = true
        case .skipSync: skipsSync = true
        case .debug: request.debug = true
        case .fileSystemCall: request.systemCall = .kexecFileLoad
        case .segmentSystemCall: request.systemCall = .kexecLoad
        case .automaticSystemCall: request.systemCall = .automatic
        case .reuseCommandLine: request.reusesCommandLine = true
        case .forceDeviceTree: request.forcesDeviceTree = true
        case .argumentsELF: request.elfArguments = .elf
        case .argumentsLinux: request.elfArguments = .linux
        case .argumentsNone: request.elfArguments = .nothing
        case .realMode: request.realMode = true
        case .entry32Bit: request.entry32Bit = true
        case .fast: request.startsFast = true
        case .noCMA: request.avoidsCMA = true
        case .noEFI: request.hidesEFI = true
        case .reuseVideoType: request.reusesVideoType = true
        case .consoleSerial: request.console.serial = true
        case .consoleVGA: request.console.vga = true
        case .resetVGA: request.console.resetVGA = true
        case .coreHeaders32: request.coreHeaderClass = .elf32
        case .coreHeaders64: request.coreHeaderClass = .elf64
        case .memoryMapInCommandLine: request.passesMemoryMapInCommandLine = true
        case .hotplug: request.updatesCoreHeader = true
        // Given, which is all there is to know.
        case .status, .noChecks, .last, .show, .dryRun, .reboot, .crashCheck: break
        default: return false
        }
        return true
    }

    /// Options whose value may be wrong, or that are refused, without stopping the first reading.
    private mutating func takeValue(_ found: FoundOption) throws(UsageError) {
        let value = found.value ?? ""
        let text = found.text
        switch found.entry.option {
        case .commandLine: request.commandLine = value
        case .module: request.modules.append(try parsePath(value, option: found.written))
        case .initrd: request.initrds.append(try parsePath(value, option: found.written))
        case .deviceTree: request.deviceTree = try parsePath(value, option: found.written)
        case .detach: detachSeconds = try parseDelay(text, option: found.written)
        case .machine: machineDirectory = try parsePath(value, option: found.written)
        case .captureMachine: captureDirectory = try parsePath(value, option: found.written)
        case .firmwareState: request.firmwareState = try parsePath(value, option: found.written)
        case .recordFirmwareState: firmwareStateFile = try parsePath(value, option: found.written)
        case .serial: request.console.serialPort = try parseSerialPort(text)
        case .serialBaud: request.console.serialBaud = try parseBaudRate(text)
        case .type:
            request.forcedType = try parseChoice(
                text, option: found.written, among: ForcedImageType.allCases.map { (word: $0.rawValue, value: $0) })
        case .biosDrive: request.biosDrive = try parseDrive(text, option: found.written)
        case .digest:
            request.digest = try parseChoice(
                text, option: found.written,
                among: [("fast", DigestChoice.fast), ("sha256", .sha256), ("none", .none)])
        case .decompress:
            request.decompression = try parseChoice(
                text, option: found.written,
                among: [
                    ("auto", UnpackingChoice.automatic), ("kernel", .kernel), ("initrd", .initrd), ("all", .all),
                    ("none", .nothing),
                ])
        case .systemCall:
            request.systemCall = try parseChoice(
                text, option: found.written,
                among: [
                    ("auto", .automatic), ("kexec_load", .kexecLoad), ("kexec_file_load", .kexecFileLoad),
                    ("module", .module),
                ])
        case .plan:
            planFormat = try parseChoice(
                found.value == nil ? "text" : text, option: found.written,
                among: [("text", .text), ("json", .json), ("svg", .svg)])
        case .reuseInitrd: throw .notOnThisArchitecture(found.written)
        default: throw .notInThisRelease(found.written)
        }
    }
}
