/* SPDX-License-Identifier: MIT
 *
 * What the compiler calls to copy and to fill. In assembly because it turns such a loop of Swift into a call of itself.
 * System V ABI for i386: arguments on the stack (destination, source or byte, count); eax = destination; esi and edi are
 * the caller's.
 */
	.section .text.memcpy, "ax", @progbits
	.globl memcpy
	.globl memmove
	/* Forwards: nothing here moves bytes to a higher address that overlaps. */
memcpy:
memmove:
	pushl	%esi
	pushl	%edi
	movl	12(%esp), %edi
	movl	16(%esp), %esi
	movl	20(%esp), %ecx
	movl	%edi, %eax
	rep movsb
	popl	%edi
	popl	%esi
	retl

	.section .text.memset, "ax", @progbits
	.globl memset
memset:
	pushl	%edi
	movl	8(%esp), %edi
	movl	12(%esp), %eax
	movl	16(%esp), %ecx
	rep stosb
	movl	8(%esp), %eax
	popl	%edi
	retl
