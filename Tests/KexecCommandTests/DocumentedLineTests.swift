// SPDX-License-Identifier: MIT
import Testing

@testable import Kexec
@testable import KexecCommand

/// Command lines as manuals, wikis, distributions' scripts and other programs have them: each of them is understood.
@Suite struct DocumentedLineTests {
    /// - Parameter line: the words behind `kexec`, quoted as for a shell.
    @Test(arguments: Self.lines)
    func understands(line: String, action: String, kernel: String?) throws {
        let invocation = try parse(Self.words(of: line))
        #expect(invocation.action.summary == action)
        #expect(invocation.action.request?.kernel.description == kernel)
    }

    private static let lines: [(line: String, action: String, kernel: String?)] =
        loads + reboots + crashKernels + crashServices + others

    /// Loads by hand: manuals of kexec-tools, wikis of distributions, kernel documentation.
    private static let loads: [(line: String, action: String, kernel: String?)] = [
        ("-l /boot/vmlinuz --initrd=/boot/initrd.img --reuse-cmdline", "load", "/boot/vmlinuz"),
        ("-l /boot/vmlinuz --append=root=/dev/hda1 --initrd=/boot/initrd", "load", "/boot/vmlinuz"),
        ("-l /boot/vmlinuz-linux --initrd=/boot/initramfs-linux.img --reuse-cmdline", "load", "/boot/vmlinuz-linux"),
        ("-l /boot/vmlinuz '--append=root=/dev/sda1 ro quiet' --initrd=/boot/i", "load", "/boot/vmlinuz"),
        ("-l /boot/vmlinuz --append='root=UUID=0-1 ro' --initrd /boot/i", "load", "/boot/vmlinuz"),
        ("-l /boot/vmlinuz --command-line 'root=/dev/vda1 console=ttyS0,115200n8'", "load", "/boot/vmlinuz"),
        ("-l /boot/vmlinuz --command-line=\"$(cat)\" --initrd=i", "load", "/boot/vmlinuz"),
        ("--load /boot/vmlinuz --initrd=/boot/i --reuse-cmdline", "load", "/boot/vmlinuz"),
        ("--load /boot/vmlinuz --ramdisk=/boot/i --append=quiet", "load", "/boot/vmlinuz"),
        ("--load --initrd=/boot/i --append=quiet /boot/vmlinuz", "load", "/boot/vmlinuz"),
        ("--type=bzImage -l /boot/vmlinuz --append=x", "load", "/boot/vmlinuz"),
        ("-t bzImage64 -l /boot/vmlinuz --append=x", "load", "/boot/vmlinuz"),
        ("-t elf-x86_64 -l vmlinux --args-linux --append=x", "load", "vmlinux"),
        ("-l vmlinux --type=elf-x86 --args-linux --append='root=/dev/ram0'", "load", "vmlinux"),
        ("-l memtest.bin --args-none", "load", "memtest.bin"),
        ("-l /boot/memtest86+x64.bin", "load", "/boot/memtest86+x64.bin"),
        ("-l xen.gz --append='dom0_mem=1G' --module='vmlinuz root=/dev/sda1' --module=initrd.img", "load", "xen.gz"),
        ("-l xen --command-line='console=vga' --module 'vmlinuz x' --module i", "load", "xen"),
        ("-t multiboot-x86 -l xen.gz --command-line=x --module=vmlinuz", "load", "xen.gz"),
        ("-t multiboot2-x86 -l xen.efi --module=vmlinuz", "load", "xen.efi"),
        ("-t nbi-x86 -l image.nbi", "load", "image.nbi"),
        ("-l bzImage --real-mode", "load", "bzImage"),
        ("-l bzImage --entry-32bit --append=x", "load", "bzImage"),
        ("-l -s vmlinuz --initrd=i --reuse-cmdline", "load", "vmlinuz"),
        ("-s -l vmlinuz --initrd=i --append=x", "load", "vmlinuz"),
        ("-sl vmlinuz --reuse-cmdline", "load", "vmlinuz"),
        ("--kexec-file-syscall -l vmlinuz --reuse-cmdline", "load", "vmlinuz"),
        ("--kexec-syscall -l vmlinuz --reuse-cmdline", "load", "vmlinuz"),
        ("--kexec-syscall-auto --load vmlinuz --initrd=i", "load", "vmlinuz"),
        ("-a -l vmlinuz --initrd=i --reuse-cmdline", "load", "vmlinuz"),
        ("-c -l vmlinuz --initrd=i --reuse-cmdline", "load", "vmlinuz"),
        ("-i -l vmlinuz --initrd=i", "load", "vmlinuz"),
        ("--no-checks -l vmlinuz", "load", "vmlinuz"),
        ("-d -l vmlinuz --initrd=i --reuse-cmdline", "load", "vmlinuz"),
        ("--debug --load vmlinuz --initrd i --append root=/dev/sda1", "load", "vmlinuz"),
        ("-l vmlinuz --mem-min=0x1000000 --mem-max=0x3fffffff", "load", "vmlinuz"),
        ("-l vmlinuz --console-serial --serial=ttyS0 --serial-baud=115200", "load", "vmlinuz"),
        ("-l vmlinuz --console-serial --serial=0x3f8", "load", "vmlinuz"),
        ("-l vmlinuz --console-vga --reset-vga", "load", "vmlinuz"),
        ("-l vmlinuz --noefi --reuse-cmdline", "load", "vmlinuz"),
        ("-l vmlinuz --reuse-video-type", "load", "vmlinuz"),
        ("-l vmlinuz --reuse-cmdline --append=single", "load", "vmlinuz"),
        ("-l vmlinuz --append=single --reuse-cmdline --initrd=i", "load", "vmlinuz"),
        ("-l /vmlinuz --initrd=/initrd.img --reuse-cmdline", "load", "/vmlinuz"),
        ("-l - --initrd=i --append=x", "load", "-"),
        ("--load-preserve-context vmlinux --append=x", "load", "vmlinux"),
        ("-l vmlinuz --append= --initrd=i", "load", "vmlinuz"),
        ("-l ipxe.lkrn --command-line='dhcp && chain http://server/x'", "load", "ipxe.lkrn"),
        ("-l memdisk --initrd=floppy.img --append=floppy", "load", "memdisk"),
        ("-l vmlinuz --initrd i1 --initrd i2", "load", "vmlinuz"),
        ("-- -l", "load, shut down", "-l"),
    ]

