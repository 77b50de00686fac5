// SPDX-License-Identifier: MIT
internal import BootFormats
internal import CLinux
package import Handoff

/// The kernel that runs: one thin function for each call. All pointers of loading and execution are made here.
package struct LinuxKernel: KernelCalls {
    /// `/dev/kexec`, open until this process ends; -1: not yet.
    private var openedModule: Int32 = -1

    package init() {}

    package mutating func kexecLoad(
        entry: UInt, segments: [SegmentHandover], kernel: RawSpan, initrd: RawSpan, made: RawSpan,
        flags: KexecLoadFlags
    ) -> Int {
        unsafe Self.withContents(of: segments, kernel, initrd, made) { contents in
            var table: [kx_segment] = unsafe []
            for (index, segment) in segments.enumerated() {
                guard let address = UInt(exactly: segment.address), let size = UInt(exactly: segment.memorySize) else {
                    return -Int(EFAULT)
                }
                unsafe table.append(
                    kx_segment(buf: contents[index], bufsz: UInt(segment.range.count), mem: address, memsz: size))
            }
            return unsafe kx_kexec_load(entry, UInt(table.count), table, flags.rawValue)
        }
    }

    package mutating func moduleLoad(
        entry: UInt64, segments: [SegmentHandover], kernel: RawSpan, initrd: RawSpan, made: RawSpan,
        flags: KexecLoadFlags
    ) -> Int {
        withModule { device in
            unsafe Self.withContents(of: segments, kernel, initrd, made) { contents in
                var table: [ModuleSegment] = []
                for (index, segment) in segments.enumerated() {
                    table.append(
                        ModuleSegment(
                            contents: UInt64(UInt(bitPattern: unsafe contents[index])),
                            contentSize: UInt64(segment.range.count), start: segment.address,
                            memorySize: segment.memorySize))
                }
                return device.load(entry: entry, table, flags: UInt64(flags.rawValue))
            }
        }
    }

    package mutating func module(_ command: ModuleCommand) -> Int {
        openedModule >= 0 ? Int(kx_ioctl(openedModule, command.rawValue, nil)) : withModule { $0.call(command) }
    }

    package mutating func openModule() {
        // The path lives for the call.
        openedModule = unsafe ModuleDevice.path.withCString { unsafe kx_open($0, O_RDWR | O_CLOEXEC, 0) }
    }

    private func withModule(_ call: (borrowing ModuleDevice) -> Int) -> Int {
        do throws(CallFailure) {
            return call(try ModuleDevice())
        } catch { return -Int(error.errno) }
    }

    /// Makes `call` with the address of each segment's contents; EFAULT where a span has no such bytes.
    private static func withContents(
        of segments: [SegmentHandover], _ kernel: RawSpan, _ initrd: RawSpan, _ made: RawSpan,
        _ call: ([UnsafeRawPointer?]) -> Int
    ) -> Int {
        // The kernel reads below these pointers during the call only, and the spans outlive it.
        unsafe kernel.withUnsafeBytes { kernel in
            unsafe initrd.withUnsafeBytes { initrd in
                unsafe made.withUnsafeBytes { made in
                    var contents: [UnsafeRawPointer?] = unsafe []
                    for segment in segments {
                        let bytes =
                            switch segment.source {
                            case .kernel: unsafe kernel
                            case .initrd: unsafe initrd
                            case .made: unsafe made
                            }
                        guard segment.range.upperBound <= bytes.count else { return -Int(EFAULT) }
                        unsafe contents.append(bytes.baseAddress?.advanced(by: segment.range.lowerBound))
                    }
                    return unsafe call(contents)
                }
            }
        }
    }

    package mutating func kexecFileLoad(
        kernel: Int32, initrd: Int32, commandLine: [UInt8], flags: KexecFileLoadFlags
    ) -> Int {
        // The kernel copies the line during the call.
        unsafe commandLine.withUnsafeBytes { line in
            unsafe kx_kexec_file_load(
                kernel, initrd, UInt(line.count), line.baseAddress?.assumingMemoryBound(to: CChar.self),
                flags.rawValue)
        }
    }

    package mutating func reboot(_ command: RebootCommand) -> Int { kx_reboot(command.rawValue) }

    package mutating func sync() { CLinux.sync() }

    package mutating func removeLoadNote() {
        // The path is a literal that lives for ever; that there is no such file is usual.
        _ = unsafe "/run/swift-kexec/loaded".withCString { unsafe unlink($0) }
    }

    package mutating func netlink(_ request: [UInt8]) -> NetlinkReply {
        let number = kx_rtnetlink()
        guard number >= 0 else { return NetlinkReply(result: Int(number)) }
        let socket = FileDescriptor(owning: number)
        // The calls take a pointer to an array that lives until they return.
        let sent = unsafe request.withUnsafeBytes { unsafe kx_send(socket.number, $0.baseAddress, UInt($0.count)) }
        guard sent >= 0 else { return NetlinkReply(result: sent) }
        var reply = NetlinkReply()
        // A dump's pieces are at most 32 KiB, as large as the largest buffer that rtnetlink takes for one.
        var piece = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe piece.withUnsafeMutableBytes {
                unsafe kx_receive(socket.number, $0.baseAddress, UInt($0.count))
            }
            if count == -Int(EINTR) { continue }
            guard count > 0 else { return NetlinkReply(result: count == 0 ? -Int(EIO) : count) }
            let end = reply.take(piece[0..<count])
            if end { return reply }
            guard reply.messages.count <= NetlinkReply.limit else { return NetlinkReply(result: -Int(ENOBUFS)) }
        }
    }

    package mutating func execute(_ path: String, _ arguments: [String]) -> Int {
        // One block of words, each with its NUL, and a table of pointers into it that ends with a null.
        var words: [CChar] = []
        var starts: [Int] = []
        for argument in arguments {
            starts.append(words.count)
            for byte in argument.utf8 { words.append(CChar(bitPattern: byte)) }
            words.append(0)
        }
        return unsafe words.withUnsafeMutableBufferPointer { words in
            var table: [UnsafeMutablePointer<CChar>?] = unsafe []
            for start in starts { unsafe table.append(words.baseAddress?.advanced(by: start)) }
            unsafe table.append(nil)
            return unsafe path.withCString { Int(unsafe kx_execv($0, table)) }
        }
    }

    package mutating func detach() -> Int { kx_detach() }
    package mutating func endPatience() { kx_end_patience() }

    package mutating func sleep(milliseconds: Int32) -> Bool { kx_sleep(milliseconds) != 0 }
    package mutating func holdSignals(_ hold: Bool) { kx_hold_signals(hold ? 1 : 0) }
    package mutating func lockMemory() -> Int { Int(kx_lock_memory()) }
    package mutating func unlockMemory() { kx_unlock_memory() }
    package func networkStorage() -> NetworkStorage? {
        NetworkStorage(holding: "/") ?? NetworkStorage(holding: "/proc/self/exe")
    }

    package mutating func writeKernelLog(_ line: [UInt8]) -> Int {
        let number = unsafe "/dev/kmsg".withCString { unsafe kx_open($0, O_WRONLY | O_CLOEXEC, 0) }
        guard number >= 0 else { return Int(number) }
        let log = FileDescriptor(owning: number)
        // One write is one record of the log.
        return unsafe line.withUnsafeBytes { unsafe kx_write(log.number, $0.baseAddress, UInt($0.count)) }
    }

    /// `CAP_SYS_BOOT` of `<linux/capability.h>`.
    private static let sysBoot: UInt64 = 22

    package func hasSysBoot() -> Bool {
        var effective: UInt64 = 0
        // Written before the call returns.
        return unsafe kx_effective_capabilities(&effective) >= 0 && effective >> Self.sysBoot & 1 == 1
    }

    package func linkTarget(_ path: String) -> [UInt8]? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 255) { buffer in
            let count = unsafe path.withCString { unsafe kx_readlink($0, buffer.baseAddress, UInt(buffer.count)) }
            guard count >= 0 else { return nil }
            return unsafe buffer[0..<count].map { UInt8(bitPattern: $0) }
        }
    }

    package func head(of path: String) -> [UInt8]? {
        guard let file = try? FileDescriptor(reading: ByteString(path)) else { return nil }
        return try? file.readToEnd(limit: 255)
    }

    package func parentProcess() -> Int32 { getppid() }

    package func isLost(_ descriptor: Int32) -> Bool { kx_is_lost(descriptor) != 0 }
}
