// SPDX-License-Identifier: MIT
// RealModeGate.h, Standalone.h and the rest of Hardware.h as payloads that call a BIOS are linked with them here.
import FirmwareAssembly
import Foundation
import StandaloneAssembly

@testable import FirmwareLogic

/// A PC with 512 MiB, a BIOS in it and a disk of 100 sectors; what a test changes is broken.
final class FakePC {
    /// The registers of a service, and of its answer.
    typealias Registers = real_mode_registers

    /// The first 2 MiB of memory.
    let memory = UnsafeMutableRawPointer.allocate(byteCount: memorySize, alignment: 4096)
    static let memorySize = 2 << 20
    /// What a payload is entered with.
    let parameters = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 4096)
    /// Below 4 GiB, for real-mode code tells of 32 bits.
    private let line = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | 0x40, -1, 0)
        .assumingMemoryBound(to: UInt8.self)
    private let gateImage = UnsafeMutablePointer<real_mode_gate>.allocate(capacity: 1)
    let pageTables = UnsafeMutablePointer<UInt64>.allocate(capacity: 7 * 512)
    let ownLine = UnsafeMutablePointer<UInt8>.allocate(capacity: 4096)

    /// Asked first: true where it has answered.
    var answers: [UInt8: (inout Registers) -> Bool] = [:]
    /// Services that do not come back, by the interrupt and `ah`.
    var hanging: Set<[UInt8]> = []
    var ticks = true
    var a20IsOn = false
    var a20CanBeOn = true
    /// Its registers keep their values, whatever is stored.
    var apicIsDead = false
    var keyboardStatus: (UInt8) -> UInt8 = { $0 }
    var timerCounts = true
    var clockTicks = true
    var masksStay = true
    var identity: UInt32 = 0x1237_8086
    /// Words of the APICs' registers, by their addresses.
    var registers: [UInt: UInt32] = [
        0xfec0_0010: 0x17_0011, 0xfee0_00f0: 0x10f, 0xfee0_0350: 0x5700, 0xfee0_0360: 0x5400,
    ]
    /// What was stored in them, in order.
    var stores: [String] = []
    /// What a payload did that leads nowhere.
    private(set) var complaints: [String] = []
    /// Where gates were.
    private(set) var gates: Set<UInt> = []
    /// Vectors of routines elsewhere than in the BIOS.
    var routines: [UInt32: UInt8] = [:]
    /// Ticks after which calls were to be given up.
    private(set) var limits: Set<UInt16> = []

    private var keyboard: (hasAnswer: Bool, typed: Int) = (false, 2)
    private var timer: UInt16 = 0xffff
    private var second: UInt8 = 0x10
    private var selectedClock: UInt8 = 0
    private var selectedPCI: UInt32 = 0

    static let gateOffsets = (call: UInt16(0x300), hook08: UInt16(0x400))
    /// Where the BIOS's routine for a vector is.
    static func routine(_ vector: UInt8) -> UInt32 { 0xf000_e000 | UInt32(vector) }

    init(_ words: String = "") {
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: Self.memorySize)
        parameters.initializeMemory(as: UInt8.self, repeating: 0, count: 4096)
        ownLine.initialize(repeating: 0, count: 4096)
        pageTables.initialize(repeating: 0, count: 7 * 512)
        for (index, byte) in words.utf8.enumerated() { line[index] = byte }
        let place = UInt64(UInt(bitPattern: line))
        parameters.storeBytes(of: UInt32(truncatingIfNeeded: place), toByteOffset: 0x228, as: UInt32.self)
        parameters.storeBytes(of: UInt32(place >> 32), toByteOffset: 0xc8, as: UInt32.self)
        gateImage.initialize(to: real_mode_gate())
        (gateImage.pointee.call, gateImage.pointee.hook_08) = (Self.gateOffsets.call, Self.gateOffsets.hook08)
        (gateImage.pointee.to_protected, gateImage.pointee.to_long, gateImage.pointee.gdt_base) = (0x11, 0x22, 0x98)
        addMemory()
        addEntry()
        addACPI()
    }

    deinit {
        [memory, parameters].forEach { $0.deallocate() }
        ownLine.deallocate()
        munmap(line, 4096)
        gateImage.deallocate()
        highImage.deallocate()
        pageTables.deallocate()
    }

    func set<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at address: UInt) {
        memory.storeBytes(of: value, toByteOffset: Int(address), as: Value.self)
    }
    func word(_ address: UInt) -> UInt32 { memory.loadUnaligned(fromByteOffset: Int(address), as: UInt32.self) }

    private func addMemory() {
        for vector in 0..<0x78 as Range<UInt> { set(Self.routine(UInt8(vector)), at: vector * 4) }
        set(UInt16(0x9fc0), at: 0x40e)
        set(UInt16(0x4227), at: 0x410)
        set(UInt16(639), at: 0x413)
        set(UInt8(0x20), at: 0x417)
        set(UInt8(3), at: 0x449)
        set(UInt8(1), at: 0x475)
        for address in stride(from: 0xc_0000, to: 0x10_0000, by: 0x1000) {
            set(UInt32(address) &* 0x9e37_79b9, at: UInt(address))
        }
        // The system descriptor.
        set(UInt32(0xfc_0008), at: 0xf_e6f5)
    }

    /// As purgatory enters in 64-bit mode.
    private func addEntry() {
        var entry = entry_state()
        (entry.kind, entry.flags) = (64, 0x46)
        (entry.cr0, entry.cr3, entry.cr4, entry.efer) = (0x8000_0033, 0x1000, 0x20, 0xd01)
        (entry.rsi, entry.rsp) = (0x9_0000, 0x8_f000)
        (entry.cs, entry.ds, entry.ss) = (0x10, 0x18, 0x18)
        entry.gdt.limit = 0x27
        entry.gdt.base = (0x4321, 0x8765, 0xcba9, 0x0fed)
        set(entry)
    }

    var entry: entry_state {
        get { parameters.load(fromByteOffset: Int(ENTRY_STATE), as: entry_state.self) }
        set { set(newValue) }
    }
    private func set(_ entry: entry_state) {
        parameters.storeBytes(of: entry, toByteOffset: Int(ENTRY_STATE), as: entry_state.self)
    }

    /// A table with the sum that it has to have.
    func addTable(_ name: String, at address: UInt, _ fields: [UInt: UInt32], size: UInt32) {
        for (index, byte) in name.utf8.enumerated() { set(byte, at: address + UInt(index)) }
        set(size, at: address + 4)
        for (offset, value) in fields { set(value, at: address + offset) }
        setSum(of: address, size: UInt(size), at: 9)
    }
    func setSum(of address: UInt, size: UInt, at offset: UInt) {
        set(UInt8(0), at: address + offset)
        let sum = (0..<size).reduce(UInt8(0)) { $0 &+ memory.load(fromByteOffset: Int(address + $1), as: UInt8.self) }
        set(0 &- sum, at: address + offset)
    }

    private func addACPI() {
        for (index, byte) in "RSD PTR ".utf8.enumerated() { set(byte, at: 0xf_5a80 + UInt(index)) }
        set(UInt32(0x1f_0000), at: 0xf_5a90)
        setSum(of: 0xf_5a80, size: 20, at: 8)
        addTable("RSDT", at: 0x1f_0000, [36: 0x1f_2000, 40: 0x1f_1000], size: 44)
        addTable("APIC", at: 0x1f_2000, [:], size: 60)
        addTable("FACP", at: 0x1f_1000, [40: 0x1f_3000, 48: 0xb2, 52: 0xf1, 64: 0x604], size: 116)
        addTable("DSDT", at: 0x1f_3000, [:], size: 120)
        // Name (_S5_, Package () { 0x05, … }) behind a name that begins alike.
        for (index, byte)
            in ([0x5f, 0x53, 0x35, 0x5f, 0x11, 0x5f, 0x53, 0x35, 0x5f, 0x12, 0x06, 0x04, 0x0a, 0x05] as [UInt8])
            .enumerated()
        {
            set(byte, at: 0x1f_3030 + UInt(index))
        }
    }

    // MARK: The payload's own image

    private(set) lazy var image = UnsafeMutableRawPointer(bitPattern: 0x20_0000) ?? memory
    private let highImage = UnsafeMutableRawPointer.allocate(byteCount: 0x6000, alignment: 4096)
    /// Entries of copies that were started.
    var copies: [UInt] = []

    /// Puts it above 4 GiB, where memory of this process is.
    func putHigh() {
        image = highImage
        for index in 0..<0x6000 / 4 {
            image.storeBytes(of: UInt32(index) | 0x5a00_0000, toByteOffset: index * 4, as: UInt32.self)
        }
    }

    // MARK: Memory and registers

    func pointer(_ address: UInt) -> UnsafeMutableRawPointer {
        if address < Self.memorySize {
            // Address line 20 is off: the second megabyte is the first one.
            return memory + Int(a20IsOn ? address : address & ~(1 << 20))
        }
        return UnsafeMutableRawPointer(bitPattern: address) ?? memory
    }
    func load(_ address: UInt) -> UInt32 {
        if address == 0xfec0_0010, let selected = registers[0xfec0_0000] {
            return registers[0xfec0_1000 + UInt(selected)] ?? (selected == 1 ? 0x17_0011 : 0)
        }
        return registers[address] ?? .max
    }
    func store(_ address: UInt, _ value: UInt32) {
        stores.append(String(address, radix: 16) + "=" + String(value, radix: 16))
        if address == 0xfec0_0010, let selected = registers[0xfec0_0000] {
            registers[0xfec0_1000 + UInt(selected)] = value
        } else if !apicIsDead {
            registers[address] = value
        }
    }

    // MARK: Ports

    func read(_ port: UInt16) -> UInt8? {
        switch port {
        case 0x21, 0xa1: return masksStay ? nil : 0xff
        case 0x40:
            if timerCounts { timer &-= 0x80 }
            return UInt8(timer >> 8)
        case 0x60:
            if keyboard.typed > 0 { keyboard.typed -= 1 } else { keyboard.hasAnswer = false }
            return 0x61
        case 0x64: return keyboardStatus(keyboard.hasAnswer || keyboard.typed > 0 ? 1 : 0)
        case 0x71:
            guard selectedClock == 0x80 else { return 0xee }
            if clockTicks { second &+= 1 }
            return second >> 2
        case 0x92: return a20IsOn ? 2 : 0x40
        default: return nil
        }
    }

    func write(_ port: UInt16, _ value: UInt8) {
        switch port {
        case 0x64: keyboard.hasAnswer = value == 0x20
        case 0x70: selectedClock = value
        case 0x92: a20IsOn = a20CanBeOn && value == 0x42
        default: break
        }
    }

    func read32(_ port: UInt16) -> UInt32 { port == 0xcfc && selectedPCI == 0x8000_0000 ? identity : .max }
    func write32(_ port: UInt16, _ value: UInt32) { if port == 0xcf8 { selectedPCI = value } }

    // MARK: The BIOS

    var gate: (image: UnsafeRawPointer, size: UInt) {
        (UnsafeRawPointer(gateImage), UInt(MemoryLayout<real_mode_gate>.size))
    }

    /// The gate's 64-bit entry: real mode, the service, and back.
    func enter(_ gate: UnsafeMutablePointer<real_mode_gate>, _ entry: UInt) {
        let place = UInt(bitPattern: gate) - UInt(bitPattern: memory)
        gates.insert(place)
        let target = UInt32(gate.pointee.target_segment) << 16 | UInt32(gate.pointee.target_offset)
        guard entry == place + UInt(Self.gateOffsets.call), place % 4096 == 0,
            gate.pointee.to_protected == UInt32(place) + 0x11,
            gate.pointee.to_long == UInt32(place) + 0x22, gate.pointee.to_real_segment == UInt16(place >> 4),
            gate.pointee.gdt_base == UInt64(place) + 0x98, gate.pointee.gdt.4 == UInt64(place) << 16,
            let vector = routines[target] ?? (target >> 8 == 0xf0_00e0 ? UInt8(target & 0xff) : nil)
        else { return complaints.append("a gate that leads nowhere") }
        var registers = gate.pointee.registers
        let service = UInt8(registers.eax >> 8 & 0xff)
        if ticks { set(word(0x46c) + 1, at: 0x46c) }
        let hook = UInt32(place >> 4) << 16 | UInt32(Self.gateOffsets.hook08)
        let isTimed = gate.pointee.countdown != 0
        guard (word(8 * 4) == hook) == isTimed, !isTimed || gate.pointee.old_08 == Self.routine(8) else {
            return complaints.append("a timer that does not end a call")
        }
        if isTimed { limits.insert(gate.pointee.countdown) }
        guard !hanging.contains([vector, service]) else {
            guard isTimed else { return complaints.append("hung for ever") }
            gate.pointee.timed_out = 1
            return
        }
        registers.flags = 0x46
        if answers[vector]?(&registers) != true { answer(vector, &registers) }
        gate.pointee.registers = registers
    }

    private func address(_ segment: UInt16, _ offset: UInt32) -> UInt { UInt(segment) << 4 + UInt(offset & 0xffff) }

    private func answer(_ vector: UInt8, _ registers: inout Registers) {
        switch (vector, registers.eax & 0xffff) {
        case (0x10, 0x0f00): registers.eax = 0x5003
        case (0x10, 0x0300): registers.edx = 0x0717
        case (0x10, 0x1a00): (registers.eax, registers.ebx) = (0x1a, 8)
        case (0x10, 0x4f00):
            set(UInt32(0x4153_4556), at: address(registers.es, registers.edi))
            set(UInt16(0x300), at: address(registers.es, registers.edi) + 4)
            registers.eax = 0x4f
        case (0x11, _): registers.eax = 0x4227
        case (0x12, _): registers.eax = 639
        case (0x13, let service): answerDisk(service, &registers)
        case (0x15, let service): answerSystem(service, &registers)
        case (0x16, 0x0200): registers.eax = 0x0220
        case (0x16, _): break
        case (0x1a, 0x0200): (registers.ecx, registers.edx) = (0x2347, 0x5900)
        case (0x1a, 0xb101): (registers.eax, registers.ebx, registers.edx) = (1, 0x0210, 0x2049_4350)
        case (0x1a, 0xb10a): registers.ecx = registers.ebx == 0 && registers.edi == 0 ? identity : 0
        default: registers.flags |= 1
        }
    }

    var map: [(start: UInt64, size: UInt64, type: UInt32)] = [
        (0, 0x9_fc00, 1), (0x9_fc00, 0x400, 2), (0x10_0000, 0x1fee_0000, 1), (0x1ffe_0000, 0x2_0000, 2),
    ]

    private func answerSystem(_ service: UInt32, _ registers: inout Registers) {
        switch service {
        case 0xc000: (registers.es, registers.ebx) = (0xf000, 0xabcd_e6f5)
        case 0x5300: (registers.eax, registers.ebx, registers.ecx) = (0x102, 0x504d, 3)
        case 0xe801: (registers.eax, registers.ebx, registers.ecx, registers.edx) = (0x3c00, 0x1efe, 0x3c00, 0x1efe)
        case 0x8800: registers.eax = 0xfc00
        case 0xe820 where registers.edx == 0x534d_4150 && registers.ecx == 24 && Int(registers.ebx) < map.count:
            let index = Int(registers.ebx), place = address(registers.es, registers.edi)
            set(map[index].start, at: place)
            set(map[index].size, at: place + 8)
            set(map[index].type, at: place + 16)
            (registers.eax, registers.ebx) = (0x534d_4150, index + 1 < map.count ? UInt32(index + 1) : 0)
        default: registers.flags |= 1
        }
    }

    // MARK: The disk

    var sectors: UInt64 = 100
    /// The 32-bit words of a sector.
    var contents: (UInt64) -> [UInt32] = { sector in
        (0..<128).map { UInt32(truncatingIfNeeded: sector + 1) &* 0x9e37_79b9 &+ $0 &* 0x85eb_ca6b }
    }

    private func answerDisk(_ service: UInt32, _ registers: inout Registers) {
        let isFloppy = registers.edx & 0xff == 0
        guard isFloppy || registers.edx & 0xff == 0x80 else { return registers.flags |= 1 }
        switch service {
        case 0x0000: registers.eax = 0
        case 0x0800: (registers.eax, registers.ecx, registers.edx) = (0, 0xffbf, 0x0f01)
        case 0x1500: registers.eax = isFloppy ? 0x0100 : 0x0300
        case 0x0201 where registers.ecx == 1 && registers.edx == 0x80: put(0, at: address(registers.es, registers.ebx))
        case 0x4100 where registers.ebx == 0x55aa: (registers.ebx, registers.ecx) = (0xaa55, 7)
        case 0x4800 where word(address(registers.ds, registers.esi)) & 0xffff == 0x1a:
            set(sectors, at: address(registers.ds, registers.esi) + 16)
        case 0x4200:
            let packet = address(registers.ds, registers.esi)
            let sector = UInt64(word(packet + 8)) | UInt64(word(packet + 12)) << 32
            guard word(packet) == 0x0001_0010, sector < sectors else { return registers.flags |= 1 }
            put(sector, at: address(UInt16(word(packet + 4) >> 16), word(packet + 4)))
        default: registers.flags |= 1
        }
    }

    private func put(_ sector: UInt64, at place: UInt) {
        for (index, word) in contents(sector).enumerated() { set(word, at: place + UInt(index) * 4) }
    }
}

