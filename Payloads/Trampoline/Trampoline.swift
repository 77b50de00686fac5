// SPDX-License-Identifier: MIT
import Hardware
import TrampolineAssembly

// A kernel that was put into an ELF file is entered without its setup code, which would have asked the BIOS about the
// machine. Whoever loaded the file knows as much: Multiboot, PVH and Linux's own boot_params tell it in three ways.
//
// On entry: entry.S has set up a stack; interrupts are off.
// On exit:  boot_params is complete, and entry.S enters the kernel; or words on the consoles, and the machine halts.

@c(trampoline_main)
public func main(bootParameters: UInt32, eax: UInt32, ebx: UInt32, esi: UInt32) {
    checkLayout()
    let caller = BootCaller(eax: eax, ebx: ebx, esi: esi, memory: PhysicalMemory())
    var facts = MachineFacts(target: bootParameters, memory: PhysicalMemory())
    let handover = facts.take(from: caller)
    guard handover != .complete else { return }
    var console = Console()
    console.put("\r\nmkelfimage: ")
    switch handover {
    case .cut: return console.put("more than 128 ranges in the memory map, the others are not used\r\n")
    case .noMemoryMap: console.put("the boot loader handed over no memory map: ")
    default: console.put("the boot loader is none of Multiboot, PVH and Linux: ")
    }
    console.put("eax=0x", eax)
    console.put(" ebx=0x", ebx)
    console.put(" esi=0x", esi)
    console.put("\r\n")
    halt()
}

/// What is where it is: paging is off.
struct PhysicalMemory: MemoryAccess {
    func load(_ address: UInt32) -> UInt32 { memory_load32(address) }
    func loadByte(_ address: UInt32) -> UInt8 { memory_load8(address) }
    func store(_ value: UInt32, at address: UInt32) { memory_store32(address, value) }
    func storeByte(_ value: UInt8, at address: UInt32) { memory_store8(address, value) }
}

/// Folded to nothing by the optimiser; what remains of it where the numbers differ cannot be linked.
@inline(__always) private func checkLayout() {
    if MemoryLayout<TrampolineParameters>.size != Int(TRAMPOLINE_PARAMETERS_SIZE)
        || TrampolineParameters.size != Int(TRAMPOLINE_PARAMETERS_SIZE)
        || TrampolineParameters.currentVersion != UInt32(TRAMPOLINE_PARAMETERS_VERSION)
    {
        trampoline_h_disagrees_with_trampoline_parameters()
    }
}