    /// Going: shutdown scripts, init systems, boot programs, remote control.
    private static let reboots: [(line: String, action: String, kernel: String?)] = [
        ("-e", "execute", nil), ("--exec", "execute", nil), ("-e -x", "execute", nil), ("-ex", "execute", nil),
        ("-e --no-ifdown", "execute", nil), ("-e -y", "execute", nil), ("-e --no-sync", "execute", nil),
        ("-x -e", "execute", nil), ("-d -e", "execute", nil),
        ("-f /boot/vmlinuz --append=x", "load, execute", "/boot/vmlinuz"),
        ("--force /boot/vmlinuz --initrd=i", "load, execute", "/boot/vmlinuz"),
        ("-f -l vmlinuz", "load", "vmlinuz"), ("-l -f vmlinuz", "load, execute", "vmlinuz"),
        ("-fs vmlinuz --reuse-cmdline", "load, execute", "vmlinuz"),
        ("-f -x vmlinuz --append=x", "load, execute", "vmlinuz"),
        ("vmlinuz --initrd=i --reuse-cmdline", "load, shut down", "vmlinuz"),
        ("--reuse-cmdline --initrd=/initrd.img /vmlinuz", "load, shut down", "/vmlinuz"),
        ("-u", "unload", nil), ("--unload", "unload", nil), ("-s -u", "unload", nil), ("-a -u", "unload", nil),
        ("-c -u", "unload", nil), ("-S -l", "status", nil),
    ]

