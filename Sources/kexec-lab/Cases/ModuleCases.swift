// SPDX-License-Identifier: MIT

/// The kernel module: on a kernel that has no kexec, beside native kexec, and what it leaves to the second kernel.
enum ModuleCases: CaseGroup {
    static let all: [Case] =
        withoutKexec + besideNative + fiveLevels + [brokenPage, brokenJump] + interrupted + devices
        + [chain(30, by: "module"), chain(30, by: "kexec_load"), repeated]

    static let booted = [Case.second, "^LAB end second"]
    private static let seconds: [KernelName] = [.linux61, .linux612, .linux7]
    private static let dryRun = [#"^LAB dry-run rc=0 "#, "^LAB why .*kexec_mod: dry run: the way out works"]

    // MARK: A kernel without kexec

    /// Nothing on the command lines says that a module does it. Native kexec-tools shows that the kernel cannot.
    private static let withoutKexec: [Case] = seconds.map { second in
        Case(
            name: "module/no-kexec/\(second.rawValue)",
            summary:
                "a kernel without kexec and kprobes boots \(second.rawValue) by the module, with the usual commands",
            firstKernel: .noKexec, secondKernel: second, hasModule: true,
            files: { ["sbin/peer": .program($0.tools.peer)] },
            script: """
                zcat /proc/config.gz | grep -E '^# CONFIG_(KEXEC|KPROBES) is not set' | sed 's/^/LAB config /'
                try native peer -c -l /boot/vmlinuz --initrd=/boot/initrd --command-line=x
                module && load && { try dry-run kexec --dry-run; why; jump; }
                """,
            expect: [
                "^LAB config .*CONFIG_KEXEC ", "^LAB config .*CONFIG_KPROBES ", #"^\| .*[Nn]ot implemented"#,
                "^LAB native rc=[1-9]", "^LAB module rc=0 ", "^LAB load rc=0 ",
            ] + dryRun + ["^LAB jump"] + booted, needsOurs: true)
    }

    // MARK: Beside native kexec

    private static let beside = """
        by_module="--system-call=module"
        module beside_native=1
        load $by_module || { why; poweroff -f; }
        probe status
        try dry-run kexec --dry-run
        why

        """

    /// Every first kernel on both firmwares, small, middle and large; native kexec has nothing loaded all the time.
    private static let besideNative: [Case] =
        [KernelName.linux61, .linux61Full, .linux612, .linux7].enumerated().flatMap { index, first in
            [MachineShape.Firmware.bios, .efi].flatMap { firmware in
                [(512, 1), (1024, 2), (6144, 4)].enumerated().map { place, size in
                    jump(
                        "\(first.rawValue)-\(firmware.rawValue)-\(size.0)M-\(size.1)",
                        MachineShape(firmware: firmware, memory: size.0, processors: size.1), first,
                        seconds[(index + place) % seconds.count])
                }
            }
        }

    private static let fiveLevels: [Case] = [KernelName.linux61, .linux612, .linux7].flatMap { first in
        [(1024, 2), (6144, 4)].map { memory, processors in
            jump(
                "la57-\(first.rawValue)-\(memory)M-\(processors)",
                MachineShape(memory: memory, processor: "max", processors: processors), first, .linux7,
                before: "grep -q ' la57' /proc/cpuinfo && say la57 paging\n", expect: ["^LAB la57 paging$"])
        }
    }

    private static func jump(
        _ name: String, _ machine: MachineShape, _ first: KernelName, _ second: KernelName, before: String = "",
        expect: [String] = []
    ) -> Case {
        Case(
            name: "module/beside/\(name)",
            summary: "beside native kexec \(first.rawValue) boots \(second.rawValue) by the module",
            machine: machine, firstKernel: first, secondKernel: second, hasModule: true,
            script: before + beside + "jump $by_module", secondScript: "say processors $(nproc)",
            expect: expect + [
                "^LAB module rc=0 ", "^LAB load rc=0 loaded=0 ", "^probe status result=0 .*loaded=1 .*beside=1 ",
            ] + dryRun + ["^LAB jump", Case.second, "^LAB processors \(machine.processors)$", "^LAB end second"],
            deadline: 240, needsOurs: true)
    }

    // MARK: A way out that does not work

    private static let breakPage = "say debugger\nsleep 3\n"

    private static let brokenPage = broken(
        "dry-run", "the dry run finds it, nothing else happens, and a new load works",
        script: """
            try broken kexec --dry-run
            why
            say held $(held)
            load $by_module
            try repaired kexec --dry-run
            jump $by_module
            """,
        expect: ["^LAB broken rc=13 ", "^LAB why .*kexec_mod: dry run failed: ", "^LAB held [1-9]", "^LAB load rc=0"]
            + ["^LAB repaired rc=0 "] + booted)

    /// The stop is on the control page, with page tables that no other code runs on: the interrupt's handler must find all
    /// that it needs. With page-table isolation its entry looks at CR3 as well.
    private static let interrupted: [Case] = [KernelName.linux61, .linux612, .linux7].map { first in
        Case(
            name: "module/interrupted/\(first.rawValue)",
            summary: "a non-maskable interrupt in the middle of the dry run is served, and the dry run comes back",
            firstKernel: first, firstCommandLine: "pti=on", hasModule: true,
            script: beside + """
                say debugger
                sleep 1
                try interrupted kexec --dry-run
                say served $(dmesg | grep -c 'NMI received for unknown reason')
                jump $by_module
                """,
            expect: ["^LAB load rc=0 "] + dryRun
                + ["^LAB debugger$", "^LAB interrupted rc=0 ", "^LAB served 1$", "^LAB jump "] + booted,
            debugger: { connection, log in
                // The code's third instruction.
                let instruction = try controlPage(in: log) + 4
                try connection.setBreakpoint(at: instruction)
                try connection.resume()
                try connection.monitor("nmi")
                try connection.removeBreakpoint(at: instruction)
                try connection.release()
            }, needsOurs: true)
    }

    private static let brokenJump = broken(
        "jump", "the jump fails, and the machine goes on",
        script: """
            jump $by_module
            why
            probe execute
            say still here
            """,
        expect: [
            "^LAB jump ", "^LAB jump failed rc=13$", "^LAB why .*kexec_mod: dry run failed: ",
            "^probe execute result=EIO", "^LAB still here$", "^LAB end first",
        ], forbid: Case.alwaysForbidden.filter { !$0.contains("jump failed") } + ["^LAB second"])

    private static func broken(
        _ name: String, _ summary: String, script: String, expect: [String], forbid: [String] = Case.alwaysForbidden
    ) -> Case {
        Case(
            name: "module/broken-page/\(name)", summary: "one byte of the control page is changed: \(summary)",
            firstKernel: .linux61, hasModule: true, script: beside + breakPage + script,
            expect: ["^LAB load rc=0 "] + dryRun + ["^LAB debugger$"] + expect, forbid: forbid,
            debugger: { connection, log in
                let page = try controlPage(in: log)
                // Inside the code, behind its first instructions.
                let byte = try connection.read(at: page + 16, count: 1)
                try connection.write([byte[0] ^ 0x01], at: page + 16)
                try connection.release()
            }, needsOurs: true)
    }

    /// As the module said in the kernel's log when it loaded.
    private static func controlPage(in log: ConsoleLog) throws -> UInt64 {
        let lines = log.lines.compactMap { $0.text.firstMatch(of: /control page at 0x([0-9a-f]+)$/) }
        guard let page = lines.last.flatMap({ UInt64($0.1, radix: 16) }), page != 0 else {
            throw LabError("the module does not say where its control page is")
        }
        return page
    }

    // MARK: Devices after the jump

    /// The same machine, kernel and ram disk twice: after the jump, and booted cold.
    private static let devices: [Case] = [KernelName.linux61Full, .linux612Full, .linux7Full].flatMap { kernel in
        [MachineShape.Firmware.bios, .efi].map { firmware in
            Case(
                name: "module/devices/\(kernel.rawValue)-\(firmware.rawValue)",
                summary:
                    "disks and network cards work after the jump, and the log has no complaint that a cold boot lacks",
                machine: MachineShape(firmware: firmware, processors: 2), firstKernel: kernel, secondKernel: kernel,
                hasModule: true, files: { try await GuestDevices.files(of: kernel, $0) },
                secondFiles: { try await GuestDevices.files(of: kernel, $0) },
                disks: { try await GuestDevices.options($0) },
                script: ". /lab/devices\n[ $pass = cold ] && {\n\(GuestDevices.log)poweroff -f\n}\n"
                    + beside + "jump $by_module",
                secondScript: ". /lab/devices\n" + GuestDevices.log, passes: ["jump", "cold"],
                expect: GuestDevices.expect, forbid: Case.alwaysForbidden + GuestDevices.forbid,
                judge: { comparison($0[0], $0[1]) }, deadline: 400, needsOurs: true)
        }
    }

    private static func comparison(_ jump: ConsoleLog, _ cold: ConsoleLog) -> [String] {
        let lines = jump.lines.map(\.text)
        guard let second = lines.firstIndex(where: { $0.hasPrefix("LAB second ") }),
            lines[second...].contains("LAB devices used")
        else { return ["the second kernel did not use the devices"] }
        let after = lines[second...].filter { $0.hasSuffix(" same") || $0.hasSuffix(" answered") }
        let new = GuestDevices.newComplaints(in: jump, against: cold)
        return
            (after.count == GuestDevices.disks.count + GuestDevices.cards.count
            ? [] : ["the second kernel used \(after.count) devices only"])
            + new.map { "only after the jump: \($0)" }
    }

    // MARK: Nothing is lost

    /// Each kernel packs itself and its own ram disk into a second ram disk for the next one: an archive cannot hold
    /// itself, but what is in it can be packed again. The kernel is not moved about, so that its memory can be compared.
    private static func chain(_ generations: Int, by call: String) -> Case {
        let next = """
            mkdir -p /boot
            (cd / && find boot | cpio -o -H newc > /tmp/carried 2>/dev/null)
            insmod /lab/kexec_mod.ko beside_native=1
            kexec -l --system-call=\(call) /boot/vmlinuz --initrd=/boot/initrd --initrd=/tmp/carried --command-line="$second nokaslr lab.generation=$((generation + 1))" || poweroff -f
            kexec -e \(call == "module" ? "--system-call=module" : "")
            """
        return Case(
            name: "module/chain/\(call)",
            summary: "\(generations) kexecs in a row by \(call): each kernel has the memory that the others have",
            firstKernel: .linux61, secondKernel: .linux61, hasModule: true, secondHasModule: true,
            secondFiles: { ["sbin/kexec": .program($0.kexec)] }, script: "generation=0\n" + next,
            secondScript: """
                generation=$(argument lab.generation)
                # Memory on its way to be free is no loss.
                sleep 1
                say memory generation=$generation $(awk '/^Mem/ { sub(":", ""); printf "%s=%d ", $1, $2 / 4 }' /proc/meminfo)
                [ $generation -lt \(generations) ] && {
                \(next)
                }
                """,
            expect: (1...generations).map { "^LAB memory generation=\($0) " } + ["^LAB end second"],
            judge: { MemoryRecord.losses(in: $0[0], generations: generations) }, deadline: 15 * Double(generations),
            needsOurs: true)
    }

    private static let repeated = Case(
        name: "module/load-unload", summary: "1,000 loads and unloads: no page is lost",
        firstKernel: .linux61, hasModule: true,
        script: """
            module beside_native=1
            probe repeat 10 16M,1M,1M 32M,64K,4K
            before=$(free_pages)
            probe repeat 1000 16M,1M,1M 32M,64K,4K
            probe status
            say pages before=$before after=$(free_pages)
            """,
        expect: [
            "^probe repeat result=0 times=1000 held-before=0 held-after=0",
            "^probe status result=0 .*loaded=0 .*held=0 ",
            "^LAB pages before=[1-9]",
        ],
        judge: { logs in
            let pages = ["before", "after"].compactMap { Int(logs[0].value($0, of: "pages") ?? "") }
            guard pages.count == 2 else { return ["no pages were counted"] }
            // One page for each load would be a thousand.
            return pages[0] - pages[1] < 100 ? [] : ["\(pages[0] - pages[1]) of \(pages[0]) free pages are gone"]
        }, deadline: 400, needsOurs: true)
}

/// What each kernel of a chain says of its memory, in pages.
struct MemoryRecord {
    var total: Int
    var free: Int

