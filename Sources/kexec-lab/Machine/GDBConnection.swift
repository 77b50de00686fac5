// SPDX-License-Identifier: MIT
import Foundation

/// A client of QEMU's debug stub. The machine halts when it connects.
///
/// Calls block their thread: a few packets of a local socket, never more than one connection per machine.
final class GDBConnection: @unchecked Sendable {
    private let socket: Int32
    private var received: [UInt8] = []

    init(path: String) throws {
        socket = try LocalSocket.connected(to: path, "QEMU's debug stub")
        var patience = timeval(tv_sec: 120, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        guard try ask("?").hasPrefix("T") else { throw LabError("the debug stub did not halt the machine") }
        // QEMU's own extension: memory is addressed physically, whatever page tables are in force.
        try demand("Qqemu.PhyMemMode:1")
    }

    /// Waits for a machine that is being started.
    static func waiting(for path: String) async throws -> GDBConnection {
        for _ in 0..<100 {
            if let connection = try? GDBConnection(path: path) { return connection }
            try await Task.sleep(for: .milliseconds(100))
        }
        return try GDBConnection(path: path)
    }

    deinit { close(socket) }

    /// Stops the processor before it executes the instruction at a virtual address.
    func setBreakpoint(at address: UInt64) throws { try demand("Z1,\(String(address, radix: 16)),1") }
    func removeBreakpoint(at address: UInt64) throws { try demand("z1,\(String(address, radix: 16)),1") }

    /// Runs until a breakpoint.
    func resume() throws { _ = try ask("c") }

    /// Runs and waits for nothing.
    func release() throws { try demand("D") }

    /// A command of QEMU's monitor that prints nothing.
    func monitor(_ command: String) throws {
        try demand("qRcmd," + String(decoding: command.utf8.flatMap(GDBPacket.digits), as: UTF8.self))
    }

    /// General registers by their place in the stub's answer, where each has 8 bytes in every mode of the processor.
    enum Register: Int { case esi = 4 }

    func register(_ register: Register) throws -> UInt64 {
        let digits = Array(try ask("g").utf8.dropFirst(16 * register.rawValue).prefix(16))
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt64(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16)
        }
        guard bytes.count == 8 else { throw LabError("the debug stub names no registers") }
        return bytes.reversed().reduce(0) { $0 << 8 | $1 }
    }

    func read(at address: UInt64, count: Int) throws -> [UInt8] {
        let digits = Array(try ask("m\(String(address, radix: 16)),\(String(count, radix: 16))").utf8)
        guard digits.count == 2 * count else {
            throw LabError("cannot read \(count) bytes at 0x\(String(address, radix: 16))")
        }
        return stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16)
        }
    }

    func write(_ bytes: [UInt8], at address: UInt64) throws {
        let digits = String(decoding: bytes.flatMap(GDBPacket.digits), as: UTF8.self)
        try demand("M\(String(address, radix: 16)),\(String(bytes.count, radix: 16)):\(digits)")
    }

    private func demand(_ request: String) throws {
        let answer = try ask(request)
        guard answer == "OK" else { throw LabError("the debug stub answers '\(answer)' to '\(request)'") }
    }

    private func ask(_ request: String) throws -> String {
        let packet = GDBPacket.encoded(request)
        guard send(socket, packet, packet.count, Int32(MSG_NOSIGNAL)) == packet.count else {
            throw LabError("QEMU's debug stub is gone")
        }
        while true {
            if let answer = try GDBPacket.take(from: &received) {
                _ = send(socket, "+", 1, Int32(MSG_NOSIGNAL))
                return answer
            }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { throw LabError("QEMU's debug stub does not answer '\(request)'") }
            received += buffer.prefix(count)
        }
    }
}
