// SPDX-License-Identifier: MIT

/// Kernels that are taken out of their bzImage when they are loaded, and what they find of it.
enum DecompressionCases: CaseGroup {
    static let all: [Case] =
        kernels.flatMap { kernel in [MachineShape.Firmware.bios, .efi].map { boot(kernel, $0) } }
        + memories.map { inMemory($0) } + [differs, nokaslr, fiveLevels, keeps4Levels, changesLevels, memoryShort]
        + [digest, notWanted, fileLoad, next]

    /// Packed with LZ4, ZSTD and XZ, with three lists of relocations and with two.
    private static let kernels: [KernelName] = [.linux61, .linux612, .linux7, .linux61Full]

    /// `kind unpacked`, and where the running kernel is: a kernel that does not tell its addresses has none.
    private static let functions = """
        form() { kexec --plan -l /boot/vmlinuz --initrd=/boot/initrd --command-line="$second" "$@" | sed -n 's/^kernel  *//p'; }
        """
    private static let places = """
        text=$(sed -n '/ T _text$/{s///p;q}' /proc/kallsyms)
        code=$(sed -n 's/^ *\\([0-9a-f]*\\)-.*Kernel code$/\\1/p' /proc/iomem)
        say places text=$text code=$code
        dmesg | grep -E 'WARNING|Call Trace|corrupt' | sed 's/^/LAB why /'
        """
    private static let usualText = "ffffffff81000000"

    private static func boot(_ kernel: KernelName, _ firmware: MachineShape.Firmware) -> Case {
        Case(
            name: "decompress/\(kernel.rawValue)/\(firmware.rawValue)",
            summary: "\(kernel.rawValue) is unpacked at load time and boots at random addresses",
            machine: MachineShape(firmware: firmware), secondKernel: kernel,
            script: "\(functions)\nsay form $(form -c)\nload -c && jump", secondScript: places,
            expect: [
                "^LAB form unpacked from (lz4|zstd|xz), at random addresses$", "^LAB load rc=0 loaded=1", Case.second,
                "^LAB places text=ffffffff[89ab][0-9a-f]{2}00000 code=0*[0-9a-f]+00000$", "^LAB end second",
            ],
            forbid: Case.alwaysForbidden + ["^LAB why "], quick: kernel == .linux61 && firmware == .efi, needsOurs: true
        )
    }

    private static let memories = [512, 6144]
    private static let total = "say memory KiB=$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)"

    /// The same kernel, so that it takes as much for itself both times: within 1 %.
    static func lostMemory(in log: ConsoleLog) -> [String] {
        let totals = log.lines.filter { $0.text.hasPrefix("LAB memory KiB=") }.compactMap { Int($0.text.dropFirst(15)) }
        guard totals.count == 2 else { return ["two kernels tell their memory, not \(totals.count)"] }
        let isAll = abs(totals[0] - totals[1]) * 100 <= totals[0]
        return isAll ? [] : ["memory was \(totals[0]) KiB and is \(totals[1]) KiB"]
    }

    private static func inMemory(_ size: Int) -> Case {
        Case(
            name: "decompress/\(size)M", summary: "with \(size) MiB the kernel is unpacked, and memory is all there",
            machine: MachineShape(memory: size), firstKernel: .linux61, secondKernel: .linux61,
            script: """
                \(total)
                \(functions)
                say form $(form -c)
                load -c && jump
                """,
            secondScript: """
                \(places)
                \(total)
                """,
            expect: [
                "^LAB memory KiB=[1-9]", "^LAB form unpacked", Case.second, "^LAB places ", "^LAB memory KiB=[1-9]",
                "^LAB end second",
            ],
            forbid: Case.alwaysForbidden + ["^LAB why "], judge: { lostMemory(in: $0[0]) }, needsOurs: true)
    }

    /// Each pass is a machine of its own, which draws its own random numbers: four addresses that are all the same are no
    /// chance (1 in 100 million).
    private static let differs = Case(
        name: "decompress/kaslr", summary: "text, and memory's regions, lie elsewhere in each boot",
        script: "load -c && jump",
        secondScript: """
            \(places)
            # The kernel's direct map and its vmalloc area, of the program headers of its memory.
            say regions $(od -An -v -tx8 -w8 -j 64 -N 560 /proc/kcore | tr -d ' ' | grep -E '^ffff[89a-f]' | grep -v ffffffff | sort | head -n 3 | tr '\\n' ' ')
            """,
        passes: (1...6).map { String($0) },
        expect: ["^LAB load rc=0 loaded=1", Case.second, "^LAB places ", "^LAB regions ffff", "^LAB end second"],
        judge: { logs in
            ["text", "code"].compactMap { what in
                let values = Set(logs.map { $0.value(what, of: "places") ?? "none" })
                return values.count > logs.count / 2 ? nil : "\(what) lies at \(values) only"
            }
                + (Set(logs.map { log in log.lines.last { $0.text.hasPrefix("LAB regions") }?.text }).count
                    == logs.count
                    ? [] : ["the regions of memory are not at random"])
        },
        needsOurs: true)

