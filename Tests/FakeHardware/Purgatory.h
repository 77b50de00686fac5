/* SPDX-License-Identifier: MIT
 *
 * Payloads/Purgatory/include/Purgatory.h: its numbers, and functions that a test defines.
 */
#pragma once
#define __ASSEMBLER__
#include "../../Payloads/Purgatory/include/Purgatory.h"
#undef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>

bool purgatory_probe(uintptr_t address);
void purgatory_without_paging(uint32_t table, uint32_t leaves_x2apic);
void *page_table(void);
const void *parameters_block(void);
void purgatory_h_disagrees_with_purgatory_parameters(void);
