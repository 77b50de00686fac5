// SPDX-License-Identifier: MIT
import Foundation

/// Marks of the guest's PID 1, as numbers of `MilestonePlugin`'s events.
///
/// A mark is the instruction `0f 1f 84 00 NN NN 4b 4d`, `nopl 0x4d4bNNNN(%rax,%rax)`: it does nothing, on no processor.
enum Mark: Int {
    case loadBegins = 1, loadEnds = 2, jump = 6, arrived = 90
    var event: String { "#\(rawValue)" }
}

/// `/init` of both kernels: one static program without any library, so that its bytes depend on the compiler alone.
///
/// With `/case` in the initramfs it obeys it, a command per line, words separated by tabs:
/// - `symbols NAME…`: prints `SYMBOL ADDRESS NAME` from `/proc/kallsyms`
/// - `settle MILLISECONDS`: lets the kernel's own late work end
/// - `join FILE HEAD BLOCK COUNT TAIL`: a file from others, with the block's number in the first 8 bytes of each block
/// - `insmod FILE PARAMETERS`
/// - `load PROGRAM ARGUMENTS…`: runs the loader between two marks and prints `LOAD status=… rss=…`, in KiB
/// - `memory PROGRAM ARGUMENTS…`: the same without marks, and `MEMORY status=… anonymous=…`: the most that was seen
///   when looking every virtual millisecond
/// - `jump`, `jump-by-module`
///
/// Without `/case` it has arrived: it says so and switches the machine off.
enum BenchInit {
    static func make(in workshop: Workshop) async throws -> String {
        try await workshop.made("bench-init") { path in
            let source = path + ".c"
            try text.write(toFile: source, atomically: true, encoding: .utf8)
            let options = [
                "-target", "x86_64-unknown-none-elf", "-O2", "-Wall", "-Werror", "-fno-stack-protector", "-mno-sse",
                "-nostdlib", "-ffreestanding", "-fno-builtin", "-fPIC", "-mno-red-zone", "-c", source, "-o",
                path + ".o",
            ]
            _ = try await HostCommand("clang", options).output()
            // High, so that code at low addresses is none of ours.
            let link = ["-static", "-nostdlib", "-e", "start", "--image-base=0x500000000000", path + ".o", "-o", path]
            _ = try await HostCommand("ld.lld", link).output()
        }
    }

