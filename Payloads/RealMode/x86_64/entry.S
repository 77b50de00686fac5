/* SPDX-License-Identifier: MIT
 *
 * From 64-bit mode to real mode: Swift puts the machine back as firmware left it, and leaves by the gate, or goes back to
 * purgatory for what is entered in protected mode.
 *
 * On entry: 1. 64-bit mode, interrupts off, called by purgatory, with a stack  2. this image lies on a page and is
 *           identity-mapped, below 640 KiB where it leaves for real mode, else below 4 GiB
 * On exit:  to purgatory: the caller's stack and registers, and page tables of this image's that map the first 4 GiB
 */
#include "RealMode.h"

	.code64
	.section .text.entry, "ax", @progbits
	.globl	real_mode_entry
real_mode_entry:
	cli
	cld
	movq	%rsp, %rax
	leaq	stack_top(%rip), %rsp
	pushq	%rax
	pushq	%rax			/* twice, for the ABI's alignment */
	call	real_mode_main
	popq	%rsp
	retq

	/* The loader fills this in; the numbers are checked against RealModeParameters where Swift is compiled. */
	.section .data.parameters, "aw", @progbits
	.balign	16
	.globl	real_mode_parameters
real_mode_parameters:
	.long	REAL_MODE_PARAMETERS_VERSION
	.skip	REAL_MODE_PARAMETERS_SIZE - 4

	.section .bss.stack, "aw", @nobits
	.balign	16
	.skip	4096
stack_top:
	.section .bss.tables, "aw", @nobits
	.balign	4096
	.globl	real_mode_page_tables
real_mode_page_tables:
	.skip	7 * 4096
