// SPDX-License-Identifier: MIT
import Foundation

/// A disk whose boot sector asks the BIOS what a disk image in memory changes, and says it on the first serial port:
///
///     LAB survey drive=80 kib=0274                        dl, and int 12h
///     LAB e820 0000000000000000 000000000009d000 00000001  each entry of int 15h, E820h: start, size, type
///     LAB sector three                                    what stands in the fourth sector, read by 42h or 02h
///     LAB next drive=81 first=8ec031fa                     of the next drive, where there is one; dl as it comes back
///     LAB survey end
enum SurveyDisk {
    static func make(in workshop: Workshop, size: UInt64) async throws -> String {
        try await workshop.made("survey-\(size)") { try await BootSector.assemble(text, size: size, to: $0) }
    }

    /// The first sector reads the other two, and goes on in them.
    private static let text = """
        .code16
        .globl start
        start:
            cli
            xorw %ax, %ax
            movw %ax, %ds
            movw %ax, %es
            movw %ax, %ss
            movw $0x7c00, %sp
            sti
            movb %dl, drive
            movw $0x0202, %ax           # read two sectors
            movw $0x7e00, %bx
            movw $0x0002, %cx           # from cylinder 0, sector 2
            movb $0, %dh
            int $0x13
            jnc second
        failed:
            movw $failure, %si
            call say
        reset:
            movw $0xcf9, %dx
            movb $0x06, %al
            outb %al, %dx
        stop: hlt
            jmp stop
        say:
            lodsb
            testb %al, %al
            jz 1f
            call put
            jmp say
        put:
            movb %al, %bl
            movw $0x3fd, %dx
        2:  inb %dx, %al
            testb $0x20, %al
            jz 2b
            movw $0x3f8, %dx
            movb %bl, %al
            outb %al, %dx
        1:  ret
        # cx bytes, of which the last one is at si
        number:
            std
        3:  lodsb
            pushw %ax
            shrb $4, %al
            call digit
            popw %ax
            andb $15, %al
            call digit
            loop 3b
            cld
            ret
        digit:
            addb $48, %al
            cmpb $58, %al
            jb put
            addb $39, %al
            jmp put
        failure: .asciz "\\nLAB survey failed\\n"
        drive: .byte 0
        .org 510
            .word 0xaa55
        second:
            movw $greeting, %si
            call say
            movw $drive, %si
            movw $1, %cx
            call number
            movw $memory, %si
            call say
            int $0x12
            movw %ax, result
            movw $result + 1, %si
            movw $2, %cx
            call number
            xorl %ebp, %ebp
        4:  movl %ebp, %ebx
            movl $0xe820, %eax
            movl $0x534d4150, %edx
            movl $20, %ecx
            movw $entry, %di
            int $0x15
            jc 5f
            movl %ebx, %ebp
            movw $map, %si
            call say
            movw $entry + 7, %si
            movw $8, %cx
            call number
            movb $32, %al
            call put
            movw $entry + 15, %si
            movw $8, %cx
            call number
            movb $32, %al
            call put
            movw $entry + 19, %si
            movw $4, %cx
            call number
            testl %ebp, %ebp
            jnz 4b
        5:  movb $0x41, %ah             # extensions?
            movw $0x55aa, %bx
            movb drive, %dl
            int $0x13
            jc 6f
            movb $0x42, %ah
            movw $packet, %si
            movb drive, %dl
            int $0x13
            jc failed
            jmp 7f
        6:  movw $0x0201, %ax
            movw $0x9000, %bx
            movw $0x0004, %cx
            movb drive, %dl
            movb $0, %dh
            int $0x13
            jc failed
        7:  movw $0x9000, %si
            call say
            movb drive, %dl
            incw %dx
            movw $0x0201, %ax
            movw $0x9000, %bx
            movw $0x0001, %cx
            movb $0, %dh
            int $0x13
            jc 8f
            movb %dl, result
            movw $next, %si
            call say
            movw $result, %si
            movw $1, %cx
            call number
            movw $first, %si
            call say
            movw $0x9003, %si
            movw $4, %cx
            call number
        8:  movw $end, %si
            call say
            jmp reset
        packet: .word 16, 1, 0x9000, 0
            .quad 3
        result: .word 0
        greeting: .asciz "\\nLAB survey drive="
        memory: .asciz " kib="
        map: .asciz "\\nLAB e820 "
        next: .asciz "LAB next drive="
        first: .asciz " first="
        end: .asciz "\\nLAB survey end\\n"
        entry:
        .org 1536
            .asciz "\\nLAB sector three\\n"
        .org 2048

        """
}

extension SurveyDisk {
    /// A hard disk of 8 MiB with one partition, from sector 2048 on, whose boot sector says what it was entered with:
    ///
    ///     LAB partition drive=80 start=00000800 type=83
    static func partition(in workshop: Workshop) async throws -> String {
        try await workshop.made("survey-partition") { path in
            let sector = path + ".sector"
            try await BootSector.assemble(partitionText, size: 512, to: sector)
            let code = try Data(contentsOf: URL(fileURLWithPath: sector))
            var bytes = Data(count: 8 << 20)
            bytes.replaceSubrange(446..<462, with: [0x80, 0x20, 0x21, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 0x38, 0, 0])
            bytes.replaceSubrange(510..<512, with: [0x55, 0xaa])
            bytes.replaceSubrange((2048 * 512)..<(2049 * 512), with: code)
            try bytes.write(to: URL(fileURLWithPath: path))
        }
    }

    /// Entered with its entry of the partition table at ds:si.
    private static let partitionText = """
        .code16
        .globl start
        start:
            movw %si, %bp
            movb %dl, drive
            movw $greeting, %si
            call say
            movw $drive, %si
            movw $1, %cx
            call number
            movw $where, %si
            call say
            leaw 11(%bp), %si
            movw $4, %cx
            call number
            movw $kind, %si
            call say
            leaw 4(%bp), %si
            movw $1, %cx
            call number
            movb $10, %al
            call put
            movw $0xcf9, %dx
            movb $0x06, %al
            outb %al, %dx
        stop: hlt
            jmp stop
        say:
            lodsb
            testb %al, %al
            jz 1f
            call put
            jmp say
        put:
            movb %al, %bl
            movw $0x3fd, %dx
        2:  inb %dx, %al
            testb $0x20, %al
            jz 2b
            movw $0x3f8, %dx
            movb %bl, %al
            outb %al, %dx
        1:  ret
        number:
            std
        3:  lodsb
            pushw %ax
            shrb $4, %al
            call digit
            popw %ax
            andb $15, %al
            call digit
            loop 3b
            cld
            ret
        digit:
            addb $48, %al
            cmpb $58, %al
            jb put
            addb $39, %al
            jmp put
        drive: .byte 0
        greeting: .asciz "\\nLAB partition drive="
        where: .asciz " start="
        kind: .asciz " type="
        .org 510
            .word 0xaa55

        """
}
