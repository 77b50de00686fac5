/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * From the running kernel's page tables to the next kernel's entry.
 *
 * kexec_departure lies in module text, and the new page tables map its page at the address it has. It switches to them and
 * goes on at the control page, which they map at its physical address, with a copy of kexec_relocation on it.
 * kexec_rehearsal sends the same code on its way with an entry that leads back.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/nospec-branch.h>

	.text
	.balign 64
/* rdi  list (CopyList.swift), physical
 * rsi  root of the page tables: CR3
 * rdx  entry
 * rcx  control page, physical
 * r8   CR0   r9  CR4: as the entry shall find them
 * Interrupts are off from here on. No return. CR4 goes first: where it has CET, CR0 may not lose WP, and where it has
 * LASS, nothing may run in the lower half. */
SYM_FUNC_START(kexec_departure)
	endbr64
	cli
	mov	%r9, %cr4
	mov	%r8, %cr0
	mov	%rsi, %cr3
	lea	0x1000(%rcx), %rsp
	push	%rcx
	ANNOTATE_UNRET_SAFE
	.byte	0xc3			/* ret: to the control page */
	int3
SYM_FUNC_END(kexec_departure)
	STACK_FRAME_NON_STANDARD kexec_departure

/* As above, but rdx is ours, and the page tables have the running kernel's upper half. Returns with all registers that a
 * function must keep. */
SYM_FUNC_START(kexec_rehearsal)
	endbr64
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%cr4, %rax
	push	%rax
	mov	%cr3, %rax
	push	%rax
	mov	%cr0, %rax
	push	%rax
	mov	%rsp, rehearsal_stack(%rip)
	lea	rehearsal_end(%rip), %rdx
	jmp	kexec_departure
rehearsal_end:
	/* CR3 last: its process-context number is good only with CR4.PCIDE. The stack is mapped by both tables. */
	mov	rehearsal_stack(%rip), %rsp
	pop	%rax
	mov	%rax, %cr0
	pop	%rdx
	pop	%rax
	mov	%rax, %cr4
	mov	%rdx, %cr3
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	RET
SYM_FUNC_END(kexec_rehearsal)
	STACK_FRAME_NON_STANDARD kexec_rehearsal

	.bss
	.balign 8
rehearsal_stack:
	.skip	8

/* Data for this kernel: it never runs where it lies.
 * On entry: rdi the list, rdx the entry, rsp the end of this page, CR0 and CR4 as the entry shall find them. */
	.section .rodata
	.balign 64
	.globl	kexec_relocation, kexec_relocation_end
kexec_relocation:
	cld
	mov	%rdi, %rbx
	/* A page of the list: address of the next, number of entries, entries. */
1:	test	%rbx, %rbx
	jz	6f
	mov	8(%rbx), %r9
	lea	16(%rbx), %r10
	/* An entry: destination and number of pages less one, source; 8-byte words are moved. */
2:	test	%r9, %r9
	jz	5f
	mov	(%r10), %rdi
	mov	8(%r10), %rsi
	mov	%edi, %ecx
	and	$0xfff, %ecx
	xor	%rcx, %rdi
	inc	%ecx
	shl	$9, %ecx
	test	%rsi, %rsi
	jz	3f
	rep movsq
	jmp	4f
3:	xor	%eax, %eax
	rep stosq
4:	add	$16, %r10
	dec	%r9
	jmp	2b
5:	mov	(%rbx), %rbx
	jmp	1b
	/* No stale translation, no stale instruction. */
6:	mov	%cr3, %rax
	mov	%rax, %cr3
	/* The entry finds no address to return to: some take one for a kernel to come back to. */
	push	$0
	push	%rdx
	.irp	register, eax, ebx, ecx, edx, esi, edi, ebp, r8d, r9d, r10d, r11d, r12d, r13d, r14d, r15d
	xor	%\register, %\register
	.endr
	.byte	0xc3			/* ret: to the entry */
	int3
kexec_relocation_end:

	.section .note.GNU-stack, "", @progbits
