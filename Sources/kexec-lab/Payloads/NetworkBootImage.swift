// SPDX-License-Identifier: MIT
import Foundation

/// Network boot images (Etherboot's tagged images): two programs of ours that say how they were called, and Linux as mknbi
/// packs it.
struct NetworkBootImage {
    struct Record {
        var address: UInt32
        var contents: [UInt8]
        /// nil: as the contents need.
        var memory: Int?
        /// Bits 24 and 25 of the record's flags: 0 absolute, 1 behind the record before it, 2 below the end of memory.
        var placing: UInt32 = 0
    }

    /// Segment and offset of the header in memory.
    var location: UInt32
    /// Segment and offset, or a linear address.
    var entry: UInt32
    var isLinear = false
    var records: [Record]

    /// "Draft Net Boot Image Proposal 0.3".
    var bytes: [UInt8] {
        var header: [UInt8] = []
        func add(_ words: UInt32...) {
            for word in words { header += (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
        }
        // Bit 8: it may return.
        add(0x1b03_1336, (isLinear ? 1 << 31 : 0) | 1 << 8 | 4, location, entry)
        for (index, record) in records.enumerated() {
            let isLast: UInt32 = index == records.count - 1 ? 1 << 26 : 0
            add(
                isLast | record.placing << 24 | 4, record.address, UInt32(record.contents.count),
                UInt32(max(record.memory ?? 0, record.contents.count)))
        }
        header += [UInt8](repeating: 0, count: 512 - header.count)
        return header + records.flatMap(\.contents)
    }
}

extension NetworkBootImage {
    /// Called in real mode: prints what the BIOS and the loader tell, waits for three ticks, and returns.
    static func realMode(in workshop: Workshop) async throws -> [UInt8] {
        let program = try await assembled("nbi-real", realModeProgram, in: workshop)
        // The second record lies behind the first one's zeros.
        return NetworkBootImage(
            location: 0x5000_0000, entry: 0x5020_0000,
            records: [
                Record(address: 0x5_0200, contents: program, memory: 0x1000),
                Record(address: 0, contents: Array("behind it\n".utf8), placing: 1),
            ]
        ).bytes
    }

    /// Called in protected mode with three pointers, as a C function is: prints what they lead to, and returns.
    static func linear(in workshop: Workshop) async throws -> [UInt8] {
        let path = try await workshop.made("nbi-linear") { path in
            try linearProgram.write(toFile: path + ".c", atomically: true, encoding: .utf8)
            _ = try await HostCommand(
                "clang",
                [
                    "-target", "i686-unknown-none-elf", "-Os", "-ffreestanding", "-fno-stack-protector", "-mno-sse",
                    "-fno-pic", "-fno-jump-tables", "-Wall", "-Werror", "-c", path + ".c", "-o", path + ".o",
                ]
            ).output()
            let text =
                "SECTIONS { . = 0x2000000; .text : { *(.text.first) *(.text*) *(.rodata*) *(.data*) *(.bss*) } }\n"
            try text.write(toFile: path + ".lds", atomically: true, encoding: .utf8)
            _ = try await HostCommand(
                "ld.lld",
                [
                    "-static", "-nostdlib", "-e", "start", "--oformat=binary", "-T", path + ".lds", path + ".o", "-o",
                    path,
                ]
            ).output()
        }
        let program = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        return NetworkBootImage(
            location: 0x5000_0000, entry: 0x200_0000, isLinear: true,
            records: [
                Record(address: 0x200_0000, contents: program),
                Record(address: 0x1_0000, contents: Array("at the end of memory\n".utf8), placing: 2),
            ]
        ).bytes
    }

    /// Linux as mknbi packs it: a first program, which takes the command line from the loader's BOOTP reply, the setup code
    /// at its old place, the kernel from 1 MiB on, and an initrd.
    static func linux(_ kernel: KernelName, initrd: [UInt8], in workshop: Workshop) async throws -> [UInt8] {
        let first = try await assembled("nbi-linux", firstProgram, in: workshop)
        let image = [UInt8](try Data(contentsOf: URL(fileURLWithPath: workshop.cache.kernel(kernel))))
        let setupSize = (Int(image[0x1f1] == 0 ? 4 : image[0x1f1]) + 1) * 512
        var setup = Array(image[..<setupSize])
        let initrdAddress: UInt32 = 0x1000_0000
        func store(_ value: UInt32, _ count: Int, at offset: Int) {
            for index in 0..<count { setup[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
        }
        store(0xff, 1, at: 0x210)  // type_of_loader: none that is known
        store(UInt32(setup[0x211]) | 0x80, 1, at: 0x211)  // loadflags: CAN_USE_HEAP
        store(initrdAddress, 4, at: 0x218)
        store(UInt32(initrd.count), 4, at: 0x21c)
        store(0x9600, 2, at: 0x224)  // heap_end_ptr, 0x200 below the stack's top
        store(0x9_a000, 4, at: 0x228)  // cmd_line_ptr
        return NetworkBootImage(
            location: 0x8000_0000, entry: 0x8020_0000,
            records: [
                Record(address: 0x8_0200, contents: first), Record(address: 0x9_0000, contents: setup),
                Record(address: 0x10_0000, contents: Array(image[setupSize...])),
                Record(address: initrdAddress, contents: initrd),
            ]
        ).bytes
    }

    /// 16-bit code from offset 0 on.
    private static func assembled(_ name: String, _ text: String, in workshop: Workshop) async throws -> [UInt8] {
        let path = try await workshop.made(name) { path in
            try text.write(toFile: path + ".S", atomically: true, encoding: .utf8)
            _ = try await HostCommand(
                "clang", ["-target", "i386-unknown-none-code16", "-c", path + ".S", "-o", path + ".o"]
            ).output()
            _ = try await HostCommand(
                "ld.lld",
                [
                    "-m", "elf_i386", "--image-base=0", "-Ttext=0", "--oformat=binary", "-e", "start", path + ".o",
                    "-o",
                    path,
                ]
            ).output()
        }
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// The stack as it is called: return address, header, BOOTP reply; each an offset and a segment.
    private static let realModeProgram = """
        .code16
        .globl start
        start:
            movw %sp, %bp
            movw %cs, %ax
            movw %ax, %ds
            movw $text, %si
            call say
            int $0x12                   # KiB of conventional memory
            movzwl %ax, %eax
            call number
            movw $map, %si
            call say
            movw %cs, %ax
            movw %ax, %es
            xorl %ebx, %ebx
            xorw %si, %si
        1:  movl $0xe820, %eax
            movl $0x534d4150, %edx
            movl $24, %ecx
            movw $buffer, %di
            int $0x15
            jc 2f
            incw %si
            testl %ebx, %ebx
            jnz 1b
        2:  movzwl %si, %eax
            call number
            movw $header, %si
            call say
            lesw 4(%bp), %bx
            movl %es:(%bx), %eax
            call number
            movw $line, %si
            call say
            lesw 8(%bp), %bx
            movl %es:236(%bx), %eax     # 99 130 83 99
            call number
            movb $' ', %al
            call put
            addw $248, %bx              # behind option 128
            movzbw %es:1(%bx), %cx
        3:  movb %es:2(%bx), %al
            call put
            incw %bx
            loop 3b
            movw $ticks, %si
            call say
            xorw %ax, %ax
            movw %ax, %es
            movw $3, %cx
        4:  movw %es:0x46c, %ax
        5:  cmpw %es:0x46c, %ax
            je 5b
            loop 4b
            movw $behind, %si
            call say
            movw $0x1000, %si           # the second record
            call say
            lretw

        say:
            lodsb
            testb %al, %al
            jz 6f
            call put
            jmp say
        6:  retw
        number:
            movw $8, %cx
        7:  roll $4, %eax
            pushl %eax
            pushw %bx
            andw $15, %ax
            movw %ax, %bx
            movb digits(%bx), %al
            popw %bx
            call put
            popl %eax
            loop 7b
            retw
        put:
            pushw %dx
            pushw %ax
            movw $0x3fd, %dx
        8:  inb %dx, %al
            testb $0x20, %al
            jz 8b
            popw %ax
            movw $0x3f8, %dx
            outb %al, %dx
            popw %dx
            retw
        text: .asciz "\\nLAB nbi real-mode memory="
        map: .asciz " e820="
        header: .asciz " header="
        line: .asciz "\\nLAB nbi reply="
        ticks: .asciz "\\nLAB nbi waits\\n"
        behind: .asciz "LAB nbi 3 ticks, "
        digits: .ascii "0123456789abcdef"
        buffer: .space 24

        """

    private static let linearProgram = """
        typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32;
        static inline void out(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
        static inline u8 in(u16 port) { u8 value; __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port)); return value; }
        static void put(char c) { while (!(in(0x3fd) & 0x20)) continue; out(0x3f8, c); }
        static void text(const char *at) { for (; *at; at++) put(*at); }
        static void number(u32 value) {
            for (int shift = 28; shift >= 0; shift -= 4) put("0123456789abcdef"[value >> shift & 15]);
        }
        __attribute__((section(".text.first"))) u32 start(const u8 *loader, const u32 *header, const u8 *reply) {
            u32 cr0;
            __asm__ volatile("movl %%cr0, %0" : "=r"(cr0));
            text("\\nLAB nbi linear cr0="); number(cr0);
            text(" loader="); number(*(const u32 *)loader); text(" header="); number(*header);
            text(" reply="); number(*(const u32 *)(reply + 236));
            text("\\nLAB nbi line=");
            for (const u8 *option = reply + 240; *option != 255; option += option[1] + 2)
                if (*option == 129) for (u32 at = 0; at < option[1]; at++) put(option[2 + at]);
            text("\\nLAB nbi record ");
            text((const char *)0x3ffd0000);  /* 64 KiB below the end of 1 GiB of a PC, less what its BIOS keeps */
            text("LAB nbi returns\\n");
            return 0;
        }

        """

    /// The command line goes to 0x9a000, behind the setup code's heap and stack.
    private static let firstProgram = """
        .code16
        .globl start
        start:
            movw %sp, %bp
            ldsw 8(%bp), %si
            addw $240, %si
            movw $0x9000, %ax
            movw %ax, %es
            movw $0xa000, %di
            cld
        1:  lodsb                       # options: a number, a size, as many bytes
            cmpb $255, %al
            je 2f
            movb %al, %dl
            lodsb
            movzbw %al, %cx
            cmpb $129, %dl
            je 3f
            addw %cx, %si
            jmp 1b
        3:  rep movsb
        2:  movb $0, %es:(%di)
            cli
            movw $0x9000, %ax
            movw %ax, %ds
            movw %ax, %es
            movw %ax, %fs
            movw %ax, %gs
            movw %ax, %ss
            movw $0x9800, %sp
            ljmp $0x9020, $0

        """
}
