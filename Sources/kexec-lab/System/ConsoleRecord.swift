// SPDX-License-Identifier: MIT
import Foundation

/// A console that is still being written.
final class ConsoleRecord: @unchecked Sendable {
    private let lock = NSLock()
    private var log = ConsoleLog()

    var count: Int { lock.withLock { log.lines.count } }
    var ending: [String] { lock.withLock { log.ending } }
    func add(_ line: ConsoleLine) { lock.withLock { log.lines.append(line) } }
    func texts(since mark: Int) -> [String] { lock.withLock { log.lines[mark...].map(\.text) } }
}
