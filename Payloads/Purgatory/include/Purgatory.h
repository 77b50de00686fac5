/* SPDX-License-Identifier: MIT
 *
 * What purgatory's assembly and its Swift must agree on. Purgatory.swift refuses to be linked where the numbers differ
 * from PurgatoryParameters.
 */
#pragma once

#define PURGATORY_PARAMETERS_VERSION 1
#define PURGATORY_PARAMETERS_SIZE 1152
#define PURGATORY_ENTRY 8
#define PURGATORY_REGISTERS 24
#define PURGATORY_PREPARATION 112

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>

/* Whether a byte can be read at `address`: the identity map need not have it. */
bool purgatory_probe(uintptr_t address);

/* What only 32-bit code can do, with paging off for that long; this image must lie below 4 GiB.
 * table: a PML4 below 4 GiB, for which 5-level paging is left; 0 keeps what there is.
 * leaves_x2apic: not 0: the APIC goes from x2APIC mode to the one whose registers are memory; the spurious interrupt's and
 * both lines' registers keep what is in them. */
void purgatory_without_paging(uint32_t table, uint32_t leaves_x2apic);

/* A page of the image for that PML4, and the block that the loader has filled in: PurgatoryParameters. */
extern char purgatory_page_table, purgatory_parameters;
static inline void *page_table(void) { return &purgatory_page_table; }
static inline const void *parameters_block(void) { return &purgatory_parameters; }

/* Defined nowhere: a link error says that the numbers above are not those of PurgatoryParameters. */
void purgatory_h_disagrees_with_purgatory_parameters(void);
#endif
