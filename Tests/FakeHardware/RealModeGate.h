/* SPDX-License-Identifier: MIT
 *
 * Payloads/Firmware/include/RealModeGate.h: its fields, and functions that a test defines.
 */
#pragma once
#define gate_image linked_gate_image
#define gate_size linked_gate_size
#define enter_gate enter_linked_gate
#include "../../Payloads/Firmware/include/RealModeGate.h"
#undef gate_image
#undef gate_size
#undef enter_gate

const void *_Nonnull gate_image(void);
uintptr_t gate_size(void);
void enter_gate(struct real_mode_gate *_Nonnull gate, uintptr_t entry);
