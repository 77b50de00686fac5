// SPDX-License-Identifier: MIT
// Hardware.h and Purgatory.h as purgatory is linked with them here. The headers themselves are not imported: their
// declarations have the same names.
import Foundation
import Handoff

/// A processor, its ports and its text memory.
struct FakeHardware {
    struct Access: Hashable {
        var port: UInt16
        var value: UInt8
    }

    /// Written to ports, in order.
    var writes: [Access] = []
    /// What reading a port gives; 0xff where nothing answers.
    var ports: [UInt16: UInt8] = [:]
    /// The same, of 16 bits.
    var wideWrites: [(port: UInt16, value: UInt16)] = []
    /// Written to model-specific registers, in order.
    var registerWrites: [(number: UInt32, value: UInt64)] = []
    /// Ports that were read, in order.
    var reads: [UInt16] = []
    /// Ports that give what was written to them.
    var echoes: Set<UInt16> = []
    /// Stored into text memory, in order.
    var cells: [(address: UInt, value: UInt16)] = []
    /// Grows by one with each reading.
    var time: UInt64 = 1000
    /// Each reading of the clock passes so many ticks.
    var pace: UInt64 = 1
    /// Of CPUID's leaves.
    var facts: [UInt32: (eax: UInt32, ebx: UInt32, ecx: UInt32, edx: UInt32)] = [:]
    var registers: [UInt32: UInt64] = [:]
    var control: (cr0: UInt64, cr3: UInt64, cr4: UInt64) = (0x8000_0011, 0, 0x20)
    /// Written to cr0 and cr4, in order.
    var controls: [String] = []
    /// Blocks that went through the extensions.
    var extensionBlocks = 0
    /// The identity map reaches text memory.
    var mapsScreen = true
    var withoutPaging: [(table: UInt32, leavesX2APIC: UInt32)] = []
    let parameters = UnsafeMutablePointer<PurgatoryParameters>.allocate(capacity: 1)
    /// Below 4 GiB, as purgatory is.
    let table = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | 0x40, -1, 0)
    /// The machine around it, for payloads that want one.
    var pc: FakePC?
    /// What a reset shows of the machine, for a test that ends with it.
    var tellsAtReset = false

    /// What went to the serial port at 0x3f8.
    var serialText: String {
        String(decoding: writes.filter { $0.port == 0x3f8 }.map(\.value), as: UTF8.self)
    }

    /// What went to text memory, as if it had no rows.
    var screenText: String { String(decoding: cells.map { UInt8($0.value & 0xff) }, as: UTF8.self) }

    func free() {
        parameters.deallocate()
        munmap(table, 4096)
    }
}

/// Of the one test that runs.
nonisolated(unsafe) var hardware = FakeHardware()

@c(port_write) public func portWrite(_ port: UInt16, _ value: UInt8) {
    hardware.writes.append(FakeHardware.Access(port: port, value: value))
    if hardware.echoes.contains(port) { hardware.ports[port] = value }
    hardware.pc?.write(port, value)
}
@c(port_read) public func portRead(_ port: UInt16) -> UInt8 {
    hardware.reads.append(port)
    return hardware.pc?.read(port) ?? hardware.ports[port] ?? 0xff
}
@c(time_stamp) public func timeStamp() -> UInt64 {
    hardware.time += hardware.pace
    return hardware.time
}
@c(processor_fact) public func processorFact(_ leaf: UInt32, _ subleaf: UInt32, _ number: UInt32) -> UInt32 {
    guard let facts = hardware.facts[leaf], subleaf == 0 else { return 0 }
    return [facts.eax, facts.ebx, facts.ecx, facts.edx][Int(number)]
}
@c(device_store) public func deviceStore(_ address: UInt, _ value: UInt16) {
    hardware.cells.append((address, value))
}
@c(read_cr0) public func readCR0() -> UInt64 { hardware.control.cr0 }
@c(read_cr3) public func readCR3() -> UInt64 { hardware.control.cr3 }
@c(read_cr4) public func readCR4() -> UInt64 { hardware.control.cr4 }
@c(write_cr0) public func writeCR0(_ value: UInt64) {
    hardware.controls.append("cr0 \(String(value, radix: 16))")
    hardware.control.cr0 = value
}
@c(write_cr4) public func writeCR4(_ value: UInt64) {
    hardware.controls.append("cr4 \(String(value, radix: 16))")
    hardware.control.cr4 = value
}
@c(read_msr) public func readMSR(_ number: UInt32) -> UInt64 { hardware.registers[number] ?? 0 }
@c(triple_fault) public func tripleFault() {
    if hardware.tellsAtReset {
        let ports =
            hardware.writes.filter { $0.port != 0x3f8 }.map { "\(String($0.port, radix: 16))=\($0.value)" }
            + hardware.wideWrites.map { "\(String($0.port, radix: 16))=\($0.value)" }
        let text = hardware.serialText + "ports \(ports.suffix(3).joined(separator: " ")) time \(hardware.time)\n"
        FileHandle.standardOutput.write(Data(text.utf8))
    }
    exit(7)
}
@c(sha256_absorb_with_extensions)
public func absorb(_ state: UnsafeMutablePointer<UInt32>, _ blocks: UnsafeRawPointer, _ count: UInt) {
    hardware.extensionBlocks += Int(count)
    var words = SHA256.State(repeating: 0)
    for index in 0..<8 { words[index] = state[index] }
    let span = UnsafeRawBufferPointer(start: blocks, count: Int(count) * 64)
    PortableSHA256().absorb(span.bytes, into: &words)
    for index in 0..<8 { state[index] = words[index] }
}

@c(purgatory_probe) public func probe(_ address: UInt) -> Bool { address == 0xb8000 && hardware.mapsScreen }
@c(purgatory_without_paging) public func withoutPaging(_ table: UInt32, _ leavesX2APIC: UInt32) {
    hardware.withoutPaging.append((table, leavesX2APIC))
}
@c(page_table) public func pageTable() -> UnsafeMutableRawPointer? { hardware.table }
@c(parameters_block) public func parametersBlock() -> UnsafeRawPointer? { UnsafeRawPointer(hardware.parameters) }
@c(purgatory_h_disagrees_with_purgatory_parameters) public func disagrees() { hardware.tellsAtReset = false }
