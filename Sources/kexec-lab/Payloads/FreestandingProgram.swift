// SPDX-License-Identifier: MIT
import Foundation

/// Static programs of a guest, written in C without a library.
enum FreestandingProgram {
    /// - Parameter text: C with a symbol `start`, where the program begins.
    static func compile(_ text: String, to path: String) async throws {
        let (source, object) = (path + ".c", path + ".o")
        try text.write(toFile: source, atomically: true, encoding: .utf8)
        let options = [
            "-target", "x86_64-unknown-none-elf", "-O1", "-Wall", "-Werror", "-fno-stack-protector", "-mno-sse",
            "-nostdlib", "-static", "-ffreestanding", "-fno-builtin", "-fno-pic", "-c", source, "-o", object,
        ]
        _ = try await HostCommand("clang", options).output()
        _ = try await HostCommand("ld.lld", ["-static", "-nostdlib", "-e", "start", object, "-o", path]).output()
    }
}
