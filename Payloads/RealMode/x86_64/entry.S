/* SPDX-License-Identifier: MIT
 *
 * From 64-bit mode to real mode: first Swift, which puts the machine back as firmware left it, then the way down.
 *
 * On entry: 1. 64-bit mode, interrupts off, entered by purgatory  2. this image lies below 640 KiB, on a page, and is
 *           identity-mapped
 * On exit:  1. real mode, registers and segments as the parameters say  2. interrupts off, the BIOS's vectors at 0
 *           3. CR4 and EFER clear, A20 on
 */
#include "RealMode.h"

	.code64
	.section .text.entry, "ax", @progbits
	.globl	real_mode_entry
real_mode_entry:
	cli
	cld
	leaq	stack_top(%rip), %rsp
	call	real_mode_main
	jmp	way_down

	/* Code and data of the way down lie together, so that distances between them are constants: everything from here on is
	 * addressed from `anchor`, whose address is in ebx, and whose sixteenth is the segment. It lies in the first megabyte. */
	.section .way_down, "awx", @progbits
	.balign	16
anchor:
	/* The loader fills this in; the numbers are checked against RealModeParameters where Swift is compiled. */
	.globl	real_mode_parameters
real_mode_parameters:
	.long	REAL_MODE_PARAMETERS_VERSION
	.skip	REAL_MODE_PARAMETERS_SIZE - 4

#define PARAMETERS(field) (real_mode_parameters - anchor + (field))

	.balign	8
descriptors:
	.quad	0, 0
	.quad	0x00cf9a000000ffff	/* 0x10: 32-bit code */
	.quad	0x00cf92000000ffff	/* 0x18: data */
code16:	.quad	0x00009a000000ffff	/* 0x20: 16-bit code, 64 KiB from the anchor */
	.quad	0x000092000000ffff	/* 0x28: 16-bit data, the first 64 KiB */
descriptors_end:
descriptors_pointer:
	.word	descriptors_end - descriptors - 1
	.quad	0
vectors16:
	.word	0x3ff
	.long	0

way_down:
	leaq	anchor(%rip), %rbx
	movl	%ebx, %eax
	movw	%ax, code16 + 2(%rip)
	shrl	$16, %eax
	movb	%al, code16 + 4(%rip)
	movl	%ebx, %eax
	shrl	$4, %eax
	movw	%ax, segment16(%rip)
	leaq	descriptors(%rip), %rax
	movq	%rax, descriptors_pointer + 2(%rip)
	lgdt	descriptors_pointer(%rip)
	pushq	$0x10
	leaq	1f(%rip), %rax
	pushq	%rax
	lretq

	/* 32-bit code: paging, long mode and all extensions off. */
	.code32
1:	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	%eax, %fs
	movl	%eax, %gs
	movl	%cr0, %eax
	andl	$0x7fffffff, %eax	/* PG */
	movl	%eax, %cr0
	movl	$0xc0000080, %ecx	/* EFER */
	xorl	%eax, %eax
	xorl	%edx, %edx
	wrmsr
	movl	%eax, %cr4
	movl	%eax, %cr3
	lidt	vectors16 - anchor(%ebx)

	/* The limits and widths of real mode come from descriptors: they stay when protection goes. */
	movl	$0x28, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	%eax, %fs
	movl	%eax, %gs
	ljmp	$0x20, $2f - anchor

	.code16
2:	movl	%cr0, %eax
	andb	$0xfe, %al		/* PE */
	movl	%eax, %cr0
	.byte	0xea			/* ljmp segment16, 3f */
	.word	3f - anchor
segment16:
	.word	0

3:	movw	%cs, %ax
	movw	%ax, %ds
	lssw	PARAMETERS(REAL_MODE_STACK), %sp
	movzwl	%sp, %esp
	/* The target goes onto the new stack: no register is free at the end. */
	pushl	PARAMETERS(REAL_MODE_ENTRY)
	movw	PARAMETERS(REAL_MODE_DATA), %ax
	movw	%ax, %es
	movw	%ax, %fs
	movw	%ax, %gs
	pushw	%ax
	movl	PARAMETERS(REAL_MODE_REGISTERS + 0), %eax
	movl	PARAMETERS(REAL_MODE_REGISTERS + 4), %ebx
	movl	PARAMETERS(REAL_MODE_REGISTERS + 8), %ecx
	movl	PARAMETERS(REAL_MODE_REGISTERS + 12), %edx
	movl	PARAMETERS(REAL_MODE_REGISTERS + 16), %esi
	movl	PARAMETERS(REAL_MODE_REGISTERS + 20), %edi
	movl	PARAMETERS(REAL_MODE_REGISTERS + 24), %ebp
	popw	%ds
	lretw

	.section .bss.stack, "aw", @nobits
	.balign	16
	.skip	4096
stack_top:
	.section .bss.tables, "aw", @nobits
	.balign	4096
	.globl	real_mode_page_tables
real_mode_page_tables:
	.skip	7 * 4096
