// SPDX-License-Identifier: MIT
public import BootFormats
public import PhysicalMemory

/// Where a segment's bytes come from; whatever its place is larger by is zero.
public enum SegmentContents: Hashable, Sendable {
    /// A range of the kernel image as it lies in memory (unpacked, where the file was compressed).
    case kernel(Range<Int>)
    /// A range of all initrds together, or of all Multiboot modules.
    case initrd(Range<Int>)
    /// Made by the planner.
    case bytes([UInt8])
}

/// One run of physical memory and what the next kernel finds in it.
public struct Segment: Hashable, Sendable {
    /// "kernel", "initrd", "boot_params", "purgatory"; at most 16 bytes, so that purgatory can say it.
    public var name: String
    /// Page-aligned; at least as large as the contents. This is what the kernel is told.
    public var place: PhysicalRange
    /// Kept free of other segments: `place` and what the image uses behind it before it knows its memory map.
    public var reserved: PhysicalRange
    /// What lies at its beginning; the rest of the place is zeros.
    public var contents: SegmentContents
    /// The running kernel may rewrite it while it waits: it is not verified.
    public var mayChange = false

    /// Without `reserved`, nothing besides the place is kept free.
    public init(name: String, place: PhysicalRange, reserved: PhysicalRange? = nil, contents: SegmentContents) {
        self.name = name
        self.place = place
        self.reserved = reserved ?? place
        self.contents = contents
    }

    var isPurgatory: Bool { name.equals("purgatory") }

    /// Bytes handed over, without the zero tail.
    public var contentSize: Int {
        switch contents {
        case .kernel(let range), .initrd(let range): range.count
        case .bytes(let bytes): bytes.count
        }
    }
}

/// The system call a plan goes by.
public enum SystemCall: Hashable, Sendable, CaseIterable { case kexecLoad, kexecFileLoad, module }

/// What one way of loading keeps, and another does not.
public struct LoadGuarantees: OptionSet, Hashable, Sendable {
    public var rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// kexec_file_load alone: the kernel verifies its file's signature, where it was built to.
    public static let signatureCheck = LoadGuarantees(rawValue: 1 << 0)
    /// kexec_file_load alone: IMA measures and appraises kernel, initrd and command line, as its policy says.
    public static let measurement = LoadGuarantees(rawValue: 1 << 1)
    /// kexec_file_load alone: the next kernel goes on with IMA's list of measurements.
    public static let measurementList = LoadGuarantees(rawValue: 1 << 2)
    /// kexec_file_load alone: what kexec handover or live update preserved.
    public static let handover = LoadGuarantees(rawValue: 1 << 3)
    /// kexec_load and the module: purgatory's check of each segment, which names the broken one, and its record.
    public static let namedDigest = LoadGuarantees(rawValue: 1 << 4)
    /// kexec_load and the module: kernel and initrds unpacked before the jump.
    public static let unpacking = LoadGuarantees(rawValue: 1 << 5)
    /// kexec_load and the module: memory map entries beyond those that boot_params hold.
    public static let wholeMemoryMap = LoadGuarantees(rawValue: 1 << 6)
    /// The two system calls: a shutdown starts what is loaded.
    public static let startByShutdown = LoadGuarantees(rawValue: 1 << 7)
}

/// What the image is, for the report.
public struct ImageFacts: Hashable, Sendable {
    /// As the user named it.
    public var path: ByteString
    /// "bzImage64", "bzImage", "elf-x86_64", "multiboot-x86": kexec-tools' type names.
    public var kind: String
    /// "gzip", "xz", "lzma", "zstd", "lz4", "bzip2"; nil where the file is the image itself.
    public var compression: String?
    /// The boot protocol as 0x020f; nil where there is none.
    public var bootProtocol: UInt16?

    public init(path: ByteString, kind: String, compression: String? = nil, bootProtocol: UInt16? = nil) {
        self.path = path
        self.kind = kind
        self.compression = compression
        self.bootProtocol = bootProtocol
    }
}

/// Everything that will be handed to the kernel, decided and checked, before any of it is.
///
/// A plan is a value: it can be printed, compared, and made on another machine. What it may not do is in
/// `refusals`; only a plan without any is loaded.
public struct BootPlan: Hashable, Sendable {
    /// What was recognised in the file.
    public var image: ImageFacts
    /// Which slot of the running kernel it goes to.
    public var target: LoadTarget
    /// The call to make first.
    public var systemCall: SystemCall
    /// What an ELF executable is entered with; nil for other images.
    public var elfArguments: ELFArguments?
    /// Why that one.
    public var systemCallReason: SystemCallReason
    /// Calls to try after it, in this order, where it is refused for a reason that another call may not share.
    public var alternatives: [SystemCall] = []
    /// What they would lose of the request and of the machine, and `systemCall` does not.
    public var alternativeWarnings: [PlanWarning] = []
    /// What `systemCall` does not keep, and another call would.
    public var notKept: LoadGuarantees = []
    /// Where the image is entered; purgatory, where there is one, jumps there.
    public var entry: PhysicalAddress
    /// The final command line, without its NUL.
    public var commandLine: ByteString
    /// What kexec_file_load is given, which adds by itself what a crash kernel needs; nil: the same.
    public var fileLoadCommandLine: ByteString?
    /// What purgatory is to verify segments by; whether it does is in `appliedDigest`.
    public var digest: DigestChoice
    /// Bytes that the image takes where it runs: `init_size`, or its segments.
    var imageMemory: UInt64 = 0
    /// Whether a bzImage is handed over as it is; nil for other images. `.kernel` ranges are of what is handed over.
    public var kernelForm: KernelForm?
    /// The same for the initrds; nil where there are none. `.initrd` ranges are of what is handed over.
    public var initrdForm: InitrdForm?
    /// What `--fast` did to the command line; nil where it was not asked for, or has no effect.
    public var fast: FastStart?
    /// Ascending by address.
    public var segments: [Segment] = []
    /// nil: the image is entered directly (`--args-none`).
    public var purgatory: PurgatoryPlan?
    /// Why this plan must not be loaded; empty where it may.
    public var refusals: [PlanRefusal] = []
    /// What the user may not expect; none of it keeps the plan from being loaded.
    public var warnings: [PlanWarning] = []

