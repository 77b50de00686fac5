// SPDX-License-Identifier: MIT
public import PhysicalMemory

/// What a Multiboot kernel is told, in a block of memory whose address it finds in `ebx`.
public struct MultibootInformation: Hashable, Sendable {
    /// One file of the user's.
    public struct Module: Hashable, Sendable {
        /// Where it is loaded, below 4 GiB: `mod_start` and `mod_end`.
        public var range: PhysicalRange
        /// The file's name and its arguments.
        public var text: ByteString
        public init(range: PhysicalRange, text: ByteString) {
            self.range = range
            self.text = text
        }
    }

    /// Where EFI's tables are.
    public struct EFI: Hashable, Sendable {
        /// The system table has 64-bit pointers.
        public var isWide: Bool
        /// Physical address.
        public var systemTable: UInt64
        /// Bytes of one descriptor in `memoryMap`: may be more than the version's fields take.
        public var descriptorSize: UInt32
        /// `EFI_MEMORY_DESCRIPTOR_VERSION` of the descriptors.
        public var descriptorVersion: UInt32
        /// Descriptors, one after the other.
        public var memoryMap: [UInt8]
        public init(
            isWide: Bool, systemTable: UInt64, descriptorSize: UInt32, descriptorVersion: UInt32, memoryMap: [UInt8]
        ) {
            self.isWide = isWide
            self.systemTable = systemTable
            self.descriptorSize = descriptorSize
            self.descriptorVersion = descriptorVersion
            self.memoryMap = memoryMap
        }
    }

    /// An ELF file's sections.
    public struct Sections: Hashable, Sendable {
        /// `e_shnum`, `e_shentsize`, `e_shstrndx`: headers, bytes of one, the number of the section with the names.
        public var count, entrySize, nameIndex: UInt32
        /// All headers, with the physical addresses of what was loaded.
        public var headers: [UInt8]
        public init(count: UInt32, entrySize: UInt32, nameIndex: UInt32, headers: [UInt8]) {
            self.count = count
            self.entrySize = entrySize
            self.nameIndex = nameIndex
            self.headers = headers
        }
    }

    /// Without its NUL, as all text here.
    public var commandLine: ByteString
    /// Who loaded the kernel, with its version.
    public var bootLoaderName: ByteString
    /// In the order in which the kernel finds them.
    public var modules: [Module] = []
    /// The kernel is told of types that Multiboot does not know as reserved memory.
    public var memoryMap: MemoryMap
    /// nil: nothing is known of the screen, and the kernel is told nothing.
    public var framebuffer: MultibootFramebuffer?
    /// nil where the file is no ELF file, or has none.
    public var sections: Sections?
    /// nil where there is no EFI; version 1 has no place for it.
    public var efi: EFI?
    /// nil where its bytes are not known; version 1 has no place for it.
    public var rootPointer: ACPIRootPointer?
    /// Where an image that may be anywhere was put; nil for others. Version 1 has no place for it.
    public var loadBase: PhysicalAddress?

    public init(commandLine: ByteString, bootLoaderName: ByteString, memoryMap: MemoryMap) {
        self.commandLine = commandLine
        self.bootLoaderName = bootLoaderName
        self.memoryMap = memoryMap
    }

    /// What `eax` holds at the entry.
    public static func magic(_ version: MultibootImage.Version) -> UInt32 {
        version == .one ? 0x2bad_b002 : 0x36d7_6289
    }

    /// The block; its size does not depend on `address`.
    /// - Parameters:
    ///   - version: of Multiboot.
    ///   - address: where it will be, on a multiple of 8 below 4 GiB.
    public func encoded(_ version: MultibootImage.Version, at address: PhysicalAddress) -> [UInt8] {
        version == .one ? firstVersion(at: UInt32(truncatingIfNeeded: address.rawValue)) : secondVersion()
    }

    // MARK: Version 1 (section 3.3)

    private static let fixedSize = 116

