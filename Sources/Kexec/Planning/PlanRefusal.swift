// SPDX-License-Identifier: MIT
public import BootFormats
public import Handoff
public import PhysicalMemory

/// Why a plan must not be loaded. Facts only.
public enum PlanRefusal: Error, Hashable, Sendable {
    /// Rare and large, and so it takes no room in every other refusal.
    indirect case noRoom(segment: String, RoomShortage)
    /// The image names an address where the next kernel may not have it.
    case placeTaken(segment: String, range: PhysicalRange, because: Obstacle)
    /// Bytes without the NUL; where kexec_file_load adds to the line, that counts too.
    case commandLineTooLong(length: Int, limit: Int)
    case entryMissing(EntryKind)
    /// An option that this version cannot honour yet.
    case optionNotSupported(KexecOption)
    /// One of the kernel's rules on segments; names and places by the index that the rule names.
    case segmentRule(BrokenSegmentRule, names: [String], places: [PhysicalRange])
    /// Bytes that the kernel must be able to allocate, and `MemAvailable` with `SwapFree`.
    case memoryShort(needed: UInt64, available: UInt64)
    case noCrashKernelRegion
    /// The same where `/proc/iomem` does not tell: the kernel gives the region's size as 0.
    case crashSizeIsZero
    /// `--reuse-cmdline`, and `/proc/cmdline` is not there.
    case commandLineNotShown
    /// `--hotplug`, and the running kernel cannot update a core header.
    case noHotplug
    /// An ELF32 header cannot name this memory.
    case coreHeaderTooNarrow(PhysicalRange)
    /// More processors and pieces of memory than an ELF header counts.
    case coreHeaderTooLong(entries: Int, limit: Int)
    /// No system call can carry this plan; why each cannot.
    case noSystemCall([SystemCallObstacle])
    case notPermitted(missing: Permission)
    case loadDisabled
    case loadLimitReached(LoadTarget)
    case noKexecInKernel
    /// The hypervisor keeps kexec to itself: domain 0 loads by hypercalls, a PV guest not at all.
    case needsXen
    /// The purgatory built into this program is broken: no file of the user's can cause it.
    case purgatoryUnusable(PurgatoryImageError)
    /// An ELF executable that is not entered as Linux; nil: no option says so, and it does not say that it is Linux.
    case initrdWithoutLinux(arguments: ELFArguments?)
    /// Real-mode code calls the BIOS, and EFI started this machine.
    case noBIOS
    case biosBoot(BIOSBootObstacle, ForcedImageType)
    /// The file with firmware's state is none.
    case firmwareStateUnusable(FirmwareStateError)
    /// The record is of another machine, or of one that has changed since.
    case firmwareStateElsewhere(PCIAddress, FunctionDifference)
    /// A Multiboot2 kernel that is to be started while EFI's boot services run, on a machine with EFI.
    case needsBootServices
    /// A Multiboot kernel knows modules only.
    case initrdWithMultiboot
    /// A network boot image holds all that it loads.
    case initrdWithNBI
    /// What the image says of the end of memory leads nowhere on this machine.
    case badLayout(ImageError)
    /// Only Multiboot kernels know modules; the image's kind.
    case modulesWithoutMultiboot(kind: String)
}

/// What stands where a segment wants to be.
public enum Obstacle: Hashable, Sendable {
    case notRAM, firstPage, crashKernel, otherSegment(String)
    /// `--mem-min` or `--mem-max` forbids it.
    case outsideBounds(MemoryLimits)
    /// A crash kernel may lie in the region reserved for it only.
    case outsideCrashRegion(PhysicalRange)
}

/// Why a segment found no place: what it needs, and what there is.
public struct RoomShortage: Hashable, Sendable {
    /// Bytes in one piece.
    public var needed: UInt64
    /// It begins at a multiple of this.
    public var alignment: UInt64
    /// Where such a segment of this image may lie on this machine.
    public var bounds: PhysicalRange
    /// What the user leaves of that.
    public var limits: MemoryLimits
    /// The largest piece of that which is free, from its first address with that alignment on.
    public var largest: UInt64

    public init(needed: UInt64, alignment: UInt64, bounds: PhysicalRange, limits: MemoryLimits, largest: UInt64) {
        self.needed = needed
        self.alignment = alignment
        self.bounds = bounds
        self.limits = limits
        self.largest = largest
    }
}

/// Where the user wants a load to lie.
public struct MemoryLimits: Hashable, Sendable {
    /// `--mem-min`; 0: anywhere.
    public var minimum = PhysicalAddress.zero
    /// `--mem-max`, the last byte; the last of all: anywhere.
    public var maximum = PhysicalAddress(.max)

