// SPDX-License-Identifier: MIT

/// Kernels that are taken out of their bzImage one after the other, each by the one before it, and where each one lies.
enum AddressChainCases: CaseGroup {
    static let all: [Case] = [KernelName.linux61, .linux7].map { chain(of: $0) }

    private static let boots = 20

    /// Each kernel packs itself and its own ram disk into a second ram disk for the next one.
    private static func chain(of kernel: KernelName) -> Case {
        let next = """
            mkdir -p /boot
            (cd / && find boot | cpio -o -H newc > /tmp/carried 2>/dev/null)
            kexec -d -l -c --decompress=kernel /boot/vmlinuz --initrd=/boot/initrd --initrd=/tmp/carried --command-line="$second lab.generation=$((generation + 1))" 2> /tmp/plan || { cat /tmp/plan; poweroff -f; }
            say form $(sed -n 's/^kernel  *//p' /tmp/plan)
            kexec -e
            """
        return Case(
            name: "decompress/\(boots)-boots/\(kernel.rawValue)",
            summary: "\(boots) unpacked kernels in a row, at addresses that nobody can tell from the last ones",
            machine: MachineShape(memory: 2048), firstKernel: kernel, secondKernel: kernel,
            secondFiles: { ["sbin/kexec": .program($0.kexec)] }, script: "generation=0\n" + next,
            secondScript: """
                generation=$(argument lab.generation)
                text=$(sed -n '/ T _text$/{s///p;q}' /proc/kallsyms)
                code=$(sed -n 's/^ *\\([0-9a-f]*\\)-.*Kernel code$/\\1/p' /proc/iomem)
                # The first program header of the kernel's memory above user space is its direct map.
                map=$(od -An -v -tx8 -w8 -j 64 -N 560 /proc/kcore | tr -d ' ' | grep -E '^ffff[89a-f]' | grep -v ffffffff | sort | head -n 1)
                say lies generation=$generation text=$text code=$code map=$map
                dmesg | grep -E 'WARNING|Call Trace|corrupt' | sed 's/^/LAB why /'
                [ $generation -lt \(boots) ] && {
                \(next)
                }
                """,
            expect: (1...boots).flatMap {
                ["^LAB form unpacked from (lz4|zstd), at random addresses$", "^LAB lies generation=\($0) "]
            } + ["^LAB end second"],
            forbid: Case.alwaysForbidden + ["^LAB why "],
            judge: { AddressRecord.complaints(about: $0[0], boots: boots) },
            deadline: 20 * Double(boots), needsOurs: true)
    }
}

/// Where one kernel of the chain lies.
struct AddressRecord: Hashable {
    /// Its virtual address, its physical one, and the virtual address of all memory.
    var text: String
    var code: String
    var map: String

    /// What is wrong about the addresses; a loader that draws well is accused once in several thousand million runs.
    ///
    /// A kernel has some 470 virtual places and 900 physical ones here. Each boot repeats an earlier address with a chance
    /// of at most 19/470, so that 11 of 20 do, and 9 values or fewer are left, with one of C(20, 11) · (19/470)¹¹ < 10⁻¹⁰;
    /// likewise for the others, which have more places. Two that are equal are no fault: that happens in every third run.
    /// Pairs of both have 420,000 values: 6 repetitions have a chance below 10⁻²⁰.
    static func complaints(about log: ConsoleLog, boots: Int) -> [String] {
        let records = log.lines.compactMap { AddressRecord(parsing: $0.text) }
        guard records.count == boots else { return ["\(records.count) of \(boots) kernels told their addresses"] }
        func complaint(_ what: String, _ values: Set<String>, atLeast least: Int) -> String? {
            values.count >= least
                ? nil : "\(what): \(values.count) different ones of \(boots), at least \(least) expected"
        }
        return [
            complaint("virtual addresses", Set(records.map(\.text)), atLeast: boots / 2),
            complaint("physical addresses", Set(records.map(\.code)), atLeast: boots / 2),
            complaint("addresses of the direct map", Set(records.map(\.map)), atLeast: boots / 2),
            complaint("pairs", Set(records.map { "\($0.text) \($0.code)" }), atLeast: boots * 3 / 4),
        ].compactMap { $0 }
    }
}

extension AddressRecord {
    /// nil for any other line than `LAB lies … text=… code=… map=…`, and where one of them is missing.
    init?(parsing line: String) {
        guard line.hasPrefix("LAB lies ") else { return nil }
        let words = line.split(separator: " ").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
        func value(_ key: String) -> String? { words.first { $0.count == 2 && $0[0] == key }?[1] }
        guard let text = value("text"), let code = value("code"), let map = value("map") else { return nil }
        self.init(text: text, code: code, map: map)
    }
}