    /// Crash kernels by hand: the kernel's documentation of kdump and distributions' guides.
    private static let crashKernels: [(line: String, action: String, kernel: String?)] = [
        ("-p vmlinux --initrd=i --args-linux --append='root=/dev/sda1 1 irqpoll'", "load crash", "vmlinux"),
        ("-p bzImage --initrd=i --append='root=/dev/sda1 maxcpus=1 reset_devices'", "load crash", "bzImage"),
        ("-p /boot/vmlinuz --initrd=i --append='1 irqpoll nr_cpus=1 reset_devices'", "load crash", "/boot/vmlinuz"),
        ("-p /boot/vmlinuz --initrd=i --reuse-cmdline", "load crash", "/boot/vmlinuz"),
        ("--load-panic /boot/vmlinuz --initrd=i --append=single", "load crash", "/boot/vmlinuz"),
        ("-p --command-line='irqpoll nr_cpus=1' --initrd=i vmlinuz", "load crash", "vmlinuz"),
        ("--elf32-core-headers -p vmlinuz --append=x", "load crash", "vmlinuz"),
        ("-p vmlinuz --elf64-core-headers --append=x", "load crash", "vmlinuz"),
        ("-p vmlinuz --pass-memmap-cmdline --append=x", "load crash", "vmlinuz"),
        ("-p -s vmlinuz --initrd=i --append=x", "load crash", "vmlinuz"),
        ("-l -p vmlinuz --append=x", "load crash", "vmlinuz"), ("-p -l vmlinuz", "load crash", "vmlinuz"),
        ("-p vmlinuz --hotplug", "load crash", "vmlinuz"),
    ]

    /// As services of distributions call it for them.
    private static let crashServices: [(line: String, action: String, kernel: String?)] = [
        ("-p --command-line=\"root=x\" --initrd=/var/lib/kdump/i /var/lib/kdump/v", "load crash", "/var/lib/kdump/v"),
        ("-s -p --command-line=x --initrd=/var/lib/kdump/initrd /var/lib/kdump/v", "load crash", "/var/lib/kdump/v"),
        ("-s -d -p --command-line=x --initrd=/boot/ikdump.img /boot/vmlinuz", "load crash", "/boot/vmlinuz"),
        ("-d -p --command-line=x --initrd=/boot/ikdump.img /boot/vmlinuz", "load crash", "/boot/vmlinuz"),
        ("-a -p /boot/vmlinuz --append=x --initrd=/var/lib/kdump/initrd", "load crash", "/boot/vmlinuz"),
        ("-p /boot/vmlinuz --append='x' --initrd=i --noefi", "load crash", "/boot/vmlinuz"),
        ("-p -u", "unload crash", nil), ("-s -p -u", "unload crash", nil), ("-u -p", "unload crash", nil),
        ("-a -p -u", "unload crash", nil), ("-S", "status crash", nil), ("-S -p", "status crash", nil),
        ("-pu", "unload crash", nil), ("--print-ckr-size", "crash size", nil),
    ]

    private static let others: [(line: String, action: String, kernel: String?)] = [
        ("-v", "version", nil), ("--version", "version", nil), ("-h", "help", nil), ("--help", "help", nil),
        ("--status", "status crash", nil), ("-S --load", "status", nil),
    ]

    /// The words of a shell's line: single and double quotes, which may stand inside a word.
    private static func words(of line: String) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        for character in line {
            if let open = quote {
                if character == open { quote = nil } else { word = (word ?? "") + String(character) }
            } else if character == "'" || character == "\"" {
                quote = character
                word = word ?? ""
            } else if character == " " {
                if let complete = word { words.append(complete) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        return word.map { words + [$0] } ?? words
    }
}
