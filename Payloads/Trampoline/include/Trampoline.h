/* SPDX-License-Identifier: MIT
 *
 * What the trampoline's assembly and its Swift must agree on. Trampoline.swift refuses to be linked where the numbers differ
 * from TrampolineParameters.
 */
#pragma once

#define TRAMPOLINE_PARAMETERS_VERSION 1
#define TRAMPOLINE_PARAMETERS_SIZE 16
/* Offsets: what goes into esi, what is jumped to. */
#define TRAMPOLINE_BOOT_PARAMETERS 4
#define TRAMPOLINE_KERNEL_ENTRY 8

#ifndef __ASSEMBLER__
#include <stdint.h>

static inline uint32_t memory_load32(uint32_t address) { return *(const volatile uint32_t *)address; }
static inline uint8_t memory_load8(uint32_t address) { return *(const volatile uint8_t *)address; }
static inline void memory_store32(uint32_t address, uint32_t value) { *(volatile uint32_t *)address = value; }
static inline void memory_store8(uint32_t address, uint8_t value) { *(volatile uint8_t *)address = value; }
static inline __attribute__((noreturn)) void halt(void) {
    for (;;) __asm__ volatile("cli; hlt");
}

/* Defined nowhere: a link error says that the numbers above are not those of TrampolineParameters. */
void trampoline_h_disagrees_with_trampoline_parameters(void);
#endif