    /// Numbers are from `asm/unistd_64.h`, `linux/reboot.h`, `linux/resource.h` and `asm-generic/mman-common.h`.
    private static let text = #"""
        typedef unsigned int u32; typedef unsigned long u64;
        #define MARK(n) __asm__ volatile(".byte 0x0f,0x1f,0x84,0x00,%c0,%c1,0x4b,0x4d" ::"i"((n) & 255), "i"((n) >> 8))
        enum { READ = 0, WRITE = 1, OPEN = 2, CLOSE = 3, IOCTL = 16, NANOSLEEP = 35, FORK = 57, EXECVE = 59, EXIT = 60, WAIT4 = 61,
               MOUNT = 165, MKDIR = 83, REBOOT = 169, FINIT_MODULE = 313 };
        enum { WRITE_ONLY = 1, CREATE = 0100, NO_HANG = 1 };
        static long call(long number, long a, long b, long c, long d, long e) {
            register long r10 __asm__("r10") = d;
            register long r8 __asm__("r8") = e;
            long result;
            __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                             : "rcx", "r11", "memory");
            return result;
        }
        /* The compiler calls it. */
        void *memset(void *to, int value, u64 count) {
            void *at = to;
            __asm__ volatile("rep stosb" : "+D"(at), "+c"(count) : "a"(value) : "memory");
            return to;
        }
        static u64 length(const char *text) { u64 n = 0; while (text[n]) n++; return n; }
        static int equal(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return *a == *b; }
        static void say(const char *text) { call(WRITE, 1, (long)text, length(text), 0, 0); }
        static void say_number(long number) {
            char text[24];
            int at = sizeof text, negative = number < 0;
            u64 left = negative ? -number : number;
            text[--at] = 0;
            do text[--at] = '0' + left % 10; while (left /= 10);
            if (negative) text[--at] = '-';
            say(text + at);
        }
        static void pause_for(long milliseconds) {
            long time[2] = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
            call(NANOSLEEP, (long)time, 0, 0, 0, 0);
        }
        static void power_off(void) {
            pause_for(100);
            call(REBOOT, 0xfee1dead, 0x28121969, 0x4321fedc, 0, 0);
            for (;;) pause_for(1000);
        }
        static void fail(const char *what, long error) {
            say("FAILED "); say(what); say(" "); say_number(error); say("\n");
            power_off();
        }
        static u64 number(const char *text) { u64 n = 0; while (*text >= '0' && *text <= '9') n = n * 10 + *text++ - '0'; return n; }

        static char buffer[1 << 20];
        static long open_for_reading(const char *path) {
            long file = call(OPEN, (long)path, 0, 0, 0, 0);
            if (file < 0) fail(path, file);
            return file;
        }
        static u64 fill(long file) {
            u64 have = 0;
            long got;
            while (have < sizeof buffer && (got = call(READ, file, (long)(buffer + have), sizeof buffer - have, 0, 0)) > 0) have += got;
            return have;
        }
        static void put(long file, u64 size) {
            for (u64 at = 0; at < size;) {
                long wrote = call(WRITE, file, (long)(buffer + at), size - at, 0, 0);
                if (wrote <= 0) fail("write", wrote);
                at += wrote;
            }
        }
        static void append(long file, const char *path) {
            long source = open_for_reading(path);
            for (u64 size; (size = fill(source)) > 0;) put(file, size);
            call(CLOSE, source, 0, 0, 0, 0);
        }
        static void join(char **word) {
            long file = call(OPEN, (long)word[0], WRITE_ONLY | CREATE, 0600, 0, 0), block;
            if (file < 0) fail(word[0], file);
            append(file, word[1]);
            block = open_for_reading(word[2]);
            u64 size = fill(block), count = number(word[3]);
            for (u64 i = 0; i < count; i++) { *(u64 *)buffer = i; put(file, size); }
            append(file, word[4]);
            call(CLOSE, block, 0, 0, 0, 0);
            call(CLOSE, file, 0, 0, 0, 0);
        }

        /* A line of kallsyms is "ADDRESS TYPE NAME", and "\t[MODULE]" behind those of modules. */
        static void symbol(char *line, char **names) {
            char *name = line;
            for (int spaces = 0; *name && spaces < 2; name++) spaces += *name == ' ';
            for (; *names; names++) {
                if (!equal(name, *names)) continue;
                line[16] = 0;
                say("SYMBOL "); say(line); say(" "); say(name); say("\n");
            }
        }
        static void symbols(char **names) {
            static char line[1024];
            u64 at = 0, size;
            long file = open_for_reading("/proc/kallsyms");
            while ((size = fill(file)) > 0)
                for (u64 i = 0; i < size; i++) {
                    if (buffer[i] != '\n') { if (at < sizeof line - 1) line[at++] = buffer[i]; continue; }
                    line[at] = 0;
                    at = 0;
                    symbol(line, names);
                }
            call(CLOSE, file, 0, 0, 0, 0);
        }

        static char *environment[] = { "PATH=/sbin:/usr/sbin:/bin", 0 };
        static long start_child(char **word) {
            long child = call(FORK, 0, 0, 0, 0, 0);
            if (child) return child;
            long error = call(EXECVE, (long)word[0], (long)word, (long)environment, 0, 0);
            say("cannot start "); say(word[0]); say("\n");
            call(EXIT, error ? 127 : 0, 0, 0, 0, 0);
            return 0;
        }
        static void say_end(const char *what, u32 status, const char *key, long kibibytes) {
            say(what); say(" status="); say_number(status & 127 ? 128 + (status & 127) : status >> 8);
            say(key); say_number(kibibytes); say("\n");
            if (status) power_off();
        }
        static void load(char **word) {
            u32 status = 0;
            long usage[18] = { 0 };                          /* struct rusage; ru_maxrss is its fifth word */
            MARK(1);
            call(WAIT4, start_child(word), (long)&status, 0, (long)usage, 0);
            MARK(2);
            say_end("LOAD", status, " rss=", usage[4]);
        }
        /* RssAnon of /proc/PID/status, in KiB; 0 when the process has ended. */
        static long anonymous(const char *path) {
            static const char key[] = "RssAnon:";
            long file = call(OPEN, (long)path, 0, 0, 0, 0);
            if (file < 0) return 0;
            long size = call(READ, file, (long)buffer, 4096, 0, 0);
            call(CLOSE, file, 0, 0, 0, 0);
            for (long at = 0; at + 32 < size; at++) {
                u64 i = 0;
                while (key[i] && buffer[at + i] == key[i]) i++;
                if (key[i]) continue;
                for (at += i; buffer[at] == ' ' || buffer[at] == '\t';) at++;
                return number(buffer + at);
            }
            return 0;
        }
        static void memory(char **word) {
            char path[40] = "/proc/", digits[24];
            u32 status = 0;
            long child = start_child(word), most = 0;
            int at = 6, have = 0;
            for (long left = child; left; left /= 10) digits[have++] = '0' + left % 10;
            while (have) path[at++] = digits[--have];
            for (const char *end = "/status"; *end;) path[at++] = *end++;
            while (call(WAIT4, child, (long)&status, NO_HANG, 0, 0) == 0) {
                long now = anonymous(path);
                if (now > most) most = now;
                pause_for(1);
            }
            say_end("MEMORY", status, " anonymous=", most);
        }
        static void insert_module(char **word) {
            long file = open_for_reading(word[0]);
            long error = call(FINIT_MODULE, file, (long)(word[1] ? word[1] : ""), 0, 0, 0);
            if (error) fail("insmod", error);
            call(CLOSE, file, 0, 0, 0, 0);
        }
        static void jump(void) {
            say("JUMP\n");
            pause_for(20);                                   /* the console's last characters */
            MARK(6);
            fail("jump", call(REBOOT, 0xfee1dead, 0x28121969, 0x45584543, 0, 0));
        }
        /* See Sources/Handoff/ModuleInterface.swift: the kernel's own jump knows nothing of the module's image. */
        static void jump_by_module(void) {
            long device = open_for_reading("/dev/kexec");
            say("JUMP\n");
            pause_for(20);
            MARK(6);
            fail("jump", call(IOCTL, device, 0xbe04, 0, 0, 0));
        }
        static void obey(char **word, int count) {
            if (equal(word[0], "symbols")) symbols(word + 1);
            else if (equal(word[0], "settle")) pause_for(number(word[1]));
            else if (equal(word[0], "join") && count == 6) join(word + 1);
            else if (equal(word[0], "insmod")) insert_module(word + 1);
            else if (equal(word[0], "load")) load(word + 1);
            else if (equal(word[0], "memory")) memory(word + 1);
            else if (equal(word[0], "jump")) jump();
            else if (equal(word[0], "jump-by-module")) jump_by_module();
            else fail(word[0], 0);
        }
        static void obey_all(long script) {
            static char text[16384];
            static char *word[64];
            long size = call(READ, script, (long)text, sizeof text - 1, 0, 0);
            for (long at = 0; at < size;) {
                int count = 0;
                while (at < size && text[at] != '\n') {
                    if (count < 63) word[count++] = text + at;
                    while (at < size && text[at] != '\t' && text[at] != '\n') at++;
                    if (text[at] == '\t') text[at++] = 0;
                }
                text[at++] = 0;
                word[count] = 0;
                if (count) obey(word, count);
            }
        }
        static void mount(const char *kind, const char *path, const char *options) {
            call(MKDIR, (long)path, 0755, 0, 0, 0);
            call(MOUNT, (long)kind, (long)path, (long)kind, 0, (long)options);
        }
        void run(void) {
            MARK(90);
            long script = call(OPEN, (long)"/case", 0, 0, 0, 0);
            if (script < 0) { say("\nARRIVED\n"); power_off(); }
            mount("proc", "/proc", 0);
            mount("sysfs", "/sys", 0);
            mount("devtmpfs", "/dev", 0);
            mount("tmpfs", "/data", "size=90%");
            obey_all(script);
            say("END\n");
            power_off();
        }
        __asm__(".globl start\nstart: and $-16, %rsp\ncall run\n");

        """#
}
