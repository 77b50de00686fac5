/* SPDX-License-Identifier: MIT
 *
 * What the compiler calls to copy and to fill. In assembly because it turns such a loop of Swift into a call of itself.
 * System V ABI: rdi destination, rsi source or byte, rdx count; rax = destination.
 */
	.section .text.memcpy, "ax", @progbits
	.globl memcpy
memcpy:
	movq	%rdi, %rax
	movq	%rdx, %rcx
	rep movsb
	retq

	.section .text.memset, "ax", @progbits
	.globl memset
memset:
	movq	%rdi, %r8
	movl	%esi, %eax
	movq	%rdx, %rcx
	rep stosb
	movq	%r8, %rax
	retq

	/* Backwards where the destination begins inside the source. */
	.section .text.memmove, "ax", @progbits
	.globl memmove
memmove:
	movq	%rdi, %rax
	movq	%rdx, %rcx
	subq	%rsi, %rdi
	cmpq	%rdx, %rdi
	movq	%rax, %rdi
	jae	1f
	leaq	-1(%rdi, %rdx), %rdi
	leaq	-1(%rsi, %rdx), %rsi
	std
	rep movsb
	cld
	retq
1:	rep movsb
	retq
