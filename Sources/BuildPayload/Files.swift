// SPDX-License-Identifier: MIT
import Glibc

/// Ends the program with a line on standard error.
func stop(_ text: String) -> Never {
    let line = Array("BuildPayload: \(text)\n".utf8)
    _ = Glibc.write(2, line, line.count)
    exit(1)
}

/// `--name value` pairs.
struct Options {
    private var values: [String: String] = [:]

    init(_ arguments: [String]) {
        let known: Set = ["--toolchain", "--package", "--work", "--images", "--evidence", "--keep"]
        var rest = arguments.dropFirst()
        while let name = rest.popFirst() {
            guard known.contains(name) else { stop("unknown option '\(name)'") }
            guard let value = rest.popFirst() else { stop("option '\(name)' needs a value") }
            values[name] = value
        }
    }

    subscript(name: String) -> String? { values[name] }

    func required(_ name: String) -> String {
        guard let value = values[name] else { stop("option '\(name)' is missing") }
        return value
    }
}

func makeFolder(_ path: String) {
    guard mkdir(path, 0o755) != 0 && errno != EEXIST else { return }
    guard errno == ENOENT, path.contains("/") else { stop("cannot make folder \(path)") }
    makeFolder(String(path.dropLast(lastComponent(of: path).count + 1)))
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { stop("cannot make folder \(path)") }
}

func lastComponent(of path: String) -> String { String(path.split(separator: "/").last ?? "") }

func contents(of path: String) -> [UInt8] {
    guard let file = fopen(path, "rb") else { stop("cannot read \(path)") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = fread(&chunk, 1, chunk.count, file)
        if count == 0 { return bytes }
        bytes += chunk[0..<count]
    }
}

func write(_ bytes: [UInt8], to path: String) {
    guard let file = fopen(path, "wb") else { stop("cannot write \(path)") }
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count, fclose(file) == 0 else { stop("cannot write \(path)") }
}
