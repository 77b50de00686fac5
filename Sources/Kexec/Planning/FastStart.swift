// SPDX-License-Identifier: MIT
internal import BootFormats

/// A word of the command line that makes a Linux kernel start sooner, and leaves out something for that.
///
/// Only what was measured to help is one. Found to save nothing where the kernel knows its clock: `lpj=`,
/// `tsc_early_khz=`, `tsc=reliable`. Not taken because of what it may break: `swiotlb=`, which devices with 32-bit
/// addresses need.
public enum FastWord: CaseIterable, Hashable, Sendable {
    /// The kernel does not try its own cryptographic algorithms before it uses them.
    case noCryptoTests
    /// It does not wait to see that the timer's interrupt arrives.
    case noTimerCheck
    /// Only errors go to the consoles; all else is still in the kernel's log.
    case quiet

    var name: StaticString {
        switch self {
        case .noCryptoTests: "cryptomgr.notests"
        case .noTimerCheck: "no_timer_check"
        case .quiet: "quiet"
        }
    }

    /// As it stands in the command line.
    public var text: String { name.description }
}

/// Why `--fast` does not add a word.
public enum FastObstacle: Hashable, Sendable {
    /// It is there, with whatever value.
    case given
    /// FIPS 140 wants the self-tests.
    case fipsMode
    /// The running kernel's timer does not come by the I/O APIC, or does not tell: its check may have found another way.
    case timerNotProved
    /// Only a serial port is slow enough.
    case noSerialConsole
    /// The line asks for messages by another word.
    case messagesWanted
}

/// What `--fast` does to one command line.
public struct FastStart: Hashable, Sendable {
    /// A word, added where nothing speaks against it.
    public struct Choice: Hashable, Sendable {
        public var word: FastWord
        /// nil: the word is added.
        public var obstacle: FastObstacle?
    }

    /// All words, in the order in which they are added.
    public var choices: [Choice]

    /// - Parameters:
    ///   - line: the next kernel's, without these words.
    ///   - machine: the one that it will run on, with the kernel that runs now.
    init(_ line: ByteString, on machine: MachineDescription) {
        let line = KernelCommandLine(line)
        // Each of several consoles gets the messages.
        let isSerial = line.parameters.contains { word in
            word.name.equals("console")
                && (word.value?.hasPrefix("ttyS") == true || word.value?.hasPrefix("uart") == true)
        }
        choices = FastWord.allCases.map { Choice(word: $0, obstacle: Self.obstacle(to: $0, line, isSerial, machine)) }
    }

    /// In front, so that what the user says later prevails, and that none of it comes behind a "--".
    func prepended(to line: ByteString) -> ByteString {
        var text = ""
        for choice in choices where choice.obstacle == nil {
            text += choice.word.text
            text += " "
        }
        return ByteString(text) + line
    }

    /// How many words at the beginning of `line` `prepended` has put there. `cryptomgr.notests`, which people hardly write
    /// there, tells: the others may be theirs where it is missing.
    static func wordsInFront(of line: KernelCommandLine) -> Int {
        var count = 0
        for word in FastWord.allCases {
            if count < line.words.count, line.words[count].name.equals(word.name), line.words[count].value == nil {
                count += 1
            } else if count == 0 {
                return 0
            }
        }
        return count
    }

    private static func obstacle(
        to word: FastWord, _ line: KernelCommandLine, _ isSerial: Bool, _ machine: MachineDescription
    ) -> FastObstacle? {
        if line.has(word.name) { return .given }
        switch word {
        case .noCryptoTests: return machine.isInFIPSMode || line.asksForFIPSMode ? .fipsMode : nil
        case .noTimerCheck: return machine.timerIsProved ? nil : .timerNotProved
        case .quiet:
            if line.has("debug") || line.has("loglevel") || line.has("ignore_loglevel") { return .messagesWanted }
            return isSerial ? nil : .noSerialConsole
        }
    }
}

extension BootPlanner {
    /// What `--fast` adds to `line`; nil where it is not asked for, where the image is not known to be Linux, and for a
    /// crash kernel: that one has to come up whatever happened.
    func fastStart(of image: KernelImage, _ line: ByteString) -> FastStart? {
        guard request.startsFast, request.target != .crash, isLinux(image) else { return nil }
        return FastStart(line, on: machine)
    }

    /// Whether a Linux kernel is in it, or is said to be.
    func isLinux(_ image: KernelImage) -> Bool {
        switch image {
        case .bzImage(let bzImage):
            // Neither our own payloads nor other programs in this shape have one.
            bzImage.payload != nil && bzImage.header.kernelVersionOffset != 0
        case .elf: request.arguments(for: image) == .linux
        case .multiboot, .nbi: false
        }
    }
}
