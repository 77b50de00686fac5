/* SPDX-License-Identifier: MIT
 *
 * A payload in the shape of a Linux bzImage, so that every loader can start it: by the real-mode code behind the header,
 * by the 32-bit entry, by the 64-bit entry (boot protocol, "THE REAL-MODE KERNEL SETUP HEADER", "32-bit BOOT PROTOCOL",
 * "64-bit BOOT PROTOCOL").
 *
 * On entry: as the protocol says; in 16-bit mode ds is the setup segment, else (r)si has boot_params
 * On exit:  1. 64-bit mode, interrupts off, own descriptors and stack  2. the state at entry is in boot_params
 *           3. rdi = boot_params (or the setup segment, which has the header at the same offset): payload_main
 */
#include "Standalone.h"

/* From the 32-bit entry to where the setup code comes in. */
#define SETUP_ENTRY 8
/* Of 32-bit code, which finds itself by the address of `here` in ebp. */
#define NEAR(symbol) (symbol - here)

	.section .setup, "awx", @progbits
	.code16
setup_start:
	.org	0x1f1
	.byte	1			/* setup_sects */
	.word	0			/* root_flags */
	.long	setup_syssize
	.word	0, 0xffff, 0		/* ram_size, vid_mode, root_dev */
	.word	0xaa55
	.byte	0xeb, setup16 - setup_magic
setup_magic:
	.ascii	"HdrS"
	.word	0x020f
	.long	0			/* realmode_swtch */
	.word	0x1000			/* start_sys_seg */
	.word	setup_version - setup_start - 0x200
	.byte	0, 1			/* type_of_loader, loadflags: LOADED_HIGH */
	.word	0			/* setup_move_size */
setup_code32:
	.long	0x100000
	.long	0, 0, 0			/* ramdisk_image, ramdisk_size, bootsect_kludge */
	.word	0xde00			/* heap_end_ptr */
	.byte	0, 0
	.long	0			/* cmd_line_ptr */
	.long	0x7fffffff		/* initrd_addr_max */
	.long	0x1000			/* kernel_alignment */
	.byte	1, 12			/* relocatable_kernel, min_alignment */
	.word	0x3			/* xloadflags: 64-bit entry, can be loaded above 4 GiB */
	.long	COMMAND_LINE_SIZE, 0	/* cmdline_size, hardware_subarch */
	.quad	0			/* hardware_subarch_data */
	.long	0, 0			/* payload_offset, payload_length */
	.quad	0			/* setup_data */
	.quad	0x100000		/* pref_address */
	.long	setup_init_size
	.long	0			/* handover_offset */
	.long	0			/* kernel_info_offset */

	/* Leaves the processor's state in boot_params, whose address is `base`. Flags go over a stack of the same place. */
	.macro	save_state base, kind, a=eax
	movl	%eax, ENTRY_RAX\base
	movl	%ebx, ENTRY_RBX\base
	movl	%ecx, ENTRY_RCX\base
	movl	%edx, ENTRY_RDX\base
	movl	%esi, ENTRY_RSI\base
	movl	%edi, ENTRY_RDI\base
	movl	%ebp, ENTRY_RBP\base
	movl	%esp, ENTRY_RSP\base
	xorl	%eax, %eax
	.irp	field, ENTRY_CR0, ENTRY_CR3, ENTRY_CR4, ENTRY_RAX, ENTRY_RBX, ENTRY_RCX, ENTRY_RDX, ENTRY_RSI, ENTRY_RDI, ENTRY_RBP, ENTRY_RSP, ENTRY_GDT, ENTRY_IDT
	movl	%eax, \field + 4\base
	.endr
	movl	$\kind, ENTRY_KIND\base
	mov	%cr0, %\a
	mov	%\a, ENTRY_CR0\base
	mov	%cr3, %\a
	mov	%\a, ENTRY_CR3\base
	mov	%cr4, %\a
	mov	%\a, ENTRY_CR4\base
	movl	$0xc0000080, %ecx	/* EFER */
	rdmsr
	movl	%eax, ENTRY_EFER\base
	movl	%edx, ENTRY_EFER + 4\base
	.endm
	.macro	save_tables base
	sgdt	ENTRY_GDT\base
	sidt	ENTRY_IDT\base
	movw	%cs, ENTRY_CS\base
	movw	%ds, ENTRY_DS\base
	movw	%ss, ENTRY_SS\base
	.endm

	/* Real mode, from a boot loader that knows nothing better. */
setup16:
	save_state "", 16
	pushfl
	popl	ENTRY_FLAGS
	cli
	cld
	save_tables ""
	inb	$0x92, %al		/* A20: not every boot loader has switched it on */
	orb	$2, %al
	andb	$0xfe, %al		/* bit 0 resets the machine */
	outb	%al, $0x92
	xorl	%esi, %esi
	movw	%ds, %si
	shll	$4, %esi
	xorl	%ebx, %ebx
	movw	%cs, %bx
	shll	$4, %ebx
	leal	setup_descriptors - setup_start - 0x200(%ebx), %eax
	movl	%eax, %cs:setup_gdt + 2 - setup_start - 0x200
	lgdtl	%cs:setup_gdt - setup_start - 0x200
	movl	%cs:setup_code32 - setup_start - 0x200, %eax
	addl	$SETUP_ENTRY, %eax
	movl	%eax, %cs:setup_target - setup_start - 0x200
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	movw	$0x18, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	ljmpl	*%cs:setup_target - setup_start - 0x200
	.balign	8
