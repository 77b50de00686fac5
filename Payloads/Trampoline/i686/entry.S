/* SPDX-License-Identifier: MIT
 *
 * From whoever loaded the image to a Linux kernel's 32-bit entry.
 *
 * On entry: 1. 32-bit protected mode, flat segments, paging and interrupts off, no stack  2. what the caller says of the
 *           machine in eax and ebx (Multiboot), ebx (PVH) or esi (Linux)
 * On exit:  as "32-bit BOOT PROTOCOL" of the kernel's boot protocol asks: 1. descriptors of our own, code 0x10 and data 0x18,
 *           both flat; interrupts off  2. esi = boot_params; ebx, edi and ebp zero  3. at the kernel's entry
 */
#include "Trampoline.h"

	.code32
	.section .text.entry, "ax", @progbits
	/* The head of the image has set esp; see linker.ld. */
	.globl	trampoline_entry
trampoline_entry:
	cli
	cld
	pushl	%esi
	pushl	%ebx
	pushl	%eax
	call	1f
1:	popl	%ebp
	leal	trampoline_parameters - 1b(%ebp), %edi
	pushl	TRAMPOLINE_BOOT_PARAMETERS(%edi)
	call	trampoline_main

	leal	descriptors - 1b(%ebp), %eax
	movl	%eax, descriptors_pointer + 2 - 1b(%ebp)
	lgdt	descriptors_pointer - 1b(%ebp)
	leal	2f - 1b(%ebp), %eax
	pushl	$0x10
	pushl	%eax
	lretl
2:	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	%eax, %fs
	movl	%eax, %gs
	movl	TRAMPOLINE_BOOT_PARAMETERS(%edi), %esi
	movl	TRAMPOLINE_KERNEL_ENTRY(%edi), %eax
	xorl	%ebx, %ebx
	xorl	%edi, %edi
	xorl	%ebp, %ebp
	jmpl	*%eax

	/* In one section with the code, so that distances are constants. */
	.balign	8
	/* mkelfimage fills this in; the numbers are checked against TrampolineParameters where Swift is compiled. */
	.globl	trampoline_parameters
trampoline_parameters:
	.long	TRAMPOLINE_PARAMETERS_VERSION
	.skip	TRAMPOLINE_PARAMETERS_SIZE - 4
descriptors:
	.quad	0, 0
	.quad	0x00cf9a000000ffff	/* 0x10: code */
	.quad	0x00cf92000000ffff	/* 0x18: data */
descriptors_end:
descriptors_pointer:
	.word	descriptors_end - descriptors - 1
	.long	0

	.section .bss.stack, "aw", @nobits
	.balign	16
	.skip	2048
stack_top:
