/* SPDX-License-Identifier: MIT
 *
 * The gate between 64-bit code and the BIOS: gate.S, as it lies in the first megabyte. The assembly addresses the fields
 * by the macros, Swift by the structure; that both agree is checked below.
 */
#pragma once

/* The registers that real-mode code begins with, and those that it came back with. */
#define GATE_EAX 0
#define GATE_EBX 4
#define GATE_ECX 8
#define GATE_EDX 12
#define GATE_ESI 16
#define GATE_EDI 20
#define GATE_EBP 24
#define GATE_DS 28
#define GATE_ES 30
#define GATE_FLAGS 32
/* What is called or jumped to, offset before segment. */
#define GATE_TARGET 36
/* The stack of a jump; of a hooked interrupt the caller's, saved. */
#define GATE_ESP 40
#define GATE_SS 44
#define GATE_FS 46
#define GATE_GS 48
/* Which of the hooks was called. */
#define GATE_VECTOR 50
/* Ticks of the timer until a call is given up; 0: it may take as long as it wants. */
#define GATE_COUNTDOWN 52
#define GATE_TIMED_OUT 54
/* What the hooks took the place of, offset before segment. */
#define GATE_OLD_08 56
#define GATE_OLD_13 60
#define GATE_OLD_15 64
/* Not 0 while 64-bit code calls the BIOS on behalf of a hook: what the BIOS calls then is its own. */
#define GATE_BUSY 68
/* The processor's state in 64-bit mode. */
#define GATE_CR3 72
#define GATE_CR4 80
#define GATE_RSP 88
/* What runs in 64-bit mode for hooked interrupts, and the end of its stack. */
#define GATE_HANDLER 96
#define GATE_HANDLER_STACK 104
/* Far pointers of the way up, and of the way down. */
#define GATE_TO_PROTECTED 112
#define GATE_TO_LONG 120
#define GATE_TO_REAL 128
/* Offsets of what is called from outside: a constant of the image each. */
#define GATE_CALL 132
#define GATE_HOOK_08 134
#define GATE_HOOK_13 136
#define GATE_HOOK_15 138
#define GATE_JUMP 140
/* The descriptors and what points to them. */
#define GATE_GDT_LIMIT 142
#define GATE_GDT_BASE 144
#define GATE_GDT 152
#define GATE_FIELDS_SIZE 200

/* In memory: gate and real-mode stack. */
#define GATE_MEMORY_SIZE 8192

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

struct real_mode_registers {
    uint32_t eax, ebx, ecx, edx, esi, edi, ebp;
    uint16_t ds, es, flags, unused;
};

struct real_mode_gate {
    struct real_mode_registers registers;
    uint16_t target_offset, target_segment;
    uint32_t esp;
    uint16_t ss, fs, gs, vector;
    uint16_t countdown, timed_out;
    uint32_t old_08, old_13, old_15, busy;
    uint64_t cr3, cr4, rsp;
    uint64_t handler, handler_stack;
    uint32_t to_protected;
    uint16_t to_protected_selector, unused2;
    uint32_t to_long;
    uint16_t to_long_selector, unused3;
    uint16_t to_real, to_real_segment;
    uint16_t call, hook_08, hook_13, hook_15, jump;
    uint16_t gdt_limit;
    uint64_t gdt_base;
    uint64_t gdt[6];
};

#define GATE_FIELD(field, offset) _Static_assert(offsetof(struct real_mode_gate, field) == (offset), #field)
GATE_FIELD(registers.ebp, GATE_EBP);
GATE_FIELD(registers.flags, GATE_FLAGS);
GATE_FIELD(target_offset, GATE_TARGET);
GATE_FIELD(esp, GATE_ESP);
GATE_FIELD(ss, GATE_SS);
GATE_FIELD(vector, GATE_VECTOR);
GATE_FIELD(timed_out, GATE_TIMED_OUT);
GATE_FIELD(old_15, GATE_OLD_15);
GATE_FIELD(busy, GATE_BUSY);
GATE_FIELD(rsp, GATE_RSP);
GATE_FIELD(handler_stack, GATE_HANDLER_STACK);
GATE_FIELD(to_protected, GATE_TO_PROTECTED);
GATE_FIELD(to_long, GATE_TO_LONG);
GATE_FIELD(to_real, GATE_TO_REAL);
GATE_FIELD(jump, GATE_JUMP);
GATE_FIELD(gdt_limit, GATE_GDT_LIMIT);
GATE_FIELD(gdt, GATE_GDT);
_Static_assert(sizeof(struct real_mode_gate) == GATE_FIELDS_SIZE, "size");

/* The gate as it lies in the image, to be copied. */
extern __attribute__((visibility("hidden"))) const char real_mode_gate_image, real_mode_gate_end;
static inline const void *_Nonnull gate_image(void) { return &real_mode_gate_image; }
static inline uintptr_t gate_size(void) { return (uintptr_t)(&real_mode_gate_end - &real_mode_gate_image); }

/* Calls gate.S's 64-bit entry at `entry`; clobbers nothing that the ABI keeps. */
static inline void enter_gate(struct real_mode_gate *_Nonnull gate, uintptr_t entry) {
    ((void (*)(struct real_mode_gate *_Nonnull))entry)(gate);
}
#endif