/// Of the one test that runs.
private var machine: FakePC {
    guard let pc = hardware.pc else { fatalError("no machine is around this processor") }
    return pc
}

@c(port_write16) public func portWrite16(_ port: UInt16, _ value: UInt16) {
    hardware.wideWrites.append((port, value))
}
@c(port_read16) public func portRead16(_ port: UInt16) -> UInt16 { UInt16(hardware.ports[port] ?? 0xff) }
@c(port_write32) public func portWrite32(_ port: UInt16, _ value: UInt32) { hardware.pc?.write32(port, value) }
@c(port_read32) public func portRead32(_ port: UInt16) -> UInt32 { hardware.pc?.read32(port) ?? .max }
@c(memory_at) public func memoryAt(_ address: UInt) -> UnsafeMutableRawPointer { machine.pointer(address) }
@c(device_store8) public func deviceStore8(_ address: UInt, _ value: UInt8) {
    hardware.pc?.store(address, UInt32(value))
}
@c(device_store32) public func deviceStore32(_ address: UInt, _ value: UInt32) { hardware.pc?.store(address, value) }
@c(device_load8) public func deviceLoad8(_ address: UInt) -> UInt8 {
    UInt8(truncatingIfNeeded: hardware.pc?.load(address) ?? 0xff)
}
@c(device_load16) public func deviceLoad16(_ address: UInt) -> UInt16 {
    UInt16(truncatingIfNeeded: hardware.pc?.load(address) ?? 0xffff)
}
@c(device_load32) public func deviceLoad32(_ address: UInt) -> UInt32 { hardware.pc?.load(address) ?? .max }
@c(processor_halt) public func processorHalt() { tripleFault() }
@c(write_cr3) public func writeCR3(_ value: UInt64) { hardware.control.cr3 = value }
@c(write_msr) public func writeMSR(_ number: UInt32, _ value: UInt64) {
    hardware.registers[number] = value
    hardware.registerWrites.append((number, value))
}

@c(gate_image) public func gateImage() -> UnsafeRawPointer { machine.gate.image }
@c(gate_size) public func gateSize() -> UInt { machine.gate.size }
@c(enter_gate) public func enterGate(_ gate: UnsafeMutablePointer<real_mode_gate>, _ entry: UInt) {
    machine.enter(gate, entry)
}

@c(payload_start) public func payloadStart() -> UnsafeMutablePointer<CChar> {
    machine.image.assumingMemoryBound(to: CChar.self)
}
@c(payload_memory_size) public func payloadMemorySize() -> UInt { 0x8000 }
@c(payload_file_size) public func payloadFileSize() -> UInt { 0x6000 }
@c(own_page_tables) public func ownPageTables() -> UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(machine.pageTables)
}
@c(entry_again_offset) public func entryAgainOffset() -> UInt { 0x123 }
@c(enter_copy) public func enterCopy(_ entry: UInt, _ parameters: UnsafeRawPointer) {
    machine.copies.append(entry)
}
@c(own_command_line) public func ownCommandLine() -> UnsafeMutablePointer<UInt8> { machine.ownLine }
