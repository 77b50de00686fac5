// SPDX-License-Identifier: MIT
import Foundation

/// A static program for the guest that calls `/dev/kexec` as no loader would: any segment table, any command number, from
/// a task without privileges, twice at once. See `Sources/Handoff/ModuleInterface.swift`.
///
/// `probe [drop|userns] COMMAND`, where `drop` gives CAP_SYS_BOOT away and `userns` enters a user namespace of its own,
/// both with the device already open. Numbers are decimal or begin with 0x; a trailing K or M multiplies.
///
/// | command | does |
/// |---|---|
/// | `status`, `unload`, `execute`, `dry-run` | that call |
/// | `load [entry=N] [flags=N] [count=N] [table=N] START,SIZE,BYTES[,ADDRESS]…` | one segment for each; `count` and `table` and ADDRESS (of the bytes) replace the true values |
/// | `call NUMBER` | that ioctl with 64 bytes of zeros |
/// | `repeat N START,SIZE,BYTES…` | N times load and unload |
/// | `busy START,SIZE,BYTES…` | asks for the status while another process loads, until it is told EBUSY |
/// | `clock` | prints the time-stamp counter as `LAB clock ticks=N`; needs no device |
/// | `kill START,SIZE,BYTES…` | the same, then kills that process by SIGKILL while it loads |
///
/// It prints `probe COMMAND result=NAME`, 0 or an errno's name, and what else there is to say; its status is 0 or 1.
enum ModuleProbe {
    static func make(in workshop: Workshop) async throws -> String {
        try await workshop.made("probe") { try await FreestandingProgram.compile(text, to: $0) }
    }

