// SPDX-License-Identifier: MIT
import Foundation
import Subprocess

/// One boot of QEMU: its serial line is kept with time stamps, and it never outlives its deadline.
struct VirtualMachine {
    let command: HostCommand
    /// Where the console is written while it comes.
    let logPath: String
    /// Seconds.
    let deadline: Double
    /// Sees each line as it comes.
    var observe: (@Sendable (ConsoleLine, ConsoleLog) async throws -> Void)?
    /// The machine is stopped at the first line for which this is true.
    var isLast: (@Sendable (ConsoleLine) throws -> Bool)?

    struct Outcome: Sendable {
        var log: ConsoleLog
        var end: MachineEnd
        var seconds: Double
    }

    /// Boots and returns when the guest has powered off or reset, when the last line has come, or when time is up.
    func run() async throws -> Outcome {
        let file = try HostFile.create(logPath)
        let start = ContinuousClock.now
        let expired = ExpirySignal()
        let result = try await Subprocess.run(
            .path(.init(command.program)), arguments: Arguments(command.arguments), environment: command.variables,
            input: .none, output: .sequence, error: .combinedWithOutput
        ) { execution in
            let guardian = Task {
                try await Task.sleep(for: .seconds(deadline))
                expired.set()
                try execution.send(signal: .kill)
            }
            defer { guardian.cancel() }
            do {
                let log = try await read(execution.standardOutput, since: start, into: file)
                if try isComplete(log) { try? execution.send(signal: .kill) }
                return log
            } catch {
                try? execution.send(signal: .kill)
                throw error
            }
        }
        var log = result.closureResult
        let seconds = Self.seconds(since: start)
        let isStopped = try isComplete(log)
        let end = expired.isSet ? "TIMEOUT" : isStopped ? "STOPPED" : "QEMU \(result.terminationStatus)"
        try Self.write(ConsoleLine(seconds: seconds, text: end), to: file)
        if case .exited(let code) = result.terminationStatus, code != 0, log.lines.count < 20 {
            throw LabError("QEMU did not start: \(log.lines.map(\.text).joined(separator: " "))")
        }
        if expired.isSet { log.lines.append(ConsoleLine(seconds: seconds, text: end)) }
        let how: MachineEnd = expired.isSet ? .timedOut : isStopped ? .stopped : .exited
        return Outcome(log: log, end: how, seconds: seconds)
    }

    private func isComplete(_ log: ConsoleLog) throws -> Bool {
        guard let line = log.lines.last, let isLast else { return false }
        return try isLast(line)
    }

    private func read(
        _ output: SubprocessOutputSequence, since start: ContinuousClock.Instant, into file: FileHandle
    ) async throws -> ConsoleLog {
        var log = ConsoleLog()
        var splitter = LineSplitter()
        for try await buffer in output {
            for text in splitter.feed(buffer.withUnsafeBytes { Array($0) }) {
                try await take(ConsoleLine(seconds: Self.seconds(since: start), text: text), &log, file)
                if try isComplete(log) { return log }
            }
            // A program that draws a screen may never end a line.
            if let isLast, try isLast(ConsoleLine(seconds: 0, text: splitter.unfinished)) { break }
        }
        if let text = splitter.finish() {
            try await take(ConsoleLine(seconds: Self.seconds(since: start), text: text), &log, file)
        }
        return log
    }

    private func take(_ line: ConsoleLine, _ log: inout ConsoleLog, _ file: FileHandle) async throws {
        log.lines.append(line)
        try Self.write(line, to: file)
        try await observe?(line, log)
    }

    private static func write(_ line: ConsoleLine, to file: FileHandle) throws {
        try file.write(contentsOf: Data("\(String(format: "%8.2f", line.seconds)) \(line.text)\n".utf8))
    }

    private static func seconds(since start: ContinuousClock.Instant) -> Double {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}

/// A switch that is set once, seen by several tasks.
final class ExpirySignal: @unchecked Sendable {
    private let lock = NSLock()
    private var value = false
    var isSet: Bool { lock.withLock { value } }
    func set() { lock.withLock { value = true } }
}
