// SPDX-License-Identifier: MIT
import Foundation

/// The host's files and folders that one case took something from, noted while it runs.
final class ReadFiles: @unchecked Sendable {
    /// Of the case that runs in this task.
    @TaskLocal static var current: ReadFiles?

    private let lock = NSLock()
    private var noted: Set<String> = []

    var paths: Set<String> { lock.withLock { noted } }

    func add(_ paths: some Sequence<String>) { lock.withLock { noted.formUnion(paths) } }

    /// Notes a file, or a folder with all that is below it, for the case that runs, if one does.
    @discardableResult
    static func note(_ path: String) -> String {
        current?.add([path])
        return path
    }
}