    /// Numbers are from `asm/unistd_64.h`, `asm-generic/errno.h`, `linux/capability.h`, `linux/sched.h`, `linux/mman.h`.
    private static let text = """
        typedef unsigned int u32; typedef unsigned long u64; typedef long s64;
        static long call(long number, long a, long b, long c, long d, long e, long f) {
            register long r10 __asm__("r10") = d; register long r8 __asm__("r8") = e; register long r9 __asm__("r9") = f;
            long result;
            __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                             : "rcx", "r11", "memory");
            return result;
        }
        enum { WRITE = 1, OPEN = 2, MMAP = 9, IOCTL = 16, NANOSLEEP = 35, FORK = 57, EXIT = 60, WAIT4 = 61, KILL = 62,
               CAPGET = 125, CAPSET = 126, CLOCK_GETTIME = 228, UNSHARE = 272, SCHED_YIELD = 24 };
        enum { LOAD = 0x4020be01, UNLOAD = 0xbe02, EXECUTE = 0xbe04, DRY_RUN = 0xbe05 };
        static const u32 STATUS = 0x8040be03;
        enum { EBUSY = 16, CAP_SYS_BOOT = 22, CLONE_NEWUSER = 0x10000000, SIGKILL = 9 };
        struct load { u64 entry, count, table, flags; };
        struct segment { u64 contents, bytes, start, size; };
        struct status { u32 interface, flags; s64 loads_left; u64 entry, held, in_place, to_copy, reserved[2]; };

        /* Output is one line, written at once. */
        static char line[1024]; static long used;
        static void put(const char *text) { while (*text && used < 1000) line[used++] = *text++; }
        static void number(u64 value) {
            char digits[24]; int n = 0;
            do digits[n++] = '0' + value % 10; while (value /= 10);
            while (n) { char one[2] = { digits[--n], 0 }; put(one); }
        }
        static void hexadecimal(u64 value) {
            put("0x");
            int shift = 60;
            while (shift && !(value >> shift)) shift -= 4;
            for (; shift >= 0; shift -= 4) { char one[2] = { "0123456789abcdef"[value >> shift & 15], 0 }; put(one); }
        }
        static void flush(void) { put("\\n"); call(WRITE, 1, (long)line, used, 0, 0, 0); used = 0; }
        static int same(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return *a == *b; }
        static const char *after(const char *text, const char *prefix) {
            while (*prefix) if (*text++ != *prefix++) return 0;
            return text;
        }
        static void failure(const char *what, long result) {
            static const struct { int number; const char *name; } names[] = {
                { 1, "EPERM" }, { 2, "ENOENT" }, { 4, "EINTR" }, { 5, "EIO" }, { 12, "ENOMEM" }, { 13, "EACCES" },
                { 14, "EFAULT" }, { 16, "EBUSY" }, { 22, "EINVAL" }, { 25, "ENOTTY" }, { 38, "ENOSYS" },
                { 95, "EOPNOTSUPP" }, { 99, "EADDRNOTAVAIL" }, { 75, "EOVERFLOW" }, { 7, "E2BIG" },
            };
            put(what);
            if (result >= 0) return number(result);
            for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
                if (names[i].number == -result) return put(names[i].name);
            put("errno-"); number(-result);
        }
        static const char *parse(const char *text, u64 *value) {
            u64 base = 10; *value = 0;
            if (text[0] == '0' && text[1] == 'x') { base = 16; text += 2; }
            for (;; text++) {
                u64 digit = *text >= '0' && *text <= '9' ? *text - '0'
                    : base == 16 && *text >= 'a' && *text <= 'f' ? *text - 'a' + 10 : 99;
                if (digit > 15) break;
                *value = *value * base + digit;
            }
            if (*text == 'K') { *value <<= 10; text++; }
            if (*text == 'M') { *value <<= 20; text++; }
            return text;
        }
        static __attribute__((noreturn)) void leave(int status) { call(EXIT, status, 0, 0, 0, 0, 0); __builtin_unreachable(); }
        static __attribute__((noreturn)) void stop(const char *what, long result) {
            put("probe "); failure(what, result); flush(); leave(2);
        }

        static int device;
        static long ask(u32 command, void *argument) { return call(IOCTL, device, command, (long)argument, 0, 0, 0); }
        static struct load load; static struct segment segments[32];
        /* Contents that the processor has touched, so that a load finds them in memory. */
        static u64 contents(u64 bytes) {
            long at = call(MMAP, 0, bytes + 4096, 3, 0x22, -1, 0);
            if (at < 0) stop("memory=", at);
            for (u64 i = 0; i < bytes; i += 4096) ((volatile char *)at)[i] = (char)(i >> 12) | 1;
            return at;
        }
        static void describe(char **words) {
            load.table = (u64)segments;
            u64 count = 0, given = ~0ul;
            for (; *words && count < 32; words++) {
                const char *text;
                if ((text = after(*words, "entry="))) parse(text, &load.entry);
                else if ((text = after(*words, "flags="))) parse(text, &load.flags);
                else if ((text = after(*words, "count="))) parse(text, &given);
                else if ((text = after(*words, "table="))) parse(text, &load.table);
                else {
                    struct segment *segment = &segments[count++];
                    text = parse(*words, &segment->start);
                    if (*text == ',') text = parse(text + 1, &segment->size);
                    if (*text == ',') text = parse(text + 1, &segment->bytes);
                    if (*text == ',') text = parse(text + 1, &segment->contents);
                    else segment->contents = contents(segment->bytes);
                    if (*text) stop("bad-segment=", -22);
                }
            }
            load.count = given == ~0ul ? count : given;
            if (!load.entry && count) load.entry = segments[0].start;
        }
        static u64 held(void) {
            struct status status;
            long result = ask(STATUS, &status);
            if (result < 0) stop("status=", result);
            return status.held;
        }
        static long show_status(void) {
            struct status status;
            long result = ask(STATUS, &status);
            if (result < 0) return result;
            put(" interface="); number(status.interface);
            put(" loaded="); number(status.flags & 1); put(" disabled="); number(status.flags >> 1 & 1);
            put(" beside="); number(status.flags >> 2 & 1); put(" other-flags="); number(status.flags >> 3);
            put(" left="); if (status.loads_left < 0) { put("-"); number(-status.loads_left); } else number(status.loads_left);
            put(" entry="); hexadecimal(status.entry); put(" held="); number(status.held);
            put(" in-place="); number(status.in_place); put(" to-copy="); number(status.to_copy);
            put(" reserved="); number(status.reserved[0] | status.reserved[1]);
            return 0;
        }
        static long repeat(char **words) {
            u64 times;
            parse(words[0], &times);
            describe(words + 1);
            u64 before = held();
            for (u64 i = 0; i < times; i++) {
                long result = ask(LOAD, &load);
                if (!result) result = ask(UNLOAD, 0);
                if (result) { put(" round="); number(i); return result; }
            }
            put(" times="); number(times); put(" held-before="); number(before); put(" held-after="); number(held());
            return 0;
        }
        static u64 milliseconds(void) {
            s64 time[2];
            call(CLOCK_GETTIME, 1, (long)time, 0, 0, 0, 0);
            return time[0] * 1000 + time[1] / 1000000;
        }
        /* Status calls while a child loads: their last result, once it is EBUSY or the child has ended. */
        static long beside(char **words, int kills) {
            describe(words);
            long child = call(FORK, 0, 0, 0, 0, 0, 0);
            if (child < 0) stop("fork=", child);
            if (child == 0) {
                /* The question of the other process may be the first of the two. */
                long loaded;
                do loaded = ask(LOAD, &load); while (loaded == -EBUSY);
                leave(loaded != 0);
            }
            struct status status;
            long result = 0, ended = 0; int how = 0;
            u64 asked = 0, killed = 0;
            while (!ended && result != -EBUSY) {
                result = ask(STATUS, &status);
                asked++;
                if (result != -EBUSY) ended = call(WAIT4, child, (long)&how, 1, 0, 0, 0);
                call(SCHED_YIELD, 0, 0, 0, 0, 0, 0);
            }
            if (kills && !ended) { killed = milliseconds(); call(KILL, child, SIGKILL, 0, 0, 0, 0); }
            if (!ended) call(WAIT4, child, (long)&how, 0, 0, 0, 0);
            put(" asked="); number(asked);
            put(" child-signal="); number(how & 127); put(" child-status="); number(how >> 8 & 255);
            if (killed) { put(" ended-after-ms="); number(milliseconds() - killed); }
            return result;
        }
        static void drop_capability(void) {
            struct { u32 version; int process; } header = { 0x20080522, 0 };
            struct { u32 effective, permitted, inheritable; } sets[2];
            long result = call(CAPGET, (long)&header, (long)sets, 0, 0, 0, 0);
            for (int i = 0; i < 2; i++) sets[i].inheritable = 0;
            sets[0].effective &= ~(1u << CAP_SYS_BOOT); sets[0].permitted &= ~(1u << CAP_SYS_BOOT);
            if (!result) result = call(CAPSET, (long)&header, (long)sets, 0, 0, 0, 0);
            if (result) stop("drop=", result);
        }
        void run(long *stack) {
            char **words = (char **)(stack + 1) + 1;
            if (!words[0]) stop("usage=", -22);
            if (same(words[0], "clock")) {
                u32 low, high;
                __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
                put("LAB clock ticks="); number((u64)high << 32 | low); flush();
                leave(0);
            }
            device = call(OPEN, (long)"/dev/kexec", 02000002, 0, 0, 0, 0);
            if (device < 0) stop("open=", device);
            put("probe ");
            if (same(words[0], "drop")) { drop_capability(); put("drop "); words++; }
            else if (same(words[0], "userns")) {
                long result = call(UNSHARE, CLONE_NEWUSER, 0, 0, 0, 0, 0);
                if (result) stop("unshare=", result);
                put("userns "); words++;
            }
            const char *command = words[0] ? words[0] : "";
            put(command);
            /* The result comes first in the line, but is known last. */
            long start = used, result = -22;
            if (same(command, "status")) result = show_status();
            else if (same(command, "load")) { describe(words + 1); result = ask(LOAD, &load); }
            else if (same(command, "unload")) result = ask(UNLOAD, 0);
            else if (same(command, "execute")) result = ask(EXECUTE, 0);
            else if (same(command, "dry-run")) result = ask(DRY_RUN, 0);
            else if (same(command, "call") && words[1]) {
                u64 which; static char zeros[64];
                parse(words[1], &which);
                result = ask(which, zeros);
            }
            else if (same(command, "repeat") && words[1]) result = repeat(words + 1);
            else if (same(command, "busy")) result = beside(words + 1, 0);
            else if (same(command, "kill")) result = beside(words + 1, 1);
            else stop("unknown=", -22);
            char rest[512]; long length = used - start;
            for (long i = 0; i < length; i++) rest[i] = line[start + i];
            rest[length] = 0;
            used = start;
            failure(" result=", result);
            put(rest);
            flush();
            leave(result != 0);
        }
        __asm__(".globl start\\nstart: mov %rsp, %rdi\\nand $-16, %rsp\\ncall run\\n");

        """
}
