// SPDX-License-Identifier: MIT
import FirmwareAssembly
import Hardware
import StandaloneAssembly

/// Set before anything is read.
nonisolated(unsafe) private var disk: NVMeDisk?

/// Starts a boot sector of an NVMe disk, which the BIOS has lost to Linux: the payload drives the controller itself, and its
/// disk becomes the only hard disk.
/// - Parameter place: the controller's bus in bits 8 to 15, its device and function below.
func bootNVMe(at place: UInt64, _ handover: Handover, _ bios: inout BIOS) -> Never {
    let words = handover.words
    let map = KeptMemoryMap(&bios)
    let isAgain = handover.entry.kind == goneOn
    let given =
        isAgain ? handover.ramdisk.start..<handover.ramdisk.start &+ handover.ramdisk.size : 0..<NVMeDisk.memorySize
    let queues = settleForGood(given, copying: false, words, map, &bios)
    let namespace = UInt32(truncatingIfNeeded: words.value(of: "namespace")?.number ?? 0)
    let nvme = NVMeDisk(registers: registers(at: place, &bios), memory: UInt(queues.lowerBound), namespace: namespace)
    if let problem = nvme.problem { bios.ending.giveUp(problem.words) }
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

func transferByNVMe(_ first: UInt32, _ count: UInt32, _ address: UInt, writes: Bool) -> Bool {
    // One processor, and no interrupts.
    unsafe disk?.transfer(UInt64(first), count: count, at: address, writes: writes) ?? false
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
    // They are 16 KiB at most, and begin at a multiple of that.
    return start < 1 << 32 ? UInt(start) : show(start, isDevice: true)
}

extension NVMeDisk.Problem {
    fileprivate var words: StaticString {
        switch self {
        case .doesNotStop: "the NVMe controller does not stop"
        case .doesNotStart: "the NVMe controller does not start"
        case .refusesQueues: "the NVMe controller refuses its queues"
        case .noNamespace: "the NVMe controller has no such namespace"
        case .oddSectors: "the NVMe disk's blocks are not of 512 to 4096 bytes, or carry metadata"
        }
    }
}
