// SPDX-License-Identifier: MIT
// The payloads in the static program, packed in gzip's format: scripts/build-embedded.sh makes the symbols.
#pragma once
#include <stddef.h>
#include <stdint.h>

// One gzip stream, and the sizes of what is in it, one after the other.
#define PACKED(name) \
    extern const unsigned char packed_##name[], packed_##name##_end[]; \
    extern const uint32_t packed_##name##_sizes[]; \
    static inline const unsigned char *_Nonnull kx_packed_##name(void) { return packed_##name; } \
    static inline size_t kx_packed_##name##_size(void) { return (size_t)(packed_##name##_end - packed_##name); } \
    static inline size_t kx_size_in_##name(size_t index) { return packed_##name##_sizes[index]; }

PACKED(payloads)
PACKED(trampoline)
