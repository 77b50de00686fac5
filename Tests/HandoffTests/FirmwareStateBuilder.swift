// SPDX-License-Identifier: MIT
import Handoff

/// A configuration space as words; an AHCI controller's, unless it is told otherwise.
struct ConfigurationWords: PCIConfiguration {
    var words: [UInt8: UInt32] = [0: 0x2922_8086, 4: 0x0010_0007, 8: 0x0106_0102]
    func word(at offset: UInt8) -> UInt32 { words[offset] ?? 0 }
}

/// A function without channels, and an AHCI controller with as many ports as asked for.
func firmwareStateRecord(ports: Int = 1) -> FirmwareStateRecord {
    var record = FirmwareStateRecord()
    var other = FunctionRecord(ConfigurationWords(), at: PCIAddress(bus: 0, deviceAndFunction: 8))
    other.command = 3
    record.add(other, channels: 0)
    for index in 0..<ports {
        var port = ChannelRecord()
        (port.number, port.commands) = (UInt32(index + 2), 0x1ffd_fc00)
        record.add(port)
    }
    var function = FunctionRecord(ConfigurationWords(), at: PCIAddress(bus: 1, deviceAndFunction: 0xfa))
    function.set(.ahci, .kept)
    record.add(function, channels: ports)
    return record
}