    /// The kernel is no longer in its bzImage.
    public var isUnpacked: Bool {
        if case .unpacked? = kernelForm { true } else { false }
    }

    /// What was compressed in the initrds no longer is.
    public var isInitrdUnpacked: Bool {
        if case .unpacked? = initrdForm { true } else { false }
    }

    /// Some segment found no place.
    var lacksRoom: Bool {
        refusals.contains { if case .noRoom = $0 { true } else { false } }
    }

    /// Segments have places, and the image an entry; false where memory is not known, so that only the kernel can place
    /// them (see `MachineDescription.memoryGap`), and where a crash kernel has no region.
    public var isPlaced: Bool {
        if case .only(let obstacles) = systemCallReason, obstacles.memoryGap != nil { return false }
        for refusal in refusals {
            switch refusal {
            case .noSystemCall(let obstacles) where obstacles.memoryGap != nil: return false
            case .noCrashKernelRegion: return false
            default: continue
            }
        }
        return true
    }

    /// Whether it may be loaded.
    public var isLoadable: Bool { refusals.isEmpty }

    /// What is verified by: `digest`, but nothing without purgatory; and kexec_file_load brings the kernel's own one,
    /// which knows SHA-256 only.
    public var appliedDigest: DigestChoice {
        systemCall == .kexecFileLoad ? .sha256 : purgatory == nil ? .none : digest
    }

    /// Bytes that purgatory verifies; the kernel's own one takes the zero tails besides.
    public var digestedBytes: UInt64 {
        guard appliedDigest != .none else { return 0 }
        let others = segments.filter { !$0.isPurgatory && !$0.mayChange }
        let own = systemCall == .kexecFileLoad ? 0 : purgatory?.constantSize ?? 0
        return others.reduce(own) { $0 + UInt64($1.contentSize) }
    }

    /// Where the kernel jumps to: purgatory, or the image itself.
    public var kernelEntry: PhysicalAddress {
        segments.first { $0.isPurgatory }?.place.start ?? entry
    }
}

/// What purgatory will be told, apart from the digests.
public struct PurgatoryPlan: Hashable, Sendable {
    static let segmentName = "purgatory"

    /// The processor mode the image is entered in.
    public enum Mode: Hashable, Sendable { case longMode, protectedMode }

    /// `.protectedMode`: purgatory itself lies below 4 GiB.
    public var mode: Mode
    /// Where the image is entered, a physical address; below 4 GiB in protected mode.
    public var entry: PhysicalAddress
    /// `rax`: Multiboot's magic number, else 0.
    public var rax: UInt64 = 0
    /// `rbx`: the physical address of Multiboot's information, else 0.
    public var rbx: UInt64 = 0
    /// `rsi`: boot_params, 0 for none.
    public var rsi: UInt64 = 0
    /// `rdi`: ELF boot notes, 0 for none.
    public var rdi: UInt64 = 0
    /// `rsp`; 0: purgatory's own stack.
    public var rsp: UInt64 = 0
    /// The image cannot run with 5-level paging, which the running kernel uses.
    public var turnsOff5LevelPaging = false
    /// The image may not know x2APIC mode: purgatory leaves it, and itself lies below 4 GiB for that.
    public var leavesX2APIC = false
    /// In a confidential guest CPUID raises an exception that only a kernel can answer: purgatory must not ask it.
    public var avoidsSHAExtensions = false
    /// What puts the machine back as firmware left it before the image is entered in protected mode; nil where none does.
    public var preparation: PhysicalAddress?
    /// Where purgatory's words go, and whether it resets the screen.
    public var console: PurgatoryConsole
    /// Bytes of purgatory itself that it can verify: all that it does not write to.
    public var constantSize: UInt64 = 0
    /// Of the time-stamp counter, in kHz: what purgatory's reset delay is timed by. 0: unknown.
    public var timeStampFrequency: UInt64 = 0
    /// Where the trace record lies, for `kexec --last`; nil for none.
    public var trace: PhysicalAddress?
}
