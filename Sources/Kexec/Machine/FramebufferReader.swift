// SPDX-License-Identifier: MIT
internal import PhysicalMemory

extension FramebufferFacts {
    /// Names of framebuffer devices (`fb_fix_screeninfo.id`) that draw into what firmware set up.
    private static let firmwareNames: [StaticString] = [
        "VESA VGA", "EFI VGA", "simple", "simpledrmdrmfb", "efidrmdrmfb", "vesadrmdrmfb",
    ]
    /// Names of platform drivers that do so; DRM's have the names of the devices they bind to.
    private static let firmwareDrivers: [StaticString] = [
        "simple-framebuffer", "efi-framebuffer", "vesa-framebuffer", "simpledrm", "efidrm", "vesadrm",
    ]

    /// Judges who draws, from the strongest evidence to the weakest.
    ///
    /// 1. The kernel makes a platform device for the firmware's framebuffer at boot, and a native driver removes it
    ///    when it takes the memory over. 2. The name of the framebuffer device. 3. The drivers of the DRM cards.
    /// 4. No driver at all: what firmware set up is still there (`orig_video_isVGA` 0x23 or 0x70).
    func judgedOwner(bootParameters: [UInt8]?) -> DisplayOwner {
        let driver = Array(driver.utf8)[...]
        if !firmwareDevices.isEmpty || Self.firmwareNames.contains(where: { driver.equals($0) }) { return .firmware }
        if !driver.isEmpty { return .nativeDriver }
        if !drmDrivers.isEmpty {
            let isFirmware = drmDrivers.contains { name in
                Self.firmwareDrivers.contains { Array(name.utf8)[...].equals($0) }
            }
            return isFirmware ? .firmware : .nativeDriver
        }
        // screen_info.orig_video_isVGA: VIDEO_TYPE_VLFB, VIDEO_TYPE_EFI (include/uapi/linux/screen_info.h)
        guard let type = bootParameters?.dropFirst(0x0f).first else { return .unknown }
        return type == 0x23 || type == 0x70 ? .firmware : .unknown
    }

    /// `/proc/fb`: `0 EFI VGA`.
    static func name(parsing text: [UInt8]) -> String? {
        guard let line = text.lines.first, let space = line.firstIndex(of: UInt8(ascii: " ")),
            line[..<space].decimal != nil
        else { return nil }
        return line[space...].trimmed.string
    }

    /// `DRIVER=simple-framebuffer` among the lines of a device's `uevent`.
    static func driver(parsing uevent: [UInt8]) -> String? {
        for line in uevent.lines where line.hasPrefix("DRIVER=") { return line.dropFirst(7).trimmed.string }
        return nil
    }
}

extension MachineRoot {
    /// Nil where neither a framebuffer device nor a DRM card nor `screen_info` tells of a graphics mode.
    func framebufferFacts(bootParameters: [UInt8]?) -> FramebufferFacts? {
        var facts = FramebufferFacts()
        let folder = "sys/class/graphics/fb0"
        let name = line("\(folder)/name")?.string
        facts.driver = bytes("proc/fb", limit: 1 << 16).flatMap { FramebufferFacts.name(parsing: $0) } ?? name ?? ""
        let size = line("\(folder)/virtual_size")?.value(of: ",")
        facts.width = size?.name.decimal.flatMap { UInt32(exactly: $0) }
        facts.height = size?.value.decimal.flatMap { UInt32(exactly: $0) }
        facts.stride = line("\(folder)/stride")?.decimal.flatMap { UInt32(exactly: $0) }
        facts.bitsPerPixel = line("\(folder)/bits_per_pixel")?.decimal.flatMap { UInt32(exactly: $0) }
        facts.drmDrivers = drmDrivers()
        for device in ["simple-framebuffer.0", "efi-framebuffer.0", "vesa-framebuffer.0"]
        where bytes("sys/bus/platform/devices/\(device)/uevent", limit: 4096) != nil {
            facts.firmwareDevices.append(device)
        }
        facts.owner = facts.judgedOwner(bootParameters: bootParameters)
        let hasScreen = !facts.driver.isEmpty || !facts.drmDrivers.isEmpty || facts.owner != .unknown
        return hasScreen ? facts : nil
    }

    /// The drivers of `card0`, `card1`, …; connectors (`card0-HDMI-A-1`) are no cards.
    private func drmDrivers() -> [String] {
        var cards: [(number: UInt64, driver: String)] = []
        for name in names(in: "sys/class/drm") ?? [] {
            let text = Array(name.utf8)
            if text[...].hasPrefix("card"), let number = text.dropFirst(4).decimal,
                let uevent = excerpt(
                    of: "sys/class/drm/\(name)/device/uevent", within: 4096, keeping: { $0.hasPrefix("DRIVER=") }),
                let driver = FramebufferFacts.driver(parsing: uevent)
            {
                cards.append((number, driver))
            }
        }
        return cards.sorted { $0.number }.map { $0.driver }
    }
}
