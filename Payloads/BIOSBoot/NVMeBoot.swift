// SPDX-License-Identifier: MIT
import FirmwareAssembly
import Hardware
import StandaloneAssembly

/// Set before anything is read.
nonisolated(unsafe) private var disk: NVMeDisk<HardwareMachine>?

/// Starts a boot sector of an NVMe disk, which the BIOS has lost to Linux: the payload drives the controller itself, and its
/// disk becomes the only hard disk.
/// - Parameter place: the controller's bus in bits 8 to 15, its device and function below.
func bootNVMe(at place: UInt64, _ handover: Handover, _ bios: inout BIOS) -> Never {
    let words = handover.words
    let map = KeptMemoryMap(&bios)
    let isAgain = handover.entry.kind == goneOn
    let given =
        isAgain
        ? handover.ramdisk.start..<handover.ramdisk.start &+ handover.ramdisk.size
        : 0..<NVMeDisk<HardwareMachine>.memorySize
    let queues = settleForGood(given, copying: false, words, map, &bios)
    let namespace = UInt32(clamping: words.value(of: "namespace")?.number ?? 0)
    let nvme = NVMeDisk(
        machine: HardwareMachine(), registers: UInt64(registers(at: place, &bios)), memory: queues.lowerBound,
        namespace: namespace)
    if let problem = nvme.problem { bios.ending.giveUp(problem) }
    let count = UInt32(clamping: nvme.sectorCount)
    unsafe disk = nvme

    // Both lie where nobody is yet: the disk's first sector, and the one to start.
    let (first, entry): (UInt32, UInt32) = (UInt32(BIOS.buffer) &+ 512, 0x7c00)
    let sector = words.value(of: "lba")?.number ?? 0
    let memory = ServedMemory()
    guard sector < UInt64(count), memory.readSectors(0, count: 1, to: first),
        memory.readSectors(UInt32(sector), count: 1, to: entry)
    else { bios.ending.giveUp("the NVMe disk's boot sector cannot be read") }
    let geometry = DiskGeometry(hardDiskWith: count, firstSector: sectorBytes(at: UInt(first)))
    unsafe memory_at(0x475).storeBytes(of: 1, as: UInt8.self)
    let service = DiskService(memory: memory, geometry: geometry, sectorCount: count, driveCount: 1, hidesOthers: true)
    stay(service, keeping: queues, map, &bios)
    var registers = RealModeRegisters()
    registers.edx = UInt32(service.drive)
    if sector > 0 { registers.esi = layPartitionTable(of: UInt(first), for: sector) }
    start(registers, &bios)
}

@inline(never) func transferByNVMe(_ first: UInt32, _ count: UInt32, _ address: UInt, writes: Bool) -> Bool {
    // One processor, and no interrupts.
    unsafe disk?.transfer(UInt64(first), count: count, at: UInt64(address), writes: writes) ?? false
}

private func registers(at place: UInt64, _ bios: inout BIOS) -> UInt {
    let function = MachineFunction(
        machine: HardwareMachine(),
        address: PCIAddress(
            bus: UInt8(truncatingIfNeeded: place >> 8), deviceAndFunction: UInt8(truncatingIfNeeded: place)))
    guard function.classAndRevision >> 16 == 0x0108, let start = function.memory(0) else {
        bios.ending.giveUp("no NVMe controller is where the command line says")
    }
    function.setCommand(PCICommand.memory | PCICommand.master | PCICommand.noInterrupts)
    // With the doorbells of two queues they take less than 1 MiB, and begin at a multiple of the power of two that is
    // enough for them: the window shows all.
    return start < 1 << 32 ? UInt(start) : show(start, isDevice: true)
}

extension Ending {
    fileprivate mutating func giveUp(_ problem: NVMeProblem) -> Never {
        switch problem {
        case .absent: giveUp("the NVMe controller is gone: its registers read as ones")
        case .noNVMCommands(let sets):
            giveUp("the NVMe controller lacks the NVM command set: CAP.CSS is ", sets, ", bit 0 is needed")
        case .largePages(let power):
            giveUp("the NVMe controller's pages are too large: CAP.MPSMIN is ", power, ", 0x0 (4096 bytes) is needed")
        case .doesNotStop(let status):
            giveUp("the NVMe controller does not stop: CSTS is ", status, ", bit 0 has to be clear")
        case .doesNotStart(let status):
            giveUp("the NVMe controller does not start: CSTS is ", status, ", bit 0 has to be set, and bit 1 clear")
        case .refused(_, NVMeStatus.silent): giveUp("the NVMe controller does not answer a command of its start")
        case .refused(.identify, let status):
            giveUp("the NVMe controller does not tell of itself or the namespace: status ", status, ", 0x0 is needed")
        case .refused(_, let status):
            giveUp("the NVMe controller refuses its queues: status ", status, ", 0x0 is needed")
        case .noNamespace(0): giveUp("the NVMe controller has no active namespace")
        case .noNamespace(let number): giveUp("the NVMe controller's namespace ", number, " is not active")
        case .oddBlocks(let format):
            giveUp(
                "the NVMe disk's blocks are odd: their format is ", format,
                ", 0x90000 to 0xc0000 (512 to 4096 bytes, no metadata) is needed")
        }
    }
}