setup_descriptors:
	.quad	0, 0
	.quad	0x00cf9a000000ffff	/* 0x10: 32-bit code */
	.quad	0x00cf92000000ffff	/* 0x18: data */
setup_gdt:
	.word	4 * 8 - 1
	.long	0
setup_target:
	.long	0
	.word	0x10
setup_version:
	.asciz	PAYLOAD_VERSION
	.org	0x400

	.section .head, "ax", @progbits
	.code32
	/* 32-bit protected mode, no paging. */
	jmp	entry32
	.org	SETUP_ENTRY
	jmp	from_setup
entry32:
	save_state (%esi), 32
	leal	ENTRY_RAX(%esi), %esp
	pushfl
	popl	ENTRY_FLAGS(%esi)
	cli
	save_tables (%esi)
from_setup:
	cli
	cld
	leal	ENTRY_RAX(%esi), %esp
	call	here
here:	popl	%ebp
	leal	NEAR(stack_top)(%ebp), %esp
	leal	NEAR(descriptors)(%ebp), %eax
	movl	%eax, NEAR(descriptors_pointer) + 2(%ebp)
	lgdt	NEAR(descriptors_pointer)(%ebp)

	/* Page tables: zero, then 2048 large pages, and the levels above. */
	leal	NEAR(page_tables) + 4095(%ebp), %ebx
	andl	$-4096, %ebx
	movl	%ebx, %edi
	movl	$PAGE_TABLES_SIZE / 4, %ecx
	xorl	%eax, %eax
	rep stosl
	movl	$0x83, %eax
	xorl	%ecx, %ecx
2:	movl	%eax, (%ebx, %ecx, 8)
	addl	$0x200000, %eax
	incl	%ecx
	cmpl	$2048, %ecx
	jb	2b
	leal	3(%ebx), %eax
	xorl	%ecx, %ecx
3:	movl	%eax, 4 * 4096(%ebx, %ecx, 8)
	addl	$4096, %eax
	incl	%ecx
	cmpl	$4, %ecx
	jb	3b
	leal	4 * 4096 + 3(%ebx), %eax
	movl	%eax, 5 * 4096(%ebx)
	movl	$0x20, %eax		/* PAE */
	movl	%eax, %cr4
	leal	5 * 4096(%ebx), %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx	/* EFER: LME */
	movl	$0x100, %eax
	xorl	%edx, %edx
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000000, %eax	/* PG */
	movl	%eax, %cr0
	pushl	$0x08
	leal	NEAR(in_long_mode)(%ebp), %eax
	pushl	%eax
	lretl

	/* 64-bit mode, memory identity-mapped as far as it is needed; 0x200 bytes after the 32-bit entry by the protocol. */
	.org	0x200
	.code64
entry64:
	save_state (%rsi), 64, rax
	movq	%rsi, ENTRY_RSI(%rsi)
	movq	%rsp, ENTRY_RSP(%rsi)
	leaq	ENTRY_RAX(%rsi), %rsp
	pushfq
	popq	%rax
	movl	%eax, ENTRY_FLAGS(%rsi)
	cli
	cld
	save_tables (%rsi)
	.globl	entry_again
entry_again:
	cli
	leaq	descriptors(%rip), %rax
	movq	%rax, descriptors_pointer + 2(%rip)
	lgdt	descriptors_pointer(%rip)
	leaq	stack_top(%rip), %rsp
	pushq	$0x08
	leaq	in_long_mode(%rip), %rax
	pushq	%rax
	lretq
in_long_mode:
	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	/* Not every loader clears what is not in the file. */
	leaq	bss_start(%rip), %rdi
	leaq	bss_end(%rip), %rcx
	subq	%rdi, %rcx
	xorl	%eax, %eax
	rep stosb
	movq	%rsi, %rdi
	call	payload_main
1:	hlt
	jmp	1b

	.section .data.descriptors, "aw", @progbits
	.balign	8
descriptors:
	.quad	0
	.quad	0x00af9a000000ffff	/* 0x08: 64-bit code */
	.quad	0x00cf9a000000ffff	/* 0x10: 32-bit code */
	.quad	0x00cf92000000ffff	/* 0x18: data */
descriptors_end:
descriptors_pointer:
	.word	descriptors_end - descriptors - 1
	.quad	0

	.section .noinit, "aw", @nobits
	.balign	16
	.skip	STACK_SIZE
	.globl	stack_top
stack_top:
	.globl	command_line_copy
command_line_copy:
	.skip	COMMAND_LINE_SIZE + 1
	.globl	page_tables
page_tables:
	.skip	PAGE_TABLES_SIZE + 4096
