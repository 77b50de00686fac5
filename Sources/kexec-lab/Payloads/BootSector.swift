// SPDX-License-Identifier: MIT
import Foundation

/// A boot sector that proves that the BIOS works: it reads the sector behind it through int 13h, waits for three ticks of
/// the timer's interrupt, says both on the first serial port, and resets the machine.
enum BootSector {
    /// A floppy disk of 1440 KiB that begins with it.
    static func floppy(in workshop: Workshop) async throws -> String {
        try await workshop.made("floppy") { try await assemble(text, size: 1_474_560, to: $0) }
    }

    /// A hard disk of 8 MiB that begins with it, without partitions.
    static func disk(in workshop: Workshop) async throws -> String {
        try await workshop.made("boot-sector-disk") { try await assemble(text, size: 8 << 20, to: $0) }
    }

    /// Its 512 bytes alone.
    static func sector(in workshop: Workshop) async throws -> [UInt8] {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: try await disk(in: workshop)))
        defer { try? file.close() }
        return [UInt8](try file.read(upToCount: 512) ?? Data())
    }

    /// Machine code of 16 bits, linked for 0:7c00, filled up to `size` bytes.
    static func assemble(_ text: String, size: UInt64, to path: String) async throws {
        let source = path + ".S", object = path + ".o"
        try text.write(toFile: source, atomically: true, encoding: .utf8)
        _ = try await HostCommand("clang", ["-target", "i386-unknown-none-code16", "-c", source, "-o", object]).output()
        _ = try await HostCommand(
            "ld.lld",
            [
                "-m", "elf_i386", "--image-base=0", "-Ttext=0x7c00", "--oformat=binary", "-e", "start", object,
                "-o", path,
            ]
        ).output()
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.truncate(atOffset: size)
        try file.close()
    }

    /// Entered at 0:7c00 with the drive's number in dl.
    private static let text = """
        .code16
        .globl start
        start:
            cli
            xorw %ax, %ax
            movw %ax, %ds
            movw %ax, %es
            movw %ax, %ss
            movw $0x7c00, %sp
            sti
            movw $0x0201, %ax           # read one sector
            movw $0x7e00, %bx
            movw $0x0002, %cx           # cylinder 0, sector 2
            movb $0, %dh
            int $0x13
            movw $failed, %si
            jc say
            movw $0x7e00, %si
            movw $3, %cx                # ticks, counted by the BIOS at 0x46c
        tick:
            movw 0x46c, %ax
        1:  cmpw 0x46c, %ax
            je 1b
            loop tick
        say:
            lodsb
            testb %al, %al
            jz reset
            movb %al, %bl
            movw $0x3fd, %dx
        2:  inb %dx, %al
            testb $0x20, %al
            jz 2b
            movw $0x3f8, %dx
            movb %bl, %al
            outb %al, %dx
            jmp say
        reset:
            movw $0xcf9, %dx
            movb $0x06, %al
            outb %al, %dx
        stop: hlt
            jmp stop
        failed: .asciz "\\nLAB int 13h failed\\n"
        .org 510
            .word 0xaa55
            .asciz "\\nLAB sector two, 3 ticks\\n"
        .org 1024

        """
}
