// SPDX-License-Identifier: MIT
// The C library and kernel calls that Swift cannot import by itself: variadic functions and the errno macro.
// Every wrapper returns the call's result, or the negated errno. Beside them, what only C can ask of the processor.
#pragma once
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/utsname.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline long kx_result(long value) { return value < 0 ? -(long)errno : value; }

static inline int kx_errno(void) { return errno; }
static inline int kx_open(const char *path, int flags, int mode) { return (int)kx_result(open(path, flags, mode)); }
static inline int kx_openat(int at, const char *path, int flags, int mode) {
    return (int)kx_result(openat(at, path, flags, mode));
}
static inline long kx_read(int fd, void *bytes, unsigned long count) { return kx_result(read(fd, bytes, count)); }
static inline long kx_write(int fd, const void *bytes, unsigned long count) {
    return kx_result(write(fd, bytes, count));
}
/// stat(2) and fstat(2) in short: the type bits of st_mode, and the size in bytes.
static inline int kx_stat(const char *path, int *type, uint64_t *size) {
    struct stat status;
    long result = kx_result(stat(path, &status));
    if (result == 0) { *type = (int)(status.st_mode & S_IFMT); *size = (uint64_t)status.st_size; }
    return (int)result;
}
static inline int kx_fstat(int fd, int *type, uint64_t *size) {
    struct stat status;
    long result = kx_result(fstat(fd, &status));
    if (result == 0) { *type = (int)(status.st_mode & S_IFMT); *size = (uint64_t)status.st_size; }
    return (int)result;
}
/// The permission bits that a file of ours with a regular file's contents may have: its own, but for the right to run it; those
/// of its group only where that is ours, or where they are everybody's. 0600 for what is no regular file, as a pipe.
static inline uint32_t kx_permissions(int fd) {
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return 0600;
    uint32_t mode = (uint32_t)status.st_mode & 0644;
    if (status.st_gid != getegid()) mode &= ~(uint32_t)040 | (mode & 04) << 3;
    return mode | 0400;
}
/// fstat(2) in short: all of st_mode, and the owner.
static inline int kx_ownership(int fd, uint32_t *mode, uint32_t *owner) {
    struct stat status;
    long result = kx_result(fstat(fd, &status));
    if (result == 0) { *mode = (uint32_t)status.st_mode; *owner = (uint32_t)status.st_uid; }
    return (int)result;
}
/// Where the link that `fd` is leads to (O_PATH and O_NOFOLLOW); bytes written, without a zero at the end.
static inline long kx_read_link(int fd, void *bytes, unsigned long count) {
    return kx_result(readlinkat(fd, "", (char *)bytes, count));
}
/// 1 where `path` leads to a block device, with its number; else 0.
static inline int kx_block_device(const char *path, uint32_t *device_major, uint32_t *device_minor) {
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISBLK(status.st_mode)) return 0;
    *device_major = (uint32_t)major(status.st_rdev);
    *device_minor = (uint32_t)minor(status.st_rdev);
    return 1;
}
/// Whether two names lead to one file; not where one of them leads nowhere.
static inline int kx_same_file(const char *one, const char *other) {
    struct stat first, second;
    if (stat(one, &first) != 0 || stat(other, &second) != 0) return 0;
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}
static inline int kx_ftruncate(int fd, uint64_t size) { return (int)kx_result(ftruncate(fd, (off_t)size)); }
/// A second number for the same open file; close-on-exec is set.
static inline int kx_duplicate(int fd) { return (int)kx_result(fcntl(fd, F_DUPFD_CLOEXEC, 3)); }
/// Maps `size` bytes of a file, read-only and private, or shared and writable.
static inline int kx_map(int fd, unsigned long size, int writable, void **address) {
    void *map = mmap((void *)0, size, writable ? PROT_READ | PROT_WRITE : PROT_READ,
                     writable ? MAP_SHARED : MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) return -errno;
    *address = map;
    return 0;
}
/// Maps `size` zero bytes of this process alone; they count as used only once they are written to.
static inline int kx_map_memory(unsigned long size, void **address) {
    void *map = mmap((void *)0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) return -errno;
    *address = map;
    return 0;
}
/// Makes a map larger; it may move.
static inline int kx_enlarge_map(void **address, unsigned long old_size, unsigned long new_size) {
    long result = syscall(SYS_mremap, *address, old_size, new_size, 1 /* MREMAP_MAYMOVE */);
    if (result == -1) return -errno;
    *address = (void *)result;
    return 0;
}

