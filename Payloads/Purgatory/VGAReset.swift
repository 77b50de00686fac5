// SPDX-License-Identifier: MIT

/// Registers of text mode 3: 80 by 25 characters of 9 by 16 pixels, colour, 70 Hz; IBM's numbers.
private let values: InlineArray<39, UInt8> = [
    // Sequencer, 0x3c4.
    0x03, 0x00, 0x03, 0x00, 0x02,
    // Display controller, 0x3d4.
    0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f,
    0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
    // Graphics controller, 0x3ce.
    0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff,
]

/// Puts the VGA back into text mode 3 by its registers alone. The font in plane 2 stays as it is: there is no BIOS to ask
/// for another.
func resetVGA(_ ports: some PortAccess) {
    ports.write(0x67, to: 0x3c2)  // 28 MHz clock, colour addresses
    ports.write(0x11, to: 0x3d4)
    ports.write(0x0e, to: 0x3d5)  // opens registers 0 to 7 of the display controller
    var register: UInt8 = 0
    for index in values.indices {
        if index == 5 || index == 30 { register = 0 }
        let port: UInt16 = index < 5 ? 0x3c4 : index < 30 ? 0x3d4 : 0x3ce
        ports.write(register, to: port)
        ports.write(values[index], to: port &+ 1)
        register &+= 1
    }
    resetAttributes(ports)
}

/// The attribute controller takes index and value through one port; reading 0x3da makes the next write an index.
private func resetAttributes(_ ports: some PortAccess) {
    _ = ports.read(0x3da)
    var register: UInt8 = 0
    while register < 0x15 {
        ports.write(register, to: 0x3c0)
        ports.write(attribute(register), to: 0x3c0)
        register &+= 1
    }
    ports.write(0x20, to: 0x3c0)  // screen on
}

/// Colours of the EGA (dark yellow is brown, bright ones lie 0x30 further up), then the mode registers.
private func attribute(_ register: UInt8) -> UInt8 {
    switch register {
    case 6: 0x14
    case 0..<8: register
    case 8..<16: register &+ 0x30
    case 0x10: 0x0c  // line graphics, blinking
    case 0x12: 0x0f  // all planes
    case 0x13: 0x08  // nine-pixel characters begin eight pixels to the left
    default: 0
    }
}
