// SPDX-License-Identifier: MIT

/// What a disk in memory and real-mode code share: the memory of both, or what a test puts in its place.
public protocol DiskMemory {
    func byte(at address: UInt32) -> UInt8
    func set(_ byte: UInt8, at address: UInt32)
    /// Copies sectors of the disk to an address, or back; the caller has seen to it that the disk has them.
    /// - Returns: whether that was done.
    func readSectors(_ first: UInt32, count: UInt32, to address: UInt32) -> Bool
    func writeSectors(_ first: UInt32, count: UInt32, from address: UInt32) -> Bool
}

/// What int 13h says in ah.
private enum DiskStatus {
    static let good: UInt8 = 0
    static let invalid: UInt8 = 1
    static let noSuchSector: UInt8 = 4
    static let boundary: UInt8 = 9
    static let controllerFailed: UInt8 = 0x20
}

/// Int 13h for a disk that is the first of its kind: one in memory, before which the others have moved up by one, or one of
/// which nobody knows which of the BIOS's it is, and which hides them all.
///
/// By Ralf Brown's interrupt list and the "Enhanced Disk Drive Specification", T13/1572D.
public struct DiskService<Memory: DiskMemory> {
    /// Who answers a call.
    public enum Course: Sendable, Hashable {
        case answered
        /// The BIOS, unchanged.
        case passedOn
        /// The BIOS, for its drive of this number: the caller's is one more.
        case passedOnAs(UInt8)
    }

    private let memory: Memory
    private let geometry: DiskGeometry
    private let sectorCount: UInt32
    /// Drives of its kind, with this one.
    public let driveCount: UInt8
    /// Those that the BIOS has do not answer.
    private let hidesOthers: Bool
    private var lastStatus = DiskStatus.good

    /// - Parameters:
    ///   - memory: where the caller's buffers are, and the disk's sectors of 512 bytes.
    ///   - geometry: decides the kind: a floppy disk by its `floppyType`, else a hard disk.
    ///   - sectorCount: those that the disk has; calls for others are refused.
    ///   - driveCount: drives of its kind, with this one.
    ///   - hidesOthers: calls for the BIOS's drives of this kind are refused, not passed on.
    public init(
        memory: Memory, geometry: DiskGeometry, sectorCount: UInt32, driveCount: UInt8, hidesOthers: Bool = false
    ) {
        self.memory = memory
        self.geometry = geometry
        self.sectorCount = sectorCount
        self.driveCount = driveCount
        self.hidesOthers = hidesOthers
    }

    private var isFloppy: Bool { geometry.floppyType != 0 }
    /// Its number: 0, or 0x80 for a hard disk.
    public var drive: UInt8 { isFloppy ? 0 : 0x80 }

    /// Answers the call in `registers`, its function in ah and its drive in dl, where it is for this disk.
    ///
    /// Of a call that is passed on the registers stay as they were. An answer has the carry set where it is a refusal.
    @inline(never) public mutating func answer(_ registers: inout ServiceRegisters) -> Course {
        let called = registers.dl
        guard (called ^ drive) & 0x80 == 0 else { return .passedOn }
        if called != drive && hidesOthers {
            registers.ah = DiskStatus.invalid
            registers.carry = true
            return .answered
        }
        guard called == drive else {
            // CDs, which BIOSes number from 0xe0 on, have not moved.
            return called < 0xe0 ? .passedOnAs(called &- 1) : .passedOn
        }
        let status = serve(&registers)
        registers.ah = status ?? registers.ah
        registers.carry = status ?? 0 != DiskStatus.good
        lastStatus = status ?? DiskStatus.good
        return .answered
    }

    /// - Returns: what goes to ah; nil where the answer is there already.
    @inline(never) private mutating func serve(_ registers: inout ServiceRegisters) -> UInt8? {
        switch registers.ah {
        case 0x00: return DiskStatus.good
        case 0x01: return lastStatus
        case 0x02, 0x03, 0x04: return transfer(&registers)
        case 0x08: return describe(&registers)
        case 0x15: return tellType(&registers)
        case 0x16 where isFloppy: return DiskStatus.good  // not changed
        case 0x41 where !isFloppy: return tellExtensions(&registers)
        case 0x42...0x44 where !isFloppy: return transferByNumber(registers)
        case 0x47 where !isFloppy: return seek(registers)
        case 0x48 where !isFloppy: return describeExtended(registers)
        // Whatever it is, the BIOS's drive of that number must not do it.
        default: return DiskStatus.invalid
        }
    }

    // MARK: By cylinder, head and sector

    @inline(never) private func transfer(_ registers: inout ServiceRegisters) -> UInt8 {
        let count = UInt32(registers.al)
        let (function, address) = (registers.ah, registers.bx)
        registers.al = 0
        let sector = UInt32(registers.cx & 0x3f)
        let cylinder = UInt32(registers.cx >> 8 | (registers.cx & 0xc0) << 2)
        let head = UInt32(registers.dh)
        guard count > 0, count <= 128 else { return DiskStatus.invalid }
        guard sector > 0, sector <= geometry.sectors, head < geometry.heads else { return DiskStatus.noSuchSector }
        let first = (cylinder &* geometry.heads &+ head) &* geometry.sectors &+ sector &- 1
        let status = transfer(function, first, count, segment: UInt32(registers.es), offset: UInt32(address))
        if status == DiskStatus.good { registers.al = UInt8(truncatingIfNeeded: count) }
        return status
    }