/// A device's register in mapped memory, of 1, 2 or 4 bytes, read or written as a whole.
static inline uint32_t kx_device_load(const void *address, int size) {
    if (size == 1) return *(const volatile uint8_t *)address;
    if (size == 2) return *(const volatile uint16_t *)address;
    return *(const volatile uint32_t *)address;
}
static inline void kx_device_store(void *address, int size, uint32_t value) {
    if (size == 1) *(volatile uint8_t *)address = (uint8_t)value;
    else if (size == 2) *(volatile uint16_t *)address = (uint16_t)value;
    else *(volatile uint32_t *)address = value;
}
/// Gives a file another name in the same folder, in place of what has that one.
static inline int kx_rename(int folder, const uint8_t *from, const uint8_t *to) {
    return (int)kx_result(renameat(folder, (const char *)from, folder, (const char *)to));
}
static inline int kx_unlink_name(int folder, const uint8_t *name) {
    return (int)kx_result(unlinkat(folder, (const char *)name, 0));
}
static inline char *kx_copy_name(const uint8_t *name) { return strdup((const char *)name); }
/// Opens a name in a folder, close-on-exec; what it makes is for the caller alone.
static inline int kx_open_name(int folder, const uint8_t *name, int flags) {
    return (int)kx_result(openat(folder, (const char *)name, flags | O_CLOEXEC, 0600));
}

/// struct kexec_segment of <linux/kexec.h>.
struct kx_segment { const void *buf; unsigned long bufsz; unsigned long mem; unsigned long memsz; };

static inline long kx_kexec_load(unsigned long entry, unsigned long count, const struct kx_segment *segments,
                                 unsigned long flags) {
    return kx_result(syscall(SYS_kexec_load, entry, count, segments, flags));
}
#ifdef SYS_kexec_file_load
static inline long kx_kexec_file_load(int kernel, int initrd, unsigned long length, const char *line,
                                      unsigned long flags) {
    return kx_result(syscall(SYS_kexec_file_load, kernel, initrd, length, line, flags));
}
#else
static inline long kx_kexec_file_load(int kernel, int initrd, unsigned long length, const char *line,
                                      unsigned long flags) {
    (void)kernel; (void)initrd; (void)length; (void)line; (void)flags;
    return -(long)ENOSYS;
}
#endif
/// ioctl(2) with an argument in memory, or none; the command has 32 bits, whatever the C library makes of it.
static inline long kx_ioctl(int fd, uint32_t command, void *argument) {
    return kx_result(ioctl(fd, command, argument));
}
/// The width of the terminal that `fd` is, 0 where it does not tell; a negative errno where `fd` is none.
static inline int kx_terminal_columns(int fd) {
    struct winsize size;
    long result = kx_result(ioctl(fd, TIOCGWINSZ, &size));
    return result < 0 ? (int)result : size.ws_col;
}
static inline long kx_memfd_create(const char *name, unsigned flags) {
    return kx_result(syscall(SYS_memfd_create, name, flags));
}
/// reboot(2) with one of the LINUX_REBOOT_CMD_ values; returns only when it failed (or for CAD).
static inline long kx_reboot(unsigned command) {
    return kx_result(syscall(SYS_reboot, 0xfee1deadU, 672274793U, command, (void *)0));
}

