// SPDX-License-Identifier: MIT
@testable import BootFormats
import PhysicalMemory
@testable import Kexec

func range(_ start: UInt64, _ end: UInt64) -> PhysicalRange {
    PhysicalRange(from: PhysicalAddress(start), to: PhysicalAddress(end))
}

extension MachineDescription {
    /// A PC with `size` bytes of RAM below 3 GiB, as QEMU's firmware describes it.
    static func pc(_ size: UInt64 = 1 << 30) -> MachineDescription {
        var machine = MachineDescription()
        let ram = [range(0, 0x9fc00), range(0x10_0000, size)]
        machine.memoryMap = MemoryMap(
            ram.map { E820Entry(range: $0, type: .ram) } + [E820Entry(range: range(0x9fc00, 0xa_0000), type: .reserved)]
        )
        machine.systemRAM = PhysicalRangeSet(ram)
        machine.commandLine = "BOOT_IMAGE=/vmlinuz root=/dev/sda1 quiet crashkernel=256M"
        machine.bootParameters = [UInt8](repeating: 0, count: 4096)
        machine.kexec.loaded = false
        machine.kexec.hasKexecLoad = true
        machine.kexec.hasKexecFileLoad = true
        machine.memoryTotal = size
        machine.memoryAvailable = size
        machine.hasSysBoot = true
        return machine
    }
}

/// A bzImage as values, with bytes to go with it.
struct PlanImage {
    var image: KernelImage
    var facts: ImageFacts
    var bytes: [UInt8]

    static func bzImage(size: Int = 0x8000, change: (inout SetupHeader) -> Void = { _ in }) -> PlanImage {
        var bytes = [UInt8](repeating: 0x5a, count: size)
        bytes.store(UInt8(0x6a), at: 0x201)
        var header = SetupHeader()
        header.version = 0x020f
        header.loadFlags = 1
        header.setupSectors = 7
        header.kernelAlignment = 0x20_0000
        header.isRelocatable = true
        header.extendedLoadFlags = 0x3f
        header.commandLineSize = 2047
        header.preferredAddress = 0x100_0000
        header.initSize = 0x40_0000
        change(&header)
        let image = BzImage(
            header: header, setupSize: 4096, protectedModeKernel: 4096..<size, setupHeader: 0x1f1..<0x26c, payload: nil)
        return PlanImage(
            image: .bzImage(image),
            facts: ImageFacts(path: "/boot/vmlinuz", kind: "bzImage64", bootProtocol: header.version), bytes: bytes)
    }

    static func multiboot(
        _ version: MultibootImage.Version, _ segments: [ELFLoadSegment], bytes: [UInt8],
        relocation: MultibootImage.Relocation? = nil
    ) -> PlanImage {
        let program = ELFImage(
            elfClass: .elf32, machine: 3, entry: (segments.first?.physicalAddress.rawValue ?? 0) + 16,
            segments: segments, notes: [])
        var image = MultibootImage(version: version, program: program)
        image.relocation = relocation
        return PlanImage(
            image: .multiboot(image), facts: ImageFacts(path: "/boot/xen", kind: image.kind.name), bytes: bytes)
    }

    static func elf(_ segments: [ELFLoadSegment], bytes: [UInt8], elfClass: ELFClass = .elf64) -> PlanImage {
        let image = ELFImage(
            elfClass: elfClass, machine: elfClass == .elf64 ? 62 : 3,
            entry: segments.first?.physicalAddress.rawValue ?? 0, segments: segments, notes: [])
        return PlanImage(
            image: .elf(image), facts: ImageFacts(path: "vmlinux", kind: elfClass == .elf64 ? "elf-x86_64" : "elf-x86"),
            bytes: bytes)
    }

    func plan(
        on machine: MachineDescription = .pc(), initrdSize: Int = 0, modules: [Range<Int>] = [],
        change: (inout KexecRequest) -> Void = { _ in }
    ) -> BootPlan {
        var request = KexecRequest(kernel: facts.path)
        request.commandLine = "console=ttyS0"
        change(&request)
        let planner = BootPlanner(request: request, machine: machine, seed: [UInt8](repeating: 7, count: 32))
        return planner.plan(image, facts: facts, kernel: bytes.span.bytes, initrdSize: initrdSize, modules: modules)
    }
}

extension BootPlan {
    subscript(name: String) -> Segment? { segments.first { $0.name == name } }

    /// The made bytes of a segment.
    func bytes(_ name: String) -> [UInt8] {
        if case .bytes(let bytes)? = self[name]?.contents { return bytes }
        return []
    }
}
