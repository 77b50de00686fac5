// SPDX-License-Identifier: MIT
internal import BootFormats
internal import PhysicalMemory

/// What a Linux kernel gets besides where it is to start at a panic.
extension BootPlanner {
    /// Places the header of the core dump; nil where there is to be none, or where the draft was refused.
    func placeCoreHeader(
        for image: KernelImage, by call: SystemCall, _ draft: inout PlanDraft
    ) -> PhysicalRange? {
        guard request.target == .crash, machine.hasCrashRegion != false, takesBootParameters(image) else { return nil }
        if request.updatesCoreHeader, machine.coreHeaderRoom == nil { draft.refuse(.noHotplug) }
        guard machine.crashRegion != nil else { return nil }
        return CoreHeaderPlanner(inputs: inputs, isKernels: call == .kexecFileLoad).add(to: &draft)
    }

    /// What tells the capture kernel where the header is, in kexec-tools' order. The in-kernel loader has words of its own.
    func crashWords(_ header: PhysicalRange) -> ByteString {
        var words = ""
        if request.passesMemoryMapInCommandLine {
            words = CrashMemoryMap.words(for: CrashMemoryMap.make(for: machine, without: header))
        }
        // For a capture kernel that gets no EFI facts, or is too old for the address in boot_params.
        if machine.efi != nil, let rsdp = machine.rsdp, rsdp != 0 {
            words += "acpi_rsdp=0x" + String(rsdp, radix: 16) + " "
        }
        return ByteString(words + "elfcorehdr=" + String(header.start.rawValue >> 10) + "K")
    }

    func memorySize(of image: KernelImage) -> UInt64 {
        switch image {
        case .bzImage(let image): max(image.header.initSize, UInt64(image.protectedModeKernel.count))
        case .elf(let image): image.segments.reduce(0) { $0 &+ $1.memorySize }
        case .multiboot, .nbi: 0
        }
    }

    private func takesBootParameters(_ image: KernelImage) -> Bool {
        switch image {
        case .bzImage: true
        case .elf: request.arguments(for: image) == .linux
        case .multiboot, .nbi: false
        }
    }
}
