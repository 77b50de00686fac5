// SPDX-License-Identifier: MIT
// The payloads in the static program, packed in gzip's format: scripts/build-embedded.sh makes the symbols.
#pragma once
#include <stddef.h>

#define PACKED(name) \
    extern const unsigned char packed_##name[], packed_##name##_end[]; \
    static inline const unsigned char *_Nonnull kx_packed_##name(void) { return packed_##name; } \
    static inline size_t kx_packed_##name##_size(void) { return (size_t)(packed_##name##_end - packed_##name); }

PACKED(purgatory)
PACKED(real_mode)
PACKED(bios_boot)
PACKED(trampoline)
