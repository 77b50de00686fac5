// SPDX-License-Identifier: MIT

/// How a BIOS counts the sectors of a disk: by cylinder, head and sector, the last from 1.
public struct DiskGeometry: Sendable, Hashable {
    /// At least 1. May be more than the 1024 that int 13h can name by cylinder, head and sector.
    public var cylinders: UInt32
    /// 1 to 255.
    public var heads: UInt32
    /// Of one track, 1 to 63.
    public var sectors: UInt32
    /// What int 13h calls a floppy drive of that kind in bl; 0: a hard disk.
    public var floppyType: UInt8 = 0

    public init(cylinders: UInt32, heads: UInt32, sectors: UInt32, floppyType: UInt8 = 0) {
        self.cylinders = cylinders
        self.heads = heads
        self.sectors = sectors
        self.floppyType = floppyType
    }

    /// That of a floppy disk with so many sectors of 512 bytes; nil where there is no such floppy disk.
    public init?(floppyWith count: UInt32) {
        switch count {
        case 320: self.init(cylinders: 40, heads: 1, sectors: 8, floppyType: 1)
        case 360: self.init(cylinders: 40, heads: 1, sectors: 9, floppyType: 1)
        case 640: self.init(cylinders: 40, heads: 2, sectors: 8, floppyType: 1)
        case 720: self.init(cylinders: 40, heads: 2, sectors: 9, floppyType: 1)
        case 1440: self.init(cylinders: 80, heads: 2, sectors: 9, floppyType: 3)
        case 2400: self.init(cylinders: 80, heads: 2, sectors: 15, floppyType: 2)
        case 2880: self.init(cylinders: 80, heads: 2, sectors: 18, floppyType: 4)
        case 3360: self.init(cylinders: 80, heads: 2, sectors: 21, floppyType: 4)
        case 5760: self.init(cylinders: 80, heads: 2, sectors: 36, floppyType: 5)
        default: return nil
        }
    }

    /// That of a hard disk: as its partition table has it, else as BIOSes do it for one of its size.
    /// - Parameters:
    ///   - count: its sectors.
    ///   - sector: the first one; of fewer bytes nothing is taken.
    @inline(never) public init(hardDiskWith count: UInt32, firstSector sector: RawSpan) {
        self.init(cylinders: 1, heads: 16, sectors: 63)
        if let (heads, sectors) = Self.partitioned(sector) {
            self.heads = heads
            self.sectors = sectors
        } else {
            // So many heads that all can be reached by 1024 cylinders, if they can.
            while heads < 255, count > 1024 &* heads &* sectors { heads = min(heads &* 2, 255) }
        }
        countCylinders(of: count)
    }

    /// Makes as many cylinders as it takes, at least one; what does not fill the last one does not count.
    public mutating func countCylinders(of count: UInt32) { cylinders = max(count / (heads &* sectors), 1) }

    /// Heads and sectors by which all partitions end where their sector numbers say. Partitions end at the end of a track
    /// of the last head, so that the greatest numbers are those of the geometry.
    private static func partitioned(_ sector: RawSpan) -> (heads: UInt32, sectors: UInt32)? {
        guard sector.byteCount >= 512 else { return nil }
        var (heads, sectors): (UInt32, UInt32) = (0, 0)
        var index = 0
        while index < 4 {
            let entry = PartitionEntry(index, of: sector)
            index &+= 1
            guard entry.type != 0 else { continue }
            heads = max(heads, entry.endHead &+ 1)
            sectors = max(sectors, entry.endSector)
        }
        guard heads > 0, heads < 256, sectors > 0 else { return nil }
        while index > 0 {
            index &-= 1
            let entry = PartitionEntry(index, of: sector)
            guard entry.type == 0 || entry.ends(withHeads: heads, sectors) else { return nil }
        }
        return (heads, sectors)
    }
}

/// One of the four entries of a disk's first sector, from 0x1be on, 16 bytes each.
public struct PartitionEntry: Sendable {
    /// What is in the partition, the byte at offset 4; 0: the entry is not in use.
    public var type: UInt8
    /// The first sector, counted from the disk's first as 0.
    public var start: UInt32
    /// Sectors.
    public var count: UInt32
    var endHead: UInt32
    var endSector: UInt32
    private var endCylinder: UInt32

    /// - Parameter sector: 512 bytes.
    @inline(never) public init(_ index: Int, of sector: RawSpan) {
        let entry = 0x1be &+ 16 &* index
        // The caller has 512 bytes, and `index` is below 4.
        func byte(_ offset: Int) -> UInt32 {
            UInt32(unsafe sector.unsafeLoad(fromByteOffset: entry &+ offset, as: UInt8.self))
        }
        func word(_ offset: Int) -> UInt32 {
            unsafe sector.unsafeLoadUnaligned(fromByteOffset: entry &+ offset, as: UInt32.self)
        }
        type = UInt8(truncatingIfNeeded: byte(4))
        endHead = byte(5)
        endSector = byte(6) & 0x3f
        endCylinder = byte(7) | (byte(6) & 0xc0) << 2
        start = word(8)
        count = word(12)
    }

    /// Whether it ends where it says; beyond cylinder 1023 a table cannot.
    @inline(never) fileprivate func ends(withHeads heads: UInt32, _ sectors: UInt32) -> Bool {
        let last = UInt64(start) &+ UInt64(count) &- 1
        let perCylinder = UInt64(heads &* sectors)
        guard count > 0, endSector > 0 else { return false }
        if last / perCylinder > 1023 { return true }
        return UInt64(endCylinder) &* perCylinder &+ UInt64(endHead &* sectors &+ endSector &- 1) == last
    }
}
