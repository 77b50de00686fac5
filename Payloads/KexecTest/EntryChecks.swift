// SPDX-License-Identifier: MIT
import Hardware
import StandaloneAssembly

/// How the image was entered, against what the boot protocol promises of that entry.
func checkEntry(_ entry: entry_state, _ report: inout Report) {
    report.begin("entry")
    let interruptsAreOn = entry.flags & 1 << 9 != 0
    // Real-mode code may be called with interrupts on.
    report.judge(entry.kind == 16 || !interruptsAreOn, else: "interrupts are on")
    report.count("mode", entry.kind)
    report.fact("flags", entry.flags)

    report.begin("registers")
    report.pass()
    report.fact("rax", entry.rax)
    report.fact("rbx", entry.rbx)
    report.fact("rcx", entry.rcx)
    report.fact("rdx", entry.rdx)
    report.fact("rsi", entry.rsi)
    report.fact("rdi", entry.rdi)
    report.fact("rbp", entry.rbp)
    report.fact("rsp", entry.rsp)

    report.begin("control registers")
    let isProtected = entry.cr0 & 1 != 0
    let isPaged = entry.cr0 & 1 << 31 != 0
    let isLong = isPaged && entry.cr4 & 1 << 5 != 0 && entry.efer & 1 << 10 != 0
    switch entry.kind {
    case 64: report.judge(isProtected && isLong, else: "not those of 64-bit mode")
    case 32: report.judge(isProtected && !isPaged, else: "not those of 32-bit mode without paging")
    default: report.judge(!isProtected, else: "not those of real mode")
    }
    report.fact("cr0", entry.cr0)
    report.fact("cr3", entry.cr3)
    report.fact("cr4", entry.cr4)
    report.fact("efer", entry.efer)

    report.begin("descriptor tables")
    let isFlat = entry.cs == 0x10 && entry.ds == 0x18 && entry.ss == 0x18
    // 64-bit code never loads a data segment, so nothing depends on these there.
    report.judge(entry.kind != 32 || (isFlat && entry.gdt.limit >= 0x1f), else: "not those of the 32-bit boot protocol")
    report.fact("cs", entry.cs)
    report.fact("ds", entry.ds)
    report.fact("ss", entry.ss)
    report.fact("gdt", entry.gdt.address)
    report.fact("limit", entry.gdt.limit)
    report.fact("idt", entry.idt.address)
    report.fact("limit", entry.idt.limit)
}

extension table_register {
    fileprivate var address: UInt64 {
        UInt64(base.0) | UInt64(base.1) << 16 | UInt64(base.2) << 32 | UInt64(base.3) << 48
    }
}
