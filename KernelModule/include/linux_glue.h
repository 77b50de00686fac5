// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The border between the Swift core and Linux: plain C types, physical addresses as numbers. linux_glue.c is the other
// side in the kernel, Tests/ModuleCoreTests the one on the host. What an image is and who may load it is decided in Swift.
#pragma once
#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
#endif

// --- What the core asks of Linux -------------------------------------------------------------------------------------

// Memory. Sizes of blocks are 4096 << order bytes.
enum { glue_largest_order = 9 };
// Physical address of a block, its contents undefined; 0: there is none. Never page 0.
uint64_t glue_allocate_block(unsigned order);
void glue_free_block(uint64_t block, unsigned order);
// Where the running kernel sees RAM at a physical address; of a block the whole is contiguous.
void *glue_pointer(uint64_t physical);
// A zeroed table for the time of a load, not at any particular physical address; null: there is no memory.
void *glue_allocate_table(uint64_t bytes);
void glue_free_table(void *table);
// 0, or not all could be copied.
int glue_copy_from_user(void *to, uint64_t user, uint64_t bytes);
int glue_copy_to_user(uint64_t user, const void *from, uint64_t bytes);
// Lets others run; whether a fatal signal wants the caller to end.
bool glue_is_interrupted(void);

// The machine.
uint64_t glue_total_pages(void);                // RAM, in pages of 4 KiB
uint64_t glue_address_limit(void);              // segments end below it
uint64_t glue_elf_machine(void);                // EM_X86_64, EM_AARCH64
// Calls core_take_ram(context, start, end) for each range of RAM, of ACPI tables and of EFI's runtime, until it says no.
void glue_visit_ram(void *context);
bool glue_has_five_levels(void);                // of page tables, in use
bool glue_has_gigabyte_pages(void);
uint64_t glue_current_root(void);               // physical address of the page table in use, bits 0 to 11 clear

// The code that leaves (relocate_ARCH.S): a part in module text, and one that runs on the control page.
uint64_t glue_departure_address(void);          // virtual, of the first
uint64_t glue_departure_page(void);             // physical, of its page
const void *glue_relocation_code(void);
uint64_t glue_relocation_size(void);            // bytes

// The rules. 0, or a negated errno.
bool glue_may_boot(void);                       // CAP_SYS_BOOT in the initial user namespace
bool glue_is_in_initial_process_namespace(void);
bool glue_memory_is_encrypted(void);
bool glue_shares_memory_with_hypervisor(void);  // Xen, Hyper-V: only a kexec of Linux's own takes it back
// Whether sibling threads wait for a write, which the next kernel's would be, and Linux would not bring them back.
enum { siblings_awake, siblings_off, siblings_off_for_good };
uint32_t glue_sleeping_siblings(void);
int glue_locked_down(void);
int glue_load_policy(void);                     // LoadPin, IMA, SELinux
bool glue_is_disabled(void);                    // the off switch
int64_t glue_loads_left(void);                  // -1: no limit
void glue_count_load(void);
bool glue_has_native_kexec(void);
// Keeps the module from being removed, while something is loaded.
void glue_pin(void);
void glue_unpin(void);

// One line of the kernel's log, a printf format of up to three 64-bit numbers (%llu, %llx).
void glue_log(const char *format, uint64_t first, uint64_t second, uint64_t third);
void glue_log_error(const char *format, uint64_t first, uint64_t second, uint64_t third);

// Leaves: shuts the devices down as a reboot does, and calls core_depart() as the last step. Returns a negated errno
// where nothing was touched yet.
int glue_leave(void);
// Jumps, with interrupts off and all other processors stopped.
void glue_depart(uint64_t list, uint64_t root, uint64_t entry, uint64_t control);
// The same code on the same kind of pages, and back: interrupts are off for some microseconds.
void glue_rehearse(uint64_t list, uint64_t root, uint64_t control);

// --- What Linux asks of the core -------------------------------------------------------------------------------------

// An ioctl of the device; calls exclude each other. 0, or a negated errno.
int64_t core_ioctl(uint32_t command, uint64_t argument);
// The module goes; nothing is loaded any more.
void core_close(void);
void core_depart(void);
bool core_take_ram(void *context, uint64_t start, uint64_t end);
