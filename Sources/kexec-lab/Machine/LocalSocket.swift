// SPDX-License-Identifier: MIT
import Foundation

/// Sockets in the file system, by which QEMU is talked to.
enum LocalSocket {
    /// A path that nothing else uses. An address holds 107 bytes, too few for most folders.
    static func newPath(_ kind: String) -> String {
        "/tmp/kexec-lab-\(String(UInt64.random(in: 0...UInt64.max), radix: 16)).\(kind)"
    }

    /// A connected descriptor, which the caller closes.
    /// - Parameter peer: who listens there, for the error.
    static func connected(to path: String, _ peer: String) throws -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw LabError("the socket path '\(path)' is too long")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let socket = Foundation.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else {
            let reason = String(cString: strerror(errno))
            close(socket)
            throw LabError("cannot reach \(peer): \(reason)")
        }
        return socket
    }
}
