// SPDX-License-Identifier: MIT

/// What a description read, in order. A class, because readers borrow their root and must not be able to change it.
final class Recording {
    private(set) var files: [(path: String, bytes: [UInt8])] = []
    private(set) var directories: [String] = []

    func add(_ path: String, _ bytes: [UInt8]) { files.append((path, bytes)) }
    func addDirectory(_ path: String) { directories.append(path) }
}
