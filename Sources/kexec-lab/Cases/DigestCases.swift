// SPDX-License-Identifier: MIT

/// One byte of each segment is changed between the copy and the check, through QEMU's debug stub, at purgatory's entry.
enum DigestCases: CaseGroup {
    static let all: [Case] =
        ["kernel", "initrd", "boot_params", "setup_data", "command_line"].flatMap { segment in
            ["fast", "sha256"].map {
                flip(segment, digest: $0) { segment, _ in (segment.size ?? segment.memorySize) / 2 }
            }
        } + ["fast", "sha256"].map { flip("purgatory", digest: $0) { try entry(in: $0, $1) } } + [accepted]

    /// Where in a segment the byte lies that is changed.
    typealias Place = @Sendable (GuestPlan.Segment, GDBConnection) throws -> UInt64

    /// The address of the next kernel in purgatory's parameters, whose offset stands in its header.
    private static func entry(in purgatory: GuestPlan.Segment, _ connection: GDBConnection) throws -> UInt64 {
        let offset = try connection.read(at: purgatory.address + 16, count: 4)
        return offset.reversed().reduce(0) { $0 << 8 | UInt64($1) } + 8
    }

    private static func script(_ options: String) -> String {
        GuestPlan.script("-c \(options) --initrd=/boot/initrd --console-serial")
    }

    private static func flip(_ segment: String, digest: String, at place: @escaping Place) -> Case {
        Case(
            name: "digest/\(segment)/\(digest)",
            summary: "a flipped byte in '\(segment)' is named and the machine resets",
            script: script("--digest=\(digest)"),
            expect: [
                "^LAB load rc=0 loaded=1", "^LAB debugger$", "^LAB jump",
                "segment '\(segment)' .*digest mismatch",
                "^purgatory: memory has changed since the kernel was loaded; resetting in 30 s$",
            ],
            forbid: Case.alwaysForbidden + ["^LAB second"],
            // One of them is seen to reset; 30 seconds of waiting are long for an emulator.
            end: segment == "kernel" && digest == "fast" ? .exited : .stopped,
            debugger: { try change(segment, at: place, $0, $1) }, needsOurs: true)
    }

    /// The byte lies in a file of the second ram disk that nothing reads but the last line of the script.
    private static let accepted = Case(
        name: "digest/off", summary: "with -i and --digest=none a flipped byte is not noticed",
        secondFiles: { _ in ["zz/padding": .bytes(Array(repeating: UInt8(ascii: "a"), count: 65536))] },
        script: script("$pass"), secondScript: "say padding $(tr -d a < /zz/padding | wc -c)",
        passes: ["-i", "--digest=none"],
        expect: ["^LAB load rc=0 loaded=1", "^LAB debugger$", Case.second, "^LAB padding 1$"],
        debugger: { connection, log in
            try change("initrd", at: { segment, _ in (segment.size ?? segment.memorySize) - 32768 }, connection, log)
        }, needsOurs: true)

    private static func change(
        _ name: String, at offset: Place, _ connection: GDBConnection, _ log: ConsoleLog
    ) throws {
        let plan = try GuestPlan(in: log)
        let purgatory = try plan.segment("purgatory").address
        let segment = try plan.segment(name)
        try change(at: segment.address + offset(segment, connection), whenAt: purgatory, connection)
    }

    /// Flips a bit when purgatory is entered.
    static func change(at place: UInt64, whenAt purgatory: UInt64, _ connection: GDBConnection) throws {
        try connection.setBreakpoint(at: purgatory)
        try connection.resume()
        let byte = try connection.read(at: place, count: 1)
        try connection.write([byte[0] ^ 0x20], at: place)
        try connection.removeBreakpoint(at: purgatory)
        try connection.release()
    }
}
