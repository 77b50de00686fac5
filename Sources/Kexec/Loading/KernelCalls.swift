// SPDX-License-Identifier: MIT
package import Handoff

/// Every call with an effect on the machine, and the few questions that are asked right before one.
///
/// Loading and execution are generic over it: the program passes `LinuxKernel`, tests pass a driver that records
/// names and arguments and answers with an errno of their choice. A result is 0 or more, or the negated errno.
package protocol KernelCalls {
    /// `kexec_load(2)`; the kernel reads each segment's contents where they lie in one of the three spans.
    /// - Parameters:
    ///   - segments: none: unload.
    ///   - kernel: the kernel image, unpacked.
    ///   - initrd: all initrds together.
    ///   - made: what the planner made.
    mutating func kexecLoad(
        entry: UInt, segments: [SegmentHandover], kernel: RawSpan, initrd: RawSpan, made: RawSpan,
        flags: KexecLoadFlags
    ) -> Int
    /// `kexec_file_load(2)`
    /// - Parameters:
    ///   - initrd: -1 where there is none.
    ///   - commandLine: with its NUL; empty for an unload.
    mutating func kexecFileLoad(
        kernel: Int32, initrd: Int32, commandLine: [UInt8], flags: KexecFileLoadFlags
    ) -> Int
    /// `load` of `/dev/kexec`; spans as for `kexecLoad`.
    mutating func moduleLoad(
        entry: UInt64, segments: [SegmentHandover], kernel: RawSpan, initrd: RawSpan, made: RawSpan,
        flags: KexecLoadFlags
    ) -> Int
    /// A call of `/dev/kexec` that has no argument: `unload`, `execute`, `dryRun`.
    mutating func module(_ command: ModuleCommand) -> Int
    /// `reboot(2)`; returns only where it was refused.
    mutating func reboot(_ command: RebootCommand) -> Int
    /// `sync(2)`
    mutating func sync()
    /// Removes `/run/swift-kexec/loaded`, in which the package's scripts keep what they loaded: that is loaded no more.
    mutating func removeLoadNote()
    /// Sends one rtnetlink message, and receives the answer: all messages of a dump, or the acknowledgement.
    mutating func netlink(_ request: [UInt8]) -> NetlinkReply
    /// `execv(2)`; returns only where it was refused.
    /// - Parameter arguments: the program's name first.
    mutating func execute(_ path: String, _ arguments: [String]) -> Int
    /// - Returns: whether a signal that asks this process to end has come, and waits.
    @discardableResult mutating func sleep(milliseconds: Int32) -> Bool
    /// `sigprocmask(2)`: from here on signals wait, or those come through that did.
    mutating func holdSignals(_ hold: Bool)
    /// `mlockall(2)`: nothing of this process, which is all read now, has to be read again.
    mutating func lockMemory() -> Int
    /// `munlockall(2)`
    mutating func unlockMemory()
    /// Opens `/dev/kexec` for the next command: later no path may lead there any more.
    mutating func openModule()
    /// `fork(2)` into a session of its own, with `/dev/null` for standard streams: 0 in the new process, else its number.
    mutating func detach() -> Int
    /// In the new process: signals that ask it to end do so from here on.
    mutating func endPatience()
    /// Adds one line to the kernel's log through `/dev/kmsg`.
    mutating func writeKernelLog(_ line: [UInt8]) -> Int

    /// Whether CAP_SYS_BOOT is effective, by `capget(2)`: no `/proc` needed.
    func hasSysBoot() -> Bool
    /// The target of a symbolic link, at most 255 bytes; nil where it cannot be read.
    func linkTarget(_ path: String) -> [UInt8]?
    /// The first bytes of a small file, at most 255; nil where it cannot be read.
    func head(of path: String) -> [UInt8]?
    /// Why the root file system, or the one that this program is on, is out of reach without a link; nil: nothing says
    /// that it is.
    func networkStorage() -> NetworkStorage?
    /// `getppid(2)`
    func parentProcess() -> Int32
    /// Whether a descriptor is closed, or is `/dev/null`: what is written to it is lost.
    func isLost(_ descriptor: Int32) -> Bool
}

