// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The C side of the module: what needs Linux's headers, one function for each question of linux_glue.h, the device, the
// parameters with their rules, and the way out of the running kernel. Exported symbols only; Linux 6.1 and later, x86-64.
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#include <linux/cc_platform.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/efi.h>
#include <linux/elf.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/notifier.h>
#include <linux/pid_namespace.h>
#include <linux/platform_device.h>
#include <linux/ratelimit.h>
#include <linux/reboot.h>
#include <linux/sched/signal.h>
#include <linux/security.h>
#include <linux/string.h>
#include <linux/suspend.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/hypervisor.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#include "include/linux_glue.h"

// --- Memory ---

uint64_t glue_allocate_block(unsigned int order)
{
	// No page is worth the out-of-memory killer: a load that fails leaves the machine as it was.
	gfp_t flags = GFP_KERNEL | __GFP_NOWARN | (order ? __GFP_NORETRY : __GFP_RETRY_MAYFAIL);
	struct page *page = alloc_pages(flags, order);

	return page ? page_to_phys(page) : 0;
}

void glue_free_block(uint64_t block, unsigned int order)
{
	__free_pages(pfn_to_page(PHYS_PFN(block)), order);
}

void *glue_pointer(uint64_t physical)
{
	return phys_to_virt(physical);
}

void *glue_allocate_table(uint64_t bytes)
{
	return vzalloc(bytes);
}

void glue_free_table(void *table)
{
	vfree(table);
}

int glue_copy_from_user(void *to, uint64_t user, uint64_t bytes)
{
	return copy_from_user(to, u64_to_user_ptr(user), bytes) ? -EFAULT : 0;
}

int glue_copy_to_user(uint64_t user, const void *from, uint64_t bytes)
{
	return copy_to_user(u64_to_user_ptr(user), from, bytes) ? -EFAULT : 0;
}

bool glue_is_interrupted(void)
{
	cond_resched();
	return fatal_signal_pending(current);
}

// --- The machine ---

uint64_t glue_total_pages(void)
{
	return totalram_pages();
}

uint64_t glue_address_limit(void)
{
	return MAXMEM;
}

uint64_t glue_elf_machine(void)
{
	return ELF_ARCH;
}

static int visit(struct resource *range, void *context)
{
	return core_take_ram(context, range->start, range->end + 1) ? 0 : -ENOMEM;
}

#ifdef CONFIG_EFI
static void visit_firmware(void *context)
{
	efi_memory_desc_t *range;

	if (!efi_enabled(EFI_MEMMAP))
		return;
	for_each_efi_memory_desc(range) {
		if (range->type == EFI_RUNTIME_SERVICES_DATA || range->type == EFI_RUNTIME_SERVICES_CODE)
			core_take_ram(context, range->phys_addr,
				      range->phys_addr + (range->num_pages << EFI_PAGE_SHIFT));
	}
}
#else
static void visit_firmware(void *context)
{
}
#endif

void glue_visit_ram(void *context)
{
	unsigned long ram = IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY;
	unsigned long reserved = IORESOURCE_MEM | IORESOURCE_BUSY;

	if (walk_iomem_res_desc(IORES_DESC_NONE, ram, 0, -1, context, visit) == -ENOMEM)
		return;
	// The next kernel's decompressor looks into both before it has page tables of its own.
	walk_iomem_res_desc(IORES_DESC_ACPI_TABLES, reserved, 0, -1, context, visit);
	walk_iomem_res_desc(IORES_DESC_ACPI_NV_STORAGE, reserved, 0, -1, context, visit);
	visit_firmware(context);
}

bool glue_has_five_levels(void)
{
	return pgtable_l5_enabled();
}

bool glue_has_gigabyte_pages(void)
{
	return boot_cpu_has(X86_FEATURE_GBPAGES);
}

uint64_t glue_current_root(void)
{
	return read_cr3_pa();
}

// --- The code that leaves: relocate_x86_64.S ---

void kexec_departure(u64 list, u64 root, u64 entry, u64 control, u64 cr0, u64 cr4);
void kexec_rehearsal(u64 list, u64 root, u64 unused, u64 control, u64 cr0, u64 cr4);
extern const char kexec_relocation[], kexec_relocation_end[];

