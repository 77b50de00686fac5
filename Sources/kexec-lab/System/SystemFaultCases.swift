// SPDX-License-Identifier: MIT

/// What is broken, full, gone or too old when a machine is to be rebooted.
enum SystemFaultCases: SystemCaseGroup {
    static let all: [SystemCase] = settings + full + gone + powerCut + stale

    private static let settings = SystemCase.cases(
        "faults/settings", "settings that are wrong are named, and lead through the firmware; apt goes on all the same",
        in: SystemRelease.stable
    ) { guest in
        try await guest.installPackage()
        try await guest.set("LOAD_KEXEC=true", "PRELOAD_KEXEC=true", "KEXEC_KERNEL=newset")
        try await guest.requireRefusedLoad(saying: "KEXEC_KERNEL is 'newset'")
        // The hook of the kernel's package, run by dpkg.
        try await guest.run("dpkg-reconfigure linux-image-$(uname -r) && dpkg --audit", within: 900)
        try await guest.restart(by: "systemctl reboot", expecting: .firmware)
        try await guest.run("echo 'APPEND=\"open' > /etc/default/kexec")
        try await guest.requireRefusedLoad(saying: "cannot read the settings")
        try await guest.restart(by: "systemctl reboot", expecting: .firmware)
        try await guest.run("rm /etc/default/kexec /etc/default/kexec.d/laboratory")
        try await guest.set("LOAD_KEXEC=true", "KEXEC_OPTIONS=--bogus")
        try await guest.requireRefusedLoad(saying: "cannot load '/vmlinuz'")
        try await guest.restart(by: "systemctl reboot", expecting: .firmware)
    }

    private static let full = SystemCase.cases(
        "faults/full", "a kernel is loaded with full file systems, and loaded and started with a read-only root",
        in: SystemRelease.stable
    ) { guest in
        try await guest.installPackage()
        try await guest.run(
            """
            mkdir /filler; number=0
            for size in 1G 128M 16M 2M 256k; do
                while number=$((number + 1)); fallocate -l $size /filler/$number 2>/dev/null; do :; done
            done
            dd if=/dev/zero of=/filler/rest bs=4k 2>&1 | grep 'No space left'
            """, within: 900)
        try await guest.run("dd if=/dev/zero of=/run/filler bs=4k 2>&1 | grep 'No space left'")
        let said = try await guest.run("kexec-load-kernel 2>&1")
        try require(said.contains("cannot note it"), "a full /run is not told: \(said)")
        // A boot with a full root file system has failed units of its own.
        try await guest.run("rm -r /filler")
        try await guest.restart(by: "systemctl kexec", expecting: .kexec)
        try await guest.run("sync && echo u > /proc/sysrq-trigger && sleep 5 && ! touch /written")
        try await guest.load()
        // What would be written to the journal is not, so it cannot tell of its end.
        try await guest.restart(by: "systemctl kexec", expecting: .kexec, witness: .nothing)
        try await guest.requireLoadedKernel()
    }

    private static let gone = SystemCase.cases(
        "faults/gone", "a loaded kernel needs no file; with none to load the system stays up, or goes cold",
        in: SystemRelease.stable
    ) { guest in
        try await guest.installPackage()
        try await guest.set("LOAD_KEXEC=true")
        try await guest.run("kexec-load-kernel && mkdir /kept && mv /boot/vmlinuz-* /boot/initrd.img-* /kept/")
        try await guest.restart(by: "reboot", expecting: .kexec)
        let boot = await guest.boot
        try await guest.run("! systemctl kexec")
        try await guest.run("sleep 20; systemctl is-system-running")
        try await require(guest.boot == boot, "the system went down without a kernel to start")
        // GRUB needs them where they were; the settings say where there is nothing.
        try await guest.run("mv /kept/* /boot/ && sync")
        try await guest.set("KERNEL_IMAGE=/kept/vmlinuz")
        try await guest.restart(by: "reboot", expecting: .firmware)
    }

    private static let powerCut = SystemCase.cases(
        "faults/power-cut", "a machine that is cut off with a kernel loaded boots cold, and has lost nothing",
        in: SystemRelease.stable
    ) { guest in
        try await guest.installPackage()
        try await guest.set("LOAD_KEXEC=true")
        try await guest.run("kexec-load-kernel; sync")
        let mark = guest.console.count
        // As from a power button: nothing is stopped, written or unmounted.
        try await guest.start("echo b > /proc/sysrq-trigger")
        try await guest.awaitBoot()
        let said = guest.console.texts(since: mark)
        try require(said.contains { $0.contains("SeaBIOS (version") }, "the machine did not go through firmware")
        try await guest.run("systemctl is-system-running && dpkg --audit && test -x /usr/sbin/kexec")
        try await require(guest.fileSystemState() == "clean", "the root file system has errors")
        try await require(guest.run("cat /sys/kernel/kexec_loaded") == "0", "a kernel is loaded after a power cut")
        try await guest.restart(by: "systemctl reboot", expecting: .kexec)
    }

    private static let stale = SystemCase.cases(
        "faults/stale", "an initramfs that is made anew after the load is loaded again; a load by hand stays as it is",
        in: SystemRelease.stable
    ) { guest in
        try await guest.installPackage()
        try await guest.run("kexec-load-kernel && test -s /run/swift-kexec/loaded")
        try await guest.run(
            """
            script=/etc/initramfs-tools/scripts/init-top/laboratory
            printf '#!/bin/sh\\n[ "$1" = prereqs ] || echo LAB new initramfs >/dev/kmsg\\n' > $script
            chmod 755 $script; update-initramfs -u
            """, within: 600)
        let mark = guest.console.count
        try await guest.restart(by: "systemctl kexec", expecting: .kexec)
        let said = guest.console.texts(since: mark)
        try require(said.contains { $0.contains("LAB new initramfs") }, "the old initramfs was started")
        try await guest.run("kexec-load-kernel")
        try await guest.load()
        try await guest.run("test ! -e /run/swift-kexec/loaded && touch /boot/initrd.img-*")
        try await guest.restart(by: "systemctl kexec", expecting: .kexec)
        try await guest.requireLoadedKernel()
    }
}

extension SystemGuest {
    fileprivate func requireRefusedLoad(saying words: String) async throws {
        let answer = try await answer(to: "kexec-load-kernel")
        try require(
            answer.status == 1 && answer.text.contains(words),
            "kexec-load-kernel ended with \(answer.status) and says: \(answer.text)")
        try await require(run("cat /sys/kernel/kexec_loaded") == "0", "a kernel is loaded all the same")
    }
}
