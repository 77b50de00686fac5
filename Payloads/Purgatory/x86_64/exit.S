/* SPDX-License-Identifier: MIT
 *
 * The ways out of purgatory, and what is done on the way with paging off: from 5 to 4 levels of tables, and from x2APIC
 * mode to memory-mapped registers.
 *
 * On exit (64-bit):  1. registers as the parameters say, and a stack in any case: purgatory's own where they name none
 *                    2. code segment 0x10, data segments 0x18  3. paging as found, or with 4 levels  4. interrupts off, no
 *                    interrupt table
 * On exit (32-bit):  1. registers as above, their low halves  2. protected mode, flat segments 0x10 and 0x18
 *                    3. paging, EFER.LME and all of CR4 off  4. interrupts off, no interrupt table
 */
#include "Purgatory.h"

#define REGISTERS purgatory_parameters + PURGATORY_REGISTERS

	.code64
	.section .text.exit64, "ax", @progbits
	.globl	purgatory_exit64
purgatory_exit64:
	lidt	no_gates(%rip)
	movq	REGISTERS(%rip), %rax
	movq	REGISTERS + 8(%rip), %rbx
	movq	REGISTERS + 16(%rip), %rcx
	movq	REGISTERS + 24(%rip), %rdx
	movq	REGISTERS + 32(%rip), %rsi
	movq	REGISTERS + 40(%rip), %rdi
	movq	REGISTERS + 48(%rip), %rbp
	/* Programs push before they think; at 0 that would be a page fault without a handler. */
	leaq	purgatory_stack_top(%rip), %r8
	movq	REGISTERS + 56(%rip), %rsp
	testq	%rsp, %rsp
	cmovzq	%r8, %rsp
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%r10d, %r10d
	xorl	%r11d, %r11d
	xorl	%r12d, %r12d
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	xorl	%r15d, %r15d
	jmpq	*purgatory_parameters + PURGATORY_ENTRY(%rip)

	/* This image lies below 4 GiB: Swift has checked it. */
	.section .text.exit32, "ax", @progbits
	.globl	purgatory_exit32
purgatory_exit32:
	lidt	no_gates(%rip)
	/* No register is free at the end, so the target is written into the last jump. */
	movl	purgatory_parameters + PURGATORY_ENTRY(%rip), %eax
	movl	%eax, last_jump + 1(%rip)
	leaq	descriptors32(%rip), %rax
	movl	%eax, descriptors32_pointer + 2(%rip)
	leaq	purgatory_parameters(%rip), %rbx
	leaq	descriptors32_pointer(%rip), %rsi
	leaq	purgatory_stack_top(%rip), %rbp
	pushq	$0x20
	leaq	1f(%rip), %rax
	pushq	%rax
	lretq
	.code32
1:	movl	%cr0, %eax
	andl	$0x7fffffff, %eax	/* PG */
	movl	%eax, %cr0
	movl	$0xc0000080, %ecx	/* EFER */
	rdmsr
	andl	$~0x100, %eax		/* LME */
	wrmsr
	xorl	%eax, %eax
	movl	%eax, %cr4
	lgdt	(%esi)
	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	%eax, %fs
	movl	%eax, %gs
	movl	PURGATORY_REGISTERS(%ebx), %eax
	movl	PURGATORY_REGISTERS + 16(%ebx), %ecx
	movl	PURGATORY_REGISTERS + 24(%ebx), %edx
	movl	PURGATORY_REGISTERS + 32(%ebx), %esi
	movl	PURGATORY_REGISTERS + 40(%ebx), %edi
	movl	PURGATORY_REGISTERS + 56(%ebx), %esp
	testl	%esp, %esp
	cmovzl	%ebp, %esp
	movl	PURGATORY_REGISTERS + 48(%ebx), %ebp
	movl	PURGATORY_REGISTERS + 8(%ebx), %ebx
last_jump:
	.byte	0xea			/* ljmp $0x10, target */
	.long	0
	.word	0x10

	/* void purgatory_without_paging(table, leaves_x2apic). The number of levels can change only while paging is off, and
	 * the APIC's registers need not be mapped; paging cannot be off in 64-bit code: so through 32-bit code, which keeps no
	 * upper half of any register but CR3, where it writes none. */
	.code64
	.section .text.levels, "ax", @progbits
	.globl	purgatory_without_paging
purgatory_without_paging:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	leaq	4f(%rip), %rbx
	pushq	$0x20
	leaq	1f(%rip), %rax
	pushq	%rax
	lretq
	.code32
1:	movl	%cr0, %ebp
	movl	%ebp, %eax
	andl	$0x7fffffff, %eax	/* PG: EFER.LME stays on */
	movl	%eax, %cr0
	testl	%edi, %edi
	jz	2f
	movl	%cr4, %eax
	andl	$~0x1000, %eax		/* LA57 */
	movl	%eax, %cr4
	movl	%edi, %cr3
2:	testl	%esi, %esi
	jz	3f

	/* The way to the other mode leads through "off", which resets the registers. What Linux left in three of them lets
	 * the 8259's interrupts through; they are written in this order, for lines stay masked while the APIC is disabled. */
	movl	$0x836, %ecx		/* LINT1 */
	rdmsr
	pushl	%eax
	decl	%ecx			/* LINT0 */
	rdmsr
	pushl	%eax
	movl	$0x80f, %ecx		/* spurious interrupt */
	rdmsr
	pushl	%eax
	movl	$0x1b, %ecx		/* IA32_APIC_BASE */
	rdmsr
	andl	$~0xc00, %eax		/* EN, EXTD */
	wrmsr
	orl	$0x800, %eax
	wrmsr
	andl	$0xfffff000, %eax
	popl	%ecx
	movl	%ecx, 0xf0(%eax)
	popl	%ecx
	movl	%ecx, 0x350(%eax)
	popl	%ecx
	movl	%ecx, 0x360(%eax)
3:	movl	%ebp, %cr0
	pushl	$0x10
	pushl	%ebx
	lretl
	.code64
4:	movl	%esp, %esp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	retq

	.section .data.descriptors32, "aw", @progbits
	.balign	8
descriptors32:
	.quad	0, 0
	.quad	0x00cf9a000000ffff	/* 0x10: 32-bit code */
	.quad	0x00cf92000000ffff	/* 0x18: data */
descriptors32_end:
descriptors32_pointer:
	.word	descriptors32_end - descriptors32 - 1
	.long	0
	.globl	no_gates
no_gates:
	.word	0
	.quad	0

	.section .bss.page_table, "aw", @nobits
	.balign	4096
	.globl	purgatory_page_table
purgatory_page_table:
	.skip	4096
