// SPDX-License-Identifier: MIT

/// What a load may cost, and what it may need from the machine.
enum ResourceCases {
    static let all: [Case] = [anonymousMemory, tooLittleMemory, capture, speed]

    /// The limit on private writable memory (RLIMIT_DATA, in KiB) proves it: one page more and the program fails.
    private static let anonymousMemory = Case(
        name: "resource/anonymous-memory", summary: "a 300 MB initrd loads with 24 MB of anonymous memory",
        machine: MachineShape(memory: 2048),
        script: """
            head -c 300000000 /dev/zero | tr '\\0' 'x' > /boot/large
            limited() { (ulimit -d 24576; exec kexec "$@"); }
            for call in -c -s; do
                try load$call limited -l $call /boot/vmlinuz --initrd=/boot/initrd --initrd=/boot/large --command-line=x
            done
            say finished
            """,
        expect: ["^LAB load-c rc=0 loaded=1", "^LAB finished$"], deadline: 400, needsOurs: true)

    /// The file's holes cost nothing; reading it whole before the check would.
    private static let tooLittleMemory = Case(
        name: "resource/too-little-memory", summary: "an initrd larger than free memory is refused with both sizes",
        machine: MachineShape(memory: 512),
        script: """
            truncate -s 450M /boot/large
            for call in -c -s; do
                try load$call kexec -l $call /boot/vmlinuz --initrd=/boot/large --command-line=x
            done
            """,
        expect: [
            #"^\| kexec: .*[0-9.]+ .*([0-9.]+ )"#, "^LAB load-c rc=[1-9].* loaded=0",
            #"^\| kexec: .*[0-9.]+ .*([0-9.]+ )"#,
            "^LAB load-s rc=[1-9].* loaded=0",
        ], needsOurs: true)

    /// The plan made from a capture is the plan made from the machine itself.
    private static let capture = Case(
        name: "resource/capture", summary: "--capture-machine and --machine give the plan of the machine itself",
        script: """
            try capture kexec --capture-machine=/tmp/machine
            usual="-c /boot/vmlinuz --initrd=/boot/initrd --command-line=x"
            plan() { kexec --plan=json -l $usual "$@" | tr ',' '\\n' | grep -v random; }
            plan > /tmp/live; plan --machine=/tmp/machine > /tmp/offline
            cmp /tmp/live /tmp/offline && say same $(wc -l < /tmp/live) || diff /tmp/live /tmp/offline
            try refused kexec -l $usual --machine=/tmp/machine
            """,
        expect: ["^LAB capture rc=0", "^LAB same [1-9][0-9]+$", "^LAB refused rc=[1-9].* loaded=0"], needsOurs: true)

    /// Side by side in one guest; the shorter of three rounds counts, for the host has other work.
    private static let speed = Case(
        name: "resource/speed", summary: "starts faster and loads no slower than kexec-tools beside it",
        files: { ["sbin/peer": .program($0.tools.peer)] },
        script: """
            start() { i=0; while [ $i -lt 40 ]; do $1 -v; i=$((i + 1)); done; }
            load_unchecked() { $1 -l -c -i /boot/vmlinuz --initrd=/boot/initrd --command-line=x; }
            load_checked() { kexec -l -c /boot/vmlinuz --initrd=/boot/initrd --command-line=x; }
            for round in 1 2 3; do
                for program in peer kexec; do
                    try time-start-$program-$round start $program
                    try time-load-$program-$round load_unchecked $program
                done
                try time-checked-kexec-$round load_checked
            done
            """,
        expect: ["^LAB time-checked-kexec-3 rc=0"],
        judge: { logs in
            func best(_ what: String) -> Double {
                (1...3).compactMap { Double(logs[0].value("seconds", of: "time-\(what)-\($0)") ?? "") }.min()
                    ?? .infinity
            }
            var complaints: [String] = []
            for what in ["start", "load"] where best("\(what)-kexec") > best("\(what)-peer") * 1.05 {
                complaints.append("\(what): ours takes \(best("\(what)-kexec")) s, theirs \(best("\(what)-peer")) s")
            }
            return complaints
        }, deadline: 300, needsOurs: true)
}