/// Where the kernel reads a segment's contents.
package struct SegmentHandover: Hashable, Sendable {
    package enum Source: Hashable, Sendable { case kernel, initrd, made }

    package var source: Source
    /// Bytes of the source's span.
    package var range: Range<Int>
    /// Physical address, page-aligned.
    package var address: UInt64
    /// In bytes; what it is larger by than `range` becomes zero.
    package var memorySize: UInt64
}

/// `KEXEC_*` of `<linux/kexec.h>`.
package struct KexecLoadFlags: OptionSet, Hashable, Sendable {
    package var rawValue: UInt
    package init(rawValue: UInt) { self.rawValue = rawValue }

    /// `KEXEC_ON_CRASH`
    package static let onCrash = KexecLoadFlags(rawValue: 1)
    /// `KEXEC_PRESERVE_CONTEXT`
    package static let preserveContext = KexecLoadFlags(rawValue: 2)
    /// `KEXEC_UPDATE_ELFCOREHDR`: the kernel may rewrite the core header at CPU and memory events.
    package static let updateCoreHeader = KexecLoadFlags(rawValue: 4)
    /// `KEXEC_CRASH_HOTPLUG_SUPPORT`: `crash_hotplug` in sysfs says 1, so that no udev rule reloads the crash kernel.
    package static let crashHotplug = KexecLoadFlags(rawValue: 8)

    /// `KEXEC_ARCH_*`: the running kernel's architecture, an ELF machine number in the top 16 of 32 bits.
    ///
    /// A 32-bit program on a 64-bit kernel must name the kernel's, never `KEXEC_ARCH_DEFAULT`; so it is always named.
    /// - Parameter name: what `uname -m` says; nil or an unknown name: what this program was compiled for.
    package static func architecture(_ name: String?) -> KexecLoadFlags {
        let known = architectures.first { name?.equals($0.name) == true }
        return KexecLoadFlags(rawValue: (known?.machine ?? compiledFor) << 16)
    }

    private static let architectures: [(name: StaticString, machine: UInt)] = [
        ("x86_64", 62), ("i386", 3), ("i486", 3), ("i586", 3), ("i686", 3), ("aarch64", 183), ("riscv64", 243),
        ("loongarch64", 258),
    ]

    #if arch(x86_64)
        private static let compiledFor: UInt = 62
    #elseif arch(i386)
        private static let compiledFor: UInt = 3
    #elseif arch(arm64)
        private static let compiledFor: UInt = 183
    #elseif arch(riscv64)
        private static let compiledFor: UInt = 243
    #else
        /// `KEXEC_ARCH_DEFAULT`
        private static let compiledFor: UInt = 0
    #endif
}

/// `KEXEC_FILE_*` of `<linux/kexec.h>`.
package struct KexecFileLoadFlags: OptionSet, Hashable, Sendable {
    package var rawValue: UInt
    package init(rawValue: UInt) { self.rawValue = rawValue }

    /// `KEXEC_FILE_UNLOAD`
    package static let unload = KexecFileLoadFlags(rawValue: 1)
    /// `KEXEC_FILE_ON_CRASH`
    package static let onCrash = KexecFileLoadFlags(rawValue: 2)
    /// `KEXEC_FILE_NO_INITRAMFS`
    package static let noInitramfs = KexecFileLoadFlags(rawValue: 4)
    /// `KEXEC_FILE_DEBUG`: the kernel logs what it loads; Linux 6.8 and later.
    package static let debug = KexecFileLoadFlags(rawValue: 8)
    /// `KEXEC_FILE_NO_CMA`: segments stay out of contiguous memory areas; Linux 6.17 and later.
    package static let noCMA = KexecFileLoadFlags(rawValue: 16)
    /// `KEXEC_FILE_FORCE_DTB`: the device tree is carried along where ACPI is in use, too.
    package static let forceDeviceTree = KexecFileLoadFlags(rawValue: 32)
}

/// `LINUX_REBOOT_CMD_*` of `<linux/reboot.h>`.
package enum RebootCommand: UInt32, Hashable, Sendable {
    /// `LINUX_REBOOT_CMD_KEXEC`
    case kexec = 0x4558_4543
}

/// What rtnetlink answered.
package struct NetlinkReply: Hashable, Sendable {
    /// 0, or the negated errno of the socket's calls or of the acknowledgement.
    package var result: Int
    /// The messages of a dump, one behind the other.
    package var messages: [UInt8]

    package init(result: Int = 0, messages: [UInt8] = []) {
        self.result = result
        self.messages = messages
    }
}