uint64_t glue_departure_address(void)
{
	return (u64)kexec_departure;
}

uint64_t glue_departure_page(void)
{
	return (u64)vmalloc_to_pfn(kexec_departure) << PAGE_SHIFT;
}

const void *glue_relocation_code(void)
{
	return kexec_relocation;
}

uint64_t glue_relocation_size(void)
{
	return kexec_relocation_end - kexec_relocation;
}

void glue_depart(uint64_t list, uint64_t root, uint64_t entry, uint64_t control)
{
	u64 cr0 = (read_cr0() & ~(X86_CR0_AM | X86_CR0_WP | X86_CR0_TS | X86_CR0_EM)) | X86_CR0_PG | X86_CR0_PE;

	// A breakpoint in what is written or run from here on would find no handler.
	hw_breakpoint_disable();
	kexec_departure(list, root, entry, control, cr0, X86_CR4_PAE | (native_read_cr4() & X86_CR4_LA57));
}

#define CR4_LASS (1ull << 27)		// newer than some of the headers

void glue_rehearse(uint64_t list, uint64_t root, uint64_t control)
{
	unsigned long flags;
	u64 cr4;

	local_irq_save(flags);
	// A non-maskable interrupt may come: its handler finds all as usual, but for what forbids code in the lower half.
	cr4 = native_read_cr4() & ~(X86_CR4_CET | CR4_LASS);
	kexec_rehearsal(list, root, 0, control, read_cr0(), cr4);
	local_irq_restore(flags);
}

// --- The rules ---

static bool beside_native;
module_param(beside_native, bool, 0444);
MODULE_PARM_DESC(beside_native, "Load although the kernel has kexec of its own");

static bool disabled;
static int load_limit = -1;

// Both may only become stricter, and a module that has become so stays: it would forget it when it comes back.
static int set_disabled(const char *text, const struct kernel_param *parameter)
{
	bool wanted;
	int error = kstrtobool(text, &wanted);

	if (error)
		return error;
	if (disabled && !wanted)
		return -EPERM;
	if (wanted && !disabled)
		__module_get(THIS_MODULE);
	disabled = wanted;
	return 0;
}

static int set_load_limit(const char *text, const struct kernel_param *parameter)
{
	int wanted;
	int error = kstrtoint(text, 0, &wanted);

	if (error)
		return error;
	if (wanted < -1)
		return -EINVAL;
	if (load_limit != -1 && (wanted == -1 || wanted > load_limit))
		return -EPERM;
	if (wanted != -1 && load_limit == -1)
		__module_get(THIS_MODULE);
	load_limit = wanted;
	return 0;
}

static const struct kernel_param_ops disabled_ops = { .set = set_disabled, .get = param_get_bool };
static const struct kernel_param_ops load_limit_ops = { .set = set_load_limit, .get = param_get_int };
module_param_cb(disabled, &disabled_ops, &disabled, 0644);
MODULE_PARM_DESC(disabled, "No loading or unloading any more; cannot be taken back");
module_param_cb(load_limit, &load_limit_ops, &load_limit, 0644);
MODULE_PARM_DESC(load_limit, "Loads and unloads left, -1: no limit; can only fall");

bool glue_may_boot(void)
{
	return capable(CAP_SYS_BOOT);
}

bool glue_is_in_initial_process_namespace(void)
{
	return task_active_pid_ns(current) == &init_pid_ns;
}

bool glue_memory_is_encrypted(void)
{
	return cc_platform_has(CC_ATTR_MEM_ENCRYPT) || cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT);
}

bool glue_shares_memory_with_hypervisor(void)
{
	return boot_cpu_has(X86_FEATURE_XENPV) || hypervisor_is_type(X86_HYPER_XEN_HVM) ||
	       hypervisor_is_type(X86_HYPER_MS_HYPERV);
}

int glue_locked_down(void)
{
	return security_locked_down(LOCKDOWN_KEXEC);
}

int glue_load_policy(void)
{
	return security_kernel_load_data(LOADING_KEXEC_IMAGE, false);
}

bool glue_is_disabled(void)
{
	return READ_ONCE(disabled);
}

int64_t glue_loads_left(void)
{
	return READ_ONCE(load_limit);
}