    private static let nokaslr = Case(
        name: "decompress/nokaslr", summary: "with nokaslr the text lies at its usual virtual address",
        script: """
            second="$second nokaslr"
            \(functions)
            say form $(form -c)
            load -c && jump
            """,
        secondScript: places,
        expect: [
            "^LAB form unpacked from zstd, at its usual virtual address", Case.second, "^LAB places text=\(usualText) ",
        ], forbid: Case.alwaysForbidden + ["^LAB why "], needsOurs: true)

    /// The first kernel keeps 4 levels where it is told to.
    private static func levels(
        _ name: String, _ summary: String, first: String, second: String, form: String, levels: Int
    ) -> Case {
        Case(
            name: "decompress/\(name)", summary: summary, machine: MachineShape(processor: "max"),
            firstKernel: .linux61,
            secondKernel: .linux61, firstCommandLine: first,
            script: """
                second="$second \(second)"
                \(functions)
                say form $(form -c)
                load -c && jump
                """,
            secondScript: "say levels=$(grep -qw la57 /proc/cpuinfo && echo 5 || echo 4)\n\(places)",
            expect: ["^LAB form \(form)", Case.second, "^LAB levels=\(levels)$", "^LAB places "],
            forbid: Case.alwaysForbidden + ["^LAB why "], needsOurs: true)
    }

    private static let fiveLevels = levels(
        "5-levels", "a kernel with 5 levels of page tables stays so", first: "", second: "", form: "unpacked", levels: 5
    )
    private static let keeps4Levels = levels(
        "4-levels", "a kernel with 4 levels of page tables stays so", first: "no5lvl", second: "no5lvl",
        form: "unpacked", levels: 4)
    private static let changesLevels = levels(
        "other-levels", "where the number of levels changes the bzImage goes as it is, and says so", first: "no5lvl",
        second: "", form: "as it is: .*page table levels", levels: 5)

    /// A tmpfs takes the memory; the image as it is needs a quarter of it.
    private static let memoryShort = Case(
        name: "decompress/memory-short", summary: "where memory is short the bzImage goes as it is, and says so",
        machine: MachineShape(memory: 512), firstKernel: .linux61, secondKernel: .linux61,
        script: """
            \(functions)
            available() { awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo; }
            mkdir /fill && mount -t tmpfs -o size=90% fill /fill
            zeros $(($(available) - 130)) > /fill/all
            say available $(available)
            say form $(form -c)
            load -c && jump
            """,
        expect: [
            "^LAB form as it is: not enough memory to unpack it: need [0-9.]+ MiB, [0-9.]+ MiB may be used$",
            "^LAB load rc=0 loaded=1", Case.second,
        ], needsOurs: true)

    private static let digest = Case(
        name: "decompress/digest", summary: "a flipped byte in the last segment of an unpacked kernel is named",
        secondKernel: .linux61,
        script: GuestPlan.script("-c --initrd=/boot/initrd --console-serial"),
        expect: [
            "^LAB debugger$", "^LAB jump", "segment 'kernel-4' .*digest mismatch",
            "^purgatory: memory has changed since the kernel was loaded; resetting in 30 s$",
        ],
        forbid: Case.alwaysForbidden + ["^LAB second"], end: .stopped,
        debugger: { connection, log in
            let plan = try GuestPlan(in: log)
            let segment = try plan.segment("kernel-4")
            try DigestCases.change(
                at: segment.address + (segment.size ?? 0) - 1, whenAt: try plan.segment("purgatory").address, connection
            )
        }, needsOurs: true)

    private static let notWanted = Case(
        name: "decompress/none", summary: "--decompress=none hands the bzImage over as it is",
        script: "\(functions)\nsay form $(form -c --decompress=none)\nload -c --decompress=none && jump",
        secondScript: places,
        expect: [
            #"^LAB form as it is: not asked for \(--decompress\)$"#, Case.second, "^LAB places text=ffffffff",
        ], needsOurs: true)

    private static let fileLoad = Case(
        name: "decompress/file-load", summary: "kexec_file_load takes the bzImage as it is, and who asks is warned",
        script: "\(functions)\nsay form $(form -s)\nload -s --decompress=kernel && jump",
        expect: [
            "^LAB form as it is: kexec_file_load", #"^\| kexec: .*not unpacked before the jump: kexec_file_load"#,
            Case.second,
        ], needsOurs: true)

    /// What an unpacked kernel tells of itself is what a plan needs.
    private static let next = Case(
        name: "decompress/next", summary: "an unpacked kernel loads the next one in the same way",
        secondFiles: { ["sbin/kexec": .program($0.kexec), "boot/vmlinuz": .host($0.cache.kernel(.linux7))] },
        script: "load -c && jump",
        secondScript: """
            say form $(kexec --plan -l /boot/vmlinuz --command-line=x | sed -n 's/^kernel  *//p')
            try next kexec -l -c /boot/vmlinuz --command-line=x
            """,
        expect: [
            Case.second, "^LAB form unpacked from zstd, at random addresses$", "^LAB next rc=0 loaded=1",
            "^LAB end second",
        ], needsOurs: true)
}
