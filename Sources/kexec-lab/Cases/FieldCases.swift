// SPDX-License-Identifier: MIT

/// What people do with kexec beyond the usual load on the usual machine: each of these has always to work.
enum FieldCases: CaseGroup {
    static let all: [Case] = processors + memory + environments + initrds + memtest + [crashArguments]

    private static let booted = ["^LAB load rc=0 loaded=1", Case.second, "^LAB end second"]
    private static let usual = #"/boot/vmlinuz --initrd=/boot/initrd --command-line="$second""#

    // MARK: Processors

    /// - Parameter before: shell of the first guest, before the load.
    private static func processors(
        _ name: String, _ summary: String, count: Int, commandLine: String = "", before: String = ":",
        jump: String = "jump", expect: String
    ) -> Case {
        Case(
            name: "field/processors/\(name)", summary: summary, machine: MachineShape(processors: count),
            firstCommandLine: commandLine,
            script: "\(before); say running $(nproc); load -c && \(jump)", secondScript: "say processors $(nproc)",
            expect: ["^LAB running \(expect)$", "^LAB load rc=0 loaded=1", Case.second, "^LAB processors \(count)$"],
            deadline: 240)
    }

    private static let processors: [Case] = [
        processors(
            "nosmp", "a kernel that was started with nosmp leaves the other processor startable", count: 2,
            commandLine: "nosmp", expect: "1"),
        processors(
            "offline", "a processor that was taken off is there again in the second kernel", count: 2,
            before: "echo 0 > /sys/devices/system/cpu/cpu1/online", expect: "1"),
        processors(
            "last", "-e on the last processor jumps from the first", count: 4,
            jump: "{ say jump; taskset 8 kexec -e; say \"jump failed rc=$?\"; }", expect: "4"),
        Case(
            name: "field/processors/nolapic", summary: "a kernel without a local APIC boots the next one",
            firstCommandLine: "nolapic", script: "load -c && jump", expect: booted),
    ]

    // MARK: Memory

    /// The second kernel has all memory that the machine has, whatever the first one used of it.
    /// - Parameters:
    ///   - fact: shell that prints what makes the first kernel's memory unusual.
    ///   - expect: a regular expression for what it prints.
    private static func memory(
        _ name: String, _ summary: String, commandLine: String = "", options: [String] = [], memory: Int = 1024,
        kernel: KernelName = .linux7, fact: String, expect: String
    ) -> Case {
        Case(
            name: "field/memory/\(name)", summary: summary, machine: MachineShape(memory: memory, options: options),
            firstKernel: kernel, firstCommandLine: commandLine,
            script: "say fact \(fact); load -c && jump",
            secondScript: "say memory total=$(sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo)",
            expect: ["^LAB fact \(expect)$"] + booted.dropLast() + ["^LAB memory total=[0-9]+$"],
            judge: { logs in
                let total = Int(logs.first?.value("total", of: "memory") ?? "") ?? 0
                let needed = (memory - 150) << 10
                return total >= needed ? [] : ["the second kernel has \(total) KiB, of \(memory) MiB"]
            })
    }

