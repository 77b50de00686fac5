// SPDX-License-Identifier: MIT
import Foundation

/// A plugin of QEMU's emulator that counts instructions and writes down when the guest reaches certain code.
///
/// `-plugin milestones.so,out=FILE[,watch=NAME:ADDRESS+…][,match=NAME:OFFSET-BYTES+…]`, numbers in hexadecimal. Each line
/// of the file is `KIND INSTRUCTIONS USER NAME`: instructions so far, and how many of them at addresses of user mode.
/// - `E`: a mark (see `Mark`), a watched address, or identity-mapped code with the bytes of a match at its offset in a
///   page.
/// - `L`: the first code in a page below 64 GiB since the last mark or match. Between two kernels only identity-mapped
///   code runs there: the old kernel's copying code, purgatory, the next kernel's decompressor.
///
/// A count at an event is that of the whole block of code around it: up to some ten instructions too many, always the
/// same.
enum MilestonePlugin {
    static func make(in workshop: Workshop) async throws -> String {
        try await workshop.made("milestones.so") { path in
            let source = path + ".c"
            try text.write(toFile: source, atomically: true, encoding: .utf8)
            // What it calls of C's library it finds in QEMU's own.
            let options = [
                "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-nostdlib", "-fno-builtin", "-fuse-ld=lld", source,
                "-o", path,
            ]
            _ = try await HostCommand("clang", options).output()
        }
    }

    /// QEMU's option for a boot.
    static func option(_ plugin: String, out: String, watch: [String: UInt64], match: [String: CodePattern]) -> String {
        func list(_ items: [String: String]) -> String {
            items.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(separator: "+")
        }
        var option = "\(plugin),out=\(out)"
        if !watch.isEmpty { option += ",watch=" + list(watch.mapValues { String($0, radix: 16) }) }
        let bytes = match.mapValues { code in
            "\(String(code.offset, radix: 16))-" + code.bytes.map { String(format: "%02x", $0) }.joined()
        }
        if !match.isEmpty { option += ",match=" + list(bytes) }
        return option
    }

    /// The first bytes of code, and where in a page it begins.
    struct CodePattern: Equatable {
        var offset: UInt64
        var bytes: [UInt8]
    }

    /// Debian ships no header for plugins: the declarations are those of the functions used here, in the interface's
    /// version 3 (QEMU 9.1), which QEMU 10.0 (version 4) still takes.
    private static let text = #"""
        typedef unsigned char u8; typedef unsigned u32; typedef unsigned long u64;
        typedef struct file file;
        file *fopen(const char *, const char *);
        int fprintf(file *, const char *, ...), fflush(file *), fclose(file *);
        int strncmp(const char *, const char *, u64), memcmp(const void *, const void *, u64);
        char *strtok(char *, const char *), *strchr(const char *, int);
        u64 strtoull(const char *, char **, int);

        typedef struct qemu_plugin_tb block;
        typedef struct qemu_plugin_insn instruction;
        typedef struct qemu_plugin_scoreboard scoreboard;
        typedef struct { scoreboard *score; u64 offset; } counter;
        enum { NO_REGISTERS = 0, INLINE_ADD = 0 };
        scoreboard *qemu_plugin_scoreboard_new(u64 size);
        u64 qemu_plugin_u64_get(counter, u32 cpu);
        void qemu_plugin_register_vcpu_tb_trans_cb(u64 plugin, void (*)(u64, block *));
        void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(block *, int operation, counter, u64 value);
        void qemu_plugin_register_vcpu_insn_exec_cb(instruction *, void (*)(u32, void *), int flags, void *);
        void qemu_plugin_register_atexit_cb(u64 plugin, void (*)(u64, void *), void *);
        u64 qemu_plugin_tb_n_insns(const block *), qemu_plugin_tb_vaddr(const block *);
        instruction *qemu_plugin_tb_get_insn(const block *, u64);
        u64 qemu_plugin_insn_data(const instruction *, void *, u64), qemu_plugin_insn_size(const instruction *);
        u64 qemu_plugin_insn_vaddr(const instruction *);

        __attribute__((visibility("default"))) int qemu_plugin_version = 3;

        enum { POINTS = 64, PAGES = 4096, PATTERN = 64 };
        static const u64 low_limit = 1ul << 36, user_limit = 1ul << 47;
        static struct point { const char *name; u64 address; u8 bytes[PATTERN]; u64 length; } points[POINTS];
        static u32 point_count, page_count;
        static u64 pages[PAGES];
        static char mark_texts[65536][8];
        static counter executed, user;
        static file *out;

        static void line(char kind, const char *name) {
            fprintf(out, "%c %lu %lu %s\n", kind, qemu_plugin_u64_get(executed, 0), qemu_plugin_u64_get(user, 0), name);
        }

