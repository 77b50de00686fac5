// SPDX-License-Identifier: MIT
import Foundation

/// Files that are no kernels, or not whole: each gives one clear line and a non-zero status, loads nothing, and leaves the
/// image that was loaded before.
enum BadInputCases: CaseGroup {
    static let all: [Case] = ["-c", "-s", "-a"].map { call in
        Case(
            name: "bad-input/\(call.dropFirst())", summary: "bad files are refused in one line with \(call)",
            files: { try await files($0) }, script: script(call),
            expect: ["^LAB load rc=0 loaded=1", "^LAB finished$"],
            judge: { judge($0, atLeast: 35) }, deadline: 300, quick: call == "-c", needsOurs: true)
    }

    /// The largest sizes that a lying header is given make a naive loader allocate; 512 MB of machine would show it.
    private static func script(_ call: String) -> String {
        """
        load -c || poweroff -f
        mkdir /bad/directory; : > /bad/empty
        for file in /bad/*; do
            case $file in
            */elf-*) options= ;;
            *) options=--initrd=/boot/initrd ;;
            esac
            try bad/${file##*/} kexec -l \(call) $file $options --command-line=x
        done
        good="kexec -l \(call) /boot/vmlinuz --command-line=x"
        try bad/missing kexec -l \(call) /boot/absent --command-line=x
        try bad/missing-initrd $good --initrd=/boot/absent
        try bad/initrd-directory $good --initrd=/bad/directory
        try bad/long-line kexec -l \(call) /boot/vmlinuz --command-line="$(head -c 5000 /dev/zero | tr '\\0' x)"
        : | try bad/empty-stdin kexec -l \(call) - --command-line=x
        truncate -s 3G /tmp/huge
        try bad/huge-initrd $good --initrd=/tmp/huge
        try bad/huge-kernel kexec -l \(call) /tmp/huge --command-line=x
        say finished
        """
    }

    /// Everything in `/bad`, made from a good kernel.
    private static func files(_ workshop: Workshop) async throws -> [String: GuestFile] {
        let kernel = [UInt8](
            try Data(contentsOf: URL(fileURLWithPath: workshop.cache.kernel(.linux7)), options: .alwaysMapped))
        let packed = try await workshop.made("vmlinuz.bad.gz") {
            try await HostCommand("/bin/gzip", ["-1", "-c", workshop.cache.kernel(.linux7)]).output(to: $0)
        }
        let gzip = [UInt8](try Data(contentsOf: URL(fileURLWithPath: packed)))
        var files: [String: [UInt8]] = [
            "text": Array("Not a kernel: a text.\n".utf8), "random": (0..<65536).map { _ in UInt8.random(in: 0...255) },
            "zeros": [UInt8](repeating: 0, count: 65536), "one-byte": [0x4d],
            "gzip-cut": Array(gzip.prefix(gzip.count / 2)), "gzip-corrupt": damaged(gzip, at: gzip.count / 2),
            "gzip-header-only": Array(gzip.prefix(10)),
        ]
        // Inside the boot sector, the header, the setup sectors, and the kernel itself.
        for size in [
            0x1f0, 0x1ff, 0x203, 0x236, 0x263, 0x300, 0x1000, 0x8000, kernel.count / 3, kernel.count - 0x100000,
        ] {
            files["cut-\(String(size, radix: 16))"] = Array(kernel.prefix(size))
        }
        files.merge(lyingHeaders(kernel), uniquingKeysWith: { first, _ in first })
        files.merge(badExecutables(), uniquingKeysWith: { first, _ in first })
        return Dictionary(uniqueKeysWithValues: files.map { ("bad/\($0)", .bytes($1)) })
    }