void glue_count_load(void)
{
	kernel_param_lock(THIS_MODULE);
	if (load_limit > 0)
		load_limit--;
	kernel_param_unlock(THIS_MODULE);
}

bool glue_has_native_kexec(void)
{
	return IS_ENABLED(CONFIG_KEXEC_CORE);
}

void glue_pin(void)
{
	__module_get(THIS_MODULE);	// the caller has the device open
}

void glue_unpin(void)
{
	module_put(THIS_MODULE);
}

// --- The log ---

void glue_log(const char *format, uint64_t first, uint64_t second, uint64_t third)
{
	char line[160];

	snprintf(line, sizeof(line), format, first, second, third);
	pr_info("%s\n", line);
}

void glue_log_error(const char *format, uint64_t first, uint64_t second, uint64_t third)
{
	char line[160];
	// Whoever has the device open may ask without an end.
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 100);

	if (!__ratelimit(&limit))
		return;
	snprintf(line, sizeof(line), format, first, second, third);
	pr_err("%s\n", line);
}

// --- The way out: an orderly restart or power-off, ended by our own handler ---
//
// 1. Reboot notifiers.
// 2. Devices are shut down, the newest first.
// 3. Preparations of the restart or power-off: ours takes bus mastering from PCI functions, as a kexec of Linux's own
//    does, for a device without a driver's shutdown would write on.
// 4. The boot processor takes over, the others stop, interrupt controllers and IOMMUs go to their boot mode.
// 5. Restart or power-off handlers: ours is the first, and jumps.
//
// Linux 7.3 asks restart handlers after step 4, some older ones never do. Before, a power-off is the only exported way
// through all steps, and must not be one to anybody else: the first notifier is ours, and tells the others of a restart;
// the newest device is ours, and makes system_state RESTART, so that no driver cuts the power or arms a wake-up; and our
// preparation ends the others, for ACPI's would prepare the sleep state S5.
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0)
#define BY_RESTART 1
#define PREPARATION SYS_OFF_MODE_RESTART_PREPARE
#define LAST_STEP SYS_OFF_MODE_RESTART
#else
#define BY_RESTART 0
#define PREPARATION SYS_OFF_MODE_POWER_OFF_PREPARE
#define LAST_STEP SYS_OFF_MODE_POWER_OFF
#endif
#define BEFORE_ALL_OTHERS (1 << 20)

// Who is on the way out: a power-off that another task has asked for is none of ours.
static struct task_struct *departing;

static bool is_ours(void)
{
	return READ_ONCE(departing) == current;
}

static void shut_down_first(struct platform_device *device)
{
	if (is_ours())
		system_state = SYSTEM_RESTART;
}

static struct platform_driver departure_driver = {
	.driver = { .name = KBUILD_MODNAME, .probe_type = PROBE_FORCE_SYNCHRONOUS },
	.shutdown = shut_down_first,
};

// What a hypervisor writes to a KVM or VMware guest is ended by notifiers that act on a restart only.
static int announce_restart(struct notifier_block *self, unsigned long event, void *command)
{
	struct notifier_block *next;

	if (BY_RESTART || !is_ours())
		return NOTIFY_DONE;
	// The caller holds the lock of the chain.
	for (next = rcu_dereference_raw(self->next); next; next = rcu_dereference_raw(next->next)) {
		if (next->notifier_call(next, SYS_RESTART, command) & NOTIFY_STOP_MASK)
			break;
	}
	return NOTIFY_STOP;
}

static struct notifier_block first_notifier = { .notifier_call = announce_restart, .priority = INT_MAX };

static int prepare_departure(struct sys_off_data *data)
{
	struct pci_dev *function = NULL;

	if (!is_ours())
		return NOTIFY_DONE;
	for_each_pci_dev(function) {
		if (function->current_state <= PCI_D3hot)
			pci_clear_master(function);
	}
	return BY_RESTART ? NOTIFY_DONE : NOTIFY_STOP;
}

static int depart(struct sys_off_data *data)
{
	if (!is_ours())
		return NOTIFY_DONE;
	if (num_online_cpus() == 1 && irqs_disabled())
		core_depart();
	// "reboot=force": the other processors still run, and would run on over the next kernel.
	pr_emerg("processors and interrupts were not stopped: resetting the machine\n");
	emergency_restart();
	return NOTIFY_DONE;
}