    private static let memory: [Case] = [
        memory(
            "mem", "a kernel that was kept to half of the memory by mem= gives all of it to the next",
            commandLine: "mem=512M", fact: #"$(awk '/^MemTotal/ { print ($2 < 524288) }' /proc/meminfo)"#,
            expect: "1"),
        memory(
            "memmap", "a range that memmap= reserves stays as it is", commandLine: "memmap=64M$0x20000000",
            fact: "$(grep -c '^20000000-23ffffff : [Rr]eserved' /proc/iomem)", expect: "1"),
        memory(
            "exactmap", "a map that the user made with memmap=exactmap holds a load",
            commandLine: "memmap=exactmap memmap=639K@0 memmap=500M@1M",
            fact: #"$(awk '/^MemTotal/ { print ($2 < 524288) }' /proc/meminfo)"#, expect: "1"),
        memory(
            "no-acpi", "a kernel without ACPI boots the next one", commandLine: "acpi=off",
            fact: "$(ls /sys/firmware/acpi 2>/dev/null | wc -l)", expect: "0"),
        memory(
            "added", "memory that was added to the running machine is lent to nobody",
            options: [
                "-m", "1024,slots=2,maxmem=4G", "-object", "memory-backend-ram,id=more,size=512M", "-device",
                "pc-dimm,id=dimm,memdev=more",
            ], fact: "$(ls -d /sys/devices/system/memory/memory[0-9]* | wc -l)", expect: "1[0-9]|9"),
        memory(
            "persistent", "persistent memory is no RAM for a segment", commandLine: "memmap=128M!0x20000000",
            fact: "$(grep -c '^20000000-27ffffff : Persistent Memory' /proc/iomem)", expect: "1"),
        memory(
            "nvdimm", "a persistent module is no RAM for a segment",
            options: [
                "-machine", "nvdimm=on", "-m", "1024,slots=2,maxmem=4G", "-object",
                "memory-backend-ram,id=store,size=256M", "-device", "nvdimm,id=nvdimm,memdev=store",
            ], fact: "$(ls -d /sys/bus/acpi/devices/ACPI0012* | wc -l)", expect: "1"),
    ]

    // MARK: Environments

    private static let environments: [Case] = [limits, descriptors, pipes, names, folders]

    /// What a shell or a unit may have limited: addresses, written files, the stack, open files.
    private static let limits = Case(
        name: "field/limits", summary: "a load needs little of what can be limited, and says what it lacks",
        script: """
            limited() { (ulimit $1; shift; exec "$@"); }
            for limit in "-v 200000" "-v 60000" "-f 0" "-s 64" "-c 0" "-n 16"; do
                for call in -c -s; do
                    try load limited "$limit" kexec -l $call \(usual)
                    kexec -u
                done
            done
            try files limited "-n 4" kexec -l -c \(usual)
            try load kexec -l -c \(usual) && jump
            """,
        expect: (0..<12).map { _ in "^LAB load rc=0 loaded=1" }
            + [#"^\| kexec: no memory map: .*\(No file descriptors available\)$"#, "^LAB files rc=15 loaded=0"]
            + booted,
        forbid: Case.alwaysForbidden + [#"^\| kexec: .*run it as root"#], needsOurs: true)

    /// What is opened first gets the numbers 0, 1 and 2, and must not be written to.
    private static let descriptors = Case(
        name: "field/descriptors", summary: "closed standard descriptors change nothing",
        script: """
            kexec -l -c \(usual) <&- >&- 2>&-; say all rc=$? loaded=$(loaded); kexec -u
            kexec -l -s \(usual) <&-; say input rc=$? loaded=$(loaded); kexec -u
            kexec -l -c \(usual) >&-; say output rc=$? loaded=$(loaded); kexec -u
            kexec -l -c \(usual) 2>&-; say errors rc=$? loaded=$(loaded); kexec -u
            kexec -l -c /boot/absent <&- >&- 2>&-; say absent rc=$? loaded=$(loaded)
            load -c && jump
            """,
        expect: ["all", "input", "output", "errors"].map { "^LAB \($0) rc=0 loaded=1$" }
            + ["^LAB absent rc=2 loaded=0$"] + booted, needsOurs: true)

    private static let pipes = Case(
        name: "field/pipes", summary: "kernel and initrd come from named pipes, by both calls",
        script: """
            mkfifo /tmp/kernel /tmp/initrd
            for call in -s -c; do
                cat /boot/vmlinuz > /tmp/kernel & cat /boot/initrd > /tmp/initrd &
                try load$call kexec -l $call /tmp/kernel --initrd=/tmp/initrd --command-line="$second" || break
            done
            jump
            """,
        expect: ["^LAB load-s rc=0 loaded=1", "^LAB load-c rc=0 loaded=1", Case.second, "^LAB end second"],
        needsOurs: true)

    private static let names = Case(
        name: "field/names", summary: "file names may hold blanks, commas, umlauts and quotes, and be links",
        script: """
            mkdir "/tmp/a b,c"
            for name in "ein Kern" "Küche" "a,b:c=d" "it's" 'say "x"' "-l"; do
                cp /boot/vmlinuz "/tmp/a b,c/$name"; ln -s "a b,c/$name" /tmp/link
                try load kexec -l -c "/tmp/a b,c/$name" --initrd=/boot/initrd --command-line="$second"
                kexec -u
                try load kexec -l -s --initrd="/boot/initrd" --command-line="$second" /tmp/link
                kexec -u; rm "/tmp/a b,c/$name" /tmp/link
            done
            ln -s b /tmp/a; ln -s a /tmp/b
            try loop kexec -l /tmp/a
            try folder kexec -l /tmp
            try dangling kexec -l /boot/vmlinuz --initrd=/tmp/nothing
            load -c && jump
            """,
        expect: (0..<12).map { _ in "^LAB load rc=0 loaded=1" }
            + [
                #"^\| kexec: .*'/tmp/a'"#, "^LAB loop rc=2 .*loaded=0", #"^\| kexec: .*'/tmp'"#,
                "^LAB folder rc=2 .*loaded=0", #"^\| kexec: .*'/tmp/nothing'"#, "^LAB dangling rc=2 .*loaded=0",
            ] + booted, needsOurs: true)

    private static let folders = Case(
        name: "field/folders", summary: "a working folder that is gone hinders no load by absolute names",
        script: """
            mkdir /tmp/gone; cd /tmp/gone; rmdir /tmp/gone
            try relative kexec -l vmlinuz
            load -s; kexec -u
            load -c && jump
            """,
        expect: [#"^\| kexec: .*'vmlinuz'"#, "^LAB relative rc=2 .*loaded=0", "^LAB load rc=0 loaded=1"] + booted,
        needsOurs: true)

    // MARK: Initrds

    private static let initrds: [Case] = [mixed, large]

    /// Names and contents of the files that came from the archives.
    private static let tell = "say parts $(cat /parts/* | tr '\\n' ' ')"

    /// As mkosi and dracut put them together: microcode in front, then archives in codecs of their own, in one file.
    private static let mixed = Case(
        name: "field/initrds/mixed", summary: "microcode and archives in four codecs in one file are all there",
        files: { workshop in
            func archive(_ name: String) -> [UInt8] {
                var archive = CPIOArchive()
                archive.add(folder: "parts")
                archive.add(file: "parts/\(name)", Array("\(name)\n".utf8))
                archive.finish()
                return archive.bytes
            }
            var microcode = CPIOArchive()
            microcode.add(file: "kernel/x86/microcode/GenuineIntel.bin", [UInt8](repeating: 0x5a, count: 3000))
            microcode.finish()
            var bytes = microcode.bytes
            for (name, packing) in [("a", InitrdPacking.gzip), ("b", .xz), ("c", .zstd), ("d", .bzip2)] {
                bytes += [UInt8](repeating: 0, count: -bytes.count & 3)
                bytes += try await packing.pack(archive(name), with: workshop.tools)
            }
            bytes += [UInt8](repeating: 0, count: -bytes.count & 511) + archive("e")
            return ["boot/mixed": .bytes(bytes)]
        },
        script: """
            try load kexec -l $pass /boot/vmlinuz --initrd=/boot/mixed --initrd=/boot/initrd --command-line="$second" && jump
            """,
        secondScript: tell, passes: ["-c", "-s", "--decompress=none"],
        expect: ["^LAB load rc=0 loaded=1", Case.second, "^LAB parts a b c d e$", "^LAB end second"], needsOurs: true)

    /// One file that repeats the kernel.
    private static let large = Case(
        name: "field/initrds/large", summary: "1,500 MB of files arrive unchanged",
        machine: MachineShape(memory: 8192),
        script: """
            mkdir /big; cd /big; mount -t tmpfs -o size=7G none /big; mkdir parts
            stat -c %s /boot/vmlinuz > parts/size
            kernels 1500000000 > parts/big
            say sum $((1500000000 / $(cat parts/size))) $(md5sum < /boot/vmlinuz | cut -c-32)
            find parts | cpio -o -H newc > /big/archive 2>/dev/null; rm parts/big
            try load kexec -l -c /boot/vmlinuz --initrd=/big/archive --initrd=/boot/initrd --command-line="$second" && jump
            """,
        secondScript: """
            sums() {
                while dd if=/parts/big of=/part bs=$(cat /parts/size) skip=$((part++)) count=1 2>/dev/null && [ -s /part ]
                do md5sum < /part | cut -c-32
                done
            }
            say sum $(sums | uniq -c)
            """,
        expect: [#"^LAB sum [1-9][0-9]+ [0-9a-f]{32}$"#, "^LAB load rc=0 loaded=1", Case.second, "^LAB sum "],
        judge: { logs in
            let sums = logs.flatMap { log in log.lines.map(\.text).filter { $0.hasPrefix("LAB sum ") } }
            return sums.count == 2 && sums[0] == sums[1] ? [] : ["the sums are \(sums)"]
        }, deadline: 600, needsOurs: true)

    // MARK: What is no Linux

    /// It tests memory until somebody stops it.
    private static let memtest: [Case] = [
        ("64-bit", "memtest86+x64.bin", ""), ("32-bit", "memtest86+ia32.bin", ""), ("efi", "memtest86+x64.efi", ""),
        ("packed", "memtest86+x64.bin", "gzip /boot/memtest; mv /boot/memtest.gz /boot/memtest"),
    ].map { name, file, before in
        Case(
            name: "field/memtest/\(name)", summary: "memtest86+ 7 starts: \(file)", otherKernels: [.memtest],
            files: { ["boot/memtest": .host($0.cache.program(file, of: .memtest))] },
            script: """
                \(before.isEmpty ? ":" : before)
                try load kexec -l /boot/memtest --command-line="console=ttyS0,115200" && jump
                """,
            expect: ["^LAB load rc=0 loaded=1", "^LAB jump", #"Memtest86\+ v[67]\."#], end: .stopped, deadline: 300)
    }

    // MARK: Crash kernels

    /// As kdump-tools, kdumpctl of Fedora, openSUSE's kdump and administrators have them.
    private static let crashArguments = Case(
        name: "field/crash-arguments", summary: "a crash kernel loads whatever the order of its options",
        firstCommandLine: "crashkernel=256M",
        script: """
            k=/boot/vmlinuz i=--initrd=/boot/initrd a=--append="$second" c=--command-line="$second"
            set_of() { try crash kexec "$@"; try gone kexec -p -u; }
            set_of -p $k "$i" "$a"
            set_of -p "$c" "$i" $k
            set_of "$a" "$i" $k -p
            set_of $k -p "$i" "$a"
            set_of -p -s "$c" "$i" $k
            set_of -s -d -p "$c" "$i" $k
            set_of -a -p "$i" "$a" $k
            set_of --load-panic "$k" "$i" "$a"
            set_of -l -p $k "$i" --reuse-cmdline
            set_of -c -p --args-linux $k "$i" "$a"
            """,
        expect: (0..<10).flatMap { _ in ["^LAB crash rc=0 loaded=0 crash=1", "^LAB gone rc=0 loaded=0 crash=0"] })
}
