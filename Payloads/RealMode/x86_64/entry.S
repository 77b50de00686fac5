/* SPDX-License-Identifier: MIT
 *
 * From 64-bit mode to real mode: Swift puts the machine back as firmware left it, and leaves by the gate.
 *
 * On entry: 1. 64-bit mode, interrupts off, entered by purgatory  2. this image lies below 640 KiB, on a page, and is
 *           identity-mapped
 * On exit:  a stack; the rest is real_mode_main's
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
