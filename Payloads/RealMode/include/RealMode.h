/* SPDX-License-Identifier: MIT
 *
 * What the assembly of the way down to real mode and its Swift must agree on. RealMode.swift refuses to be linked where
 * the numbers differ from RealModeParameters.
 */
#pragma once

#define REAL_MODE_PARAMETERS_VERSION 3
#define REAL_MODE_PARAMETERS_SIZE 56

#ifndef __ASSEMBLER__
#include <stdint.h>

/* Seven pages of the image, for page tables. */
extern char real_mode_page_tables;
static inline void *_Nonnull page_tables(void) { return &real_mode_page_tables; }

/* What the loader has filled in. */
extern char real_mode_parameters;
static inline const void *_Nonnull parameters(void) { return &real_mode_parameters; }

/* Defined nowhere: a link error says that the numbers above are not those of RealModeParameters. */
void real_mode_h_disagrees_with_real_mode_parameters(void);
#endif
