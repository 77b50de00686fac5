// SPDX-License-Identifier: MIT
import Foundation

/// Two network cards and four disks, each on its own kind of controller, and the shell that shows that all of them work:
/// what the disks hold is read past the page cache and compared, and QEMU's user network answers a ping.
enum GuestDevices {
    /// Controllers as words in the paths of sysfs.
    static let disks = ["nvme", "ata", "virtio", "usb"]
    /// By the names of their drivers.
    static let cards = ["e1000", "virtio_net"]

    /// 8 MiB of random bytes.
    static func contents(in workshop: Workshop) async throws -> String {
        try await workshop.made("random-disk") { path in
            _ = try await HostCommand("dd", ["if=/dev/urandom", "of=\(path)", "bs=1M", "count=8", "status=none"])
                .output()
        }
    }

    static func options(_ workshop: Workshop) async throws -> [String] {
        let file = try await contents(in: workshop)
        let drives = disks.flatMap { ["-drive", "file=\(file),format=raw,snapshot=on,if=none,id=\($0)"] }
        return drives + [
            "-device", "nvme,serial=lab,drive=nvme", "-device", "ahci,id=sata", "-device",
            "ide-hd,drive=ata,bus=sata.0",
            "-device", "virtio-blk-pci,drive=virtio", "-device", "qemu-xhci,id=xhci",
            "-device", "usb-storage,drive=usb,bus=xhci.0",
            "-netdev", "user,id=one,restrict=on", "-device", "e1000,netdev=one,romfile=",
            "-netdev", "user,id=two,net=10.0.3.0/24,restrict=on", "-device", "virtio-net-pci,netdev=two,romfile=",
        ]
    }

    /// Drivers, and the sum that the disks must have.
    static func files(of kernel: KernelName, _ workshop: Workshop) async throws -> [String: GuestFile] {
        let names = [
            "virtio_pci", "virtio_blk", "virtio_net", "nvme", "ahci", "sd_mod", "xhci_pci", "usb_storage", "e1000",
        ]
        var files = try await KernelModules(of: kernel, workshop).guestFiles(names, builtIn: ["virtio_pci"])
        let sum = try await HostCommand("md5sum", [try await contents(in: workshop)]).output().prefix(32)
        files["lab/md5"] = .text(sum + "\n")
        files["lab/devices"] = .text(script)
        return files
    }

    /// What a guest says that sources `/lab/devices`.
    static let expect =
        disks.map { "^LAB disk \($0) same$" } + cards.map { "^LAB ping \($0) answered$" } + ["^LAB devices used$"]
    static let forbid = ["^LAB no /lab/modules", "^LAB disk .* different", "^LAB ping .* lost"]

    private static let script = """
        for module in /lab/modules/*.ko; do insmod $module || say no $module; done
        patiently() { i=0; until "$@"; do i=$((i + 1)); [ $i -lt 200 ] || return 1; usleep 100000; done; }
        find_disk() { disk=; for block in /sys/block/*; do case $(readlink -f $block) in */$1*) disk=/dev/${block##*/} ;; esac; done; [ -b "$disk" ]; }
        find_card() { card=; for one in /sys/class/net/*; do case $(readlink $one/device/driver) in */$1) card=${one##*/} ;; esac; done; [ -n "$card" ]; }
        for kind in \(disks.joined(separator: " ")); do
            patiently find_disk $kind
            sum=$(dd if=$disk bs=65536 count=128 iflag=direct 2>/dev/null | md5sum | cut -d' ' -f1)
            [ "$sum" = "$(cat /lab/md5)" ] && say disk $kind same || say disk $kind different: $disk $sum
        done
        for kind in \(cards.joined(separator: " ")); do
            patiently find_card $kind
            case $kind in e1000) net=10.0.2 ;; *) net=10.0.3 ;; esac
            ip link set $card up; ip addr add $net.15/24 dev $card
            i=0; until ping -c 1 -W 2 $net.2 > /dev/null 2>&1 || [ $i = 20 ]; do i=$((i + 1)); done
            [ $i -lt 20 ] && say ping $kind answered || say ping $kind lost: $card
        done
        say devices used

        """

    /// Shell that prints the kernel's warnings and errors so far, as `LAB log …`.
    static let log = """
        dmesg -r | sed -n 's/^<\\([0-9]*\\)>/\\1 /p' | awk '$1 % 8 <= 4 { $1 = ""; print "LAB log" $0 }'

        """

    /// What depends on when things happen in the emulated machine, and so comes and goes.
    private static let chance: Set<String> = [
        // Cold boots on a busy host say it, too.
        "tsc: Unable to calibrate against PIT",
        "APIC calibration not consistent with PM-Timer: Nms instead of Nms",
        "..MP-BIOS bug: N timer not connected to IO-APIC",
        // The timer's last tick was on its way when its processor's interrupts were shut; native kexec leaves it as well.
        "Spurious LAPIC timer interrupt on cpu N",
        // The host did not run the emulator while a handler was at work.
        "hrtimer: interrupt took N ns",
    ]

    /// What only `kexec` says of warnings and errors, without its numbers; counted, so that a repetition shows, too.
    static func newComplaints(in kexec: ConsoleLog, against cold: ConsoleLog) -> [String] {
        var known: [String: Int] = [:]
        for text in complaints(in: cold) { known[text, default: 0] += 1 }
        return complaints(in: kexec).filter { text in
            if chance.contains(text) { return false }
            known[text, default: 0] -= 1
            return (known[text] ?? 0) < 0
        }
    }

    static func complaints(in log: ConsoleLog) -> [String] {
        log.lines.map(\.text).filter { $0.hasPrefix("LAB log ") }.map {
            $0.replacing(#/^LAB log \[ *[0-9.]+\] /#, with: "").replacing(#/0x[0-9a-f]+|[0-9]+/#, with: "N")
        }
    }
}
