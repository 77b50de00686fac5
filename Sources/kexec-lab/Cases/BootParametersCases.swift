// SPDX-License-Identifier: MIT

/// What the second kernel finds in boot_params: ours by `-c` against the kernel's own loader by `-s`, and against Debian's
/// kexec-tools by `-c`, from the same machine in the same state.
enum BootParametersCases: CaseGroup {
    static let all: [Case] =
        firmwares.flatMap { [systemCalls($0), chain($0, by: .linux7), peer($0)] }
        + [chain(.bios, by: .linux61, allowed: allowedInOldChain)] + firmwares.map(complaints)

    private static let firmwares: [MachineShape.Firmware] = [.bios, .efi]

    /// Fields that may differ between the two system calls, each with its reason; the same list stands in DESIGN.md.
    private static let allowedBetweenCalls: [String: String] = [
        "ramdisk_image": "another place", "ext_ramdisk_image": "another place", "cmd_line_ptr": "another place",
        "ext_cmd_line_ptr": "another place", "setup_data": "another place", "efi_memmap": "another place",
        "efi_memmap_hi": "another place",
    ]

    /// Linux 6.1 notes the setup_data that it got as RAM of type 128 in the map that its own loader passes on.
    private static let allowedInOldChain: [String: String] = allowedBetweenCalls.merging(
        [
            "e820_entries": "as e820_table", "e820_table": "theirs keeps the last jump's setup_data apart",
            "alt_mem_k": "theirs ends at the last jump's setup_data",
        ], uniquingKeysWith: { first, _ in first })

    /// What kexec-tools does that we do as the kernel does.
    private static let allowedAgainstPeer: [String: String] = allowedBetweenCalls.merging(
        [
            "screen_info": "theirs sets the cursor's magic number 0xA33F",
            "root_flags": "theirs is 0xffff, the kernel's loader keeps the image's",
            "root_dev": "theirs is /dev/hda", "jump": "theirs copies no jump",
            "e820_table": "theirs starts RAM at 0x400",
            "secure_boot": "theirs leaves it unknown", "boot_flag": "theirs clears the byte at 0x1ff",
            "efi_memdesc_size": "theirs uses 40 bytes where the firmware's and the kernel's loader's is 48",
            "efi_memmap_size": "as efi_memdesc_size",
        ], uniquingKeysWith: { first, _ in first })

    /// Types of setup_data: the seed is random; everything above the kernel's own types is a loader's.
    private static let seed = 9
    private static let lastKnownType = 10

    private static let dump = """
        dump /sys/kernel/boot_params/data bp
        for node in /sys/kernel/boot_params/setup_data/*; do
            [ -e $node/data ] || continue
            dump $node/data node$(($(cat $node/type)))
        done
        """

    private static func systemCalls(_ firmware: MachineShape.Firmware) -> Case {
        Case(
            name: "boot-params/calls/\(firmware.rawValue)",
            summary: "boot_params of -c and -s are equal but for the listed fields",
            machine: MachineShape(firmware: firmware), script: "load $pass && jump", secondScript: dump,
            passes: ["-c", "-s"], expect: ["^LAB load rc=0", Case.second, "^LAB dumped bp"],
            judge: { try compare($0, allowed: allowedBetweenCalls, names: ("-c", "-s")) }, needsOurs: true)
    }

    /// The same from a kernel that our own loader started: what one jump leaves behind must not add up over the next.
    /// - Parameter kernel: the one in the middle, whose own loader ours is compared with.
    private static func chain(
        _ firmware: MachineShape.Firmware, by kernel: KernelName, allowed: [String: String] = allowedBetweenCalls
    ) -> Case {
        Case(
            name: "boot-params/chain/\(firmware.rawValue)/\(kernel.rawValue)",
            summary: "a second jump, by -c and by -s, passes equal boot_params as well",
            machine: MachineShape(firmware: firmware), secondKernel: kernel, otherKernels: [.linux7],
            secondFiles: { workshop in
                var third = try await InitramfsBuilder(workshop.tools)
                try await third.add("lab/third", .text(dump))
                return [
                    "sbin/kexec": .program(workshop.kexec), "boot/vmlinuz": .host(workshop.cache.kernel(.linux7)),
                    "boot/initrd": .bytes(third.finished()),
                ]
            },
            script: "second=\"$second lab.pass=$pass\"; load -c && jump",
            secondScript: """
                pass=$(argument lab.pass)
                try load2 kexec -l $pass /boot/vmlinuz --initrd=/boot/initrd --command-line="$(line third)" && jump
                """,
            passes: ["-c", "-s"],
            expect: ["^LAB load rc=0", Case.second, "^LAB load2 rc=0", "^LAB third nonce=NONCE ", "^LAB dumped bp"],
            judge: { try compare($0, allowed: allowed, names: ("-c", "-s")) }, needsOurs: true)
    }

