// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Kexec

extension Diagnostic {
    init(_ error: UsageError) {
        switch error {
        case .unknownOption(let option, let nearest):
            self.init("unknown option '\(option)'", hint: nearest.map { "did you mean '\($0)'?" })
        case .unknownLetter(let letter, let word):
            let name = (0x21...0x7e).contains(letter) ? "'-\(Unicode.Scalar(letter))'" : hexadecimal(UInt64(letter))
            // A single dash before a long name is read as a row of letters.
            self.init(
                word.utf8.count == 2 ? "unknown option \(name)" : "unknown option \(name) in '\(word)'",
                hint: word.utf8.count > 3 ? "long options begin with two dashes: '-\(word)'" : nil)
        case .ambiguous(let option, let candidates):
            self.init("option '\(option)' could mean \(Self.alternatives(candidates))")
        case .needsValue(let option): self.init("option '\(option)' needs a value")
        case .takesNoValue(let option, let value): self.init("option '\(option)' takes no value: found '\(value)'")
        case .emptyValue(let option): self.init("option '\(option)' needs a name: found an empty one")
        case .notANumber(let option, let value):
            self.init(
                "option '\(option)' needs a number: found '\(value)'",
                hint: "write 4096, 0x1000, 010000, 4K, 16M or 2G")
        case .numberTooLarge(let option, let value):
            self.init("option '\(option)' needs a number of at most 64 bits: found '\(value)'")
        case .unknownChoice(let option, let value, let choices, let nearest):
            self.init(
                "option '\(option)' needs \(Self.alternatives(choices)): found '\(value)'",
                hint: nearest.map { "did you mean '\($0)'?" })
        case .badSerialPort(let value):
            self.init("option '--serial' needs 'ttyS0', 'ttyS1' or an I/O port from 0x1 to 0xfff8: found '\(value)'")
        case .badBaudRate(let value):
            self.init(
                "option '--serial-baud' needs a divisor of 115200 from 9600 to 115200: found '\(value)'",
                hint: "usual speeds are 9600, 19200, 38400, 57600 and 115200")
        case .badDrive(let option, let value):
            self.init("option '\(option)' needs a drive from 0x0 to 0xff: found '\(value)'")
        case .driveWithoutType:
            self.init("option '--bios-drive' needs '--type=boot-sector' or '--type=disk-image'")
        case .driveOfImage(let drive):
            self.init(
                "option '--bios-drive' needs 0x0 (floppy disk) or 0x80 (hard disk) for a disk image: "
                    + "found \(hexadecimal(UInt64(drive)))")
        case .badDelay(let value):
            self.init("option '--detach' needs a number of seconds from 0 to 86400: found '\(value)'")
        case .detachWithoutReboot: self.init("option '--detach' needs '--reboot'")
        case .memoryLimitsCrossed(let minimum, let maximum):
            self.init(
                "'--mem-min' (\(hexadecimal(minimum))) is above '--mem-max' (\(hexadecimal(maximum))): "
                    + "nothing can be loaded between them")
        case .noKernel: self.init("No kernel specified")
        case .standardInputTwice: self.init("standard input ('-') can be read once only: it is named for two files")
        case .unexpectedArgument(let argument, let kernel):
            self.init(
                "cannot load '\(argument)' as well: the kernel is '\(kernel)'",
                hint: "quote a command line with blanks: --append=\"root=/dev/sda1 quiet\"")
        case .needsLoad(let option):
            self.init("option '\(option)' says how to load a kernel, but nothing is to be loaded")
        case .conflict(let one, let other):
            self.init("options '\(OptionTable.name(of: one))' and '\(OptionTable.name(of: other))' exclude each other")
        case .machineWithoutPlan:
            self.init(
                "option '--machine' needs '--plan', '--show' or '--crash-check': another machine's plan cannot be loaded here"
            )
        case .notOnThisArchitecture(let option): self.init("option '\(option)' does not exist on x86")
        case .notInThisRelease(let option): self.init("option '\(option)' is not in this release yet")
        }
    }

    init(_ warning: UsageWarning) {
        switch warning {
        case .repeated(let option, _):
            self.init("option '\(OptionTable.name(of: option))' was given more than once: the last one counts")
        case .emptyCommandLine:
            self.init(
                "the command line is empty: the next kernel is not told where its root file system is",
                hint: "add --reuse-cmdline for the running kernel's command line")
        case .ignoredArgument(let argument):
            self.init("'\(argument)' is not used: nothing is to be loaded")
        }
    }

    /// "'a'", "'a' or 'b'", "'a', 'b' or 'c'"; no more than eight of them.
    private static func alternatives(_ words: [String]) -> String {
        var text = ""
        for (index, word) in words.prefix(8).enumerated() {
            if index > 0 { text += index == words.count - 1 ? " or " : ", " }
            text += "'" + word + "'"
        }
        return words.count > 8 ? text + " or \(words.count - 8) others" : text
    }
}
