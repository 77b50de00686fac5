// SPDX-License-Identifier: MIT

/// A shutdown that ends in a ram disk: dracut's script, a busybox, and nothing of ours but the program.
enum SystemInitramfsCases: SystemCaseGroup {
    static let all: [SystemCase] = SystemCase.cases(
        "initramfs", "from dracut's shutdown ram disk, with no library in it, kexec -e starts the loaded kernel",
        in: SystemRelease.stable, { test in test.files = { workshop in ["busybox": workshop.tools.busybox] } }
    ) { guest in
        try await guest.installPackage()
        try await guest.run(ramDisk)
        try await guest.load()
        let mark = guest.console.count
        try await guest.restart(by: "systemctl kexec", expecting: .kexec)
        try await guest.requireLoadedKernel()
        let word = "LAB ram disk: kexec is /sbin/kexec, libraries: 0"
        let said = guest.console.texts(since: mark)
        try require(said.contains { $0.contains(word) }, "no word from the ram disk")
    }

    /// What dracut would unpack at boot. A hook tells the console what there is to work with, and that the root file
    /// system is gone.
    private static let ramDisk = #"""
        set -e
        dpkg-deb -x /srv/debs/dracut-core_*.deb /tmp/dracut
        modules=/tmp/dracut/usr/lib/dracut/modules.d
        mkdir -p /run/initramfs
        mount -t tmpfs -o mode=755 none /run/initramfs
        cd /run/initramfs
        mkdir -p bin sbin usr/bin usr/sbin lib/dracut/hooks/shutdown tmp dev proc sys run oldroot etc
        cp /lab/busybox bin/busybox
        for name in $(bin/busybox --list); do [ -e bin/$name ] || ln -s busybox bin/$name; done
        cp /usr/sbin/kexec sbin/kexec
        cp $modules/99shutdown/shutdown.sh shutdown
        chmod 755 shutdown
        cp $modules/99base/dracut*lib.sh lib/
        cat > lib/dracut/hooks/shutdown/10-laboratory.sh <<'HOOK'
        libraries=$(find / -xdev -name '*.so*' | wc -l)
        echo "LAB ram disk: kexec is $(command -v kexec), libraries: $libraries" > /dev/kmsg
        HOOK
        """#
}
