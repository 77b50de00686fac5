// SPDX-License-Identifier: MIT

/// Who draws what is on the screen now.
public enum DisplayOwner: Hashable, Sendable {
    /// The mode that firmware set is still scanned out (efifb, vesafb, simplefb, simpledrm, efidrm, vesadrm, or no
    /// driver at all): the next kernel can draw into the same memory.
    case firmware
    /// A driver of the graphics device has set its own mode: the firmware's framebuffer is no longer what is shown.
    case nativeDriver
    /// Neither can be told; also where there is no screen.
    case unknown
}

/// What `/proc/fb`, `/sys/class/graphics/fb0` and `/sys/class/drm` say of the screen.
public struct FramebufferFacts: Hashable, Sendable {
    /// `/proc/fb`'s first entry, else `fb0/name`; `fb_fix_screeninfo.id`: "VESA VGA", "EFI VGA", "simple",
    /// "simpledrmdrmfb", "i915drmfb". Empty where there is no framebuffer device.
    public var driver = ""
    /// The first number of `fb0/virtual_size`, in pixels.
    public var width: UInt32?
    /// The second number, in pixels.
    public var height: UInt32?
    /// `fb0/stride`: bytes from one line to the next.
    public var stride: UInt32?
    /// `fb0/bits_per_pixel`
    public var bitsPerPixel: UInt32?
    /// `DRIVER=` of `/sys/class/drm/card*/device/uevent`, in the order of the cards.
    public var drmDrivers: [String] = []
    /// Devices that the kernel has made for the firmware's framebuffer and that no native driver has removed:
    /// "simple-framebuffer.0", "efi-framebuffer.0", "vesa-framebuffer.0" of `/sys/bus/platform/devices`.
    public var firmwareDevices: [String] = []
    /// Judged from all of these and from `screen_info`.
    public var owner = DisplayOwner.unknown

    public init() {}
}
