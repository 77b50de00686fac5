// SPDX-License-Identifier: MIT

/// What the loader and the kernel module agree on: the ioctls of `/dev/kexec`, and the memory behind their arguments.
///
/// The device is for kernels without kexec of their own. It is root's alone (mode 0600), and each call asks for
/// CAP_SYS_BOOT in the initial user namespace. Calls exclude each other: the second one gets EBUSY. All fields have a
/// fixed width, and the byte order is the machine's.
///
/// | errno | of | reason |
/// |---|---|---|
/// | EPERM | all | no CAP_SYS_BOOT |
/// | EPERM | `load`, `unload` | switched off, load limit used up |
/// | EPERM | `load`, `execute`, `dryRun` | lockdown, a security module; not `load`: a PID namespace of its own |
/// | EACCES | `load`, `execute`, `dryRun` | integrity measurement (IMA) |
/// | EBUSY | all | another call runs; `execute`: a reboot has begun |
/// | ENOTTY | | no such command, or its argument has another size |
/// | EINVAL | `load` | unknown flags, another architecture, no segment or too many, an overlap, more bytes than the place has, too much memory |
/// | EINVAL | `execute`, `dryRun` | nothing is loaded |
/// | EADDRNOTAVAIL | `load` | a place that wraps, is not on pages, or ends above what the processor addresses |
/// | EFAULT | `load`, `status` | an address that the caller does not have |
/// | ENOMEM | `load`, `execute`, `dryRun` | no page to be had |
/// | EINTR | `load` | a fatal signal |
/// | EOPNOTSUPP | `load`, `execute`, `dryRun` | memory encryption, a guest with pages in its hypervisor's use (Xen, Hyper-V), or sibling threads that are kept offline (nosmt) |
/// | EIO | `execute`, `dryRun` | the way out does not work: no device has been touched |
///
/// The kernel's log says which of them, in words. Where the kernel was started with `reboot=force`, `execute` resets the
/// machine: that leaves the other processors running, and no exported symbol tells it before.
public enum ModuleInterface {
    /// Of `ModuleStatus.interface`: counts changes that an older loader would not survive.
    public static let version: UInt32 = 1
    /// The letter of the ioctls: none of Documentation/userspace-api/ioctl/ioctl-number.rst has it.
    static let letter: UInt32 = 0xbe
    /// Bits of `ModuleLoad.flags` that name the architecture, an ELF machine number; 0: the running kernel's. All other
    /// bits are 0.
    public static let architectureMask: UInt64 = 0xffff_0000
}

/// A call of the device: the second argument of ioctl(2), made like `_IO`, `_IOR` and `_IOW` of `<linux/ioctl.h>`.
public enum ModuleCommand: UInt32, Sendable {
    /// `_IOW`, a `ModuleLoad`: loads an image; the one loaded before stays until that has worked.
    case load = 0x4020_be01
    /// `_IO`: gives the image's memory back; nothing loaded is no error.
    case unload = 0x0000_be02
    /// `_IOR`, a `ModuleStatus`
    case status = 0x8040_be03
    /// `_IO`: shuts the devices down as a reboot does and jumps; returns only with an error.
    case execute = 0x0000_be04
    /// `_IO`: asks all that `execute` asks, runs the way out on pages of its own, on this processor, and comes back.
    case dryRun = 0x0000_be05
}

/// The argument of `load`, as of kexec_load(2): 32 bytes.
public struct ModuleLoad: BitwiseCopyable, Hashable, Sendable {
    /// Physical address that is jumped to.
    public var entry: UInt64
    /// At most 16 (`KEXEC_SEGMENT_MAX`).
    public var segmentCount: UInt64
    /// Address of as many `ModuleSegment` in the caller's memory.
    public var segments: UInt64
    /// `ModuleInterface.architectureMask`
    public var flags: UInt64

    public init(entry: UInt64, segmentCount: UInt64, segments: UInt64, flags: UInt64) {
        self.entry = entry
        self.segmentCount = segmentCount
        self.segments = segments
        self.flags = flags
    }
}

/// One segment, as `struct kexec_segment` of a 64-bit task: 32 bytes.
public struct ModuleSegment: BitwiseCopyable, Hashable, Sendable {
    /// Address of the contents in the caller's memory.
    public var contents: UInt64
    /// Bytes there; what the place has beyond them becomes zero.
    public var contentSize: UInt64
    /// Physical address of the place; a multiple of 4096.
    public var start: UInt64
    /// Bytes of the place; a multiple of 4096.
    public var memorySize: UInt64

    public init(contents: UInt64, contentSize: UInt64, start: UInt64, memorySize: UInt64) {
        self.contents = contents
        self.contentSize = contentSize
        self.start = start
        self.memorySize = memorySize
    }
}

/// What `status` fills: 64 bytes.
public struct ModuleStatus: BitwiseCopyable, Hashable, Sendable {
    /// Bits of `flags`.
    public static let loaded: UInt32 = 1 << 0
    /// The module's own one-way switch, `/sys/module/kexec_mod/parameters/disabled`.
    public static let disabled: UInt32 = 1 << 1
    /// The kernel has kexec of its own.
    public static let besideNative: UInt32 = 1 << 2

    /// `ModuleInterface.version`
    public var interface: UInt32
    /// `loaded`, `disabled`, `besideNative`
    public var flags: UInt32
    /// Loads and unloads left; -1: no limit.
    public var loadsLeft: Int64
    /// Of the loaded image; 0 where none is.
    public var entry: UInt64
    /// Pages of 4 KiB that the module has from the kernel at this moment, for whatever it needs them.
    public var pagesHeld: UInt64
    /// Pages of the image that lie at their place already; 0 where nothing is loaded.
    public var pagesInPlace: UInt64
    /// Pages of the image that the jump copies; 0 where nothing is loaded.
    public var pagesToCopy: UInt64
    /// 0.
    public var reserved: UInt64 = 0
    /// 0.
    public var alsoReserved: UInt64 = 0

    /// Nothing loaded, no limit.
    public init() {
        (interface, flags, loadsLeft) = (ModuleInterface.version, 0, -1)
        (entry, pagesHeld, pagesInPlace, pagesToCopy) = (0, 0, 0, 0)
    }
}
