/* SPDX-License-Identifier: MIT
 *
 * Payloads/Standalone/include/Standalone.h: its fields, and functions that a test defines.
 */
#pragma once
#define payload_start linked_payload_start
#define payload_memory_size linked_payload_memory_size
#define payload_file_size linked_payload_file_size
#define own_page_tables linked_page_tables
#define entry_again_offset linked_entry_again_offset
#define enter_copy enter_linked_copy
#define own_command_line linked_command_line
#include "../../Payloads/Standalone/include/Standalone.h"
#undef payload_start
#undef payload_memory_size
#undef payload_file_size
#undef own_page_tables
#undef entry_again_offset
#undef enter_copy
#undef own_command_line

char *_Nonnull payload_start(void);
uintptr_t payload_memory_size(void);
uintptr_t payload_file_size(void);
void *_Nonnull own_page_tables(void);
uintptr_t entry_again_offset(void);
void enter_copy(uintptr_t entry, const void *_Nonnull boot_params);
unsigned char *_Nonnull own_command_line(void);
