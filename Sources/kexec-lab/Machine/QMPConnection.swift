// SPDX-License-Identifier: MIT
import Foundation

/// A client of QEMU's machine protocol: one object of JSON to a line, a `return` or an `error` for each command, and events
/// in between.
///
/// Calls block their thread, and there are few of them.
final class QMPConnection {
    private let socket: Int32
    private var received: [UInt8] = []

    init(path: String) throws {
        socket = try LocalSocket.connected(to: path, "QEMU's machine protocol")
        var patience = timeval(tv_sec: 120, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        _ = try answer()
        try perform("qmp_capabilities")
    }

    deinit { close(socket) }

    /// - Returns: the values of the answer that are text.
    @discardableResult
    func perform(_ command: String, _ arguments: [String: String] = [:]) throws -> [String: String] {
        let request = try JSONEncoder().encode(Request(execute: command, arguments: arguments)) + Data("\n".utf8)
        let sent = request.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard sent == request.count else { throw LabError("QEMU's machine protocol is gone") }
        while true {
            let answer = try answer()
            if let error = answer["error"] as? [String: Any] {
                throw LabError("QEMU refuses '\(command)': \(error["desc"] ?? error)")
            }
            guard let result = answer["return"] else { continue }
            return (result as? [String: Any])?.compactMapValues { $0 as? String } ?? [:]
        }
    }

    /// Writes all that the machine is into a file. It stands still from then on.
    func keepState(in path: String) async throws {
        try perform("migrate", ["uri": "file:\(path)"])
        for _ in 0..<1200 {
            let status = try perform("query-migrate")["status"]
            guard status != "completed" else { return }
            guard status != "failed" else { throw LabError("QEMU cannot write the snapshot") }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw LabError("QEMU does not end the snapshot")
    }

    /// Waits until the machine goes on from a snapshot. What is written to a serial line before that is lost.
    func awaitRunning() async throws {
        for _ in 0..<1200 {
            guard try perform("query-status")["status"] != "running" else { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw LabError("QEMU does not go on from the snapshot")
    }

    private struct Request: Encodable {
        var execute: String
        var arguments: [String: String]
    }

    private func answer() throws -> [String: Any] {
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Data(received[..<end])
                received.removeSubrange(...end)
                return try JSONSerialization.jsonObject(with: line) as? [String: Any] ?? [:]
            }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { throw LabError("QEMU's machine protocol does not answer") }
            received += buffer.prefix(count)
        }
    }
}
