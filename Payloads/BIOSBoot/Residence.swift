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

/// Where what lies above 4 GiB is seen: the last 2 MiB below it, where firmware is, and nothing of the payload's.
private let window: UInt = 0xffe0_0000
private let windowSize: UInt = 1 << 21

/// Shows the 2 MiB with `address` in the window.
/// - Parameter isDevice: not to be cached.
/// - Returns: where in the window it is.
func show(_ address: UInt64, isDevice: Bool) -> UInt {
    // The four page directories are the first of the tables: present, writable, large.
    let attributes: UInt64 = isDevice ? 0x9b : 0x83
    let entry = address & ~UInt64(windowSize &- 1) | attributes
    unsafe own_page_tables().assumingMemoryBound(to: UInt64.self)[2047] = entry
    write_cr3(read_cr3())
    return window | UInt(address) & (windowSize &- 1)
}

/// Copies from anywhere in memory to below 4 GiB.
func copy(from source: UInt64, to destination: UInt, count: UInt) {
    var done: UInt = 0
    while done < count {
        let from = source &+ UInt64(done)
        let piece = min(count &- done, windowSize &- UInt(from) & (windowSize &- 1))
        move(from: from >= 1 << 32 ? show(from, isDevice: false) : UInt(from), to: destination &+ done, count: piece)
        done &+= piece
    }
}

/// A place in memory that stays: where `range` is, if that is between 16 MiB and 4 GiB, else as high as possible.
///
/// What is started finds the rest of memory as it wants it: loaders and kernels for real mode have their places below
/// 16 MiB. That holds for the payload itself, too: a copy of it may go on, for which the place is its ram disk.
/// - Parameter copies: what lies at `range` moves along.
@inline(never) func settleForGood(
    _ range: Range<UInt64>, copying copies: Bool, _ words: CommandLine, _ map: KeptMemoryMap, _ bios: inout BIOS
) -> Range<UInt64> {
    let start = UInt64(UInt(bitPattern: unsafe payload_start()))
    // Page tables begin at a page.
    let size = UInt64(payload_memory_size()) &+ 4096
    var range = range
    let isHigh = range.lowerBound >= 1 << 24 && range.upperBound <= 1 << 32
    var memory = ReportedMemory(table: map, resident: [start..<start &+ size, copies || isHigh ? range : 0..<0, 0..<0])
    if !isHigh {
        let count = UInt64(range.count)
        guard let home = memory.highestRoom(for: count) else { bios.giveUpForRoom() }
        if copies { copy(from: range.lowerBound, to: UInt(home), count: UInt(count)) }
        range = home..<home &+ count
        memory.resident[1] = range
    }
    if start < 1 << 24 {
        guard let home = memory.highestRoom(for: size) else { bios.giveUpForRoom() }
        goOn(at: UInt(home), range, words)
    }
    return range
}

extension BIOS {
    fileprivate mutating func giveUpForRoom() -> Never { ending.giveUp("no room below 4 GiB for what has to stay") }
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
