// SPDX-License-Identifier: MIT
internal import Handoff

/// A PCI function as sysfs shows it.
struct PCIFunction: PCIConfiguration, Hashable, Sendable {
    let address: PCIAddress
    /// The first 64 bytes of its configuration space for ordinary users, 256 or more for root.
    let configuration: [UInt8]
    /// A Linux driver has it.
    let hasDriver: Bool

    @inline(never) func word(at offset: UInt8) -> UInt32 {
        let start = Int(offset)
        guard start + 4 <= configuration.count else { return .max }
        return (0..<4).reduce(0) { $0 | UInt32(configuration[start + $1]) << UInt32(8 * $1) }
    }
}

/// Where the hooks for initramfs-tools and dracut leave the record; below `/run`, so that it reaches the running system.
let firmwareStatePath = "run/swift-kexec/firmware-state"
/// Where sysfs shows all PCI functions.
let pciFolder = "sys/bus/pci/devices"

extension MachineRoot {
    func pciFunctions() -> [PCIFunction] {
        var found: [PCIFunction] = []
        for name in names(in: pciFolder) ?? [] {
            guard let address = PCIAddress(parsing: Array(name.utf8)),
                let bytes = bytes("\(pciFolder)/\(name)/config", limit: 4096), bytes.count >= 64
            else { continue }
            let function = PCIFunction(
                address: address, configuration: bytes, hasDriver: hasDirectory("\(pciFolder)/\(name)/driver"))
            // In order from the start: sorting would be a function of its own.
            var place = found.count
            while place > 0, found[place - 1].address.order > address.order { place -= 1 }
            found.insert(function, at: place)
        }
        return found
    }
}

extension PCIAddress {
    /// "0000:00:1f.2"
    init?(parsing name: [UInt8]) {
        // Nine digits: four, two, two, one.
        let digits = name.filter { $0.digit != nil }
        guard name.count == 12, digits.count == 9, let number = digits[...].hexadecimal else { return nil }
        let (device, function) = (UInt8(truncatingIfNeeded: number >> 4), UInt8(truncatingIfNeeded: number & 15))
        guard device < 32, function < 8 else { return nil }
        self.init(
            segment: UInt16(truncatingIfNeeded: number >> 20), bus: UInt8(truncatingIfNeeded: number >> 12),
            deviceAndFunction: device << 3 | function)
    }

    var order: UInt32 { UInt32(segment) << 16 | UInt32(bus) << 8 | UInt32(deviceAndFunction) }

    /// "0000:00:1f.2", as sysfs spells it.
    package var name: String {
        let device = UInt64(deviceAndFunction >> 3) << 4 | UInt64(deviceAndFunction & 7)
        let number = UInt64(segment) << 20 | UInt64(bus) << 12 | device
        var text: [UInt8] = []
        for place in (0..<9).reversed() {
            let digit = UInt8(truncatingIfNeeded: number >> UInt64(4 * place) & 15)
            text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit)
            if place == 5 || place == 3 { text.append(UInt8(ascii: ":")) }
            if place == 1 { text.append(UInt8(ascii: ".")) }
        }
        return text[...].string
    }
}
