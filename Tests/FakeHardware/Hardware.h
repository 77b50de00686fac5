/* SPDX-License-Identifier: MIT
 *
 * Payloads/Support/include/Hardware.h without its instructions: functions that a test defines.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct processor_facts {
    uint32_t eax, ebx, ecx, edx;
};

void port_write(uint16_t port, uint8_t value);
uint8_t port_read(uint16_t port);
uint64_t time_stamp(void);
uint32_t processor_fact(uint32_t leaf, uint32_t subleaf, uint32_t number);
static inline struct processor_facts processor_facts(uint32_t leaf, uint32_t subleaf) {
    struct processor_facts facts = {
        processor_fact(leaf, subleaf, 0), processor_fact(leaf, subleaf, 1), processor_fact(leaf, subleaf, 2),
        processor_fact(leaf, subleaf, 3)};
    return facts;
}
void port_write16(uint16_t port, uint16_t value);
uint16_t port_read16(uint16_t port);
void port_write32(uint16_t port, uint32_t value);
uint32_t port_read32(uint16_t port);
void *_Nonnull memory_at(uintptr_t address);
void device_store(uintptr_t address, uint16_t value);
void device_store8(uintptr_t address, uint8_t value);
void device_store32(uintptr_t address, uint32_t value);
uint8_t device_load8(uintptr_t address);
uint16_t device_load16(uintptr_t address);
uint32_t device_load32(uintptr_t address);
static inline void device_fence(void) {}
void processor_halt(void);
uint64_t read_cr0(void);
void write_cr0(uint64_t value);
uint64_t read_cr3(void);
void write_cr3(uint64_t value);
uint64_t read_cr4(void);
void write_cr4(uint64_t value);
uint64_t read_msr(uint32_t number);
void write_msr(uint32_t number, uint64_t value);
__attribute__((noreturn)) void triple_fault(void);
void sha256_absorb_with_extensions(uint32_t *_Nonnull state, const void *_Nonnull blocks, uintptr_t count);