    private func firstVersion(at address: UInt32) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.fixedSize)
        func here() -> UInt32 { address &+ UInt32(truncatingIfNeeded: bytes.count) }
        // mem_lower and mem_upper, mmap, boot_loader_name.
        var flags: UInt32 = 1 << 0 | 1 << 6 | 1 << 9
        bytes.store(lowerMemory, at: 4)
        bytes.store(upperMemory, at: 8)
        // The map and the list of modules want multiples of 4, text does not.
        bytes.store(here(), at: 48)
        for entry in memoryMap.entries {
            bytes.appendLittle(UInt32(20))
            bytes += encodedE820([entry.known])
        }
        bytes.store(UInt32(bytes.count - Self.fixedSize), at: 44)
        if !modules.isEmpty {
            flags |= 1 << 3
            let list = bytes.count
            bytes.store(UInt32(modules.count), at: 20)
            bytes.store(here(), at: 24)
            bytes += [UInt8](repeating: 0, count: 16 * modules.count)
            for (index, module) in modules.enumerated() {
                bytes.store(module.range.start.low, at: list + 16 * index)
                bytes.store(module.range.end.low, at: list + 16 * index + 4)
                bytes.store(here(), at: list + 16 * index + 8)
                bytes += module.text.terminated
            }
        }
        if let sections {
            flags |= 1 << 5
            bytes.pad(to: 4)
            bytes.store(sections.count, at: 28)
            bytes.store(sections.entrySize, at: 32)
            bytes.store(here(), at: 36)
            bytes.store(sections.nameIndex, at: 40)
            bytes += sections.headers
        }
        flags |= 1 << 2
        bytes.store(here(), at: 16)
        bytes += commandLine.terminated
        bytes.store(here(), at: 64)
        bytes += bootLoaderName.terminated
        if let framebuffer {
            flags |= 1 << 12
            bytes.store(framebuffer.encoded, at: 88)
        }
        bytes.store(flags, at: 0)
        return bytes
    }

    // MARK: Version 2 (section 3.6)

    private func secondVersion() -> [UInt8] {
        var list = TagList()
        list.append(1, commandLine.terminated)
        list.append(2, bootLoaderName.terminated)
        for module in modules {
            list.append(3, [module.range.start.low, module.range.end.low], module.text.terminated)
        }
        list.append(4, [lowerMemory, upperMemory])
        var map: [UInt8] = []
        for entry in memoryMap.entries {
            map += encodedE820([entry.known])
            map.pad(to: 8)
        }
        list.append(6, [24, 0], map)
        if let framebuffer {
            // A reserved field of 16 bits comes before the colours.
            var fields = framebuffer.encoded
            fields.insert(0, at: 22)
            fields.insert(0, at: 22)
            list.append(8, fields)
        }
        // As GRUB has it, with numbers of 32 bits: the specification's text has 16.
        if let sections {
            list.append(9, [sections.count, sections.entrySize, sections.nameIndex], sections.headers)
        }
        if let efi {
            let low = UInt32(truncatingIfNeeded: efi.systemTable)
            if efi.isWide {
                list.append(12, [low, UInt32(truncatingIfNeeded: efi.systemTable >> 32)])
            } else {
                list.append(11, [low])
            }
            list.append(17, [efi.descriptorSize, efi.descriptorVersion], efi.memoryMap)
        }
        if let rootPointer {
            if let old = rootPointer.old { list.append(14, old) }
            if let new = rootPointer.new { list.append(15, new) }
        }
        if let loadBase { list.append(21, [loadBase.low]) }
        list.append(0)
        list.bytes.store(UInt32(list.bytes.count), at: 0)
        return list.bytes
    }

    private struct TagList {
        var bytes = [UInt8](repeating: 0, count: 8)

        mutating func append(_ type: UInt32, _ words: [UInt32] = [], _ rest: [UInt8] = []) {
            bytes.pad(to: 8)
            let start = bytes.count
            bytes.appendLittle(type)
            bytes.appendLittle(UInt32(0))
            for word in words { bytes.appendLittle(word) }
            bytes += rest
            bytes.store(UInt32(bytes.count - start), at: start + 4)
        }

        mutating func append(_ type: UInt32, _ contents: [UInt8]) { append(type, [], contents) }
    }

    // MARK: Memory

    /// KiB from 0 up, 640 at most.
    private var lowerMemory: UInt32 {
        let first = memoryMap.ram.ranges.first { $0.start < PhysicalAddress(0xa_0000) }
        return UInt32(clamping: min(first?.end.rawValue ?? 0, 0xa_0000) >> 10)
    }

    /// KiB from 1 MiB up to the first hole.
    private var upperMemory: UInt32 {
        let oneMiB = PhysicalAddress(0x10_0000)
        guard let range = memoryMap.ram.ranges.first(where: { $0.contains(oneMiB) }) else { return 0 }
        return UInt32(clamping: (range.end.rawValue - oneMiB.rawValue) >> 10)
    }
}

extension E820Entry {
    /// Both specifications know the types 1 to 5; the rest is reserved memory for them.
    fileprivate var known: E820Entry {
        (1...5).contains(type.rawValue) ? self : E820Entry(range: range, type: .reserved)
    }
}

extension PhysicalAddress {
    fileprivate var low: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
}

/// The screen as a Multiboot kernel is told of it: the `framebuffer_*` fields.
public struct MultibootFramebuffer: Hashable, Sendable {
    /// Address, pitch, width, height, depth, type, colours: as version 1 has them from offset 88 on.
    let encoded: [UInt8]

    /// EGA's text mode, no pixels: `framebuffer_type` 2.
    public var isText: Bool { encoded[21] == 2 }

    /// What the running kernel's boot_params say of the screen (`screen_info`); nil where that is nothing.
    public init?(_ old: [UInt8]) {
        guard old.count >= BootParameters.size else { return nil }
        func word(_ offset: Int) -> UInt16 { old.loadLittle(UInt16.self, at: offset) ?? 0 }
        func long(_ offset: Int) -> UInt32 { old.loadLittle(UInt32.self, at: offset) ?? 0 }
        var bytes: [UInt8] = []
        // `orig_video_isVGA`: 1 is VGA text, 0x23 VESA's linear framebuffer, 0x70 EFI's.
        switch old[0x0f] {
        case 1:
            let columns = UInt32(old[0x07]), rows = UInt32(old[0x0e])
            guard columns > 0, rows > 0 else { return nil }
            bytes.appendLittle(UInt64(0xb_8000))
            for value in [columns * 2, columns, rows] { bytes.appendLittle(value) }
            bytes += [16, 2, 0, 0, 0, 0, 0, 0]
        case 0x23, 0x70:
            // `capabilities` bit 1: `ext_lfb_base` is there.
            let high = long(0x36) & 2 != 0 ? long(0x3a) : 0
            let depth = word(0x16)
            guard depth >= 15, depth <= 32, long(0x18) != 0 || high != 0 else { return nil }
            bytes.appendLittle(UInt64(high) << 32 | UInt64(long(0x18)))
            for value in [word(0x24), word(0x12), word(0x14)] { bytes.appendLittle(UInt32(value)) }
            bytes += [UInt8(truncatingIfNeeded: depth), 1]
            // Position and size of red, green and blue; Linux has the size first.
            for offset in [0x26, 0x28, 0x2a] { bytes += [old[offset + 1], old[offset]] }
        default: return nil
        }
        encoded = bytes
    }
}