        static void on_mark(u32 cpu, void *name) { line('E', name); page_count = 0; }

        static void on_point(u32 cpu, void *argument) {
            struct point *point = argument;
            line('E', point->name);
            if (point->length) page_count = 0;
        }

        static void note_page(u64 page) {
            for (u32 i = 0; i < page_count; i++) if (pages[i] == page) return;
            if (page_count == PAGES) return;
            pages[page_count++] = page;
            fprintf(out, "L %lu %lu %lx\n", qemu_plugin_u64_get(executed, 0), qemu_plugin_u64_get(user, 0), page << 12);
        }

        static const char *mark_name(u32 number) {
            char *text = mark_texts[number];
            u32 divisor = 10000, at = 0;
            text[at++] = '#';
            for (; divisor; divisor /= 10)
                if (number >= divisor || divisor == 1) text[at++] = '0' + number / divisor % 10;
            return text;
        }

        static int begins_with(block *code, struct point *point) {
            u8 bytes[PATTERN + 16];
            u64 have = 0;
            for (u64 i = 0; i < qemu_plugin_tb_n_insns(code) && have < point->length; i++) {
                instruction *one = qemu_plugin_tb_get_insn(code, i);
                qemu_plugin_insn_data(one, bytes + have, 16);
                have += qemu_plugin_insn_size(one);
            }
            /* A block may end before the pattern does. */
            if (have > point->length) have = point->length;
            return have >= 4 && !memcmp(bytes, point->bytes, have);
        }

        static void on_translate(u64 plugin, block *code) {
            u64 start = qemu_plugin_tb_vaddr(code), length = qemu_plugin_tb_n_insns(code);
            if (start < low_limit) note_page(start >> 12);
            qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(code, INLINE_ADD, executed, length);
            if (start < user_limit) qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(code, INLINE_ADD, user, length);
            for (u32 k = 0; k < point_count; k++)
                if (points[k].length && start < low_limit && (start & 4095) == points[k].address && begins_with(code, &points[k]))
                    qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(code, 0), on_point, NO_REGISTERS, &points[k]);
            for (u64 i = 0; i < length; i++) {
                instruction *one = qemu_plugin_tb_get_insn(code, i);
                u64 address = qemu_plugin_insn_vaddr(one);
                u8 b[8];
                if (qemu_plugin_insn_size(one) == 8 && qemu_plugin_insn_data(one, b, 8) == 8
                    && !memcmp(b, "\x0f\x1f\x84\x00", 4) && b[6] == 0x4b && b[7] == 0x4d)
                    qemu_plugin_register_vcpu_insn_exec_cb(one, on_mark, NO_REGISTERS, (void *)mark_name(b[4] | b[5] << 8));
                for (u32 k = 0; k < point_count; k++)
                    if (!points[k].length && points[k].address == address)
                        qemu_plugin_register_vcpu_insn_exec_cb(one, on_point, NO_REGISTERS, &points[k]);
            }
        }

        static void on_exit(u64 plugin, void *argument) { line('E', "exit"); fclose(out); }

        static int digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

        static void parse(char *list, int are_bytes) {
            for (char *item = strtok(list, "+"); item && point_count < POINTS; item = strtok(0, "+")) {
                struct point *point = &points[point_count];
                char *colon = strchr(item, ':');
                if (!colon) continue;
                *colon++ = 0;
                point->name = item;
                point->address = strtoull(colon, &colon, 16);
                if (*colon == '-') colon++;
                for (; are_bytes && colon[0] && colon[1] && point->length < PATTERN; colon += 2)
                    point->bytes[point->length++] = digit(colon[0]) << 4 | digit(colon[1]);
                point_count++;
            }
        }

        __attribute__((visibility("default")))
        int qemu_plugin_install(u64 plugin, const void *info, int count, char **arguments) {
            static char lists[2][4096];
            for (int i = 0; i < count; i++) {
                char *word = arguments[i];
                if (!strncmp(word, "out=", 4)) out = fopen(word + 4, "w");
                for (int k = 0; k < 2; k++) {
                    if (strncmp(word, k ? "match=" : "watch=", 6)) continue;
                    /* The arguments are freed after this call. */
                    u64 at = 0;
                    for (; word[6 + at] && at < sizeof lists[k] - 1; at++) lists[k][at] = word[6 + at];
                    parse(lists[k], k);
                }
            }
            if (!out) return 1;
            scoreboard *board = qemu_plugin_scoreboard_new(16);
            executed = (counter){ board, 0 };
            user = (counter){ board, 8 };
            qemu_plugin_register_vcpu_tb_trans_cb(plugin, on_translate);
            qemu_plugin_register_atexit_cb(plugin, on_exit, 0);
            return 0;
        }

        """#
}
