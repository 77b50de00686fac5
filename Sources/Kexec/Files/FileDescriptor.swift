// SPDX-License-Identifier: MIT
internal import BootFormats
internal import CLinux

/// A failed call of the C library, with the subject of the call.
public struct CallFailure: Error, Hashable, Sendable {
    /// "open", "mmap", "kexec_load".
    public var call: StaticCallName
    /// The errno, positive.
    public var errno: Int32
    public init(call: StaticCallName, errno: Int32) {
        self.call = call
        self.errno = errno
    }
}

/// The calls that this program makes and that can fail.
public enum StaticCallName: String, Hashable, Sendable {
    case open, read, write, mmap, stat, ioctl, socket
    case memfdCreate = "memfd_create"
    case ftruncate, fcntl, getrandom, mkdir, execve, sync, netlink
    case kexecLoad = "kexec_load"
    case kexecFileLoad = "kexec_file_load"
    case reboot
    case module = "/dev/kexec"
}

/// An open file, closed when its owner lets go of it.
@usableFromInline struct FileDescriptor: ~Copyable {
    @usableFromInline let number: Int32

    /// Takes over an open descriptor.
    init(owning number: Int32) { self.number = number }

    /// Opens `path` for reading; `close-on-exec` is set.
    init(reading path: ByteString) throws(CallFailure) {
        let result = unsafe kx_open(path.cString, O_RDONLY | O_CLOEXEC, 0)
        guard result >= 0 else { throw CallFailure(call: .open, errno: -result) }
        number = result
    }

    // Inlinable because Embedded Swift needs it wherever an owner of a descriptor goes out of scope.
    @inlinable deinit { closeDescriptor(number) }

    /// Reads until the end of the file: `/proc` and `/sys` do not tell their files' sizes.
    /// - Parameter limit: no more than so many bytes are read.
    func readToEnd(limit: Int = .max) throws(CallFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while bytes.count < limit {
            let wanted = min(chunk.count, limit - bytes.count)
            let count = unsafe chunk.withUnsafeMutableBytes { buffer in
                unsafe kx_read(number, buffer.baseAddress, UInt(wanted))
            }
            if count == -Int(EINTR) { continue }
            guard count >= 0 else { throw CallFailure(call: .read, errno: Int32(-count)) }
            if count == 0 { break }
            bytes += chunk[0..<Int(count)]
        }
        return bytes
    }

    /// Writes all of `bytes`, however many calls that takes.
    func write(_ bytes: [UInt8]) throws(CallFailure) {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe kx_write(number, buffer.baseAddress?.advanced(by: done), UInt(bytes.count - done))
            }
            if count == -Int(EINTR) { continue }
            guard count > 0 else { throw CallFailure(call: .write, errno: Int32(-count)) }
            done += count
        }
    }
}

@usableFromInline func closeDescriptor(_ number: Int32) { _ = close(number) }
