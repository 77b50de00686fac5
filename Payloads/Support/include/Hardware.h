/* SPDX-License-Identifier: MIT
 *
 * The instructions of x86 that Swift has no words for, and the assembly that payloads call.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

static inline void port_write(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port)); }

static inline uint8_t port_read(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void port_write16(uint16_t port, uint16_t value) {
    __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}

static inline uint16_t port_read16(uint16_t port) {
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void port_write32(uint16_t port, uint32_t value) {
    __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}

static inline uint32_t port_read32(uint16_t port) {
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint64_t time_stamp(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

struct processor_facts {
    uint32_t eax, ebx, ecx, edx;
};

/* CPUID. */
static inline struct processor_facts processor_facts(uint32_t leaf, uint32_t subleaf) {
    struct processor_facts facts;
    __asm__ volatile("cpuid"
                     : "=a"(facts.eax), "=b"(facts.ebx), "=c"(facts.ecx), "=d"(facts.edx)
                     : "a"(leaf), "c"(subleaf));
    return facts;
}

/* Memory whose address is a fact of the PC, be it 0. */
static inline void *_Nonnull memory_at(uintptr_t address) {
    __asm__("" : "+r"(address));
    return (void *)address;
}

/* Memory that a device watches: neither left out nor put together with other stores. */
static inline void device_store(uintptr_t address, uint16_t value) { *(volatile uint16_t *)address = value; }
static inline void device_store32(uintptr_t address, uint32_t value) { *(volatile uint32_t *)address = value; }
static inline uint32_t device_load32(uintptr_t address) { return *(volatile uint32_t *)address; }
static inline void device_store8(uintptr_t address, uint8_t value) { *(volatile uint8_t *)address = value; }
static inline uint8_t device_load8(uintptr_t address) { return *(volatile uint8_t *)address; }
static inline uint16_t device_load16(uintptr_t address) { return *(volatile uint16_t *)address; }

/* Between memory that is shared with a device, and the register that tells the device of it. The order is the compiler's to
 * keep: x86 makes stores visible in theirs, makes loads in theirs, and no store to a device overtakes one to memory. */
static inline void device_fence(void) { __asm__ volatile("" ::: "memory"); }

#ifdef __x86_64__
static inline uint64_t read_cr0(void) {
    uint64_t value;
    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

static inline void write_cr0(uint64_t value) { __asm__ volatile("mov %0, %%cr0" ::"r"(value) : "memory"); }

static inline uint64_t read_cr3(void) {
    uint64_t value;
    __asm__ volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}

static inline void write_cr3(uint64_t value) { __asm__ volatile("mov %0, %%cr3" ::"r"(value) : "memory"); }

static inline uint64_t read_msr(uint32_t number) {
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return (uint64_t)high << 32 | low;
}

static inline void write_msr(uint32_t number, uint64_t value) {
    __asm__ volatile("wrmsr" ::"a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(number) : "memory");
}

static inline uint64_t read_cr4(void) {
    uint64_t value;
    __asm__ volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

static inline void write_cr4(uint64_t value) { __asm__ volatile("mov %0, %%cr4" ::"r"(value) : "memory"); }

/* Until the next interrupt. */
static inline void processor_halt(void) { __asm__ volatile("hlt"); }

/* No vector can be delivered any more: the next exception resets the processor. */
static inline __attribute__((noreturn)) void triple_fault(void) {
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none = {0, 0};
    __asm__ volatile("lidt %0; int3" ::"m"(none));
    __builtin_unreachable();
}
#endif

/* SHAExtensions.swift, a unit of its own because it is compiled for processors that have them. */
void sha256_absorb_with_extensions(uint32_t *_Nonnull state, const void *_Nonnull blocks, uintptr_t count);
