// SPDX-License-Identifier: MIT

/// Network boot images: two of ours, one for each way in, and Linux as mknbi packs it.
enum NBICases: CaseGroup {
    static let all: [Case] = [realMode, linear, linux, refused]

    private static let realMode = Case(
        name: "nbi/real-mode",
        summary: "a network boot image is called in real mode, BIOS and interrupts work, and a return resets",
        files: { ["boot/nbi": .bytes(try await NetworkBootImage.realMode(in: $0))] },
        script: "try load kexec -l --type=nbi-x86 /boot/nbi --append=\"a=b  c\" && jump",
        expect: [
            "^LAB load rc=0 loaded=1", "^LAB jump",
            "^LAB nbi real-mode memory=0000027f e820=0000000[5-9a] header=1b031336$",
            "^LAB nbi reply=63538263 a=b  c$", "^LAB nbi waits$", "^LAB nbi 3 ticks, behind it$",
        ],
        // kexec-tools lacks a purgatory for such images.
        needsOurs: true)

    private static let linear = Case(
        name: "nbi/linear", summary: "a network boot image is called in protected mode, and a return resets",
        files: { ["boot/nbi": .bytes(try await NetworkBootImage.linear(in: $0))] },
        script: "try load kexec -l /boot/nbi --append=\"a=b  c\" && jump",
        expect: [
            "^LAB load rc=0 loaded=1", "^LAB jump",
            "^LAB nbi linear cr0=[0-7][0-9a-f]{6}[13579bdf] loader=00000001 header=1b031336 reply=63538263$",
            "^LAB nbi line=a=b  c$", "^LAB nbi record at the end of memory$", "^LAB nbi returns$",
        ],
        needsOurs: true)

    private static let linux = Case(
        name: "nbi/linux", summary: "Linux in a network boot image boots, its command line by way of the BOOTP reply",
        secondKernel: .linux61,
        files: { workshop in
            var second = try await InitramfsBuilder(workshop.tools)
            try await second.add(
                "lab/second", .text("say loader=$(od -An -tx1 -j 528 -N 1 /sys/kernel/boot_params/data | tr -d ' ')\n"))
            let image = try await NetworkBootImage.linux(.linux61, initrd: second.finished(), in: workshop)
            return ["boot/nbi": .bytes(image)]
        },
        script: "try load kexec -l /boot/nbi --append=\"$second\" && jump",
        expect: ["^LAB load rc=0 loaded=1", "^LAB jump", Case.second, "^LAB loader=ff$", "^LAB end second"],
        needsOurs: true)

    private static let refused = Case(
        name: "nbi/refused", summary: "bad network boot images end in one line, and load nothing",
        files: { ["boot/nbi": .bytes(try await NetworkBootImage.realMode(in: $0))] },
        script: """
            # patch OFFSET BYTES: in the header; a record has its flags, address, length in the file and in memory
            patch() { cp /boot/nbi /boot/bad; printf "$2" | dd of=/boot/bad bs=1 seek=$1 conv=notrunc 2>/dev/null; }
            patch 4 '\\000'; try length kexec -l /boot/bad
            patch 35 '\\000'; try endless kexec -l /boot/bad
            patch 28 '\\001\\000\\000\\000'; try memory kexec -l /boot/bad
            patch 20 '\\000\\000\\005\\000'; try overlap kexec -l /boot/bad
            patch 8 '\\000\\000\\000\\000'; try vectors kexec -l /boot/bad
            patch 14 '\\000\\300'; try entry kexec -l /boot/bad
            patch 8 '\\000\\000\\000\\300'; try rom kexec -l /boot/bad
            patch 28 '\\377\\377\\377\\377'; try huge kexec -l /boot/bad
            dd if=/boot/nbi of=/boot/bad bs=1 count=520 2>/dev/null; try cut kexec -l /boot/bad
            dd if=/boot/nbi of=/boot/bad bs=1 count=300 2>/dev/null; try header kexec -l /boot/bad
            try type kexec -l --type=nbi-x86 /boot/vmlinuz --append=x
            try initrd kexec -l /boot/nbi --initrd=/boot/initrd
            try line kexec -l /boot/nbi --append="$(printf '%0256d' 0)"
            try call kexec -l -s /boot/nbi
            """,
        expect: [
            "^\\| kexec: .*'flags, bits 0 to 3' is 0x0 at offset 0x4, need 0x4 or more$", "^LAB length rc=3 loaded=0",
            "^\\| kexec: .*'flags, bits 0 to 3' is 0x0 at offset 0x30, ", "^LAB endless rc=3 loaded=0",
            "^\\| kexec: .*'memory length' is 0x1 at offset 0x1c, ", "^LAB memory rc=3 loaded=0",
            "^\\| kexec: .*record 0 and 1 both want address 0x50000$", "^LAB overlap rc=3 loaded=0",
            "^\\| kexec: .*holds the first page of memory", "^LAB vectors rc=4 loaded=0",
            "^\\| kexec: .*'execute address' is 0xc0000 at offset 0xc", "^LAB entry rc=3 loaded=0",
            "^\\| kexec: .*which is not all free RAM", "^LAB rom rc=4 loaded=0",
            "^\\| kexec: .*'memory length' ", "^LAB huge rc=3 loaded=0",
            "^\\| kexec: .*cut short: 'image length'", "^LAB cut rc=3 loaded=0",
            "^\\| kexec: .*cut short: 'header'", "^LAB header rc=3 loaded=0",
            "^\\| kexec: .*it is of type bzImage64, not nbi-x86", "^LAB type rc=3 loaded=0",
            "^\\| kexec: an initrd cannot be passed to a network boot image", "^LAB initrd rc=4 loaded=0",
            "^\\| kexec: command line has 256 bytes, the kernel takes 255", "^LAB line rc=4 loaded=0",
            "^\\| kexec: kexec_file_load cannot load this image", "^LAB call rc=4 loaded=0", "^LAB end first",
        ],
        needsOurs: true)
}