    /// Of the last line for a generation.
    init?(_ generation: Int, in log: ConsoleLog) {
        let prefix = "LAB memory generation=\(generation) "
        guard let line = log.lines.last(where: { $0.text.hasPrefix(prefix) })?.text else { return nil }
        func value(_ key: String) -> Int? {
            line.split(separator: " ").first { $0.hasPrefix("\(key)=") }.flatMap { Int($0.dropFirst(key.count + 1)) }
        }
        guard let total = value("MemTotal"), let free = value("MemFree") else { return nil }
        (self.total, self.free) = (total, free)
    }

    /// All kernels have the same memory, to a page or two. What of it is free has few values that come again and again,
    /// with native kexec as well: so none may be lower than the lowest of the first half.
    static func losses(in log: ConsoleLog, generations: Int) -> [String] {
        let records = (1...generations).compactMap { MemoryRecord($0, in: log) }
        guard records.count == generations else {
            return ["\(records.count) of \(generations) kernels told their memory"]
        }
        let half = records.prefix(generations / 2)
        let lowest = half.map(\.free).min() ?? 0, total = records[0].total
        return records.enumerated().filter { abs($1.total - total) > 2 || $1.free < lowest - 2 }.map {
            "kernel \($0 + 1) has \($1.free) of \($1.total) pages free, the first ones at least \(lowest) of \(total)"
        }
    }
}
