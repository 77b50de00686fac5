/* SPDX-License-Identifier: MIT
 *
 * What head.S and the Swift of a payload that is its own kernel image must agree on.
 */
#pragma once

/* Where head.S leaves the state it was entered with, in boot_params: the last 276 bytes of the page are nobody's. */
#define ENTRY_STATE 0xef0
#define ENTRY_KIND 0xef0
#define ENTRY_FLAGS 0xef4
#define ENTRY_CR0 0xef8
#define ENTRY_CR3 0xf00
#define ENTRY_CR4 0xf08
#define ENTRY_EFER 0xf10
#define ENTRY_GDT 0xf18
#define ENTRY_IDT 0xf28
#define ENTRY_RAX 0xf38
#define ENTRY_RBX 0xf40
#define ENTRY_RCX 0xf48
#define ENTRY_RDX 0xf50
#define ENTRY_RSI 0xf58
#define ENTRY_RDI 0xf60
#define ENTRY_RBP 0xf68
#define ENTRY_RSP 0xf70
#define ENTRY_CS 0xf78
#define ENTRY_DS 0xf7a
#define ENTRY_SS 0xf7c

/* Of the longest command line, in bytes, without its NUL. */
#define COMMAND_LINE_SIZE 2047
#define STACK_SIZE 16384
/* Page tables that map the first 4 GiB to themselves: four page directories, and one page for each level above. */
#define PAGE_TABLES_SIZE (7 * 4096)

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

struct table_register {
    uint16_t limit;
    uint16_t base[4];
    uint16_t unused[3];
};

struct entry_state {
    /* 16, 32 or 64: the processor's mode. */
    uint32_t kind;
    uint32_t flags;
    uint64_t cr0, cr3, cr4, efer;
    struct table_register gdt, idt;
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
    uint16_t cs, ds, ss, unused;
};
#define ENTRY_FIELD(field, offset) _Static_assert(offsetof(struct entry_state, field) + ENTRY_STATE == (offset), #field)
ENTRY_FIELD(flags, ENTRY_FLAGS);
ENTRY_FIELD(efer, ENTRY_EFER);
ENTRY_FIELD(gdt, ENTRY_GDT);
ENTRY_FIELD(idt, ENTRY_IDT);
ENTRY_FIELD(rax, ENTRY_RAX);
ENTRY_FIELD(rsp, ENTRY_RSP);
ENTRY_FIELD(cs, ENTRY_CS);
ENTRY_FIELD(ss, ENTRY_SS);

/* Of the linker: the first byte behind the setup code, and the ends of the file and of what is used behind it. */
extern __attribute__((visibility("hidden"))) char image_start, file_end, memory_end;
static inline char *_Nonnull payload_start(void) { return &image_start; }
static inline uintptr_t payload_memory_size(void) { return (uintptr_t)(&memory_end - &image_start); }
static inline uintptr_t payload_file_size(void) { return (uintptr_t)(&file_end - &image_start); }

/* Seven pages, for page tables. */
extern __attribute__((visibility("hidden"))) char page_tables;
static inline void *_Nonnull own_page_tables(void) { return (void *)(((uintptr_t)&page_tables + 4095) & ~(uintptr_t)4095); }

/* Where copies of this image are entered, counted from its start: as by a loader, in 64-bit mode with rsi = boot_params. */
extern __attribute__((visibility("hidden"))) char entry_again;
static inline uintptr_t entry_again_offset(void) { return (uintptr_t)(&entry_again - &image_start); }
static inline void enter_copy(uintptr_t entry, const void *_Nonnull boot_params) {
    __asm__ volatile("jmp *%0" ::"r"(entry), "S"(boot_params));
}

/* Room for a command line and its NUL. */
extern __attribute__((visibility("hidden"))) unsigned char command_line_copy[];
static inline unsigned char *_Nonnull own_command_line(void) { return command_line_copy; }
#endif
