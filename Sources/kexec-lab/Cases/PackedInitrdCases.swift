// SPDX-License-Identifier: MIT

/// Initrds that are unpacked when they are loaded: what the second kernel has of them is what it unpacks itself.
enum PackedInitrdCases: CaseGroup {
    static let all: [Case] =
        formats.map { format($0, $1, $2) } + [several, early, hiddenEarly, bootconfig, memoryShort, fileLoad]
        + [KernelName.linux61, .linux7].flatMap { [panic($0, "crc64"), panic($0, "members")] }

    private static let formats: [(InitrdPacking, KernelName, MachineShape.Firmware)] = [
        (.gzip, .linux61, .efi), (.xz, .linux7, .bios), (.lzma, .linux61, .bios), (.bzip2, .linux612, .bios),
        (.lz4, .linux61, .bios), (.zstd, .linux7, .efi),
    ]

    private static let load = """
        initrds=${initrds:---initrd=/boot/initrd}
        form() { kexec --plan -l /boot/vmlinuz $initrds --command-line="$second" "$@" | sed -n 's/^initrd  *//p'; }
        """
    /// Loads as the pass says.
    private static let loadAndJump = """
        \(load)
        say form $(form -c --decompress=$pass)
        try load kexec -l -c /boot/vmlinuz $initrds --command-line="$second" --decompress=$pass && jump
        """
    /// Names, kinds, permissions, links and sizes of all files, and what is in them.
    private static let tell = """
        list() { find / -xdev "$@" | sort; }
        files=$({ list -type d | xargs stat -c '%n %f'; list ! -type d | xargs stat -c '%n %f %h %s'; } | md5sum | cut -c1-32)
        say tree files=$files contents=$(list -type f | xargs md5sum | md5sum | cut -c1-32)
        dmesg | grep -iE 'initramfs|invalid magic|junk' | grep -iv 'unpacking initramfs|trying to unpack' | sed 's/^/LAB why /'
        """
    private static let passes = ["none", "initrd"]
    private static let expected = [Case.second, "^LAB tree files=[0-9a-f]+ contents=[0-9a-f]+$", "^LAB end second"]
    private static let forbidden = Case.alwaysForbidden + ["^LAB why .*(fail|not initramfs|magic|junk)"]

    /// What was unpacked at load time is what the kernel unpacks.
    private static func differences(_ logs: [ConsoleLog]) -> [String] {
        ["files", "contents"].compactMap { what in
            let values = logs.map { log in log.value(what, of: "tree") ?? "none" }
            return Set(values).count == 1 && values.first != "none" ? nil : "\(what) differ: \(values)"
        }
    }

    private static func forms(_ logs: [ConsoleLog], _ wanted: String) -> [String] {
        let found = logs.map { log in log.lines.first { $0.text.hasPrefix("LAB form ") }?.text ?? "" }
        return found.first?.hasPrefix("LAB form as it is: ") == true
            && found.last?.hasPrefix("LAB form \(wanted)") == true
            ? [] : ["the forms are \(found)"]
    }

    private static func unpacked(
        _ name: String, _ summary: String, _ kernel: KernelName, firmware: MachineShape.Firmware = .bios,
        script: String = "", form: String, secondScript: String = "",
        packing: @escaping @Sendable (Workshop, [UInt8]) async throws -> [UInt8],
        files: @escaping @Sendable (Workshop) async throws -> [String: GuestFile] = { _ in [:] },
        expect: [String] = []
    ) -> Case {
        Case(
            name: "packed-initrd/\(name)", summary: summary, machine: MachineShape(firmware: firmware),
            secondKernel: kernel, files: files, packing: packing, script: "\(script)\n\(loadAndJump)",
            secondScript: "\(secondScript)\n\(tell)", passes: passes,
            expect: [Case.second] + expect + expected.dropFirst(), forbid: forbidden,
            judge: { differences($0) + forms($0, form) }, needsOurs: true)
    }

    private static func format(
        _ packing: InitrdPacking, _ kernel: KernelName, _ firmware: MachineShape.Firmware
    ) -> Case {
        unpacked(
            packing.rawValue,
            "an initrd packed by \(packing.rawValue) has the files that \(kernel.rawValue) finds in it",
            kernel, firmware: firmware, form: "unpacked from \(packing.rawValue), ",
            packing: { try await packing.pack($1, with: $0.tools) })
    }

    private static let several = unpacked(
        "several", "two initrds of different formats have all files of both", .linux612,
        script: "initrds='--initrd=/boot/initrd --initrd=/boot/more'", form: "unpacked from zstd, ",
        secondScript: "say more $(cat /lab/more)", packing: { try await InitrdPacking.zstd.pack($1, with: $0.tools) },
        files: { workshop in
            var more = CPIOArchive()
            more.add(file: "lab/more", Array("of the second\n".utf8))
            more.finish()
            return ["boot/more": .bytes(try await InitrdPacking.bzip2.pack(more.bytes, with: workshop.tools))]
        }, expect: ["^LAB more of the second$"])