    public init(minimum: PhysicalAddress? = nil, maximum: PhysicalAddress? = nil) {
        if let minimum { self.minimum = minimum }
        if let maximum { self.maximum = maximum }
    }

    /// All that they allow.
    public var range: PhysicalRange { PhysicalRange(from: minimum, to: maximum.advanced(by: 1) ?? maximum) }

    /// The ones that take something away from `bounds`.
    public func cutting(_ bounds: PhysicalRange) -> MemoryLimits {
        MemoryLimits(
            minimum: minimum > bounds.start ? minimum : nil, maximum: range.end < bounds.end ? maximum : nil)
    }
}

/// A way into an image that it does not have, or that is not built yet.
public enum EntryKind: Hashable, Sendable {
    /// Above 1 MiB: `LOADED_HIGH`.
    case loadedHigh
    case protectedMode(bootProtocol: UInt16)
    /// The setup code leaves no room for its stack below `limit`; bytes.
    case realMode(setupSize: Int, limit: Int)
}

/// A capability that the process lacks: CAP_SYS_BOOT.
public enum Permission: Hashable, Sendable { case sysBoot }

/// What a plan does that the user may not expect.
public enum PlanWarning: Hashable, Sendable {
    case optionIgnored(KexecOption, by: IgnoringParty)
    /// Entries that the in-kernel loader drops: it passes 128.
    case memoryMapCut(entries: Int, kept: Int)
    /// A kernel without a command line, where the running one has one: often `root=` was forgotten.
    case emptyCommandLine
    /// What `--append` gives is none of the kernel's parameters where `--reuse-cmdline` puts it.
    case appendedNotRead(because: AppendedBehind)
    case handoverLost
    /// The running kernel looks at kernel files, and by this call sees none.
    case fileNotChecked(FileCheckSign)
    /// A dump without this is hard to read; the running kernel does not show it.
    case coreHeaderLacks(CoreHeaderPart)
    case notVerified
    /// The ELF file is a Linux kernel, and these options say that it does not get what one needs.
    case linuxEntered(with: ELFArguments)
    /// The ELF file may be a Linux kernel, for it is linked like one, and it gets boot notes.
    case mayBeLinux
    /// The image may not know x2APIC mode, and gets the processors in it.
    case staysInX2APICMode(X2APICObstacle)
    /// The BIOS's disk calls for this controller will not return.
    case diskLost(controller: String, LostDiskReason)
    /// A Multiboot image needs a framebuffer, and nothing is known of one (nil), or it is in a mode that the image does not
    /// take: EGA's text mode, or pixels.
    case noFramebuffer(isText: Bool?)
    /// As the refusal of this name, where `--type` says what to do.
    case needsBootServices
    /// A Multiboot image is entered by its header of version 1, because that of version 2 cannot be honoured.
    case firstMultiboot(because: ImageError)
    /// The next kernel will not unpack its initrd.
    case initrdNotRead(because: InitrdFault)
    /// `--decompress=kernel`, `initrd` or `all`, and it is handed over as it is.
    case asItIs(UnpackablePart, because: UnpackingObstacle)
}

/// What of the running kernel's line makes what is appended to it another's.
public enum AppendedBehind: Hashable, Sendable {
    /// A lone "--": it is init's.
    case dashes
    /// A quote that nothing closes: it belongs to the value between quotes.
    case openQuote
}

/// What a core dump has besides memory.
public enum CoreHeaderPart: Hashable, Sendable {
    /// Registers of the processors.
    case processorNotes
    /// Names, sizes and offsets of the kernel's structures.
    case vmcoreinfo
    /// Where the kernel had its image and its memory mapped.
    case virtualAddresses
    /// Linux before 5.5 uses it like any other memory, and the capture kernel overwrites it.
    case firstMebibyte
}

/// What has no use for an option.
public enum IgnoringParty: Hashable, Sendable {
    /// The image is entered directly.
    case argsNone
    /// An ELF executable without boot_params.
    case elfProgram
    /// The kernel places and verifies by itself.
    case kexecFileLoad
    /// There is no flag for it.
    case kexecLoad, module
    /// Only ELF executables know kinds of arguments.
    case bzImage
    /// It has the one entry that its header names.
    case elf
    /// It is entered in one way only.
    case multiboot, nbi
    /// It does not call the BIOS.
    case noBIOSCalls
    case crashKernel
    case notLinux
    /// It is for crash kernels.
    case noCrashKernel
}
