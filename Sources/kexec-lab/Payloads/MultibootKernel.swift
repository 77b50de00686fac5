// SPDX-License-Identifier: MIT
import Foundation

/// Kernels that print on the first serial port all that a Multiboot loader gave them, and reset the machine. They are in
/// C, compiled by the toolchain's clang: an assembler's text that goes through lists is hard to believe.
enum MultibootKernel: String, Sendable {
    case one = "multiboot1"
    case two = "multiboot2"
    /// The first one without an ELF file around it: its header says where it goes.
    case flat = "multiboot1.flat"
    /// The first one in an ELF file of 64 bits, as GNU Mach's kernels for amd64 are, with a header of the second version
    /// that requires what a loader of a running system never has.
    case wide = "multiboot1.wide"

    func make(in workshop: Workshop) async throws -> String {
        if self == .wide { return try await makeWide(in: workshop) }
        return try await workshop.made(rawValue) { path in
            try (Self.common + (self == .two ? Self.second : Self.header(isFlat: self == .flat) + Self.first))
                .write(toFile: path + ".c", atomically: true, encoding: .utf8)
            try Self.layout.write(toFile: path + ".lds", atomically: true, encoding: .utf8)
            _ = try await HostCommand(
                "clang",
                [
                    "-target", "i686-unknown-none-elf", "-Os", "-ffreestanding", "-fno-stack-protector", "-mno-sse",
                    // Everything is found from where the code is: the second image is moved.
                    "-fpie", "-fvisibility=hidden", "-fno-jump-tables", "-Wall", "-Werror", "-c", path + ".c", "-o",
                    path + ".o",
                ]
            ).output()
            _ = try await HostCommand(
                "ld.lld",
                [
                    "-static", "-nostdlib", "-e", "start", "--build-id=none", "-z", "max-page-size=4096",
                    "-T", path + ".lds", path + ".o", "-o", path,
                ] + (self == .flat ? ["--oformat=binary"] : [])
            ).output()
        }
    }

    /// The narrow file's one segment with another file around it, and GNU Mach's requests and one more in its zeros' place.
    private func makeWide(in workshop: Workshop) async throws -> String {
        let narrow = try await Self.one.make(in: workshop)
        return try await workshop.made(rawValue) { path in
            guard let file = FileManager.default.contents(atPath: narrow).map({ [UInt8]($0) }) else {
                throw LabError("cannot read '\(narrow)'")
            }
            func word(_ offset: Int) -> UInt64 {
                (0..<4).reduce(0) { $0 | UInt64(file[offset + $1]) << UInt64(8 * $1) }
            }
            func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
                (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
            }
            let table = Int(word(0x1c))
            let (offset, address, size) = (Int(word(table + 4)), word(table + 12), Int(word(table + 16)))
            var wide: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
            wide += bytes(2, 2) + bytes(62, 2) + bytes(1, 4) + bytes(word(0x18), 8) + bytes(64, 8) + bytes(0, 12)
            wide += bytes(64, 2) + bytes(56, 2) + bytes(1, 2) + bytes(0, 6)
            wide += bytes(1, 4) + bytes(7, 4) + bytes(4096, 8) + bytes(address, 8) + bytes(address, 8)
            wide += bytes(UInt64(size), 8) + bytes(word(table + 20), 8) + bytes(4096, 8)
            let requests: [UInt64] = [6, 4, 1, 3, 9, 14, 15, 12, 18]
            let length = UInt64(16 + 8 + 4 * requests.count + 4 + 8)
            for field in [0xe852_50d6, 0, length, (1 << 33) - 0xe852_50d6 - length] as [UInt64] {
                wide += bytes(field, 4)
            }
            wide += bytes(1, 4) + bytes(UInt64(8 + 4 * requests.count), 4) + requests.flatMap { bytes($0, 4) }
            wide += bytes(0, 4) + bytes(0, 4) + bytes(8, 4)
            wide += [UInt8](repeating: 0, count: 4096 - wide.count) + file[offset..<offset + size]
            try Data(wide).write(to: URL(fileURLWithPath: path))
        }
    }

    /// One segment, without the ELF headers.
    private static let layout = """
        PHDRS { all PT_LOAD FLAGS(7); }
        SECTIONS {
            . = 0x2000000;
            .text : { *(.text.first) *(.text*) *(.rodata*) *(.got*) *(.data*) } :all
            .bss : { *(.bss*) } :all
            image_end = .;
        }

        """

