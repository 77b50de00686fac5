// SPDX-License-Identifier: MIT
internal import Kexec

/// Every option, once: the parser, the help text and the test of the manual read this table and nothing else.
enum OptionTable {
    static let entries: [OptionEntry] =
        actions + ways + systemCalls + files + images + placement + purgatory + crash + planning

    /// The name that messages use for an option: "--append".
    static func name(of option: KexecOption) -> String {
        for entry in entries where entry.option == option { return "--" + entry.name }
        return ""
    }

    private static let actions: [OptionEntry] = [
        flag(.load, "load", letter: "l", .action, "Load the kernel, and do no more"),
        flag(.execute, "exec", letter: "e", .action, "Start the loaded kernel now, without a shutdown"),
        flag(.force, "force", letter: "f", .action, "Load the kernel and start it at once"),
        flag(.loadPanic, "load-panic", letter: "p", .action, "Load the kernel that is started at a panic"),
        flag(.unload, "unload", letter: "u", .action, "Unload the kernel; with -p the crash kernel"),
        flag(.status, "status", letter: "S", .action, "Exit 1 if a crash kernel (with -l: next) is loaded"),
        flag(.loadPreserveContext, "load-preserve-context", .action, "Load; this kernel can go on later")
            .standing(.laterRelease),
        flag(.loadJumpBackHelper, "load-jump-back-helper", .action, "Load what leads back to the first kernel")
            .standing(.laterRelease),
        flag(.loadLiveUpdate, "load-live-update", .action, "Load a Xen image that keeps its guests")
            .standing(.laterRelease),
        flag(.executeLiveUpdate, "exec-live-update", .action, "Start a Xen image that keeps its guests")
            .standing(.laterRelease),
        flag(.reboot, "reboot", .action, "Reboot through init into the kernel that is loaded").since(.swiftKexec),
        flag(.printCrashKernelSize, "print-ckr-size", .action, "Print the size of the crash kernel's memory"),
        flag(.help, "help", letter: "h", .action, "Print this text"),
        flag(.version, "version", letter: "v", .action, "Print the version"),
    ]

    private static let ways: [OptionEntry] = [
        flag(.skipInterfaces, "no-ifdown", letter: "x", .going, "Leave network interfaces up"),
        flag(.skipSync, "no-sync", letter: "y", .going, "Leave unwritten file data unwritten"),
        option(.detach, "detach", "SECONDS", .going, "With --reboot: end at once, reboot later").since(.swiftKexec),
        flag(.debug, "debug", letter: "d", .going, "Say what is done and why"),
    ]

    private static let systemCalls: [OptionEntry] = [
        flag(.segmentSystemCall, "kexec-syscall", letter: "c", .systemCall, "Only kexec_load"),
        flag(.fileSystemCall, "kexec-file-syscall", letter: "s", .systemCall, "Only kexec_file_load"),
        flag(.automaticSystemCall, "kexec-syscall-auto", letter: "a", .systemCall, "What the machine allows (default)"),
        option(.systemCall, "system-call", "CALL", .systemCall, "auto, kexec_load, kexec_file_load or module")
            .since(.swiftKexec),
    ]

    private static let files: [OptionEntry] = [
        option(.commandLine, "append", "LINE", .files, "The next kernel's command line"),
        option(.commandLine, "command-line", "LINE", .files, "The same as --append"),
        flag(.reuseCommandLine, "reuse-cmdline", .files, "Put the running kernel's line in front"),
        option(.initrd, "initrd", "FILE", .files, "An initial RAM disk; can be given several times"),
        option(.initrd, "ramdisk", "FILE", .files, "The same as --initrd"),
        flag(.reuseInitrd, "reuseinitrd", .files, "The first boot's RAM disk").standing(.notOnThisArchitecture),
        option(.deviceTree, "dtb", "FILE", .files, "A device tree; 32-bit bzImage").since(.kexecTools32)
            .standing(.laterRelease),
        flag(.forceDeviceTree, "force-dtb", .files, "Hand over the running kernel's device tree")
            .since(.kexecToolsNext),
        option(.module, "module", "TEXT", .files, "A multiboot module and its arguments"),
    ]

    private static let images: [OptionEntry] = [
        option(.type, "type", letter: "t", "TYPE", .image, "Take the image for one of this type"),
        option(.biosDrive, "bios-drive", "NUMBER", .image, "The BIOS's drive, with boot-sector or disk-image")
            .since(.swiftKexec),
        flag(.argumentsELF, "args-elf", .image, "ELF: hand over boot notes (default but for Linux)"),
        flag(.argumentsLinux, "args-linux", .image, "ELF: hand over what a Linux kernel wants"),
        flag(.argumentsNone, "args-none", .image, "ELF: hand over nothing, enter it directly"),
        flag(.entry32Bit, "entry-32bit", .image, "bzImage: the 32-bit entry point"),
        flag(.realMode, "real-mode", .image, "bzImage: the 16-bit entry point"),
        option(.entry, "entry", "ADDRESS", .image, "Where a preserved kernel is entered").standing(.laterRelease),
        option(.firmwareState, "firmware-state", "FILE", .image, "Give this state back before the BIOS runs")
            .since(.swiftKexec),
        option(.decompress, "decompress", "WHAT", .image, "Unpack at load: none, auto, kernel, initrd, all")
            .since(.swiftKexec),
        flag(.fast, "fast", .image, "Linux: skip checks at its start; words in --append").since(.swiftKexec),
        flag(.noEFI, "noefi", .image, "Tell the next kernel nothing of EFI"),
        flag(.reuseVideoType, "reuse-video-type", .image, "Trust the video type of the first boot"),
    ]

