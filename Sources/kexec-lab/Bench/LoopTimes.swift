// SPDX-License-Identifier: MIT
import Foundation

/// Native time of the loops that a kexec spends its time in: `build/loops`, which is compiled as build/kexec is.
enum LoopTimes {
    struct Loop: Equatable, Sendable {
        var name: String
        var bytes: Int
        var nanoseconds: Int
        var gigabytesPerSecond: Double { nanoseconds > 0 ? Double(bytes) / Double(nanoseconds) : 0 }
    }

    /// The kernels whose payloads are unpacked: LZ4, zstd and XZ.
    static let kernels: [KernelName] = [.linux61, .linux612, .linux61Full]

    static func measure(in workshop: Workshop) async throws -> [Loop] {
        let script = URL(fileURLWithPath: "scripts/build-embedded.sh").standardizedFileURL.path
        _ = try await HostCommand(script, ["x86_64", "loops"]).output()
        var files: [String] = []
        for kernel in kernels {
            let image = workshop.cache.kernel(kernel)
            files.append(
                try await workshop.made("payload-\(kernel.rawValue)") { path in
                    let bytes = try Data(contentsOf: URL(fileURLWithPath: image), options: .alwaysMapped)
                    try Data(try VmlinuxExtraction.payload(of: bytes)).write(to: URL(fileURLWithPath: path))
                })
        }
        let vmlinux = workshop.cache.vmlinux(.linux61)
        files.append(
            try await workshop.made("payload-gzip") { path in
                try await HostCommand("/bin/gzip", ["-6", "-n", "-c", vmlinux]).output(to: path)
            })
        let program = URL(fileURLWithPath: "build/loops").standardizedFileURL.path
        return try loops(in: try await HostCommand(program, files).output())
    }

    /// Lines `NAME BYTES NANOSECONDS`.
    static func loops(in text: String) throws -> [Loop] {
        try text.split(separator: "\n").map { line in
            let words = line.split(separator: " ")
            guard words.count == 3, let bytes = Int(words[1]), let time = Int(words[2]) else {
                throw LabError("no time of a loop: '\(line)'")
            }
            return Loop(name: String(words[0]), bytes: bytes, nanoseconds: time)
        }
    }

    static func table(_ loops: [Loop]) -> String {
        let memcpy = loops.first { $0.name == "memcpy" }?.gigabytesPerSecond
        return "native loops, thread time, best of several\n"
            + loops.map { loop in
                let name = loop.name.padding(toLength: 20, withPad: " ", startingAt: 0)
                let speed = loop.gigabytesPerSecond
                let ratio = memcpy.map { String(format: "  %7.4f of memcpy", speed / $0) } ?? ""
                return name
                    + String(
                        format: "%9.1f ms%10.1f MB%9.3f GB/s", Double(loop.nanoseconds) / 1e6, Double(loop.bytes) / 1e6,
                        speed)
                    + ratio + "\n"
            }.joined()
    }
}
