// SPDX-License-Identifier: MIT
internal import BootFormats
internal import Kexec

/// Why a command line cannot be followed. Nothing has been opened, let alone loaded, when one of these is thrown.
///
/// Options stand in them as the user wrote them, with their dashes and without their value: "--app", "-t".
enum UsageError: Error, Hashable, Sendable {
    /// `nearest` is the known name that is most alike, with its dashes.
    case unknownOption(String, nearest: String?)
    /// One letter of a word such as "-lQ"; any byte, not only a letter of ASCII.
    case unknownLetter(UInt8, in: String)
    /// An abbreviation of several names.
    case ambiguous(String, candidates: [String])
    case needsValue(String)
    case takesNoValue(String, value: String)
    /// No number as C writes them, or a suffix other than K, M, G, T.
    case notANumber(option: String, value: String)
    /// More than 64 bits.
    case numberTooLarge(option: String, value: String)
    /// None of the words that the option takes.
    case unknownChoice(option: String, value: String, choices: [String], nearest: String?)
    /// Neither ttyS0, ttyS1 nor an I/O port of 16 bits.
    case badSerialPort(String)
    /// No divisor of 115200 from 9600 up.
    case badBaudRate(String)
    /// No drive that a BIOS could have.
    case badDrive(option: String, value: String)
    /// `--bios-drive` without a type of image that a BIOS starts.
    case driveWithoutType
    /// A disk image is the first floppy or hard disk.
    case driveOfImage(UInt8)
    /// More than a day.
    case badDelay(String)
    /// `--detach` with an action that does not shut the system down.
    case detachWithoutReboot
    /// `--mem-min` lies above `--mem-max`.
    case memoryLimitsCrossed(minimum: UInt64, maximum: UInt64)
    case noKernel
    /// "-" for two files: the first would leave nothing for the second, or both would get the same.
    case standardInputTwice
    /// A second file name.
    case unexpectedArgument(ByteString, kernel: ByteString)
    /// An option that only a load can honour, with an action that loads nothing.
    case needsLoad(String)
    /// Two options that contradict each other.
    case conflict(KexecOption, KexecOption)
    /// `--machine` without `--plan`: no machine loads another's plan.
    case machineWithoutPlan
    /// See `OptionStanding.notOnThisArchitecture`.
    case notOnThisArchitecture(String)
    /// An action of kexec-tools that this release cannot do yet.
    case notInThisRelease(String)
    /// A value that must not be empty, such as a file name.
    case emptyValue(String)

    /// The exit status, where kexec-tools' callers know it: 255 for a missing kernel, else 1.
    var exitStatus: Int32 {
        if case .noKernel = self { 255 } else { 1 }
    }
}

/// What is odd about a command line that can be followed all the same.
enum UsageWarning: Hashable, Sendable {
    /// An option that counts once was given again; the last value counts.
    case repeated(KexecOption, used: ByteString)
    /// `--append=""` without `--reuse-cmdline`: the next kernel learns nothing, not even its root file system.
    case emptyCommandLine
    /// A file name with an action that loads nothing.
    case ignoredArgument(ByteString)
}
