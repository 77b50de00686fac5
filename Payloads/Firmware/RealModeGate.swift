// SPDX-License-Identifier: MIT
import FirmwareAssembly
import Hardware

typealias RealModeRegisters = real_mode_registers

extension RealModeRegisters {
    /// `eax`'s lower half, which most services are named by and answer in.
    var ax: UInt16 {
        get { UInt16(truncatingIfNeeded: eax) }
        set { eax = eax & 0xffff_0000 | UInt32(newValue) }
    }
    /// How a service says that it failed.
    var carry: Bool { flags & 1 != 0 }
    var zero: Bool { flags & 0x40 != 0 }

    /// The registers of a service: its number, and zero.
    init(service: UInt32) {
        self.init()
        eax = service
    }
}

/// The way to real mode and back: gate.S, on a page of the first megabyte.
@safe struct RealModeGate {
    private let gate: UnsafeMutablePointer<real_mode_gate>
    private let address: UInt

    /// What it takes from the first megabyte, in bytes: code, and a stack for the BIOS.
    static let memorySize = UInt(GATE_MEMORY_SIZE)

    /// A place for it at the end of what the BIOS leaves of the first 640 KiB; nil where that is too little.
    static func room() -> UInt? {
        // Of the data area: KiB of memory, and the extended data area's segment, where there is one.
        let memory = UInt(unsafe memory_at(0x413).loadUnaligned(as: UInt16.self)) &* 1024
        let area = UInt(unsafe memory_at(0x40e).load(as: UInt16.self)) &* 16
        let end = min(memory, area >= 0x8_0000 ? area : 0xa_0000)
        guard end > 0x5_0000, end <= 0xa_0000 else { return nil }
        return (end & ~4095) &- memorySize
    }

    /// Lays the gate down.
    /// - Parameter address: a page below 640 KiB, with `memorySize` bytes that are nobody's.
    init(at address: UInt) {
        // The caller has seen to it that the memory is free.
        let memory = unsafe memory_at(address)
        unsafe memory.copyMemory(from: gate_image(), byteCount: Int(gate_size()))
        unsafe gate = memory.assumingMemoryBound(to: real_mode_gate.self)
        self.address = address
        link()
    }

    /// The gate in the image itself, which lies below 640 KiB: it has no stack for calls, and is for leaving only.
    init() {
        address = UInt(bitPattern: unsafe gate_image())
        unsafe gate = memory_at(address).assumingMemoryBound(to: real_mode_gate.self)
        link()
    }

    /// Fills in what depends on the address.
    private func link() {
        let base = UInt32(truncatingIfNeeded: address)
        unsafe gate.pointee.to_protected &+= base
        unsafe gate.pointee.to_long &+= base
        unsafe gate.pointee.to_real_segment = segment
        unsafe gate.pointee.gdt_base &+= UInt64(base)
        unsafe gate.pointee.gdt.4 |= UInt64(base) << 16
    }

    var segment: UInt16 { UInt16(truncatingIfNeeded: address >> 4) }

    /// Calls the service behind interrupt `vector`, as `int` does.
    /// - Parameters:
    ///   - registers: what it is given, and what it leaves.
    ///   - ticks: of the BIOS's timer, 18.2 a second, after which it is given up; nil: it may take as long as it wants.
    /// - Returns: false where it was given up.
    func call(_ vector: UInt8, _ registers: inout RealModeRegisters, ticks: UInt16? = nil) -> Bool {
        call(at: InterruptVector(vector).value, &registers, ticks: ticks)
    }

    /// Calls the disk service that `hook` has taken the place of.
    func callOldDiskService(_ registers: inout RealModeRegisters) {
        unsafe gate.pointee.busy = 1
        _ = call(at: unsafe gate.pointee.old_13, &registers, ticks: nil)
        unsafe gate.pointee.busy = 0
    }

    /// Puts 64-bit code before the BIOS's disk service and those of int 15h that tell of memory.
    /// - Parameters:
    ///   - handler: gets the gate's address, and returns 1 where it has answered, 0 where the BIOS has to.
    ///   - stack: the end of its stack.
    func hook(handler: UInt, stack: UInt) {
        unsafe gate.pointee.handler = UInt64(handler)
        unsafe gate.pointee.handler_stack = UInt64(stack)
        // Interrupts are off, and the handler's page tables are those that the gate has kept at its last call.
        let (disk, system) = (InterruptVector(0x13), InterruptVector(0x15))
        unsafe gate.pointee.old_13 = disk.value
        unsafe gate.pointee.old_15 = system.value
        disk.set(hook(unsafe gate.pointee.hook_13))
        system.set(hook(unsafe gate.pointee.hook_15))
    }

    /// The registers of what was called, and of the answer: the gate begins with them.
    var registers: UnsafeMutablePointer<RealModeRegisters> {
        unsafe UnsafeMutableRawPointer(gate).assumingMemoryBound(to: RealModeRegisters.self)
    }

    /// The interrupt that was called.
    var vector: UInt16 { unsafe gate.pointee.vector }

    @inline(never) private func call(at target: UInt32, _ registers: inout RealModeRegisters, ticks: UInt16?) -> Bool {
        unsafe gate.pointee.target_offset = UInt16(truncatingIfNeeded: target)
        unsafe gate.pointee.target_segment = UInt16(truncatingIfNeeded: target >> 16)
        unsafe gate.pointee.registers = registers
        unsafe gate.pointee.timed_out = 0
        unsafe gate.pointee.countdown = ticks ?? 0
        let timer = InterruptVector(0x08)
        if ticks != nil {
            unsafe gate.pointee.old_08 = timer.value
            timer.set(hook(unsafe gate.pointee.hook_08))
        }
        unsafe enter_gate(gate, address &+ UInt(gate.pointee.call))
        if ticks != nil { timer.set(unsafe gate.pointee.old_08) }
        unsafe registers = gate.pointee.registers
        return unsafe gate.pointee.timed_out == 0
    }

    /// Leaves for real mode, for good.
    /// - Parameter registers: `flags` say whether interrupts are on; `ds` goes to fs and gs as well.
    func leave(to target: RealModePointer, stack: RealModePointer, _ registers: RealModeRegisters) -> Never {
        unsafe gate.pointee.registers = registers
        unsafe gate.pointee.target_offset = target.offset
        unsafe gate.pointee.target_segment = target.segment
        unsafe gate.pointee.ss = stack.segment
        unsafe gate.pointee.esp = UInt32(stack.offset)
        unsafe gate.pointee.fs = registers.ds
        unsafe gate.pointee.gs = registers.ds
        unsafe enter_gate(gate, address &+ UInt(gate.pointee.jump))
        // The gate does not come back.
        while true {}
    }

    private func hook(_ offset: UInt16) -> UInt32 { UInt32(segment) << 16 | UInt32(offset) }
}

/// An address as real mode has it.
struct RealModePointer {
    var segment: UInt16
    var offset: UInt16
}

/// An entry of the table at address 0 that real mode finds interrupt routines by.
@safe struct InterruptVector {
    private let entry: UnsafeMutablePointer<UInt32>

    init(_ number: UInt8) {
        unsafe entry = memory_at(UInt(number) &* 4).assumingMemoryBound(to: UInt32.self)
    }

    /// Segment in the upper half, offset in the lower.
    var value: UInt32 { unsafe entry.pointee }
    func set(_ value: UInt32) { unsafe entry.pointee = value }
}