/// The effective capabilities of this thread as a bit set; capget(2).
static inline long kx_effective_capabilities(uint64_t *effective) {
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{ 0 }};
    long result = kx_result(syscall(SYS_capget, &header, data));
    *effective = (uint64_t)data[1].effective << 32 | data[0].effective;
    return result;
}
/// Makes `effective` the effective capabilities of this thread, permitted ones stay as they are; capset(2).
static inline long kx_set_effective_capabilities(uint64_t effective) {
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{ 0 }};
    long result = kx_result(syscall(SYS_capget, &header, data));
    if (result < 0) return result;
    data[0].effective = (uint32_t)effective;
    data[1].effective = (uint32_t)(effective >> 32);
    return kx_result(syscall(SYS_capset, &header, data));
}
/// 0: no filter of system calls stands before this thread's; prctl(2), `PR_GET_SECCOMP`. -EINVAL: the kernel has none.
static inline long kx_seccomp_mode(void) { return kx_result(prctl(PR_GET_SECCOMP)); }
/// `uname -m` into `name`, always terminated.
static inline long kx_machine_name(char *name, unsigned long size) {
    struct utsname names;
    long result = kx_result(uname(&names));
    if (result < 0 || size == 0) return result;
    strncpy(name, names.machine, size - 1);
    name[size - 1] = 0;
    return 0;
}
static inline int kx_mkdirat(int at, const uint8_t *path, unsigned mode) {
    return (int)kx_result(mkdirat(at, (const char *)path, (mode_t)mode));
}
/// The next name of an open directory, valid until the next call; NULL at its end.
static inline const char *kx_next_name(DIR *directory) {
    struct dirent *entry = readdir(directory);
    return entry ? entry->d_name : (const char *)0;
}
/// openat2(2) with `root` as "/": neither symbolic links nor ".." lead out of it.
static inline int kx_open_in_root(int root, const char *path, int flags) {
    struct open_how how = { .flags = (uint64_t)(unsigned)flags, .resolve = RESOLVE_IN_ROOT };
    return (int)kx_result(syscall(SYS_openat2, root, path, &how, sizeof how));
}

/// The time-stamp counter, 0 on machines without one.
static inline uint64_t kx_time_stamp(void) {
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

/// Four words in one vector register. Swift's own shifts of vectors take each word out and put it back.
typedef uint32_t kx_words __attribute__((ext_vector_type(4)));
static inline kx_words kx_shifted_right(kx_words words, uint32_t count) { return words >> count; }
static inline kx_words kx_rotated_right(kx_words words, uint32_t count) {
    return words >> count | words << (32 - count);
}

#if defined(__x86_64__)
/// Whether the processor has SHA, SSSE3 and SSE4.1 (CPUID leaves 7 and 1).
static inline int kx_has_sha_extensions(void) {
    unsigned a = 0, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (a < 7) return 0;
    a = 1, c = 0;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (!(c & 1u << 9) || !(c & 1u << 19)) return 0;
    a = 7, c = 0;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return (b >> 29) & 1;
}
/// Payloads/Support/SHAExtensions.swift; only builds that define SHA_EXTENSIONS link it.
void sha256_absorb_with_extensions(uint32_t *state, const void *blocks, uintptr_t count);
void sha256_absorb_two_with_extensions(
    uint32_t *first_state, const void *first_blocks, uint32_t *second_state, const void *second_blocks, uintptr_t count);
#endif

/// Nanoseconds of a clock of clock_gettime(2), 0 where it cannot be read.
static inline uint64_t kx_nanoseconds(int clock) {
    struct timespec now;
    if (clock_gettime((clockid_t)clock, &now) != 0) return 0;
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
/// O_PATH of asm-generic/fcntl.h, the same on all our architectures; glibc shows it with _GNU_SOURCE only.
enum { KX_PATH_ONLY = 010000000 };
/// Occupies standard output and error where they are closed: a file that is opened later would get their number, and
/// the program's words. An O_PATH descriptor takes none, and needs no /dev. Standard input is only read on request.
static inline void kx_occupy_output(void) {
    int first = open("/", KX_PATH_ONLY | O_CLOEXEC), last = first;
    while (last >= 0 && last < 2) last = open("/", KX_PATH_ONLY | O_CLOEXEC);
    if (last > 2) (void)close(last);
    if (first == 0) (void)close(first);
}
/// Whether a descriptor is closed, occupied as above, or /dev/null.
static inline int kx_is_lost(int fd) {
    struct stat status;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & KX_PATH_ONLY) != 0) return flags >= 0 || errno == EBADF;
    if (fstat(fd, &status) != 0) return 0;
    return S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}
