// SPDX-License-Identifier: MIT

/// What a load may cost, and what it may need from the machine.
enum ResourceCases: CaseGroup {
    static let all: [Case] = [anonymousMemory, tooLittleMemory, capture, speed]

    /// The limit on private writable memory (RLIMIT_DATA, in KiB) proves it: one page more and the program fails.
    private static let anonymousMemory = Case(
        name: "resource/anonymous-memory",
        summary: "a 300 MB initrd loads with 24 MB of anonymous memory where nothing is unpacked",
        machine: MachineShape(memory: 2048),
        script: """
            kernels 300000000 > /boot/large
            limited() { (ulimit -d 24576; exec kexec "$@"); }
            for call in -c -s; do
                try load$call limited -l $call /boot/vmlinuz --initrd=/boot/initrd --initrd=/boot/large --command-line=x --decompress=none
            done
            say finished
            """,
        expect: ["^LAB load-c rc=0 loaded=1", "^LAB load-s rc=0 loaded=1", "^LAB finished$"], deadline: 400,
        needsOurs: true)

    /// The file's holes cost nothing; reading it whole before the check would.
    private static let tooLittleMemory = Case(
        name: "resource/too-little-memory", summary: "an initrd larger than free memory is refused with both sizes",
        machine: MachineShape(memory: 512),
        script: """
            truncate -s 450M /boot/large
            for call in -c -s; do
                try load$call kexec -l $call /boot/vmlinuz --initrd=/boot/large --command-line=x
            done
            # This one has room, but not in the memory that is left.
            truncate -s 400M /boot/large
            try small kexec -l -c /boot/vmlinuz --command-line=x
            try beside kexec -l -c /boot/vmlinuz --initrd=/boot/large --command-line=x
            """,
        expect: [
            noRoom, "^LAB load-c rc=4 loaded=0", noRoom, "^LAB load-s rc=4 loaded=0", "^LAB small rc=0 loaded=1",
            #"^\| kexec: not enough memory: the kernel needs 4\d\d MiB to keep the image, [23]\d\d MiB are available$"#,
            "^\\| kexec: hint: kexec -u frees what the loaded kernel takes$", "^LAB beside rc=9 loaded=1",
        ], needsOurs: true)

    private static let noRoom =
        #"^\| kexec: no room for segment 'initrd': need 450 MiB in one piece, .*, the largest free piece has 4[0-4]\d MiB$"#

    /// The plan made from a capture is the plan made from the machine itself.
    private static let capture = Case(
        name: "resource/capture", summary: "--capture-machine and --machine give the plan of the machine itself",
        script: """
            try capture kexec --capture-machine=/tmp/machine
            usual="-c /boot/vmlinuz --initrd=/boot/initrd --command-line=nokaslr"
            plan() { kexec --plan=json -l $usual "$@" | tr ',' '\\n' | grep -v random; }
            plan > /tmp/live; plan --machine=/tmp/machine > /tmp/offline
            cmp /tmp/live /tmp/offline && say same $(wc -l < /tmp/live) || diff /tmp/live /tmp/offline
            try refused kexec -l $usual --machine=/tmp/machine
            """,
        expect: ["^LAB capture rc=0", "^LAB same [1-9][0-9]+$", "^LAB refused rc=1 loaded=0"], needsOurs: true)

    /// Side by side in one guest, whose clock counts instructions (`-icount shift=0`: one is a nanosecond), so that it
    /// does not matter what else the host has to do.
    private static let speed = Case(
        name: "resource/speed", summary: "starts faster and loads no slower than kexec-tools beside it",
        machine: MachineShape(options: ["-icount", "shift=0,sleep=off"]),
        files: { ["sbin/peer": .program($0.tools.peer)] },
        script: """
            times() { n=$1; shift; while [ $n -gt 0 ]; do "$@" || return; n=$((n - 1)); done; }
            image="/boot/vmlinuz --initrd=/boot/initrd --command-line=x"
            try warm-up times 1 kexec -l -c $image
            for program in peer kexec; do
                try start-$program times \(starts) $program -v
                try load-$program times \(loads) $program -l -c -i $image
                image="$image --decompress=none"
            done
            try checked-kexec times \(loads) kexec -l -c $image
            say image bytes=$(cat /boot/vmlinuz /boot/initrd | wc -c)
            """,
        expect: ["^LAB checked-kexec rc=0", "^LAB image bytes=[0-9]+$"], judge: { slowness(in: $0[0]) }, deadline: 300,
        needsOurs: true)

    private static let starts = 100
    private static let loads = 10

    /// The digest may cost one instruction a byte; half of that was measured.
    private static func slowness(in log: ConsoleLog) -> [String] {
        func instructions(_ what: String, _ count: Int) -> Double {
            (Double(log.value("seconds", of: what) ?? "") ?? .infinity) * 1000 / Double(count)
        }
        let starting = (ours: instructions("start-kexec", starts), theirs: instructions("start-peer", starts))
        let loading = (ours: instructions("load-kexec", loads), theirs: instructions("load-peer", loads))
        let checked = instructions("checked-kexec", loads)
        let bytes = Double(log.value("bytes", of: "image") ?? "") ?? 0
        let sentences = [
            (starting.ours <= starting.theirs, "start: \(starting.ours) MI, theirs \(starting.theirs) MI"),
            (loading.ours <= loading.theirs, "load without digest: \(loading.ours) MI, theirs \(loading.theirs) MI"),
            (
                checked <= loading.theirs + bytes / 1_000_000,
                "load: \(checked) MI, theirs without digest \(loading.theirs) MI, \(bytes) bytes"
            ),
        ]
        return sentences.filter { !$0.0 }.map { $0.1 }
    }
}