    private static let placement: [OptionEntry] = [
        option(.memoryMinimum, "mem-min", "ADDRESS", .placement, "Lowest address to use; K, M, G allowed"),
        option(.memoryMaximum, "mem-max", "ADDRESS", .placement, "Highest address to use; K, M, G allowed"),
        flag(.noCMA, "no-cma", .placement, "Let the kernel not use its contiguous memory").since(.kexecToolsNext),
    ]

    private static let purgatory: [OptionEntry] = [
        option(.digest, "digest", "KIND", .purgatory, "fast (default), sha256 (with -p) or none").since(.swiftKexec),
        flag(.noChecks, "no-checks", letter: "i", .purgatory, "The same as --digest=none"),
        flag(.consoleSerial, "console-serial", .purgatory, "Messages to the serial port"),
        option(.serial, "serial", "PORT", .purgatory, "ttyS0, ttyS1 or an I/O port such as 0x3f8"),
        option(.serialBaud, "serial-baud", "RATE", .purgatory, "Bits a second, 9600 to 115200"),
        flag(.consoleVGA, "console-vga", .purgatory, "Messages to the VGA text screen"),
        flag(.resetVGA, "reset-vga", .purgatory, "Put a standard VGA card into text mode"),
    ]

    private static let crash: [OptionEntry] = [
        flag(.coreHeaders64, "elf64-core-headers", .crash, "Describe memory by an ELF64 header"),
        flag(.coreHeaders32, "elf32-core-headers", .crash, "Describe memory by an ELF32 header"),
        flag(.memoryMapInCommandLine, "pass-memmap-cmdline", .crash, "Describe memory by memmap= too"),
        flag(.crashCheck, "crash-check", .crash, "Say whether a panic would leave a dump; 0: yes").since(.swiftKexec),
        flag(.hotplug, "hotplug", .crash, "The kernel updates the description").since(.kexecTools32),
    ]

    private static let planning: [OptionEntry] = [
        OptionEntry(
            option: .plan, name: "plan", letter: nil, value: .optional, placeholder: "json|svg",
            generation: .swiftKexec, group: .planning, standing: .honoured,
            help: "Print what would be loaded where; load nothing"),
        option(.machine, "machine", "DIR", .planning, "Plan for the captured machine in DIR").since(.swiftKexec),
        option(.captureMachine, "capture-machine", "DIR", .planning, "Write what a plan depends on to DIR")
            .since(.swiftKexec),
        option(.recordFirmwareState, "record-firmware-state", "FILE", .planning, "Record the BIOS's disks in FILE")
            .since(.swiftKexec),
        flag(.show, "show", .planning, "Print what is loaded, and what a load would meet").since(.swiftKexec),
        flag(.last, "last", .planning, "Print what happened at the last jump").since(.swiftKexec),
        flag(.dryRun, "dry-run", .planning, "Have the module try its way out, and come back").since(.swiftKexec),
    ]
}

/// An entry as most are: without a value, known to every kexec-tools, honoured.
private func flag(
    _ option: KexecOption, _ name: String, letter: Unicode.Scalar? = nil, _ group: OptionGroup, _ help: String
) -> OptionEntry {
    OptionEntry(
        option: option, name: name, letter: letter.map { UInt8(truncatingIfNeeded: $0.value) }, value: .none,
        placeholder: "", generation: .kexecTools25, group: group, standing: .honoured, help: help)
}

/// The same with a value.
private func option(
    _ option: KexecOption, _ name: String, letter: Unicode.Scalar? = nil, _ placeholder: String, _ group: OptionGroup,
    _ help: String
) -> OptionEntry {
    OptionEntry(
        option: option, name: name, letter: letter.map { UInt8(truncatingIfNeeded: $0.value) }, value: .required,
        placeholder: placeholder, generation: .kexecTools25, group: group, standing: .honoured, help: help)
}

extension OptionEntry {
    fileprivate func since(_ generation: Generation) -> OptionEntry {
        var entry = self
        entry.generation = generation
        return entry
    }

    fileprivate func standing(_ standing: OptionStanding) -> OptionEntry {
        var entry = self
        entry.standing = standing
        return entry
    }
}
