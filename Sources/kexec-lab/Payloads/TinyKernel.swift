// SPDX-License-Identifier: MIT
import Foundation

/// Kernels of a few hundred bytes, assembled by the toolchain's clang: they say on the first serial port in which state
/// they were entered, and reset the machine.
enum TinyKernel: String, Sendable {
    /// ELF32, entered in 32-bit protected mode.
    case elf32
    /// ELF64, entered in long mode.
    case elf64
    /// A bzImage of boot protocol 2.15 for 64-bit entry, whose `xloadflags` deny 5-level paging.
    case bzImage = "bzimage"

    func make(in workshop: Workshop) async throws -> String {
        try await workshop.made("tiny.\(rawValue)") { path in
            let source = path + ".S", object = path + ".o", linked = path + ".elf"
            try text.write(toFile: source, atomically: true, encoding: .utf8)
            let target = self == .elf32 ? "i686-unknown-none-elf" : "x86_64-unknown-none-elf"
            _ = try await HostCommand("clang", ["-target", target, "-c", source, "-o", object]).output()
            var arguments = ["-static", "-nostdlib", "-e", "start", "--build-id=none", object, "-o", linked]
            // No page of the file but the text's: its place is stated, nothing is relocated.
            arguments +=
                self == .bzImage
                ? ["--image-base=0", "-Ttext=0", "--oformat=binary"] : ["-Ttext=0x2000000", "-z", "max-page-size=4096"]
            _ = try await HostCommand("ld.lld", arguments).output()
            try FileManager.default.moveItem(atPath: linked, toPath: path)
        }
    }

    private var text: String {
        switch self {
        case .elf32: Self.code32
        case .elf64: ".code64\n.globl start\nstart:\n" + Self.code64("elf64")
        case .bzImage: Self.setup + Self.code64("bzimage")
        }
    }

    /// Prints `LAB tiny elf32 cr0=… arg=…`; `arg` is the word above the return address, where boot notes are named.
    private static let code32 = """
        .code32
        .globl start
        start:
            movl 4(%esp), %ebp
            movl $0x2100000, %esp
            movl $text, %esi
            call print
            movl %cr0, %eax
            call number
            movl $argument, %esi
            call print
            movl %ebp, %eax
            call number
            movl $newline, %esi
            call print
            movw $0xcf9, %dx
            movb $0x06, %al
            outb %al, %dx
        stop: hlt
            jmp stop
        print:
            lodsb
            testb %al, %al
            jz 1f
            call put
            jmp print
        1:  ret
        number:
            movl $8, %ecx
        2:  roll $4, %eax
            pushl %eax
            andl $15, %eax
            movb digits(%eax), %al
            call put
            popl %eax
            loop 2b
            ret
        put:
            movb %al, %bl
            movw $0x3fd, %dx
        3:  inb %dx, %al
            testb $0x20, %al
            jz 3b
            movw $0x3f8, %dx
            movb %bl, %al
            outb %al, %dx
            ret
        text: .asciz "\\nLAB tiny elf32 cr0="
        argument: .asciz " arg="
        newline: .asciz "\\n"
        digits: .ascii "0123456789abcdef"

        """

    /// Prints `LAB tiny NAME cr4=… rdi=… rsi=… rsp=… apic=…`, the registers as they were at the entry; the last one is
    /// IA32_APIC_BASE.
    private static func code64(_ name: String) -> String {
        """
            movq %rsp, %r11
            leaq stack(%rip), %rsp
            movq %rdi, %r12
            movq %rsi, %r13
            leaq text(%rip), %rsi
            call print
            movq %cr4, %rax
            call number
            leaq destination(%rip), %rsi
            call print
            movq %r12, %rax
            call number
            leaq source(%rip), %rsi
            call print
            movq %r13, %rax
            call number
            leaq pointer(%rip), %rsi
            call print
            movq %r11, %rax
            call number
            leaq controller(%rip), %rsi
            call print
            movl $0x1b, %ecx
            rdmsr
            shlq $32, %rdx
            orq %rdx, %rax
            call number
            leaq newline(%rip), %rsi
            call print
            movw $0xcf9, %dx
            movb $0x06, %al
            outb %al, %dx
        stop: hlt
            jmp stop
        print:
            lodsb
            testb %al, %al
            jz 1f
            call put
            jmp print
        1:  ret
        number:
            movl $16, %ecx
            leaq digits(%rip), %r14
        2:  rolq $4, %rax
            movq %rax, %r15
            andl $15, %eax
            movb (%r14,%rax), %al
            call put
            movq %r15, %rax
            loop 2b
            ret
        put:
            movb %al, %bl
            movw $0x3fd, %dx
        3:  inb %dx, %al
            testb $0x20, %al
            jz 3b
            movw $0x3f8, %dx
            movb %bl, %al
            outb %al, %dx
            ret
        text: .asciz "\\nLAB tiny \(name) cr4="
        destination: .asciz " rdi="
        source: .asciz " rsi="
        pointer: .asciz " rsp="
        controller: .asciz " apic="
        newline: .asciz "\\n"
        digits: .ascii "0123456789abcdef"
        .balign 16
        .zero 256
        stack:
        .balign 16
        end:

        """
    }

    /// Linux x86 boot protocol: one setup sector, then the protected-mode kernel with its 64-bit entry at 0x200.
    private static let setup = """
        .code64
        .globl start
        base:
        .org 0x1f1
            .byte 1                     # setup_sects
            .word 0
            .long (end - base - 0x400) / 16   # syssize, in paragraphs
            .word 0, 0xffff, 0
            .word 0xaa55                # boot_flag
            .byte 0xeb, 0x6a            # jump: the header ends at 0x26c
            .ascii "HdrS"
            .word 0x020f                # version
            .long 0                     # realmode_swtch
            .word 0, 0
            .byte 0, 1                  # type_of_loader, loadflags: LOADED_HIGH
            .word 0
            .long 0x100000              # code32_start
            .long 0, 0, 0
            .word 0xe000                # heap_end_ptr
            .byte 0, 0
            .long 0                     # cmd_line_ptr
            .long 0x7fffffff            # initrd_addr_max
            .long 0x200000              # kernel_alignment
            .byte 1, 21                 # relocatable_kernel, min_alignment
            .word 3                     # xloadflags: 64-bit entry, above 4 GiB; not 5-level paging
            .long 2047                  # cmdline_size
            .long 0
            .quad 0
            .long 0x200, 0x100          # payload_offset, payload_length
            .quad 0                     # setup_data
            .quad 0x1000000             # pref_address
            .long 0x200000              # init_size
            .long 0
            .long 0                     # kernel_info_offset
        .org 0x400
        kernel:
        .org 0x600
        start:

        """
}
