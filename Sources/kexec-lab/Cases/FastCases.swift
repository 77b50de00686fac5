// SPDX-License-Identifier: MIT

/// Kernels that leave checks out at their start, `--fast`.
enum FastCases: CaseGroup {
    static let all: [Case] = [KernelName.linux61, .linux612, .linux7].map { boot($0) } + [given, notLinux]

    private static let added = "cryptomgr.notests no_timer_check quiet"
    /// On a busy host the emulated timer is late, and the first kernel takes another one for that.
    private static let trustedTimer = "no_timer_check"
    /// The same as it is told.
    private static let named = #"cryptomgr.notests \([^)]+\), no_timer_check \([^)]+\), quiet \([^)]+\)$"#

    /// The laboratory itself has one of the words on every line.
    private static let plainLine = #"second=$(echo "$second" | sed 's/ cryptomgr[.]notests//')"#

    /// Debian signs its modules: one that is loaded without a taint was hashed, and its signature checked, by algorithms that
    /// nothing had tested.
    private static func boot(_ kernel: KernelName) -> Case {
        Case(
            name: "fast/\(kernel.rawValue)",
            summary: "\(kernel.rawValue) starts with the words of --fast, and its cryptography and its timer work",
            secondKernel: kernel, firstCommandLine: trustedTimer,
            secondFiles: { try await KernelModules(of: kernel, $0).guestFiles(["dummy"]) },
            script: """
                \(plainLine)
                kexec --plan --fast -l /boot/vmlinuz --command-line="$second" | sed -n 's/^fast  */LAB plan /p'
                load -c --decompress=auto --fast && jump
                """,
            secondScript: """
                say line $(cat /proc/cmdline)
                for module in /lab/modules/*.ko; do insmod $module; done
                say module verified=$(grep -q E /sys/module/dummy/taint && echo no || echo yes) sha256=$(grep -A 9 'driver *: sha256' /proc/crypto | sed -n 's/^selftest *: //p' | head -n 1)
                before=$(uptime_now); sleep 1
                say slept $(echo "$(uptime_now) $before" | awk '{ print ($1 - $2 < 5) ? "well" : "long" }')
                """,
            expect: [
                #"^LAB plan \#(named)"#, #"^\| kexec: --fast: \#(named)"#, "^LAB load rc=0 loaded=1", Case.second,
                "^LAB line \(added) console=ttyS0 ", "^LAB module verified=yes sha256=passed$", "^LAB slept well$",
                "^LAB end second",
            ], needsOurs: true)
    }

    private static let given = Case(
        name: "fast/given", summary: "what the user says of a word stands, and is not said twice",
        firstCommandLine: trustedTimer,
        script: """
            \(plainLine)
            second="cryptomgr.notests=0 loglevel=5 $second"
            load -c --fast && jump
            """,
        secondScript: "say line $(cat /proc/cmdline)",
        expect: [
            #"^\| kexec: --fast: not cryptomgr.notests \(is there already\), no_timer_check \(.*\), not quiet \(another word asks for messages\)$"#,
            "^LAB load rc=0 loaded=1", Case.second, "^LAB line no_timer_check cryptomgr.notests=0 loglevel=5 console=",
        ], needsOurs: true)

    private static let notLinux = Case(
        name: "fast/not-linux", summary: "for a crash kernel, and for what is no Linux, --fast is said to do nothing",
        firstCommandLine: "crashkernel=256M",
        files: { ["boot/memdisk": .host($0.tools.memdisk)] },
        script: """
            try other kexec --plan -l /boot/memdisk --fast --command-line="$second"
            try crash kexec -p /boot/vmlinuz --initrd=/boot/initrd --fast --command-line="$second"
            """,
        expect: [
            #"^\| command line console=ttyS0 "#, #"^\| warning .*'--fast' has no effect with what is not known"#,
            "^LAB other rc=", #"^\| kexec: warning: '--fast' has no effect with a crash kernel"#,
            "^LAB crash rc=0 .*crash=1",
        ], needsOurs: true)
}