static inline long kx_readlink(const char *path, char *bytes, unsigned long count) {
    return kx_result(readlink(path, bytes, count));
}
/// A socket for rtnetlink; connected to nobody, so that every send goes to the kernel.
static inline int kx_rtnetlink(void) {
    return (int)kx_result(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0 /* NETLINK_ROUTE */));
}
static inline long kx_send(int fd, const void *bytes, unsigned long count) {
    return kx_result(send(fd, bytes, count, 0));
}
static inline long kx_receive(int fd, void *bytes, unsigned long count) {
    return kx_result(recv(fd, bytes, count, 0));
}
static inline int kx_execv(const char *path, char *const *arguments) { return (int)kx_result(execv(path, arguments)); }
/// fork(2) as the kernel knows it, for the C library's own brings its locks of threads along, which nobody here has: 0 in
/// the new process, in a session of its own and with /dev/null for standard streams, but the kernel's log for errors, its own
/// and those of the program that it becomes; else its number.
///
/// Where this one leads its terminal's session, its end hangs up on all that are still in it; and where it is a service's
/// main process, the service manager ends what is left: neither may reach the new one, which has to call
/// `kx_end_patience` before it starts another program.
static inline long kx_detach(void) {
    int null = open("/dev/null", O_RDWR);
    if (null < 0) return -(long)errno;
    void (*hangup)(int) = signal(SIGHUP, SIG_IGN), (*end)(int) = signal(SIGTERM, SIG_IGN);
    long process = kx_result(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    if (process != 0) {
        (void)signal(SIGHUP, hangup);
        (void)signal(SIGTERM, end);
    } else {
        (void)setsid();
        // What ends the wait: a shell that put the command into the background had it ignored.
        (void)signal(SIGINT, SIG_DFL);
        for (int number = 0; number < 3; number++) (void)dup2(null, number);
        int log = open("/dev/kmsg", O_WRONLY);
        if (log >= 0) (void)dup2(log, 2);
        if (log > 2) (void)close(log);
    }
    if (null > 2) (void)close(null);
    return process;
}
/// What is ignored stays ignored in the program that is started.
static inline void kx_end_patience(void) {
    (void)signal(SIGHUP, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
}
/// Bus errors: a mapped file was cut short, or cannot be read.
static inline void kx_on_bus_error(void (*handler)(int)) { (void)signal(SIGBUS, handler); }
/// What ends a program at a terminal, or when its session does.
static inline void kx_on_interruption(void (*handler)(int)) {
    (void)signal(SIGINT, handler);
    (void)signal(SIGTERM, handler);
    (void)signal(SIGHUP, handler);
}
/// Waits until there is something to read, or the end: 0 where neither came within the time, which -1 makes endless.
static inline int kx_await_input(int fd, int milliseconds) {
    struct pollfd file = { .fd = fd, .events = POLLIN };
    return (int)kx_result(poll(&file, 1, milliseconds));
}
/// Sleeps through signals that a handler takes. 1 where SIGINT or SIGTERM waits to be let through: whoever sleeps until
/// something comes about is asked to let it be.
static inline int kx_sleep(int milliseconds) {
    struct timespec left = { .tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L };
    sigset_t pending;
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {}
    if (sigpending(&pending) != 0) return 0;
    return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
}
/// Has signals wait, all but those that cannot, or lets them through that were before.
static inline void kx_hold_signals(int hold) {
    static sigset_t before;
    sigset_t all;
    (void)sigfillset(&all);
    if (hold) (void)sigprocmask(SIG_SETMASK, &all, &before);
    else (void)sigprocmask(SIG_SETMASK, &before, (sigset_t *)0);
}
/// Keeps all of this process in RAM, mlockall(2): what is in its file, or was swapped out, is read now, and what is still
/// to come is there from the start. The stack gets room for what is called from here on.
static inline int kx_lock_memory(void) {
    volatile char room[128 << 10];
    for (unsigned long place = 0; place < sizeof room; place += 4096) room[place] = 0;
    return (int)kx_result(mlockall(MCL_CURRENT | MCL_FUTURE));
}
static inline void kx_unlock_memory(void) { (void)munlockall(); }
/// Of the file system that `path` is on: f_type of statfs(2), and its device; 0 where there is none.
static inline int kx_file_system(const char *path, uint32_t *type, uint32_t *device_major, uint32_t *device_minor) {
    struct statfs system;
    struct stat status;
    if (statfs(path, &system) != 0 || stat(path, &status) != 0) return 0;
    *type = (uint32_t)system.f_type;
    *device_major = (uint32_t)major(status.st_dev);
    *device_minor = (uint32_t)minor(status.st_dev);
    return 1;
}
