// SPDX-License-Identifier: MIT
import Foundation

/// A disk, and a kernel that is entered in real mode and reads it through int 13h: more often than any ring has places, so
/// that one that was not put back right is found out. It prints what the disk says and resets the machine.
enum DiskReader {
    /// 1 MiB: a boot sector without code, and behind it the line.
    static func disk(in workshop: Workshop) async throws -> String {
        try await workshop.made("disk") { path in
            var bytes = [UInt8](repeating: 0, count: 1 << 20)
            bytes.replaceSubrange(510..<512, with: [0x55, 0xaa])
            bytes.replaceSubrange(512..<1024, with: repeatElement(0, count: 512))
            let line = Array("\nLAB read from the disk, 600 times\n\0".utf8)
            bytes.replaceSubrange(512..<(512 + line.count), with: line)
            try Data(bytes).write(to: URL(fileURLWithPath: path))
        }
    }

    static func kernel(in workshop: Workshop) async throws -> String {
        try await workshop.made("reader") { path in
            let source = path + ".S", object = path + ".o"
            try text.write(toFile: source, atomically: true, encoding: .utf8)
            _ = try await HostCommand("clang", ["-target", "i386-unknown-none-code16", "-c", source, "-o", object])
                .output()
            _ = try await HostCommand(
                "ld.lld",
                [
                    "-m", "elf_i386", "--image-base=0", "-Ttext=0", "--oformat=binary", "-e", "start", object,
                    "-o", path,
                ]
            ).output()
        }
    }

    /// Entered at offset 0x200 of its segment, which all segment registers but cs hold (Linux x86 boot protocol).
    private static let text = """
        .code16
        .globl start
        base:
        .org 0x1f1
            .byte 1                     # setup_sects
            .word 0
            .long 0x20                  # syssize, in paragraphs
            .word 0, 0xffff, 0
            .word 0xaa55                # boot_flag
        start:
            .byte 0xeb, 0x66            # jump: the header ends at 0x268
            .ascii "HdrS"
            .word 0x0203                # version
            .long 0
            .word 0, 0
            .byte 0, 1                  # type_of_loader, loadflags: LOADED_HIGH
            .word 0
            .long 0x100000              # code32_start
            .long 0, 0, 0
            .word 0xe000                # heap_end_ptr
            .byte 0, 0
            .long 0                     # cmd_line_ptr
            .long 0x37ffffff            # initrd_addr_max
        .org 0x268
            sti
            cld
            movw %ds, %ax
            movw %ax, packet + 6
            movw $600, %bp
        1:  movb $0x42, %ah             # extended read
            movb $0x80, %dl
            movw $packet, %si
            int $0x13
            movw $failed, %si
            jc say
            cmpw $0x4c0a, 0x1000        # the line's first two letters
            jne say
            movw $0, 0x1000
            decw %bp
            jnz 1b
            movw $0x0a0a, 0x1000
            movw $0x1000, %si
            movb $0x4c, 1(%si)
        say:
            lodsb
            testb %al, %al
            jz reset
            movb %al, %bl
            movw $0x3fd, %dx
        2:  inb %dx, %al
            testb $0x20, %al
            jz 2b
            movw $0x3f8, %dx
            movb %bl, %al
            outb %al, %dx
            jmp say
        reset:
            movw $0xcf9, %dx
            movb $0x06, %al
            outb %al, %dx
        stop: hlt
            jmp stop
        packet:
            .byte 16, 0
            .word 1, 0x1000, 0          # one sector to offset 0x1000 of our segment
            .quad 1                     # the second one of the disk
        failed: .asciz "\\nLAB int 13h failed\\n"
        .org 0x400
            .fill 0x200

        """
}
