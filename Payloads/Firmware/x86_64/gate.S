/* SPDX-License-Identifier: MIT
 *
 * The gate between 64-bit code and the BIOS. It is copied to a page below 640 KiB, where its address divided by 16 is its
 * segment; RealModeGate.swift fills in what depends on that. Three ways lead through it:
 *
 *     call   64-bit code calls real-mode code, as an interrupt, and gets the registers back; `hook_08` ends the call
 *            after some ticks of the timer, wherever it hangs
 *     jump   64-bit code leaves for real mode, for good
 *     hook   real-mode code calls the BIOS; 64-bit code answers, or passes it on
 *
 * On entry: 1. 64-bit: rdi = the gate's address, identity-mapped, tables below 4 GiB, interrupts off
 *           2. hooks: real mode, interrupts off, as `int` leaves it
 * On exit:  1. call, jump, hook: as described  2. in real mode CR4 and EFER are clear, A20 as it was
 *
 * In 64-bit and 32-bit code rbx is the gate's address; in real mode it is cs.
 */
#include "RealModeGate.h"

#define AT(label) (label - real_mode_gate_image)
/* What the way down does in real mode; in bp. */
#define THEN_CALL 0
#define THEN_RETURN 1
#define THEN_CHAIN 2
#define THEN_JUMP 3

	.section .gate, "awx", @progbits
	.balign	16
	.globl	real_mode_gate_image, real_mode_gate_end
real_mode_gate_image:
	.fill	GATE_TO_PROTECTED, 1, 0
	.long	AT(protected_entry)
	.word	0x10, 0
	.long	AT(long_entry)
	.word	0x08, 0
	.word	AT(real_entry), 0
	.word	AT(gate_call), AT(hook_08), AT(hook_13), AT(hook_15), AT(gate_jump)
	.word	6 * 8 - 1
	.quad	GATE_GDT
	.quad	0
	.quad	0x00af9a000000ffff	/* 0x08: 64-bit code */
	.quad	0x00cf9a000000ffff	/* 0x10: 32-bit code */
	.quad	0x00cf92000000ffff	/* 0x18: data */
	.quad	0x00009a000000ffff	/* 0x20: 16-bit code, 64 KiB from the gate */
	.quad	0x000092000000ffff	/* 0x28: 16-bit data, the first 64 KiB */

vectors16:
	.word	0x3ff
	.long	0
saved_descriptors:
	.word	0
	.long	0
saved_a20:
	.byte	0

	.code64
gate_jump:
	movl	$THEN_JUMP, %ebp
	movq	%rdi, %rbx
	jmp	way_down

gate_call:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rdi, %rbx
	movq	%rsp, GATE_RSP(%rbx)
	movq	%cr3, %rax
	movq	%rax, GATE_CR3(%rbx)
	movq	%cr4, %rax
	movq	%rax, GATE_CR4(%rbx)
	movl	$THEN_CALL, %ebp

way_down:
	lgdt	GATE_GDT_LIMIT(%rbx)
	pushq	$0x10
	leaq	1f(%rip), %rax
	pushq	%rax
	lretq

	/* Paging, long mode and all extensions off. */
	.code32
1:	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %ss
	movl	%cr0, %eax
	andl	$0x7fffffff, %eax	/* PG */
	movl	%eax, %cr0
	movl	$0xc0000080, %ecx	/* EFER */
	xorl	%eax, %eax
	xorl	%edx, %edx
	wrmsr
	movl	%eax, %cr4
	movl	%eax, %cr3
	lidt	AT(vectors16)(%ebx)

	/* The limits and widths of real mode come from descriptors: they stay when protection goes. */
	movl	$0x28, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	%eax, %fs
	movl	%eax, %gs
	ljmp	$0x20, $AT(2f)

	.code16
2:	movl	%cr0, %eax
	andb	$0xfe, %al		/* PE */
	movl	%eax, %cr0
	ljmp	*%cs:GATE_TO_REAL
real_entry:
	movw	%cs, %ax
	movw	%ax, %ds
	movw	%ax, %ss
	movl	$GATE_MEMORY_SIZE, %esp
	cmpw	$THEN_JUMP, %bp
	je	leave
	testw	%bp, %bp
	jnz	resume

	/* As `int` does: flags and return address on the stack, interrupts off; the routine's `iret` puts them on again. */
	call	load_registers
	sti
	pushfw
	cli
	lcall	*%cs:GATE_TARGET
	pushfw
	cli
	cld
	movw	%ds, %cs:GATE_DS
	pushw	%cs
	popw	%ds
	popw	GATE_FLAGS
	call	store_registers
returned:
	xorl	%ebp, %ebp

	/* From real mode to 64-bit mode; ebp is 0 for a call that has returned, else a hook's. */
way_up:	movw	%cs, %ax
	movw	%ax, %ds
	movzwl	%ax, %ebx
	shll	$4, %ebx
	lgdtl	GATE_GDT_LIMIT
	movl	%cr0, %eax
	orb	$1, %al			/* PE */
	movl	%eax, %cr0
	ljmpl	*GATE_TO_PROTECTED
	.code32