// A processor that was taken offline may wait in MWAIT, for a write that the next kernel's would be.
static bool wakes_processors(void)
{
	return boot_cpu_has(X86_FEATURE_MWAIT) && !cpumask_subset(cpu_present_mask, cpu_online_mask);
}

// With nosmt no call brings sibling threads back. No variable that says so is exported, so the file is read. Where the
// caller has no sysfs nothing is known before wake_processors() tries.
uint32_t glue_sleeping_siblings(void)
{
	char control[16] = "";
	loff_t position = 0;
	struct file *file;

	if (!wakes_processors())
		return siblings_awake;
	file = filp_open("/sys/devices/system/cpu/smt/control", O_RDONLY, 0);
	if (IS_ERR(file))
		return siblings_awake;
	if (kernel_read(file, control, sizeof(control) - 1, &position) < 0)
		control[0] = 0;
	filp_close(file, NULL);
	if (sysfs_streq(control, "forceoff"))
		return siblings_off_for_good;
	return sysfs_streq(control, "off") ? siblings_off : siblings_awake;
}

static int wake_processors(void)
{
	unsigned int processor;
	int error;

	if (!wakes_processors())
		return 0;
	for_each_present_cpu(processor) {
		if (cpu_online(processor))
			continue;
		error = add_cpu(processor);
		if (!error)
			continue;
		pr_err("refused: processor %u is offline and cannot be brought back%s\n", processor,
		       error == -EPERM ? ": sibling threads are switched off (nosmt)" : "");
		return -EIO;
	}
	return 0;
}

// Everything that is undone where the machine goes on.
static int prepare(struct platform_device **device, struct sys_off_handler **preparation, struct sys_off_handler **last)
{
	*device = platform_device_register_simple(KBUILD_MODNAME, PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(*device))
		return PTR_ERR(*device);
	if (!(*device)->dev.driver)
		goto no_driver;
	*preparation = register_sys_off_handler(PREPARATION, BEFORE_ALL_OTHERS, prepare_departure, NULL);
	if (IS_ERR(*preparation))
		goto no_driver;
	*last = register_sys_off_handler(LAST_STEP, BEFORE_ALL_OTHERS, depart, NULL);
	if (IS_ERR(*last))
		goto no_last_step;
	if (!register_reboot_notifier(&first_notifier))
		return 0;
	unregister_sys_off_handler(*last);
no_last_step:
	unregister_sys_off_handler(*preparation);
no_driver:
	platform_device_unregister(*device);
	return -EIO;
}

int glue_leave(void)
{
	struct platform_device *device;
	struct sys_off_handler *preparation, *last;
	int error;

	// A reboot has begun already.
	if (system_state > SYSTEM_RUNNING)
		return -EBUSY;
	error = wake_processors();
	if (!error)
		error = prepare(&device, &preparation, &last);
	if (error)
		return error;
	// Suspend and hibernation wait, and reboot(2) where the kernel has either.
	lock_system_sleep();
	WRITE_ONCE(departing, current);
	if (BY_RESTART)
		kernel_restart(NULL);
	else
		kernel_power_off();
	// Not reached: the last step jumps or resets.
	emergency_restart();
	return -EIO;
}

// --- The device ---

static DEFINE_MUTEX(one_caller);

static long device_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	long result;

	if (!mutex_trylock(&one_caller))
		return -EBUSY;
	result = core_ioctl(command, argument);
	mutex_unlock(&one_caller);
	return result;
}

static const struct file_operations device_operations = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "kexec",
	.fops = &device_operations,
	.mode = 0600,
};

static int __init module_begin(void)
{
	int error;

	if (glue_has_native_kexec() && !beside_native) {
		pr_err("this kernel has kexec of its own: not needed (beside_native=1 loads the module all the same)\n");
		return -EOPNOTSUPP;
	}
	error = platform_driver_register(&departure_driver);
	if (error)
		return error;
	error = misc_register(&device);
	if (error)
		platform_driver_unregister(&departure_driver);
	return error;
}

static void __exit module_end(void)
{
	misc_deregister(&device);
	platform_driver_unregister(&departure_driver);
	// Only where the removal is forced is anything loaded.
	core_close();
}

module_init(module_begin);
module_exit(module_end);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("kexec for kernels built without it");