    /// An SSDT without a byte of code: Linux says of each table that it finds in an archive that is not compressed.
    private static var table: [UInt8] {
        var bytes = Array("SSDT".utf8) + [36, 0, 0, 0, 2, 0] + Array("KEXLABKEXECLAB".utf8) + [1, 0, 0, 0]
        bytes += Array("LAB ".utf8) + [1, 0, 0, 0]
        bytes[9] = 0 &- bytes.reduce(0, &+)
        return bytes
    }

    private static var tableArchive: [UInt8] {
        var front = CPIOArchive()
        front.add(file: "kernel/firmware/acpi/lab.aml", table)
        front.finish()
        return front.bytes
    }

    private static let tellTable = "say table $(dmesg | grep -c 'ACPI table found in initrd')"

    private static let early = unpacked(
        "early", "an ACPI table in front of what is compressed is found there", .linux7, form: "unpacked from xz, ",
        secondScript: tellTable,
        packing: { tableArchive + (try await InitrdPacking.xz.pack($1, with: $0.tools)) },
        expect: ["^LAB table 1$"])

    private static let hiddenEarly = Case(
        name: "packed-initrd/hidden", summary: "an ACPI table that is compressed is not found, as without us",
        packing: { try await InitrdPacking.gzip.pack(tableArchive + $1, with: $0.tools) },
        script: "pass=all\n\(loadAndJump)", secondScript: "\(tellTable)\n\(tell)",
        expect: [
            "^LAB form as it is: .*ACPI tables", #"^\| kexec: .*the initrd is not unpacked before the jump: "#,
            Case.second,
            "^LAB table 0$", "^LAB tree files=",
        ], forbid: forbidden, needsOurs: true)

    /// Linux cuts it off, whether it is built to read it or not.
    private static let bootconfig = unpacked(
        "bootconfig", "a bootconfig stays at the end", .linux7, form: "unpacked from lz4, ",
        packing: { workshop, archive in
            let text = Array("lab.word = 1\n\0\0\0".utf8)
            func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
            let packed = try await InitrdPacking.lz4.pack(archive, with: workshop.tools)
            return packed + [UInt8](repeating: 0, count: -packed.count & 3) + text + word(UInt32(text.count))
                + word(text.reduce(0) { $0 + UInt32($1) }) + Array("#BOOTCONFIG\n".utf8)
        })

    /// 150 MiB twice are more than half of the next kernel's memory; packed they are not.
    private static let memoryShort = Case(
        name: "packed-initrd/memory-short", summary: "where memory is short an initrd goes packed, and says so",
        machine: MachineShape(memory: 512), secondKernel: .linux61,
        secondFiles: { _ in ["lab/zeros": .bytes([UInt8](repeating: 0, count: 150 << 20))] },
        packing: { try await InitrdPacking.xz.pack($1, with: $0.tools) },
        script: "pass=auto\n\(loadAndJump)",
        secondScript: "say zeros=$(stat -c %s /lab/zeros)\n\(tell)",
        expect: [
            "^LAB form as it is: not enough memory to unpack it: need [0-9.]+ MiB, [0-9.]+ MiB may be used$",
            "^LAB load rc=0 loaded=1", Case.second, "^LAB zeros=157286400$", "^LAB tree files=",
        ], forbid: forbidden, needsOurs: true)

    /// What a warning says of an initrd comes true.
    /// - Parameter fault: xz's own check, or an archive that is parted among two members of gzip.
    private static func panic(_ kernel: KernelName, _ fault: String) -> Case {
        let isCRC64 = fault == "crc64"
        return Case(
            name: "packed-initrd/panic-\(fault)/\(kernel.rawValue)",
            summary: "an initrd that a warning speaks of makes the next kernel panic (\(fault))",
            secondKernel: kernel,
            packing: { workshop, archive in
                guard isCRC64 else {
                    let (first, second) = (Array(archive[..<5001]), Array(archive[5001...]))
                    return try await InitrdPacking.gzip.pack(first, with: workshop.tools)
                        + InitrdPacking.gzip.pack(second, with: workshop.tools)
                }
                return try await InitrdPacking.xz.pack(archive, with: workshop.tools, options: ["--check=crc64"])
            },
            script: "pass=auto\n\(loadAndJump)",
            expect: [
                "^LAB form as it is: ",
                #"^\| kexec: warning: the next kernel cannot unpack the initrd: .*"#
                    + (isCRC64 ? "xz --check=crc32$" : "as one stream$"),
                "^LAB load rc=0 loaded=1", "^LAB jump", "Kernel panic - not syncing: ",
            ], forbid: ["LAB jump failed"], needsOurs: true)
    }

    private static let fileLoad = Case(
        name: "packed-initrd/file-load", summary: "kexec_file_load takes an initrd as it is, and who asks is warned",
        packing: { try await InitrdPacking.zstd.pack($1, with: $0.tools) },
        script: """
            \(load)
            say form $(form -s --decompress=all)
            try load kexec -l -s /boot/vmlinuz $initrds --command-line="$second" --decompress=all && jump
            """,
        secondScript: tell,
        expect: [
            "^LAB form as it is: kexec_file_load",
            #"^\| kexec: .*the initrd is not unpacked before the jump: kexec_file"#,
            Case.second, "^LAB tree files=",
        ], forbid: forbidden, needsOurs: true)
}