    /// What prints.
    private static let common = """
        typedef unsigned char u8;
        typedef unsigned short u16;
        typedef unsigned int u32;
        typedef unsigned long long u64;

        static inline void out(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
        static inline u8 in(u16 port) { u8 value; __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port)); return value; }
        static void put(char c) { while (!(in(0x3fd) & 0x20)) continue; out(0x3f8, c); }
        static void text(const char *at) { for (; *at; at++) put(*at); }
        static void number(u64 value, int digits) {
            for (int shift = 4 * digits - 4; shift >= 0; shift -= 4) {
                u32 digit = (u32)(value >> shift) & 15;
                put(digit < 10 ? '0' + digit : 'a' + digit - 10);
            }
        }
        static void module(u32 start, u32 end, u32 string) {
            text("module start="); number(start, 8); text(" size="); number(end - start, 4);
            text(" text="); text((const char *)string); text(" holds=");
            for (u32 at = start; at < end && *(char *)at != '\\n'; at++) put(*(char *)at);
        }
        static void range(u64 start, u64 size, u32 type) {
            text("range start="); number(start, 16); text(" size="); number(size, 16); text(" type="); number(type, 8);
        }
        static void framebuffer(u64 address, u32 pitch, u32 width, u32 height, u8 depth, u8 type) {
            text("framebuffer at="); number(address, 16); text(" pitch="); number(pitch, 4); text(" width=");
            number(width, 4); text(" height="); number(height, 4); text(" depth="); number(depth, 2);
            text(" type="); number(type, 1);
        }
        // The masks of both 8259: 0xff where Linux left them.
        static void masks(void) { text("masks="); number(in(0x21), 2); number(in(0xa1), 2); }
        static void reset(void) { out(0xcf9, 6); for (;;) __asm__ volatile("hlt"); }
        #define line text("\\nLAB multiboot ")
        #define at(type, offset) (*(volatile type *)(address + offset))

        """

    /// Multiboot 0.6.96, section 3.1, and the entry.
    private static func header(isFlat: Bool) -> String {
        let addresses = isFlat ? ".long header, header, 0, image_end, start\\n" : ""
        return """
            #define FLAGS "\(isFlat ? "0x10003" : "3")"
            __asm__(".section .text.first, \\"ax\\"\\n.balign 4\\n"
                "header: .long 0x1badb002, " FLAGS ", -(0x1badb002 + " FLAGS ")\\n\(addresses)"
                ".globl start\\nstart: movl $stack_end, %esp\\npushl %ebx\\npushl %eax\\ncall run\\n"
                ".bss\\n.balign 16\\n.skip 4096\\nstack_end:\\n.text\\n");

            """
    }

    /// Multiboot 0.6.96, section 3.3.
    private static let first = """
        // IA32_APIC_BASE; in xAPIC mode (bit 10 is 0) what the APIC does with the 8259's interrupts.
        static void apic(void) {
            u32 low, high;
            __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(0x1b));
            text("apic="); number((u64)high << 32 | low, 8);
            if (low & 0x400) return;
            text(" spurious="); number(*(volatile u32 *)((low & ~0xfff) + 0xf0), 8);
            text(" lint0="); number(*(volatile u32 *)((low & ~0xfff) + 0x350), 8);
        }
        void run(u32 magic, u32 address) {
            line; text("magic="); number(magic, 8); text(" flags="); number(at(u32, 0), 8);
            line; text("lower="); number(at(u32, 4), 8); text(" upper="); number(at(u32, 8), 8);
            line; text("line="); text((const char *)at(u32, 16));
            line; text("loader="); text((const char *)at(u32, 64));
            u32 list = at(u32, 24);
            for (u32 index = 0; index < at(u32, 20); index++, list += 16) {
                line; module(*(u32 *)list, *(u32 *)(list + 4), *(u32 *)(list + 8));
            }
            for (u32 entry = at(u32, 48); entry < at(u32, 48) + at(u32, 44); entry += *(u32 *)entry + 4) {
                line; range(*(u64 *)(entry + 4), *(u64 *)(entry + 12), *(u32 *)(entry + 20));
            }
            if (at(u32, 0) & 1 << 5) {
                // SHT_STRTAB: the sections' names, where they were put.
                u32 header = at(u32, 36) + at(u32, 40) * at(u32, 32);
                line; text("sections size="); number(at(u32, 32), 2); text(" type="); number(*(u32 *)(header + 4), 2);
                text(" first="); text((const char *)*(u32 *)(header + 12) + 1);
            }
            if (at(u32, 0) & 1 << 12) {
                line; framebuffer(at(u64, 88), at(u32, 96), at(u32, 100), at(u32, 104), at(u8, 108), at(u8, 109));
            }
            line; text("vectors 10="); number(*(volatile u32 *)0x40, 8); text(" 13="); number(*(volatile u32 *)0x4c, 8);
            // What a BIOS has in its data area: the size of low memory in KiB.
            text(" base="); number(*(volatile u16 *)0x413, 4);
            line; apic();
            line; masks();
            line; text("end\\n");
            reset();
        }

        """