protected_entry:
	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	GATE_CR4(%ebx), %eax
	movl	%eax, %cr4
	movl	GATE_CR3(%ebx), %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx	/* EFER */
	movl	$0x100, %eax		/* LME */
	xorl	%edx, %edx
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000000, %eax	/* PG */
	movl	%eax, %cr0
	ljmpl	*GATE_TO_LONG(%ebx)
	.code64
long_entry:
	movl	%ebx, %ebx
	testl	%ebp, %ebp
	jnz	1f
	movq	GATE_RSP(%rbx), %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	retq
1:	movq	GATE_HANDLER_STACK(%rbx), %rsp
	movq	%rbx, %rdi
	call	*GATE_HANDLER(%rbx)
	movl	$THEN_CHAIN, %ebp
	subl	%eax, %ebp		/* 1: answered */
	jmp	way_down

	.code16
	/* One tick, and time is up where the countdown ends: what hangs is left where it is, its interrupt ended. */
hook_08:
	cmpw	$0, %cs:GATE_COUNTDOWN
	je	1f
	decw	%cs:GATE_COUNTDOWN
	jnz	1f
	cld
	movb	$0x20, %al		/* end of interrupt */
	outb	%al, $0xa0
	outb	%al, $0x20
	movw	$1, %cs:GATE_TIMED_OUT
	jmp	returned
1:	ljmp	*%cs:GATE_OLD_08

	/* What 64-bit code has nothing to say to goes on at once: BIOSes call some of int 15h while they wait for a disk. */
pass_13:
	ljmp	*%cs:GATE_OLD_13
pass_15:
	ljmp	*%cs:GATE_OLD_15
hook_13:
	cmpb	$0, %cs:GATE_BUSY
	jne	pass_13
	movw	$0x13, %cs:GATE_VECTOR
	jmp	1f
hook_15:
	cmpb	$0, %cs:GATE_BUSY
	jne	pass_15
	cmpb	$0xe8, %ah
	je	2f
	cmpb	$0x88, %ah
	jne	pass_15
2:	movw	$0x15, %cs:GATE_VECTOR
1:	movw	%ds, %cs:GATE_DS
	pushw	%cs
	popw	%ds
	call	store_registers
	movl	%esp, GATE_ESP
	movw	%ss, GATE_SS
	movw	%fs, GATE_FS
	movw	%gs, GATE_GS
	cld
	sgdtl	AT(saved_descriptors)
	inb	$0x92, %al
	movb	%al, AT(saved_a20)
	testb	$2, %al
	jnz	2f
	orb	$2, %al
	andb	$0xfe, %al		/* bit 0 resets the machine */
	outb	%al, $0x92
2:	movl	$1, %ebp
	jmp	way_up

	/* After a hook: the caller's stack and descriptors, then his registers or those of the answer. */
resume:	lgdtl	AT(saved_descriptors)
	movb	AT(saved_a20), %al
	testb	$2, %al
	jnz	1f
	andb	$0xfe, %al
	outb	%al, $0x92
1:	movw	GATE_SS, %ss
	movl	GATE_ESP, %esp
	movw	GATE_FS, %fs
	movw	GATE_GS, %gs
	cmpw	$THEN_CHAIN, %bp
	je	2f
	/* Carry and zero of the flags that `iret` takes. */
	movw	%sp, %bp
	movb	GATE_FLAGS, %al
	andb	$0x41, %al
	andb	$0xbe, 4(%bp)
	orb	%al, 4(%bp)
	call	load_registers
	iretw
2:	cmpb	$0x13, GATE_VECTOR
	je	3f
	call	load_registers
	jmp	pass_15
3:	call	load_registers
	jmp	pass_13

	/* For good: the target's own stack, interrupts as its flags say. */
leave:	movw	GATE_SS, %ss
	movl	GATE_ESP, %esp
	pushw	GATE_FLAGS
	pushw	GATE_TARGET + 2
	pushw	GATE_TARGET
	movw	GATE_FS, %fs
	movw	GATE_GS, %gs
	call	load_registers
	iretw

store_registers:
	movl	%eax, GATE_EAX
	movl	%ebx, GATE_EBX
	movl	%ecx, GATE_ECX
	movl	%edx, GATE_EDX
	movl	%esi, GATE_ESI
	movl	%edi, GATE_EDI
	movl	%ebp, GATE_EBP
	movw	%es, GATE_ES
	retw

load_registers:
	movl	GATE_EAX, %eax
	movl	GATE_EBX, %ebx
	movl	GATE_ECX, %ecx
	movl	GATE_EDX, %edx
	movl	GATE_ESI, %esi
	movl	GATE_EDI, %edi
	movl	GATE_EBP, %ebp
	movw	GATE_ES, %es
	movw	GATE_DS, %ds
	retw
real_mode_gate_end:
