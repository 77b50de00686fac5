// SPDX-License-Identifier: MIT
import Foundation

/// A static program for the guest that waits until the machine has been given a case, and writes it to standard output.
///
/// The case is a file of QEMU's firmware configuration (`opt/lab/case`), which a machine can be given when it goes on from
/// a snapshot: it belongs to no device whose state the snapshot has. The program talks to that by its ports and by DMA into
/// pages of its own, for Linux's driver reads byte by byte, and from the beginning for each page. Then it stirs the kernel's
/// random numbers by `opt/lab/seed`, for all that goes on from one snapshot would draw the same ones.
enum CaseFetcher {
    static let caseName = "opt/lab/case"
    static let seedName = "opt/lab/seed"
    static let seedSize = 64

    static func make(in workshop: Workshop) async throws -> String {
        try await workshop.made("fetch") { try await FreestandingProgram.compile(text, to: $0) }
    }

    /// Numbers are from `asm/unistd_64.h` and `linux/random.h`, and QEMU's `docs/specs/fw_cfg.rst`.
    private static let text = """
        typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long u64;
        static long call(long number, long a, long b, long c, long d) {
            register long r10 __asm__("r10") = d;
            long result;
            __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                             : "rcx", "r11", "memory");
            return result;
        }
        static void end(int status) { call(60, status, 0, 0, 0); }
        static u32 swapped(u32 value) { return __builtin_bswap32(value); }
        enum { PAGE = 4096, PAGES = 16, DIRECTORY = 0x19, FAILED = 1, READ = 2, SELECT = 8 };
        static u8 buffer[PAGES * PAGE] __attribute__((aligned(PAGE)));
        /* What the device reads, big-endian; it clears `control` when it is through. */
        static struct { volatile u32 control; u32 length; u64 address; } command __attribute__((aligned(16)));
        static u64 pages[PAGES], command_place;
        static u64 physical(const void *place) {
            u64 entry = 0;
            long map = call(2, (long)"/proc/self/pagemap", 0, 0, 0);
            if (map < 0 || call(17, map, (long)&entry, 8, (long)place / PAGE * 8) != 8) end(3);
            call(3, map, 0, 0, 0);
            return (entry & ((1ul << 55) - 1)) * PAGE + (u64)place % PAGE;
        }
        static void out(u16 port, u32 value) { __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port)); }
        static void transfer(u32 control, u32 length, u64 address) {
            command.length = swapped(length);
            command.address = __builtin_bswap64(address);
            command.control = swapped(control);
            __asm__ volatile("" : : : "memory");
            out(0x514, swapped(command_place >> 32));
            out(0x518, swapped((u32)command_place));
            while (command.control) if (command.control & swapped(FAILED)) end(4);
            __asm__ volatile("" : : : "memory");
        }
        static u32 read_item(u32 control, u32 length) {
            u32 done = 0;
            while (done < length && done < sizeof buffer) {
                u32 part = length - done < PAGE ? length - done : PAGE;
                transfer(done ? READ : control, part, pages[done / PAGE]);
                done += part;
            }
            return done;
        }
        static int same(const char *one, const char *other) {
            while (*one && *one == *other) one++, other++;
            return *one == *other;
        }
        /* 0: there is no such file. */
        static u32 size_of(const char *name, u32 *key) {
            read_item(DIRECTORY << 16 | SELECT | READ, sizeof buffer);
            u32 count = swapped(*(u32 *)buffer);
            for (u32 index = 0; index < count && index < 1000; index++) {
                u8 *entry = buffer + 4 + 64 * index;         /* size, key, two bytes of nothing, name */
                if (!same((char *)entry + 8, name)) continue;
                *key = entry[4] << 8 | entry[5];
                return swapped(*(u32 *)entry);
            }
            return 0;
        }
        static void stir(void) {
            u32 key;
            if (size_of("\(seedName)", &key) != \(seedSize)) end(6);
            read_item(key << 16 | SELECT | READ, \(seedSize));
            long random = call(2, (long)"/dev/urandom", 1, 0, 0);
            if (call(1, random, (long)buffer, \(seedSize), 0) != \(seedSize)) end(7);
            call(16, random, 0x5207, 0, 0);                  /* RNDRESEEDCRNG: ENODATA where it has no seed yet */
        }
        void run(void) {
            u32 key = 0, size, control;
            long pause[2] = { 0, 100000000 };
            for (u32 index = 0; index < PAGES; index++) buffer[index * PAGE] = 1;
            command.control = 1;
            call(149, (long)buffer, sizeof buffer, 0, 0);    /* mlock */
            call(149, (long)&command, sizeof command, 0, 0);
            if (call(172, 3, 0, 0, 0) < 0) end(2);           /* iopl */
            for (u32 index = 0; index < PAGES; index++) pages[index] = physical(buffer + index * PAGE);
            command_place = physical((const void *)&command);
            while (!(size = size_of("\(caseName)", &key))) call(35, (long)pause, 0, 0, 0);
            for (control = key << 16 | SELECT | READ; size; control = READ) {
                u32 part = read_item(control, size < sizeof buffer ? size : sizeof buffer), done = 0;
                while (done < part) {
                    long count = call(1, 1, (long)buffer + done, part - done, 0);
                    if (count <= 0) end(5);
                    done += count;
                }
                size -= part;
            }
            stir();
            end(0);
        }
        __asm__(".globl start\\nstart: and $-16, %rsp\\ncall run\\n");

        """
}