    /// Multiboot2 2.0, section 3.6; the header asks to be moved to 48 MiB or above.
    private static let second = """
        __asm__(".section .text.first, \\"ax\\"\\n.balign 8\\n"
            "header: .long 0xe85250d6, 0, header_end - header, -(0xe85250d6 + (header_end - header))\\n"
            ".word 1, 0\\n.long 16, 4, 6\\n"
            ".balign 8\\n.word 6, 0\\n.long 8\\n"
            ".balign 8\\n.word 10, 0\\n.long 24, 0x3000000, 0x7fffffff, 0x100000, 1\\n"
            ".balign 8\\n.word 0, 0\\n.long 8\\nheader_end:\\n"
            // Where it is, by the one way there is without a stack: it was told, in the last tag but one.
            ".globl start\\nstart: movl (%ebx), %ecx\\nmovl -16(%ebx,%ecx), %ecx\\nsubl $0x2000000, %ecx\\n"
            "leal stack_end(%ecx), %esp\\npushl %ebx\\npushl %eax\\ncall run\\n"
            ".bss\\n.balign 16\\n.skip 4096\\nstack_end:\\n.text\\n");

        static void tag(u32 address) {
            line; text("tag type="); number(at(u32, 0), 2); text(" size="); number(at(u32, 4), 4); text(" ");
            switch (at(u32, 0)) {
            case 1: text("line="); text((const char *)address + 8); break;
            case 2: text("loader="); text((const char *)address + 8); break;
            case 3: module(at(u32, 8), at(u32, 12), address + 16); break;
            case 4: text("lower="); number(at(u32, 8), 8); text(" upper="); number(at(u32, 12), 8); break;
            case 6:
                text("entry="); number(at(u32, 8), 2); text(" version="); number(at(u32, 12), 1);
                for (u32 offset = 16; offset < at(u32, 4); offset += at(u32, 8)) {
                    line; range(at(u64, offset), at(u64, offset + 8), at(u32, offset + 16));
                }
                break;
            case 8: framebuffer(at(u64, 8), at(u32, 16), at(u32, 20), at(u32, 24), at(u8, 28), at(u8, 29)); break;
            case 9: text("sections="); number(at(u32, 8), 2); text(" each="); number(at(u32, 12), 2); break;
            case 14: case 15: text("rsdp="); number(at(u64, 8), 16); text(" revision="); number(at(u8, 23), 2); break;
            case 11: text("efi32="); number(at(u32, 8), 8); break;
            case 12: {
                // EFI_TABLE_HEADER: "IBI SYST".
                text("efi64="); number(at(u64, 8), 16); text(" signature=");
                if (at(u64, 8) >> 32 == 0) number(*(u64 *)at(u32, 8), 16);
                break;
            }
            case 17: {
                u64 conventional = 0, all = 0;
                for (u32 offset = 16; offset < at(u32, 4); offset += at(u32, 8)) {
                    all++;
                    if (at(u32, offset) == 7) conventional += at(u64, offset + 24);
                }
                text("efimap entry="); number(at(u32, 8), 2); text(" count="); number(all, 4);
                text(" free="); number(conventional, 8);
                break;
            }
            case 21: text("base="); number(at(u32, 8), 8); break;
            case 0: text("last"); break;
            default: text("unknown");
            }
        }

        void run(u32 magic, u32 information) {
            line; text("magic="); number(magic, 8); text(" total="); number(*(u32 *)information, 8);
            u32 end = information + *(u32 *)information, next = information + 8;
            for (;;) {
                u32 type = *(u32 *)next, size = *(u32 *)(next + 4);
                tag(next);
                next += (size + 7) & ~7;
                if (type == 0 || size < 8 || next >= end) break;
            }
            line; masks();
            if (next == end) { line; text("end\\n"); }
            reset();
        }

        """
}
