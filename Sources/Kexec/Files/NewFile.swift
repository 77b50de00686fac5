// SPDX-License-Identifier: MIT
public import BootFormats
internal import CLinux

/// A file that appears under its name when all of it is written; until then it has another name in the same folder, one
/// that nobody can know beforehand.
///
/// What has the name by then is replaced, never written to, be it a file or a link.
public struct NewFile: Sendable {
    /// The open folder, for calls like unlinkat(2).
    public let folder: Int32
    /// The name until then, a zero behind it.
    public let temporaryName: [UInt8]
    private let name: [UInt8]
    private let descriptor: Int32

    /// - Parameters:
    ///   - path: the name that it gets, which nobody else can steer.
    ///   - mode: permission bits, without those of the umask.
    public init(path: ByteString, mode: UInt32) throws(PlaceProblem) {
        let place = TrustedPlace(path)
        let folder = try place.openFolder()
        name = place.name
        temporaryName = Self.temporaryName(name)
        let file = try openedAt(folder.number, temporaryName, O_WRONLY | O_CREAT | O_EXCL)
        if mode != 0o600 {
            let mask = umask(0)
            _ = umask(mask)
            // What a file system without permissions refuses is as open as that is.
            _ = fchmod(file.number, mode_t(mode) & ~mask)
        }
        // Second numbers: what owns these closes them.
        self.folder = kx_duplicate(folder.number)
        descriptor = kx_duplicate(file.number)
    }

    /// Adds bytes.
    public func write(_ bytes: RawSpan) throws(PlaceProblem) {
        var done = 0
        while done < bytes.byteCount {
            // The pointer does not leave the call.
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe kx_write(
                    descriptor, buffer.baseAddress?.advanced(by: done), UInt(min(buffer.count - done, 1 << 30)))
            }
            if count == -Int(EINTR) { continue }
            guard count > 0 else { throw .failed(errno: Int32(clamping: -count)) }
            done += count
        }
    }

    /// Closes the file and gives it its name.
    public func finish() throws(PlaceProblem) {
        guard close(descriptor) == 0 else { throw .failed(errno: kx_errno()) }
        let result = unsafe kx_rename(folder, temporaryName, name)
        guard result == 0 else { throw .failed(errno: -result) }
    }

    /// Takes away what is not finished.
    public func remove() { _ = unsafe kx_unlink_name(folder, temporaryName) }

    /// `name` and a random number.
    private static func temporaryName(_ name: [UInt8]) -> [UInt8] {
        // What stays where there are no random numbers yet, as in an initramfs.
        var number = kx_nanoseconds(CLOCK_MONOTONIC)
        // The buffer has as many bytes as the call is told.
        _ = unsafe withUnsafeMutableBytes(of: &number) {
            unsafe getrandom($0.baseAddress, $0.count, UInt32(GRND_NONBLOCK))
        }
        return name.dropLast() + Array((".new-" + String(number, radix: 16) + "\0").utf8)
    }
}