    /// With BIOS there is a disk, so that the firmware has EDD to tell; its module is there uncompressed for 6.1 only.
    private static func peer(_ firmware: MachineShape.Firmware) -> Case {
        let hasDisk = firmware == .bios
        return Case(
            name: "boot-params/peer/\(firmware.rawValue)",
            summary: "boot_params are as kexec-tools passes them but for the listed fields",
            machine: MachineShape(
                firmware: firmware, options: hasDisk ? ["-drive", "driver=null-co,read-zeroes=on,if=ide"] : []),
            firstKernel: hasDisk ? .linux61 : .linux7,
            files: { workshop in
                var files: [String: GuestFile] = ["sbin/peer": .program(workshop.tools.peer)]
                if hasDisk {
                    files["lab/edd.ko"] = .host("\(workshop.cache.modules(.linux61))/drivers/firmware/edd.ko")
                }
                return files
            },
            script: """
                [ ! -e /lab/edd.ko ] || insmod /lab/edd.ko
                try load $pass -l -c /boot/vmlinuz --initrd=/boot/initrd --command-line="$second" && { say jump; $pass -e; }
                """,
            secondScript: dump, passes: ["kexec", "peer"], expect: ["^LAB load rc=0", Case.second, "^LAB dumped bp"],
            judge: { logs in
                // eddbuf_entries
                let disks = logs.map { log in log.dump("bp").dropFirst(0x1e9).first ?? 0 }
                return try compare(logs, allowed: allowedAgainstPeer, names: ("ours", "theirs"))
                    + (hasDisk && disks.contains(0) ? ["the next kernel learns of no BIOS disk: \(disks)"] : [])
            }, needsOurs: true)
    }

    private static func compare(
        _ logs: [ConsoleLog], allowed: [String: String], names: (String, String)
    ) throws -> [String] {
        let dumps = logs.map { $0.dump("bp") }
        guard dumps.count == 2, dumps.allSatisfy({ $0.count == 4096 }) else { return ["a dump is not 4096 bytes"] }
        var complaints = BootParametersLayout.differences(dumps[0], dumps[1]).filter { allowed[$0.name] == nil }.map {
            "boot_params.\($0.name) differs: \(names.0) \(hexadecimal($0.one)), \(names.1) \(hexadecimal($0.other))"
        }
        for type in 1...lastKnownType where type != seed {
            let (one, other) = (node(type, logs[0]), node(type, logs[1]))
            guard one != other else { continue }
            complaints.append(
                "setup_data of type \(type) differs: \(names.0) \(hexadecimal(one)), \(names.1) \(hexadecimal(other))")
        }
        return complaints
    }

    /// In SETUP_EFI the second word is the runtime services' table: old kernels read it, kexec-tools passes it;
    /// present kernels do not read it, and their own loader leaves zero.
    private static func node(_ type: Int, _ log: ConsoleLog) -> [UInt8] {
        var bytes = log.dump("node\(type)")
        if type == 4, bytes.count >= 16 { bytes.replaceSubrange(8..<16, with: [UInt8](repeating: 0, count: 8)) }
        return bytes
    }

    /// At most 48 bytes from the first that is not zero.
    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        let start = bytes.firstIndex { $0 != 0 } ?? 0
        let text = bytes[start...].prefix(48).map { String(decoding: GDBPacket.digits($0), as: UTF8.self) }.joined()
        return (start > 0 ? "+0x\(String(start, radix: 16)) " : "") + text
    }

    /// The second kernel may complain of nothing that the cold boot did not.
    private static func complaints(_ firmware: MachineShape.Firmware) -> Case {
        Case(
            name: "boot-params/log/\(firmware.rawValue)",
            summary: "the second kernel has no memattr, efifb or ACPI complaint that the cold boot lacks",
            machine: MachineShape(firmware: firmware), script: "load $pass && jump", passes: ["-c", "-s"],
            expect: ["^LAB load rc=0", Case.second],
            judge: { logs in
                logs.flatMap { log in
                    guard let first = log.firstMarker else { return ["no first kernel"] }
                    let cold = Set(log.lines[..<first].compactMap { complaint(in: $0.text) })
                    let after = log.lines[first...].compactMap { complaint(in: $0.text) }
                    return after.filter { !cold.contains($0) }.map { "only the second kernel says: \($0)" }
                }
            }, startsCold: true)
    }

    /// A kernel line about the machine that sounds wrong; its time and numbers left out.
    static func complaint(in text: String) -> String? {
        let subject = /memattr|efifb|simple-framebuffer|ACPI|efi:|EFI|e820/
        let trouble =
            /[Ee]rror|[Ww]arning|[Ff]ail|[Bb]ug|[Ii]nvalid|cannot|unable|[Ii]gnoring|not found|[Cc]orrupt|\[mem .* flag/
        guard text.firstMatch(of: subject) != nil, text.firstMatch(of: trouble) != nil else { return nil }
        return text.replacing(#/^\[ *[0-9.]+\] /#, with: "").replacing(#/0x[0-9a-f]+|[0-9]+/#, with: "N")
    }
}
