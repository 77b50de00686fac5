/* SPDX-License-Identifier: MIT
 *
 * Memory of the payload that starts boot sectors, and what 64-bit code answers real-mode code by.
 */
#pragma once
#include <stdint.h>

/* As many entries of the BIOS's memory map are kept, 24 bytes each. */
#define MEMORY_ENTRIES 128
static inline void *_Nonnull memory_entries(void) {
    static uint64_t entries[MEMORY_ENTRIES * 3];
    return entries;
}

/* boot_params for a copy of the payload. */
static inline void *_Nonnull parameters_of_copy(void) {
    static uint64_t page[512];
    return page;
}

/* ImageBoot.swift: called by the gate. */
extern __attribute__((visibility("hidden"))) uint32_t answer_service(void);
static inline uintptr_t service_address(void) { return (uintptr_t)&answer_service; }

/* head.S: the end of the stack, of which nothing is left when the payload has jumped. */
extern __attribute__((visibility("hidden"))) char stack_top;
static inline uintptr_t service_stack(void) { return (uintptr_t)&stack_top; }
