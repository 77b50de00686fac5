// SPDX-License-Identifier: MIT
#if canImport(Handoff)
    import Handoff
#endif

/// What a page of Identify tells of (`CNS`).
private enum Subject {
    static let namespace: UInt32 = 0
    static let controller: UInt32 = 1
    /// Since version 1.1.
    static let activeNamespaces: UInt32 = 2
}

/// A namespace of an NVMe controller, in sectors of 512 bytes.
///
/// What firmware has told the controller of its queues nobody can read back, and it is gone once Linux has made its own: so
/// the payload makes its own as well, and serves int 13h with them.
struct NVMeDisk<Machine: MachineAccess> {
    /// What it needs of memory that stays, in bytes, from a page on: the controller's, and a page for data.
    static var memorySize: UInt64 { NVMeController<Machine>.memorySize &+ 4096 }
    /// Namespaces of a controller without a list of them that are asked whether they are active.
    private static var namespaceLimit: UInt32 { 256 }

    private let machine: Machine
    private var controller: NVMeController<Machine>
    private let data: UInt64
    private var namespace: UInt32
    private(set) var sectorCount: UInt64 = 0
    /// Sectors in a block of the namespace: 1, 2, 4 or 8.
    private var sectorsPerBlock: UInt32 = 1
    /// What is written may stay in a cache that needs power.
    private var hasVolatileCache = false
    private(set) var problem: NVMeProblem?

    /// Starts the controller afresh.
    /// - Parameters:
    ///   - registers: the address of its registers, below 4 GiB.
    ///   - memory: `memorySize` bytes from a page on, below 4 GiB, that stay.
    ///   - namespace: its number; 0 for the first that is active.
    init(machine: Machine, registers: UInt64, memory: UInt64, namespace: UInt32) {
        self.machine = machine
        self.namespace = namespace
        var offset: UInt64 = 0
        while offset < Self.memorySize {
            machine.write(0, memory &+ offset, .word)
            offset &+= 4
        }
        controller = NVMeController(machine: machine, registers: registers, memory: memory)
        data = memory &+ NVMeController<Machine>.memorySize
        problem = controller.start() ?? findNamespace()
    }

    // MARK: Identify

    @inline(never) private mutating func identify(_ subject: UInt32, _ namespace: UInt32) -> NVMeProblem? {
        let status = controller.administer(.identify, namespace: namespace, address: data, (subject, 0))
        return status == 0 ? nil : .refused(.identify, status)
    }

    private func identified(_ offset: UInt64) -> UInt32 { machine.read(data &+ offset, .word) }

    private mutating func findNamespace() -> NVMeProblem? {
        if let problem = identify(Subject.controller, 0) { return problem }
        hasVolatileCache = identified(524) >> 8 & 1 != 0  // VWC
        let count = identified(516)  // NN
        if namespace != 0 { return examine(namespace) }
        // Some that should have the list have not: one after the other tells as well.
        if controller.version >= 0x0001_0100, identify(Subject.activeNamespaces, 0) == nil {
            let first = identified(0)
            return first == 0 ? .noNamespace(0) : examine(first)
        }
        var number: UInt32 = 1
        var problem = NVMeProblem.noNamespace(0)
        while number <= min(count, Self.namespaceLimit), !controller.isDead {
            guard let found = examine(number) else { return nil }
            if case .oddBlocks = found { return found }
            if case .refused = found { problem = found }
            number &+= 1
        }
        return problem
    }

    /// How the namespace's blocks are formatted.
    @inline(never) private mutating func examine(_ number: UInt32) -> NVMeProblem? {
        namespace = number
        if let problem = identify(Subject.namespace, number) { return problem }
        let blocks = UInt64(identified(0)) | UInt64(identified(4)) << 32  // NSZE
        // All of an inactive one is 0.
        if blocks == 0 { return .noNamespace(number) }
        // NLBAF, one less than there are, and FLBAS: its upper bits count only where there are more than 16.
        let formats = identified(24)
        let upper = formats >> 8 & 0xff > 15 ? formats >> 17 & 0x30 : 0
        let format = identified(128 &+ UInt64(formats >> 16 & 15 | upper) &* 4)
        let shift = format >> 16 & 0xff
        // For metadata there would have to be a place.
        guard format & 0xffff == 0, 9...12 ~= shift else { return .oddBlocks(format & 0xff_ffff) }
        sectorsPerBlock = 1 << (shift &- 9)
        sectorCount = min(blocks, UInt64.max >> 3) &* UInt64(sectorsPerBlock)
        return nil
    }

    // MARK: Sectors

    /// Transfers sectors of 512 bytes, which the disk has; what is written is on the disk when this returns.
    /// - Returns: whether the controller has done it, in time.
    mutating func transfer(_ first: UInt64, count: UInt32, at address: UInt64, writes: Bool) -> Bool {
        var (sector, left, address) = (first, count, address)
        while left > 0 {
            let skipped = UInt32(truncatingIfNeeded: sector) & (sectorsPerBlock &- 1)
            // A page at a time: one address is all that the command needs.
            let piece = min(left, 8 &- skipped)
            let block = sector / UInt64(sectorsPerBlock)
            let blocks = (skipped &+ piece &+ sectorsPerBlock &- 1) / sectorsPerBlock
            let isPartial = skipped != 0 || piece % sectorsPerBlock != 0
            if !writes || isPartial { guard command(.read, block, blocks) else { return false } }
            let part = data &+ UInt64(skipped) &* 512
            let size = UInt64(piece) &* 512
            if writes {
                machine.copy(from: address, to: part, count: size)
                guard command(.write, block, blocks) else { return false }
            } else {
                machine.copy(from: part, to: address, count: size)
            }
            sector &+= UInt64(piece)
            address &+= size
            left &-= piece
        }
        return !writes || !hasVolatileCache || command(.flush, 0, 1)
    }

    @inline(never) private mutating func command(_ command: NVMeCommand.Input, _ block: UInt64, _ count: UInt32) -> Bool
    {
        controller.carryOut(
            NVMeCommand(
                opcode: command.rawValue, namespace: namespace, address: data,
                words: (UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32), count &- 1))) == 0
    }
}