    /// One field of the setup header wrong (offsets are the boot protocol's); the file stays short, for memory's sake.
    private static func lyingHeaders(_ kernel: [UInt8]) -> [String: [UInt8]] {
        func with(_ offset: Int, _ bytes: [UInt8]) -> [UInt8] {
            var changed = kernel
            changed.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
            return changed
        }
        let all: [UInt8] = [0xff, 0xff, 0xff, 0xff]
        return [
            "init_size-0": with(0x260, [0, 0, 0, 0]), "init_size-small": with(0x260, [0, 0x10, 0, 0]),
            "init_size-huge": with(0x260, all), "alignment-odd": with(0x230, [3, 0, 0, 0]),
            "syssize-huge": with(0x1f4, all), "payload-outside": with(0x248, all),
        ]
    }

    /// ELF64 files with a header of 64 bytes and program headers of 56.
    private static func badExecutables() -> [String: [UInt8]] {
        func elf(headers: Int, at table: UInt64, segment: [UInt64]) -> [UInt8] {
            func little(_ value: UInt64, _ count: Int) -> [UInt8] {
                (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
            }
            var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
            bytes +=
                little(2, 2) + little(62, 2) + little(1, 4) + little(0x100_0000, 8) + little(table, 8) + little(0, 8)
            bytes += little(0, 4) + little(64, 2) + little(56, 2) + little(UInt64(headers), 2) + little(0, 6)
            for index in 0..<headers {
                bytes += little(1, 4) + little(7, 4) + little(segment[0], 8)
                let address = segment[1] &+ UInt64(index) * segment[4]
                bytes +=
                    little(address, 8) + little(address, 8) + little(segment[2], 8) + little(segment[3], 8)
                    + little(0x1000, 8)
            }
            return bytes + [UInt8](repeating: 0, count: 4096)
        }
        let place: UInt64 = 0x100_0000
        return [
            "elf-40-segments": elf(headers: 40, at: 64, segment: [0, place, 16, 16, 0x10_0000]),
            "elf-table-wraps": elf(headers: 1, at: UInt64.max - 8, segment: [0, place, 16, 16, 0]),
            "elf-offset-wraps": elf(headers: 1, at: 64, segment: [UInt64.max - 8, place, 16, 16, 0]),
            "elf-file-above-memory": elf(headers: 1, at: 64, segment: [0, place, 64, 16, 0]),
            "elf-address-wraps": elf(headers: 1, at: 64, segment: [0, UInt64.max - 0xfff, 16, 0x10000, 0]),
            "elf-beyond-memory": elf(headers: 1, at: 64, segment: [0, 0x100_0000_0000, 16, 16, 0]),
            "elf-no-segments": elf(headers: 0, at: 64, segment: [0, 0, 0, 0, 0]),
        ]
    }

    private static func damaged(_ bytes: [UInt8], at offset: Int) -> [UInt8] {
        var damaged = bytes
        damaged.replaceSubrange(offset..<(offset + 64), with: [UInt8](repeating: 0x55, count: 64))
        return damaged
    }

    /// One clear line for each file that was tried, and nothing else that changed.
    static func judge(_ logs: [ConsoleLog], atLeast count: Int) -> [String] {
        guard let log = logs.first else { return ["no console"] }
        let reports = log.lines.map(\.text).filter { $0.hasPrefix("LAB bad/") }
        var complaints = reports.count >= count ? [] : ["only \(reports.count) files were tried"]
        for report in reports {
            let words = report.split(separator: " ").map(String.init)
            guard words.count >= 4, let status = Int(words[2].dropFirst(3)) else { continue }
            let lines = log.output(before: words[1]).filter { !$0.hasPrefix("kexec: hint: ") }
            if status == 0 { complaints.append("\(words[1]): accepted") }
            if status > 128 { complaints.append("\(words[1]): ended by signal \(status - 128)") }
            if words[3] != "loaded=1" { complaints.append("\(words[1]): the old image is gone") }
            if lines.count != 1 || !lines[0].hasPrefix("kexec: ") {
                complaints.append("\(words[1]): not one clear line: \(lines.map { $0.prefix(160) })")
            }
        }
        return complaints
    }
}
