// SPDX-License-Identifier: MIT
import Foundation

/// A serial line of a machine as a local socket: lines to read and to write.
///
/// A thread of its own reads, so that lines are taken while nobody waits for them, and no thread of Swift's is blocked.
final class SerialLines: @unchecked Sendable {
    private let socket: Int32
    private let lock = NSLock()
    private var lines: [String] = []
    private var isOpen = true

    /// Waits for a machine that is being started.
    init(waitingFor path: String) async throws {
        socket = try await Self.connected(to: path)
        Thread.detachNewThread { [self] in read() }
    }

    private static func connected(to path: String) async throws -> Int32 {
        for _ in 0..<200 {
            if let socket = try? LocalSocket.connected(to: path, "QEMU") { return socket }
            try await Task.sleep(for: .milliseconds(100))
        }
        return try LocalSocket.connected(to: path, "QEMU's serial line")
    }

    private func read() {
        var splitter = LineSplitter()
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            let new = splitter.feed(buffer.prefix(count))
            lock.withLock { lines += new }
        }
        lock.withLock { isOpen = false }
        close(socket)
    }

    func write(_ line: String) throws {
        let bytes = Array((line + "\n").utf8)
        guard send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw LabError("the machine is gone")
        }
    }

    /// The next line, or nil when none has come in time.
    func next(until end: ContinuousClock.Instant) async throws -> String? {
        while true {
            let (line, open) = lock.withLock { (lines.isEmpty ? nil : lines.removeFirst(), isOpen) }
            if let line { return line }
            guard open else { throw LabError("the machine stopped") }
            guard ContinuousClock.now < end else { return nil }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
