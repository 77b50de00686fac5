// SPDX-License-Identifier: MIT

/// Every kind of image, compression and way of naming it.
enum ImageCases: CaseGroup {
    static let all: [Case] = compressed + vmlinux + [elf32] + elf64 + [severalInitrds] + standardInput + [forcedType]

    private static let booted = ["^LAB load rc=0 loaded=1", Case.second, "^LAB end second"]
    private static let initrd = "--initrd=/boot/initrd --command-line=\"$second\""

    /// The compressors of the tool set, by the name of the format.
    private static let compressors: [(format: String, program: String, options: [String])] = [
        ("gzip", "/bin/gzip", ["-1"]), ("xz", "xz", ["-0"]), ("lzma", "xz", ["--format=lzma", "-0"]),
        ("zstd", "zstd", ["-1", "-q"]), ("lz4", "lz4", ["-1", "-q"]), ("bzip2", "bzip2", ["-1"]),
    ]

    /// A bzImage that was compressed once more as a whole, by both system calls.
    private static let compressed: [Case] = compressors.flatMap { format, program, options in
        ["-c", "-s"].map { call in
            Case(
                name: "image/\(format)/\(call.dropFirst())", summary: "a \(format) file boots with \(call)",
                files: { ["boot/packed": .host(try await compress($0, format, program, options))] },
                script: "try load kexec -l \(call) /boot/packed \(initrd) && jump", expect: booted,
                // Debian builds its kexec-tools without any decompressor.
                needsOurs: true)
        }
    }

    private static func compress(
        _ workshop: Workshop, _ format: String, _ program: String, _ options: [String]
    ) async throws -> String {
        let kernel = workshop.cache.kernel(.linux7)
        return try await workshop.made("vmlinuz.\(format)") { path in
            let arguments = options + ["-c", kernel]
            let command =
                program.hasPrefix("/") ? HostCommand(program, arguments) : workshop.tools.command(program, arguments)
            try await command.output(to: path)
        }
    }

    private static let vmlinux: [Case] = [("option", "--args-linux"), ("by-itself", "")].map { name, option in
        Case(
            name: "image/vmlinux/\(name)", summary: "an ELF vmlinux boots as Linux",
            machine: MachineShape(memory: 1536),
            files: { ["boot/vmlinux": .host($0.cache.vmlinux(.linux7))] },
            script: "rm /boot/vmlinuz; try load kexec -l -c /boot/vmlinux \(option) \(initrd) && jump",
            expect: booted,
            // kexec-tools enters it with boot notes, and it hangs.
            needsOurs: option.isEmpty)
    }

    /// Entered with paging off (CR0 bit 31) in protected mode (bit 0).
    private static let elf32 = Case(
        name: "image/elf32", summary: "an ELF32 program is entered in 32-bit protected mode",
        files: { ["boot/tiny": .host(try await TinyKernel.elf32.make(in: $0))] },
        script: "try load kexec -l -c /boot/tiny --args-elf && jump",
        expect: ["^LAB load rc=0 loaded=1", "^LAB jump", "^LAB tiny elf32 cr0=[0-7][0-9a-f]{6}[13579bdf] "])

    private static let elf64: [Case] = [
        Case(
            name: "image/elf64/args-elf", summary: "an ELF64 program finds its boot notes in rdi, and a stack",
            files: { ["boot/tiny": .host(try await TinyKernel.elf64.make(in: $0))] },
            script: "try load kexec -l -c /boot/tiny --args-elf && jump",
            expect: [
                "^LAB load rc=0 loaded=1", "^LAB jump", "^LAB tiny elf64 cr4=.* rdi=0*[1-9a-f].* rsp=0*[1-9a-f]",
            ]),
        Case(
            name: "image/elf64/args-none", summary: "an ELF64 program is entered without purgatory",
            files: { ["boot/tiny": .host(try await TinyKernel.elf64.make(in: $0))] },
            script: "try load kexec -l -c /boot/tiny --args-none && jump",
            expect: ["^LAB load rc=0 loaded=1", "^LAB jump", "^LAB tiny elf64 cr4="]),
    ]

    /// The first ram disk ends unaligned: the second is found only if the loader pads.
    private static let severalInitrds = Case(
        name: "image/initrds", summary: "several initrds are handed over as one",
        files: { _ in
            var extra = CPIOArchive()
            extra.add(file: "lab/extra", Array("from the second initrd\n".utf8))
            extra.finish()
            return ["boot/extra": .bytes(extra.bytes)]
        },
        script: """
            printf '\\0' >> /boot/initrd
            for call in -s -c; do
                try load$call kexec -l $call /boot/vmlinuz --initrd=/boot/initrd --initrd=/boot/extra \
                    --command-line="$second" || break
            done
            jump
            """,
        secondScript: "say extra $(cat /lab/extra)",
        expect: ["^LAB load-s rc=0", "^LAB load-c rc=0", Case.second, "^LAB extra from the second initrd"],
        needsOurs: true)

    private static let standardInput: [Case] = [
        ("file", "kexec -l - \(initrd) < /boot/vmlinuz"), ("pipe", "cat /boot/vmlinuz | kexec -l - \(initrd)"),
        ("pipe-s", "cat /boot/vmlinuz | kexec -s -l - \(initrd)"),
    ].map { name, command in
        Case(
            name: "image/stdin/\(name)", summary: "the kernel comes from standard input",
            script: "run() { \(command); }; try load run && jump", expect: booted, needsOurs: true)
    }

    private static let forcedType = Case(
        name: "image/type", summary: "--type forces a type and is held to it",
        script: """
            try wrong kexec -l -c --type=elf-x86_64 /boot/vmlinuz \(initrd)
            try unknown kexec -l --type=nonsense /boot/vmlinuz \(initrd)
            try load kexec -l -c --type=bzImage64 /boot/vmlinuz \(initrd) && jump
            """,
        expect: [
            #"^\| kexec: cannot load '/boot/vmlinuz': it is of type bzImage64, not elf-x86_64$"#,
            "^LAB wrong rc=3 loaded=0",
            #"^\| kexec: option '--type' needs .*: found 'nonsense'$"#, "^LAB unknown rc=1 loaded=0",
        ] + booted,
        // Without -c, Debian's kexec-tools overlooks a type that it does not know.
        needsOurs: true)
}
