// SPDX-License-Identifier: MIT
import BIOSBootMemory
import FirmwareAssembly
import Hardware
import StandaloneAssembly

/// The BIOS's memory map, as it was read once.
struct KeptMemoryMap: BIOSMemoryTable {
    private(set) var count = 0

    /// Asks the BIOS.
    @inline(never) init(_ bios: inout BIOS) {
        let signature: UInt32 = 0x534d_4150  // "SMAP"
        let answer = unsafe memory_at(BIOS.buffer)
        var registers = RealModeRegisters()
        repeat {
            // What an answer of 20 bytes leaves.
            unsafe answer.storeBytes(of: 1, toByteOffset: 20, as: UInt32.self)
            registers.eax = 0xe820
            registers.edx = signature
            registers.ecx = 24
            registers.es = 0
            registers.edi = UInt32(BIOS.buffer)
            guard bios.gate.call(0x15, &registers, ticks: 182), !registers.carry, registers.eax == signature else {
                break
            }
            unsafe Self.entry(count).copyMemory(from: answer, byteCount: 24)
            count &+= 1
        } while registers.ebx != 0 && count < Int(MEMORY_ENTRIES)
        if count == 0 { bios.ending.giveUp("int 15h e820 tells of no memory") }
    }

    subscript(index: Int) -> BIOSMemoryEntry { unsafe Self.entry(index).load(as: BIOSMemoryEntry.self) }

    private static func entry(_ index: Int) -> UnsafeMutableRawPointer { unsafe memory_entries() + 24 &* index }
}

func move(from source: UInt, to destination: UInt, count: UInt) {
    unsafe memory_at(destination).copyMemory(from: memory_at(source), byteCount: Int(count))
}

/// Copies from anywhere in memory to below 4 GiB. What lies higher is seen through the last 2 MiB below it, where firmware
/// is, and no RAM.
func copy(from source: UInt64, to destination: UInt, count: UInt) {
    let window: UInt = 0xffe0_0000
    let size: UInt = 1 << 21
    // The four page directories are the first of the tables.
    let entry = unsafe own_page_tables().assumingMemoryBound(to: UInt64.self) + 2047
    let usual = unsafe entry.pointee
    var done: UInt = 0
    while done < count {
        let from = source &+ UInt64(done)
        let offset = UInt(from) & (size &- 1)
        let piece = min(count &- done, size &- offset)
        var address = UInt(from)
        if from >= 1 << 32 {
            unsafe entry.pointee = from & ~UInt64(size &- 1) | usual & 0xfff
            write_cr3(read_cr3())
            address = window &+ offset
        }
        move(from: address, to: destination &+ done, count: piece)
        done &+= piece
    }
    unsafe entry.pointee = usual
    write_cr3(read_cr3())
}

/// The image's place in memory that stays: where it is, if that is between 16 MiB and 4 GiB, else as high as possible.
///
/// What is started from the image finds the rest of memory as it wants it: loaders and kernels for real mode have their
/// places below 16 MiB. That holds for the payload itself, too: a copy of it may go on.
@inline(never) func settleForGood(_ handover: Handover, _ map: KeptMemoryMap, _ bios: inout BIOS) -> Range<UInt64> {
    let start = UInt64(UInt(bitPattern: unsafe payload_start()))
    // Page tables begin at a page.
    let size = UInt64(payload_memory_size()) &+ 4096
    var image = handover.ramdisk.start..<handover.ramdisk.start &+ handover.ramdisk.size
    let isHigh = image.lowerBound >= 1 << 24 && image.upperBound <= 1 << 32
    var memory = ReportedMemory(table: map, resident: [start..<start &+ size, image, 0..<0])
    if !isHigh {
        guard let home = memory.highestRoom(for: handover.ramdisk.size) else { bios.giveUpForRoom() }
        copy(from: image.lowerBound, to: UInt(home), count: UInt(handover.ramdisk.size))
        image = home..<home &+ handover.ramdisk.size
        memory.resident[1] = image
    }
    if start < 1 << 24 {
        guard let home = memory.highestRoom(for: size) else { bios.giveUpForRoom() }
        goOn(at: UInt(home), image, handover.words)
    }
    return image
}

extension BIOS {
    fileprivate mutating func giveUpForRoom() -> Never { ending.giveUp("no room for the disk image below 4 GiB") }
}

/// What a copy is told that it was entered from.
let goneOn: UInt32 = 0

/// Starts the payload again, from a copy.
private func goOn(at home: UInt, _ image: Range<UInt64>, _ words: CommandLine) -> Never {
    let parameters = unsafe parameters_of_copy()
    unsafe parameters.storeBytes(of: UInt32(truncatingIfNeeded: image.lowerBound), toByteOffset: 0x218, as: UInt32.self)
    unsafe parameters.storeBytes(of: UInt32(truncatingIfNeeded: image.count), toByteOffset: 0x21c, as: UInt32.self)
    let line = UInt(bitPattern: unsafe own_command_line())
    unsafe parameters.storeBytes(of: UInt32(truncatingIfNeeded: line), toByteOffset: 0x228, as: UInt32.self)
    unsafe parameters.storeBytes(of: goneOn, toByteOffset: Int(ENTRY_KIND), as: UInt32.self)
    unsafe memory_at(home).copyMemory(from: payload_start(), byteCount: Int(payload_file_size()))
    unsafe enter_copy(home &+ entry_again_offset(), parameters)
    // The copy does not come back.
    while true {}
}
