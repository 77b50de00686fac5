// SPDX-License-Identifier: MIT

/// The module beside the kernel's own kexec, in one guest whose clock counts instructions: one is a nanosecond.
enum ModuleSpeedCases: CaseGroup {
    static let all: [Case] = [loads, jumps]

    private static let counting = MachineShape(options: ["-icount", "shift=0,sleep=off"])
    private static let rounds = 3
    /// MiB of the initrd.
    private static let sizes = [50, 200]

    /// Unpacking would be nine tenths of a load.
    private static let loads = Case(
        name: "module/speed/load",
        summary: "a load costs no more than kexec_load's, and at most four times as much for four times the size",
        machine: counting, firstKernel: .linux61, hasModule: true,
        script: """
            module beside_native=1
            times() { n=$1; shift; while [ $n -gt 0 ]; do "$@" || return; n=$((n - 1)); done; }
            for size in \(sizes.map(String.init).joined(separator: " ")); do
                zeros $size > /tmp/initrd
                for call in kexec_load module; do
                    try $call-$size times \(rounds) kexec --system-call=$call -i --decompress=none -l /boot/vmlinuz --initrd=/tmp/initrd
                    kexec -u --system-call=$call
                done
            done
            say finished
            """,
        expect: ["^LAB module rc=0 "]
            + sizes.flatMap { ["^LAB kexec_load-\($0) rc=0", "^LAB module-\($0) rc=0"] } + ["^LAB finished$"],
        judge: { judgeLoads($0[0]) }, deadline: 300, needsOurs: true)

    private static func judgeLoads(_ log: ConsoleLog) -> [String] {
        func instructions(_ call: String, _ size: Int) -> Double {
            (Double(log.value("seconds", of: "\(call)-\(size)") ?? "") ?? .infinity) * 1000 / Double(rounds)
        }
        var faults = sizes.compactMap { size in
            let (ours, theirs) = (instructions("module", size), instructions("kexec_load", size))
            return ours <= theirs ? nil : "\(size) MiB: \(ours) MI by the module, \(theirs) MI by kexec_load"
        }
        let (small, large) = (instructions("module", sizes[0]), instructions("module", sizes[1]))
        if large > 1.1 * Double(sizes[1] / sizes[0]) * small {
            faults.append("\(sizes[0]) MiB \(small) MI, \(sizes[1]) MiB \(large) MI: not linear")
        }
        return faults
    }

    /// From before `kexec -e` to the second kernel's script; the same kernel and initrd both times.
    private static let jumps = Case(
        name: "module/speed/jump", summary: "a jump costs no more than kexec_load's, dry run included",
        machine: counting, firstKernel: .linux61, secondKernel: .linux61, hasModule: true,
        secondFiles: { ["sbin/probe": .program(try await ModuleProbe.make(in: $0))] },
        script: """
            module beside_native=1
            zeros 50 > /tmp/junk
            load --system-call=$pass --initrd=/tmp/junk && { probe clock; kexec -e -x -y; }
            """,
        secondScript: "probe clock", passes: ["kexec_load", "module"],
        expect: ["^LAB load rc=0", "^LAB clock ticks=", Case.second, "^LAB clock ticks=", "^LAB end second"],
        judge: { logs in
            let ticks = logs.map { log in
                log.lines.filter { $0.text.hasPrefix("LAB clock ticks=") }.compactMap { Int($0.text.dropFirst(16)) }
            }
            guard ticks.count == 2, ticks.allSatisfy({ $0.count == 2 }) else { return ["no ticks: \(ticks)"] }
            let (theirs, ours) = (ticks[0][1] - ticks[0][0], ticks[1][1] - ticks[1][0])
            return ours <= theirs ? [] : ["\(ours) instructions by the module, \(theirs) by kexec_load"]
        }, deadline: 200, needsOurs: true)
}
