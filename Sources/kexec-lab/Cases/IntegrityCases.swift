// SPDX-License-Identifier: MIT

/// What one call keeps and another loses: by which a kernel goes where IMA measures it, what the list of measurements has
/// then, and what is said of the rest.
enum IntegrityCases: CaseGroup {
    static let all: [Case] = [KernelName.linux61, .linux612, .linux7].map { same(on: $0) } + [unseen, none, lost]

    private static let folder = "/sys/kernel/security/ima"

    /// An administrator's own policy, which can be written once.
    private static let policy = """
        printf 'measure func=KEXEC_KERNEL_CHECK\\nmeasure func=KEXEC_INITRAMFS_CHECK\\nmeasure func=KEXEC_CMDLINE\\n' \
            > \(folder)/policy && say policy written $(ls \(folder) | grep -c '^policy$')
        entries() { wc -l < \(folder)/ascii_runtime_measurements; }
        before=$(entries)

        """

    /// What both programs do by themselves, in one machine each: a file is measured once.
    ///
    /// kexec-tools of Debian 13 hands the kernel over as a copy without a name of its own. Ours is the file itself, whose
    /// attributes can be appraised; so of the kernel the list's digest of the entry, which has the name in it, differs.
    private static func same(on kernel: KernelName) -> Case {
        Case(
            name: "ima/peer/\(kernel.rawValue)",
            summary: "where IMA measures kernels, a load leaves the entries in its list that kexec-tools' leaves",
            firstKernel: kernel, files: { ["sbin/peer": .program($0.tools.peer)] },
            script: policy + """
                try load $pass -l /boot/vmlinuz --initrd=/boot/initrd --command-line=quiet
                tail -n +$((before + 1)) \(folder)/ascii_runtime_measurements | sed 's/^/LAB entry /'
                """,
            passes: ["kexec", "peer"],
            expect: [
                "^LAB policy written 0$", "^LAB load rc=0 loaded=1", "^LAB entry .* (/boot/vmlinuz|memfd:kernel) ",
                "^LAB entry .* /boot/initrd ", "^LAB entry .* kexec-cmdline ",
            ],
            judge: { logs in
                let lists = logs.map { log in
                    log.lines.map(\.text).filter { $0.hasPrefix("LAB entry ") }.map { entry -> [String] in
                        var words = entry.split(separator: " ").map { String($0) }
                        if words.contains("memfd:kernel") || words.contains("/boot/vmlinuz") {
                            (words[3], words[6]) = ("", "kernel")
                        }
                        return words
                    }
                }
                return lists.count == 2 && lists[0].count == 3 && lists[0] == lists[1]
                    ? [] : ["ours: \(lists.first ?? []); theirs: \(lists.last ?? [])"]
            }, needsOurs: true)
    }

    private static let unseen = Case(
        name: "ima/unseen",
        summary: "where IMA measures kernels and only kexec_load will do, a warning says that nothing is measured",
        files: { ["boot/tiny": .host(try await TinyKernel.elf64.make(in: $0))] },
        script: policy + """
            kexec --show | sed 's/^/LAB show /'
            load -c
            say named $(($(entries) - before))
            try tiny kexec -l /boot/tiny
            say image $(($(entries) - before))
            load --mem-min=0x10000000
            say option $(($(entries) - before))
            kexec --capture-machine=/tmp/machine > /dev/null
            kexec --plan --machine=/tmp/machine /boot/vmlinuz | sed -n 's/^/LAB captured /p'
            load
            say file $(($(entries) - before))
            """,
        expect: [
            "^LAB policy written 0$", "^LAB show policy .*the kernel is not measured",
            #"^\| kexec: .*no signature is checked, the kernel is not measured"#, "^LAB load rc=0 loaded=1",
            "^LAB named 0$", #"^\| kexec: .*no signature is checked, the kernel is not measured"#,
            "^LAB tiny rc=0 loaded=1", "^LAB image 0$",
            #"^\| kexec: .*no signature is checked, the kernel is not measured"#, "^LAB load rc=0 loaded=1",
            "^LAB option 0$", "^LAB captured system call  kexec_file_load .*own policy",
            "^LAB captured not kept     check that names a segment", "^LAB load rc=0 loaded=1", "^LAB file 3$",
        ], needsOurs: true)

    /// Debian's kernels have IMA, and no policy: the fast way stays.
    private static let none = Case(
        name: "ima/no-policy", summary: "a kernel with IMA that measures nothing is left by kexec_load, as ever",
        script: """
            say measured $(cat \(folder)/runtime_measurements_count)
            kexec --plan /boot/vmlinuz | sed -n 's/^/LAB plan /p'
            """,
        expect: [
            "^LAB measured [01]$", "^LAB plan system call  kexec_load ", "^LAB plan not kept     signature check",
        ],
        needsOurs: true)

    /// kexec_load (246) is refused, and kexec_file_load knows nothing of these options.
    private static let lost = Case(
        name: "fallback/lost-options", summary: "what a fallback to kexec_file_load loses is named after the load",
        files: { ["sbin/restrict": .program(try await Restrict.make(in: $0))] },
        script: """
            try load /sbin/restrict 246=22 /sbin/kexec -l /boot/vmlinuz --initrd=/boot/initrd --command-line=quiet \
                --digest=sha256 --console-serial --serial=ttyS1
            """,
        expect: [
            #"^\| kexec: warning: kexec_load did not do it"#,
            #"^\| kexec: warning: '--digest' has no effect with kexec_file_load"#,
            #"^\| kexec: warning: '--serial' has no effect with kexec_file_load"#,
            #"^\| kexec: warning: '--console-serial' has no effect with kexec_file_load"#, "^LAB load rc=0 loaded=1",
        ], needsOurs: true)
}