    /// - Parameter function: reads with 2 in its lowest bits, writes with 3, and looks whether it could otherwise.
    @inline(never) private func transfer(
        _ function: UInt8, _ first: UInt32, _ count: UInt32, segment: UInt32, offset: UInt32
    ) -> UInt8 {
        guard first < sectorCount, count <= sectorCount &- first else { return DiskStatus.noSuchSector }
        let isRead = function & 7 == 2
        guard isRead || function & 7 == 3 else { return DiskStatus.good }
        // Behind its end a segment goes on at its beginning: nobody means that.
        guard offset &+ count &* 512 <= 0x1_0000 else { return DiskStatus.boundary }
        let address = segment << 4 &+ offset
        let isDone =
            isRead
            ? memory.readSectors(first, count: count, to: address)
            : memory.writeSectors(first, count: count, from: address)
        return isDone ? DiskStatus.good : DiskStatus.controllerFailed
    }

    @inline(never) private func describe(_ registers: inout ServiceRegisters) -> UInt8 {
        let last = UInt16(truncatingIfNeeded: min(geometry.cylinders, 1024) &- 1)
        registers.ax = 0
        registers.bx = UInt16(geometry.floppyType)
        registers.cx = last << 8 | (last >> 2 & 0xc0) | UInt16(truncatingIfNeeded: geometry.sectors)
        registers.dx = UInt16(truncatingIfNeeded: geometry.heads &- 1) << 8 | UInt16(driveCount)
        if isFloppy {
            // The BIOS's own table of floppy parameters, where its vector 0x1e points to.
            registers.edi = word16(0x78)
            registers.es = UInt16(truncatingIfNeeded: word16(0x7a))
        }
        return DiskStatus.good
    }

    private func tellType(_ registers: inout ServiceRegisters) -> UInt8? {
        registers.ah = isFloppy ? 1 : 3
        if !isFloppy {
            registers.cx = UInt16(truncatingIfNeeded: sectorCount >> 16)
            registers.dx = UInt16(truncatingIfNeeded: sectorCount)
        }
        return nil
    }

    // MARK: By number

    private func tellExtensions(_ registers: inout ServiceRegisters) -> UInt8? {
        guard registers.bx == 0x55aa else { return DiskStatus.invalid }
        registers.bx = 0xaa55
        registers.cx = 1  // 42h to 44h, 47h, 48h
        registers.ah = 0x21  // version 1.1
        return nil
    }

    /// The packet at ds:si: size in bytes, 0, count of sectors, buffer (offset, segment), first sector.
    @inline(never) private func transferByNumber(_ registers: ServiceRegisters) -> UInt8 {
        let packet = address(registers)
        let count = word16(packet &+ 2)
        guard memory.byte(at: packet) >= 16, count <= 127 else { return DiskStatus.invalid }
        let (offset, segment) = (word16(packet &+ 4), word16(packet &+ 6))
        // How many were transferred.
        set16(0, packet &+ 2)
        guard word32(packet &+ 12) == 0 else { return DiskStatus.noSuchSector }
        let status = transfer(
            registers.ah, word32(packet &+ 8), count, segment: segment, offset: offset)
        if status == DiskStatus.good { set16(count, packet &+ 2) }
        return status
    }

    private func seek(_ registers: ServiceRegisters) -> UInt8 {
        let packet = address(registers)
        guard memory.byte(at: packet) >= 16 else { return DiskStatus.invalid }
        let exists = word32(packet &+ 12) == 0 && word32(packet &+ 8) < sectorCount
        return exists ? DiskStatus.good : DiskStatus.noSuchSector
    }

    /// 26 bytes at ds:si: size, flags (2: the geometry is valid), geometry, sectors, bytes of a sector.
    @inline(never) private func describeExtended(_ registers: ServiceRegisters) -> UInt8 {
        let table = address(registers)
        guard word16(table) >= 26 else { return DiskStatus.invalid }
        set16(26, table)
        set16(2, table &+ 2)
        set32(geometry.cylinders, table &+ 4)
        set32(geometry.heads, table &+ 8)
        set32(geometry.sectors, table &+ 12)
        set32(sectorCount, table &+ 16)
        set32(0, table &+ 20)
        set16(512, table &+ 24)
        return DiskStatus.good
    }

    // MARK: Real-mode memory

    private func address(_ registers: ServiceRegisters) -> UInt32 {
        UInt32(registers.ds) << 4 &+ registers.esi & 0xffff
    }

    @inline(never) private func word16(_ address: UInt32) -> UInt32 {
        UInt32(memory.byte(at: address)) | UInt32(memory.byte(at: address &+ 1)) << 8
    }
    @inline(never) private func word32(_ address: UInt32) -> UInt32 { word16(address) | word16(address &+ 2) << 16 }
    @inline(never) private func set16(_ value: UInt32, _ address: UInt32) {
        memory.set(UInt8(truncatingIfNeeded: value), at: address)
        memory.set(UInt8(truncatingIfNeeded: value >> 8), at: address &+ 1)
    }
    @inline(never) private func set32(_ value: UInt32, _ address: UInt32) {
        set16(value, address)
        set16(value >> 16, address &+ 2)
    }
}
