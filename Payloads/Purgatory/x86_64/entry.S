/* SPDX-License-Identifier: MIT
 *
 * The way into purgatory: own stack, own descriptors, own interrupt table, then Swift.
 *
 * On entry: 1. 64-bit mode, interrupts off  2. this image and all segments are identity-mapped, writable and executable
 *           3. CR4.OSFXSR is clear: no vector register may be touched  4. no stack, no descriptors worth keeping
 * On exit:  exit.S
 *
 * Position independent: every address is taken relative to RIP.
 */
#include "Purgatory.h"

	.code64
	.section .text.entry, "ax", @progbits
	.globl	purgatory_entry
purgatory_entry:
	cli
	cld
	leaq	purgatory_stack_top(%rip), %rsp

	/* Descriptors: 0x10 and 0x18 are what Linux calls __BOOT_CS and __BOOT_DS. */
	leaq	descriptors64(%rip), %rax
	movq	%rax, descriptors64_pointer + 2(%rip)
	lgdt	descriptors64_pointer(%rip)
	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	%eax, %fs
	movl	%eax, %gs
	pushq	$0x10
	leaq	1f(%rip), %rax
	pushq	%rax
	lretq

	/* Interrupt gates for the processor's own 32 vectors, so that a fault is told and not silent. */
1:	leaq	gates(%rip), %rdi
	leaq	vectors(%rip), %rax
	movl	$32, %ecx
2:	movq	%rax, %rdx
	movw	%dx, (%rdi)
	movw	$0x10, 2(%rdi)
	movw	$0x8e00, 4(%rdi)
	shrq	$16, %rdx
	movw	%dx, 6(%rdi)
	shrq	$16, %rdx
	movq	%rdx, 8(%rdi)
	addq	$16, %rdi
	addq	$5, %rax
	decl	%ecx
	jnz	2b
	leaq	gates(%rip), %rax
	movq	%rax, gates_pointer + 2(%rip)
	lidt	gates_pointer(%rip)

	xorl	%ebp, %ebp
	leaq	image_start(%rip), %rdi
	call	purgatory_main
	testl	%eax, %eax
	jz	purgatory_exit64

	/* What puts the machine back as firmware left it, for a target that may call the BIOS. */
	movq	purgatory_parameters + PURGATORY_PREPARATION(%rip), %rax
	testq	%rax, %rax
	jz	purgatory_exit32
	call	*%rax
	jmp	purgatory_exit32

	/* One call of five bytes for each vector: the return address tells which it was. */
	.section .text.vectors, "ax", @progbits
vectors:
	.rept	32
	.byte	0xe8
	.long	exception - . - 4
	.endr

	/* On the stack: return address, the error code of some vectors, RIP, CS, RFLAGS, RSP, SS. */
exception:
	xchgq	%rax, (%rsp)
	pushq	%rdx
	leaq	vectors(%rip), %rdx
	subq	%rdx, %rax
	cmpl	$5 * (2 + 1), %eax
	je	3f
	cmpl	$5 * (14 + 1), %eax
	jne	2f
	cmpb	$0, probing(%rip)
	je	2f

	/* The page fault that purgatory_probe waits for: go on behind the probe. */
	leaq	probe_failed(%rip), %rax
	movq	%rax, 24(%rsp)
	popq	%rdx
	popq	%rax
	addq	$8, %rsp
	iretq

	/* Anything else ends here: vector, words on the stack, the address of a page fault. A second time there is nothing
	 * left to say it with (in a TDX guest every port access is such a fault): reset. */
2:	btsl	$0, faulted(%rip)
	jc	4f
	xorl	%edx, %edx
	movl	$5, %ecx
	divl	%ecx
	leal	-1(%rax), %edi
	leaq	16(%rsp), %rsi
	movq	%cr2, %rdx
	andq	$-16, %rsp
	call	purgatory_fault

4:	lidt	no_gates(%rip)
	int3

	/* A non-maskable interrupt: a watchdog of the old kernel's. There is nothing to do for it here. */
3:	popq	%rdx
	popq	%rax
	iretq

	/* bool purgatory_probe(uintptr_t address): whether a byte can be read there. */
	.section .text.probe, "ax", @progbits
	.globl	purgatory_probe
purgatory_probe:
	movb	$1, probing(%rip)
	movb	(%rdi), %al
	movl	$1, %eax
	movb	$0, probing(%rip)
	retq
probe_failed:
	movb	$0, probing(%rip)
	xorl	%eax, %eax
	retq

	.section .data.descriptors, "aw", @progbits
	.balign	8
	.globl	descriptors64
descriptors64:
	.quad	0, 0
	.quad	0x00af9a000000ffff	/* 0x10: 64-bit code */
	.quad	0x00cf92000000ffff	/* 0x18: data, all of 4 GiB where limits count */
	.quad	0x00cf9a000000ffff	/* 0x20: 32-bit code, for the ways through protected mode */
descriptors64_end:
	.balign	8
	.skip	6			/* so that the base below is aligned */
descriptors64_pointer:
	.word	descriptors64_end - descriptors64 - 1
	.quad	0
	.balign	8
	.skip	6
gates_pointer:
	.word	32 * 16 - 1
	.quad	0
faulted:
	.long	0
probing:
	.byte	0

	/* The loader fills this in; the numbers are checked against PurgatoryParameters where Swift is compiled. */
	.section .parameters, "aw", @progbits
	.balign	16
	.globl	purgatory_parameters
purgatory_parameters:
	.long	PURGATORY_PARAMETERS_VERSION
	.skip	PURGATORY_PARAMETERS_SIZE - 4

	.section .bss.stack, "aw", @nobits
	.balign	16
	.skip	8192
	.globl	purgatory_stack_top
purgatory_stack_top:
	.section .bss.gates, "aw", @nobits
	.balign	16
gates:	.skip	32 * 16
